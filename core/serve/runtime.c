/*
 * core/serve/runtime.c - Lunette inside another program: core/lunette.h.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lunette.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/config/datadir.h"
#include "core/serve/loadout.h"
#include "core/serve/lua_call.h"
#include "core/serve/service.h"
#include "core/config/suggest.h"
#include "core/loop/flush.h"
#include "core/net/listener.h"
#include "core/telemetry/log.h"

struct lun_runtime {
    uv_loop_t *loop;
    struct lun_config config;
    struct lun_datadir dir;
    struct lun_loop_flush flush;
    struct lun_service *service; /* NULL while it does not listen */
    char id[72];                 /* of the set loaded last, "" before */
    char set[PATH_MAX];
    struct lun_buf release;
    int port;
    lun_runtime_closed_cb closed;
    void *context;
};

/* --- settings ----------------------------------------------------------- */

static int take_setting(struct lun_config *config, const char *text,
                        struct lun_err *err)
{
    char name[64];
    size_t len = strcspn(text, "=");
    if (text[len] != '=' || len >= sizeof name) {
        return lun_error_set(err, LUN_ECONFIG,
                             "'%s' is not of the form 'key=value'", text);
    }
    memcpy(name, text, len);
    name[len] = '\0';
    const struct lun_config_key *key = lun_config_key_find(name);
    if (key != NULL) {
        return lun_config_set(config, key, text + len + 1, err);
    }
    struct lun_suggest suggest;
    lun_suggest_init(&suggest, name);
    lun_config_suggest(&suggest);
    return lun_error_set(err, LUN_ECONFIG, "unknown setting '%s'%s%s%s", name,
                         suggest.best != NULL ? "; did you mean '" : "",
                         suggest.best != NULL ? suggest.best : "",
                         suggest.best != NULL ? "'?" : "");
}

static int take_settings(struct lun_config *config, const char *const *settings,
                         struct lun_err *err)
{
    int code = lun_config_init(config, err);
    for (; code == 0 && *settings != NULL; settings++) {
        code = take_setting(config, *settings, err);
    }
    if (code == 0) {
        code = lun_config_check(config, err);
    }
    if (code == 0 && config->database[0] == '\0') {
        code =
            lun_error_set(err, LUN_ECONFIG, "the setting 'database' is needed");
    }
    return code;
}

static const char *migrator(const struct lun_config *config)
{
    return config->migrator_database[0] != '\0' ? config->migrator_database
                                                : config->database;
}

/* --- open --------------------------------------------------------------- */

static int open_log(struct lun_runtime *runtime, struct lun_err *err)
{
    char path[PATH_MAX];
    const char *sink = runtime->config.log;
    if (strcmp(sink, "file") == 0) {
        int code =
            lun_datadir_join(&runtime->dir, "log/requests.log", path, err);
        if (code != 0) {
            return code;
        }
        sink = path;
    }
    int level = lun_log_level_parse(runtime->config.log_level);
    return lun_log_open(sink, (enum lun_log_level)level, 0, err);
}

static int open_parts(struct lun_runtime *runtime, const char *const *settings,
                      struct lun_err *err)
{
    int code = take_settings(&runtime->config, settings, err);
    if (code == 0) {
        code = lun_datadir_open(runtime->config.data, true, &runtime->dir, err);
    }
    if (code == 0) {
        code = lun_datadir_lock(&runtime->dir, err);
    }
    return code != 0 ? code : open_log(runtime, err);
}

