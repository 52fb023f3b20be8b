/*
 * core/supervise/status.c - what a running host shows of itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/config/config.h"
#include "core/supervise/crashes.h"
#include "core/serve/loadout.h"
#include "core/supervise/nats.h"
#include "core/supervise/postgres.h"
#include "core/supervise/quarantine.h"
#include "core/supervise/reload.h"
#include "core/supervise/workers.h"

static const char *const states[] = {
    [LUN_WORKER_DOWN] = "down",
    [LUN_WORKER_STARTING] = "starting",
    [LUN_WORKER_READY] = "ready",
    [LUN_WORKER_DRAINING] = "draining",
};

/* --- writing ------------------------------------------------------------ */

static void push_text(struct lun_buf *out, const char *name, const char *text)
{
    lun_buf_printf(out, "\"%s\":", name);
    if (text == NULL) {
        lun_buf_push_str(out, "null");
    } else {
        lun_buf_push_json_string(out, text, strlen(text));
    }
}

static void push_pid(struct lun_buf *out, const char *name, pid_t pid)
{
    lun_buf_printf(out, "\"%s\":", name);
    if (pid == 0) {
        lun_buf_push_str(out, "null");
    } else {
        lun_buf_push_int(out, pid);
    }
}

static void push_pids(const struct lun_status *status,
                      const struct lun_postgres_info *postgres,
                      struct lun_buf *out)
{
    lun_buf_push_str(out, "\"pids\":{");
    push_pid(out, "supervisor", getpid());
    lun_buf_push_byte(out, ',');
    push_pid(out, "postgres", postgres->pid);
    lun_buf_push_byte(out, ',');
    push_pid(out, "nats",
             status->nats != NULL ? lun_nats_pid(status->nats) : 0);
    lun_buf_push_str(out, ",\"workers\":[");
    bool first = true;
    for (unsigned i = 0; i < lun_workers_count(status->workers); i++) {
        struct lun_worker_info info;
        lun_workers_info(status->workers, i, &info);
        if (info.pid != 0) {
            lun_buf_printf(out, "%s%d", first ? "" : ",", (int)info.pid);
            first = false;
        }
    }
    lun_buf_push_str(out, "]},");
}

static void push_workers(const struct lun_status *status, struct lun_buf *out)
{
    lun_buf_push_str(out, "\"workers\":[");
    for (unsigned i = 0; i < lun_workers_count(status->workers); i++) {
        struct lun_worker_info info;
        lun_workers_info(status->workers, i, &info);
        lun_buf_printf(out, "%s{\"slot\":%u,", i > 0 ? "," : "", info.slot);
        push_pid(out, "pid", info.pid);
        lun_buf_printf(out,
                       ",\"state\":\"%s\",\"restarts\":%u,\"retiring\":%u}",
                       states[info.state], info.restarts, info.retiring);
    }
    lun_buf_push_str(out, "],");
}

static void push_release(const struct lun_loadout_app *app, struct lun_buf *out)
{
    lun_buf_push_byte(out, '{');
    push_text(out, "app", app->app);
    lun_buf_push_byte(out, ',');
    push_text(out, "version", app->version);
    lun_buf_push_byte(out, ',');
    push_text(out, "hash", app->hash);
    char release[512];
    (void)snprintf(release, sizeof release, "%s@%s+%s", app->app, app->version,
                   app->hash);
    lun_buf_push_byte(out, ',');
    push_text(out, "release", release);
    lun_buf_push_byte(out, '}');
}

static void push_reload(const struct lun_status *status, struct lun_buf *out)
{
    const struct lun_loadout *loadout = lun_reload_loadout(status->reload);
    const char *error = lun_reload_last_error(status->reload);
    const char *set = lun_reload_current(status->reload);
    uint64_t good;
    uint64_t failed;
    push_text(out, "set", set[0] != '\0' ? set : NULL);
    lun_buf_printf(out, ",\"epoch\":%" PRIu64 ",",
                   lun_reload_epoch(status->reload));
    push_text(out, "taken_back", lun_reload_taken_back(status->reload));
    lun_buf_push_str(out, ",\"releases\":[");
    for (size_t i = 0; i < loadout->count; i++) {
        lun_buf_push_str(out, i > 0 ? "," : "");
        push_release(&loadout->releases[i], out);
    }
    lun_reload_counts(status->reload, &good, &failed);
    lun_buf_printf(out,
                   "],\"loads\":{\"good\":%" PRIu64 ",\"failed\":%" PRIu64
                   "},\"last_error\":%s",
                   good, failed, error != NULL ? error : "null");
}

static void push_upgrade(const struct lun_status *status, struct lun_buf *out)
{
    lun_buf_printf(out,
                   ",\"upgrade\":{\"under_way\":%s,\"done\":%" PRIu64
                   ",\"refused\":%" PRIu64 ",",
                   status->upgrading ? "true" : "false", status->upgrades,
                   status->upgrades_refused);
    push_text(out, "last_error",
              status->upgrade_error[0] != '\0' ? status->upgrade_error : NULL);
    lun_buf_push_byte(out, '}');
}

