/*
 * core/config/program.c - folders that come with the program.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/os/file.h"
#include "core/os/process.h"

static const char this_file[] = "/core/config/program.c";

/* The folder of `path`, a number of levels up. */
static void parent_of(const char *path, int levels, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s", path);
    for (; levels > 0; levels--) {
        char *slash = strrchr(out, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    }
}

/* Where the sources were when this was compiled: for programs that embed the
 * library. */
static bool source_folder(char out[PATH_MAX])
{
    size_t len = strlen(__FILE__);
    size_t tail = strlen(this_file);
    if (__FILE__[0] != '/' || len < tail || len - tail >= PATH_MAX ||
        strcmp(__FILE__ + len - tail, this_file) != 0) {
        return false;
    }
    memcpy(out, __FILE__, len - tail);
    out[len - tail] = '\0';
    return true;
}

static bool take(const char *folder, const char *name, char out[PATH_MAX])
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof path || !lun_file_is_dir(path)) {
        return false;
    }
    char *absolute = lun_file_absolute(path);
    bool ok = absolute != NULL && strlen(absolute) < PATH_MAX;
    if (ok) {
        memcpy(out, absolute, strlen(absolute) + 1);
    }
    free(absolute);
    return ok;
}

static int take_setting(const char *key, const char *value, char out[PATH_MAX],
                        struct lun_err *err)
{
    if (take(value, ".", out)) {
        return 0;
    }
    return lun_error_set(err, LUN_ECONFIG, "%s: there is no folder '%s'", key,
                         value);
}

int lun_program_lua_dir(const struct lun_config *config, char out[PATH_MAX],
                        struct lun_err *err)
{
    char folder[PATH_MAX];
    if (config->lua[0] != '\0') {
        return take_setting("lua", config->lua, out, err);
    }
    /* build/lunette, build/asan/lunette, bin/lunette beside share/lunette */
    for (int levels = 2; levels <= 3; levels++) {
        parent_of(lun_process_self(), levels, folder);
        if (take(folder, "lua/lunette/..", out)) {
            return 0;
        }
    }
    if (source_folder(folder) && take(folder, "lua/lunette/..", out)) {
        return 0;
    }
    return lun_error_set(err, LUN_ENOT_FOUND,
                         "the Lua modules of lunette are not found; set "
                         "LUNETTE_LUA to their folder");
}

int lun_program_modules_dir(const struct lun_config *config, char out[PATH_MAX],
                            struct lun_err *err)
{
    char lua[PATH_MAX];
    char path[PATH_MAX + 16];
    if (config->modules[0] != '\0') {
        return take_setting("modules", config->modules, out, err);
    }
    int code = lun_program_lua_dir(config, lua, err);
    if (code != 0) {
        return code;
    }
    (void)snprintf(path, sizeof path, "%s/../modules", lua);
    if (take(path, ".", out)) {
        return 0;
    }
    return lun_error_set(err, LUN_ENOT_FOUND,
                         "the core modules of lunette are not found; set "
                         "LUNETTE_MODULES to their folder");
}

void lun_program_policy_file(const struct lun_config *config,
                             char out[PATH_MAX])
{
    if (config->policy[0] != '\0') {
        (void)snprintf(out, PATH_MAX, "%s", config->policy);
        return;
    }
    char *apps = lun_file_absolute(config->apps);
    char folder[PATH_MAX];
    parent_of(apps != NULL ? apps : config->apps, 1, folder);
    free(apps);
    if (strlen(folder) + sizeof "/policy.lua" <= PATH_MAX) {
        (void)strcat(folder, "/policy.lua");
    }
    memcpy(out, folder, PATH_MAX);
}

int lun_program_pages_dir(const struct lun_config *config, char out[PATH_MAX],
                          struct lun_err *err)
{
    char folder[PATH_MAX];
    if (config->pages[0] != '\0') {
        return take_setting("pages", config->pages, out, err);
    }
    for (int levels = 1; levels <= 2; levels++) {
        parent_of(lun_process_self(), levels, folder);
        if (take(folder, "pages", out)) {
            return 0;
        }
    }
    if (source_folder(folder) && take(folder, "build/pages", out)) {
        return 0;
    }
    return lun_error_set(err, LUN_ENOT_FOUND,
                         "the static pages are not built; './lunette' builds "
                         "them");
}
