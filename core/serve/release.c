/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/release.h"

#include <limits.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/bind/framework.h"
#include "core/graphql/plan_cache.h"
#include "core/serve/auth.h"
#include "core/config/config.h"
#include "core/config/program.h"
#include "core/os/file.h"

#define PLANS_MAX 4000
#define SET_BYTES_MAX ((size_t)256 << 20)

static int load(struct lun_release *release, const struct lun_config *config,
                const char *path, struct lun_err *err)
{
    struct lun_buf text;
    lun_buf_init(&text);
    int rc = lun_file_read(path, SET_BYTES_MAX, &text, err);
    if (!rc)
        rc = lun_framework_load(release->framework, text.data, text.len,
                                config->strict, &release->service, err);
    lun_buf_release(&text);
    return rc;
}

static int describe(struct lun_release *release, struct lun_err *err)
{
    int rc = lun_framework_id(release->framework, release->service, release->id,
                              sizeof(release->id), err);
    if (rc)
        return rc;
    return lun_framework_release(release->framework, release->service,
                                 release->header, sizeof(release->header), err);
}

static int open_apps(struct lun_release *release,
                     const struct lun_release_place *place, struct lun_err *err)
{
    const struct lun_bind_apps *like[3] = {0};
    char lua[PATH_MAX], modules[PATH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        if (place->like[i])
            like[count++] = &place->like[i]->apps;
    int rc = lun_program_lua_dir(place->config, lua, err);
    if (!rc && lun_program_modules_dir(place->config, modules, NULL))
        modules[0] = '\0';
    if (!rc)
        rc = lun_bind_apps_open(release->framework, release->service,
                                place->loop, lua, modules, like, &release->apps,
                                err);
    return rc;
}

int lun_release_open(const struct lun_release_place *place, const char *path,
                     struct lun_release **out, struct lun_err *err)
{
    struct lun_release *release = calloc(1, sizeof(*release));
    if (!release)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    release->framework = place->framework;
    release->refs = 1;
    lun_map_init(&release->callers);
    int rc = load(release, place->config, path, err);
    if (rc) {
        free(release);
        return rc;
    }
    release->plans =
        lun_plan_cache_new(place->config->plan_cache_bytes, PLANS_MAX);
    rc = release->plans ? describe(release, err)
                        : lun_error_set(err, LUN_EMEMORY, "out of memory");
    if (!rc)
        rc = open_apps(release, place, err);
    if (rc) {
        lun_release_unref(release);
        return rc;
    }
    release->has_users =
        lun_framework_has_users(place->framework, release->service);
    *out = release;
    return 0;
}

struct lun_release *lun_release_ref(struct lun_release *release)
{
    release->refs++;
    return release;
}

void lun_release_unref(struct lun_release *release)
{
    if (!release || --release->refs)
        return;
    lun_plan_cache_free(release->plans);
    lun_map_release(&release->callers, lun_caller_free);
    lun_bind_apps_release(&release->apps);
    lun_framework_unload(release->framework, release->service);
    void (*gone)(void *) = release->gone;
    void *context = release->gone_context;
    free(release);
    if (gone)
        gone(context);
}