int lun_runtime_open(uv_loop_t *loop, const char *const *settings,
                     struct lun_runtime **out, struct lun_err *err)
{
    struct lun_runtime *runtime = calloc(1, sizeof *runtime);
    if (runtime == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    runtime->loop = loop;
    runtime->dir.lock = -1;
    int code = open_parts(runtime, settings, err);
    if (code == 0 && lun_loop_flush_start(loop, &runtime->flush) != 0) {
        code = lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    if (code != 0) {
        lun_datadir_close(&runtime->dir);
        lun_config_release(&runtime->config);
        free(runtime);
        return code;
    }
    *out = runtime;
    return 0;
}

/* --- load --------------------------------------------------------------- */

static int run_loader(const struct lun_runtime *runtime,
                      struct lun_loadout *loadout, struct lun_err *err)
{
    struct lun_buf options;
    struct lun_buf report;
    lun_buf_init(&options);
    lun_buf_init(&report);
    lun_lua_push_option(&options, "apps", runtime->config.apps);
    lun_lua_push_option(&options, "data", runtime->dir.path);
    lun_lua_push_option(&options, "database", migrator(&runtime->config));
    lun_lua_push_option(&options, "accept_loss", runtime->config.accept_loss);
    lun_buf_push_str(&options, runtime->config.demo ? ",\"demo\":true" : "");
    lun_buf_push_str(&options, ",\"job\":{\"do\":\"embed\"}}");
    int code = lun_lua_call(&runtime->config, "run", &options, &report, err);
    if (code == 0) {
        code = lun_loadout_parse(report.data, report.len, loadout, err);
    }
    lun_buf_release(&options);
    lun_buf_release(&report);
    return code;
}

static int refuse(const struct lun_loadout *loadout, struct lun_err *err)
{
    const char *text =
        loadout->errors.data != NULL ? loadout->errors.data : "load failed";
    return lun_error_set(err, LUN_EVALIDATION, "%.*s", (int)strcspn(text, "\n"),
                         text);
}

struct prepared {
    bool done;
    int code;
    struct lun_err err;
};

static void on_prepared(void *context, const struct lun_err *err)
{
    struct prepared *prepared = context;
    prepared->done = true;
    if (err != NULL) {
        prepared->err = *err;
        prepared->code = err->code;
    }
}

/* Nobody turns the loop meanwhile: a set that would have to wait is refused. */
static int switch_to(struct lun_runtime *runtime,
                     const struct lun_loadout *loadout, struct lun_err *err)
{
    struct prepared prepared = {.done = false};
    if (runtime->service == NULL || strcmp(loadout->id, runtime->id) == 0) {
        return 0;
    }
    runtime->service->blocking = true;
    lun_service_prepare(runtime->service, loadout->id, loadout->path,
                        on_prepared, &prepared);
    if (!prepared.done) {
        lun_service_abort(runtime->service);
    }
    if (prepared.code != 0) {
        *err = prepared.err;
        return prepared.code;
    }
    return lun_service_commit(runtime->service, loadout->id, err);
}

static void remember(struct lun_runtime *runtime,
                     const struct lun_loadout *loadout)
{
    (void)snprintf(runtime->id, sizeof runtime->id, "%s", loadout->id);
    (void)snprintf(runtime->set, sizeof runtime->set, "%s", loadout->path);
    lun_buf_clear(&runtime->release);
    for (size_t i = 0; i < loadout->count; i++) {
        const struct lun_loadout_app *app = &loadout->releases[i];
        lun_buf_printf(&runtime->release, "%s%s@%s+%s", i > 0 ? "," : "",
                       app->app, app->version, app->hash);
    }
    (void)lun_buf_str(&runtime->release);
}

int lun_runtime_load(struct lun_runtime *runtime, struct lun_err *err)
{
    struct lun_loadout loadout;
    int code = run_loader(runtime, &loadout, err);
    if (code != 0) {
        return code;
    }
    code =
        loadout.ok ? switch_to(runtime, &loadout, err) : refuse(&loadout, err);
    if (code == 0) {
        remember(runtime, &loadout);
    }
    lun_loadout_release(&loadout);
    return code;
}

/* --- listen and close --------------------------------------------------- */

int lun_runtime_listen(struct lun_runtime *runtime, struct lun_err *err)
{
    const struct lun_config *config = &runtime->config;
    int fd;
    int port = config->port;
    if (runtime->service != NULL || runtime->id[0] == '\0') {
        return lun_error_set(err, LUN_EINTERNAL,
                             runtime->service != NULL
                                 ? "the runtime listens already"
                                 : "nothing is loaded yet");
    }
    int code = port == 0 ? 0 : lun_net_listener_probe(config->host, port, err);
    if (code == 0) {
        code = lun_net_listener_bind(config->host, port, &fd, &port, err);
    }
    if (code == 0) {
        code = lun_service_open(runtime->loop, config, runtime->dir.path, fd,
                                runtime->set, NULL, &runtime->service, err);
    }
    if (code == 0) {
        runtime->port = port;
    }
    return code;
}

int lun_runtime_port(const struct lun_runtime *runtime)
{
    return runtime->port;
}

const char *lun_runtime_release(const struct lun_runtime *runtime)
{
    const char *text = runtime->release.data;
    return text != NULL ? text : "";
}

static void on_flush_closed(uv_handle_t *handle)
{
    struct lun_runtime *runtime = handle->data;
    lun_runtime_closed_cb closed = runtime->closed;
    void *context = runtime->context;
    lun_log_close();
    lun_datadir_close(&runtime->dir);
    lun_config_release(&runtime->config);
    lun_buf_release(&runtime->release);
    free(runtime);
    if (closed != NULL) {
        closed(context);
    }
}

static void on_drained(void *context)
{
    struct lun_runtime *runtime = context;
    lun_log_on_pending(NULL, NULL);
    runtime->flush.timer.data = runtime;
    uv_close((uv_handle_t *)&runtime->flush.timer, on_flush_closed);
}

void lun_runtime_close(struct lun_runtime *runtime,
                       lun_runtime_closed_cb closed, void *context)
{
    runtime->closed = closed;
    runtime->context = context;
    if (runtime->service != NULL) {
        lun_service_drain(runtime->service, false, on_drained, runtime);
    } else {
        on_drained(runtime);
    }
}