void lun_status_write(const struct lun_status *status, struct lun_buf *out)
{
    struct lun_postgres_info postgres = {.socket = NULL};
    if (status->postgres != NULL) {
        lun_postgres_info(status->postgres, &postgres);
    }
    lun_buf_push_str(out, "{\"running\":true,");
    push_text(out, "version", LUNETTE_VERSION);
    lun_buf_push_byte(out, ',');
    push_text(out, "url", status->url);
    lun_buf_push_byte(out, ',');
    push_text(out, "ops_url", status->ops_url);
    lun_buf_push_byte(out, ',');
    push_text(out, "started", status->started);
    lun_buf_push_byte(out, ',');
    push_text(out, "data", status->data);
    lun_buf_push_byte(out, ',');
    push_text(out, "apps", status->config->apps);
    lun_buf_push_byte(out, ',');
    push_text(out, "policy", status->config->policy);
    lun_buf_push_byte(out, ',');
    push_pids(status, &postgres, out);
    lun_buf_printf(out, "\"ports\":{\"http\":%d,\"ops\":%d,", status->port,
                   status->ops_port);
    push_pid(out, "nats",
             status->nats != NULL ? lun_nats_port(status->nats) : 0);
    lun_buf_push_str(out, "},");
    push_text(out, "socket", postgres.socket);
    lun_buf_push_byte(out, ',');
    push_text(out, "database", status->database);
    lun_buf_push_byte(out, ',');
    push_workers(status, out);
    lun_buf_push_str(out, "\"crashes\":");
    lun_crashes_push_json(status->crashes, out);
    push_upgrade(status, out);
    lun_buf_push_str(out, ",\"quarantine\":");
    lun_quarantine_push_json(status->quarantine, out);
    lun_buf_push_byte(out, ',');
    push_reload(status, out);
    lun_buf_push_str(out, "}\n");
}

/* --- printing ----------------------------------------------------------- */

static const char *text_at(const struct lun_json *object, const char *name)
{
    const struct lun_json *node =
        object != NULL ? lun_json_get(object, name) : NULL;
    return node != NULL && node->text != NULL ? node->text : "-";
}

static void print_list(const struct lun_json *list, const char *title,
                       const char *name)
{
    const struct lun_json *item = list != NULL ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        (void)printf("%-10s %s\n", title, text_at(item, name));
        title = "";
    }
}

static void print_workers(const struct lun_json *list)
{
    const struct lun_json *item = list != NULL ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        (void)printf("%-10s %s, pid %s, %s restarts\n", "worker",
                     text_at(item, "state"), text_at(item, "pid"),
                     text_at(item, "restarts"));
    }
}

static void print_quarantine(const struct lun_json *list)
{
    const struct lun_json *item = list != NULL ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        (void)printf("%-10s %s: %s\n", "quarantine", text_at(item, "release"),
                     text_at(item, "reason"));
    }
}

static void print_error(const struct lun_json *error)
{
    if (error == NULL || error->type != LUN_JSON_OBJECT) {
        return;
    }
    (void)printf("%-10s %s (at %s)\n", "last error", text_at(error, "message"),
                 text_at(error, "time"));
    const struct lun_json *list = lun_json_get(error, "errors");
    const struct lun_json *item = list != NULL ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        const struct lun_json *line = lun_json_get(item, "line");
        if (lun_json_get(item, "file") != NULL) {
            (void)printf("%-10s %s:%s: %s\n", "", text_at(item, "file"),
                         line != NULL && line->text != NULL ? line->text : "1",
                         text_at(item, "message"));
        }
    }
}

static void print_taken_back(const struct lun_json *status)
{
    const struct lun_json *why = lun_json_get(status, "taken_back");
    if (why != NULL && why->type == LUN_JSON_STRING) {
        (void)printf("%-10s %s\n", "taken back", why->text);
    }
}

void lun_status_print(const char *json, size_t len)
{
    struct lun_arena arena;
    struct lun_json *status;
    lun_arena_init(&arena, (size_t)16 * 1024 * 1024);
    if (lun_json_parse(&arena, json, len, 32, 100000, &status, NULL) == 0) {
        const struct lun_json *pids = lun_json_get(status, "pids");
        (void)printf("%-10s since %s, pid %s, version %s\n", "running",
                     text_at(status, "started"), text_at(pids, "supervisor"),
                     text_at(status, "version"));
        (void)printf("%-10s %s\n", "api", text_at(status, "url"));
        (void)printf("%-10s %s\n", "ops", text_at(status, "ops_url"));
        (void)printf("%-10s %s, socket %s, pid %s\n", "database",
                     text_at(status, "database"), text_at(status, "socket"),
                     text_at(pids, "postgres"));
        (void)printf("%-10s %s\n", "apps", text_at(status, "apps"));
        (void)printf("%-10s %s\n", "data", text_at(status, "data"));
        print_workers(lun_json_get(status, "workers"));
        print_list(lun_json_get(status, "releases"), "releases", "release");
        print_taken_back(status);
        print_quarantine(lun_json_get(status, "quarantine"));
        print_error(lun_json_get(status, "last_error"));
    }
    lun_arena_release(&arena);
}
