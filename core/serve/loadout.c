/*
 * core/serve/loadout.c - what a loader process reported.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/loadout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/config/excerpt.h"
#include "core/os/file.h"

#define REPORT_MEMORY ((size_t)64 * 1024 * 1024)
#define SET_MEMORY ((size_t)512 * 1024 * 1024)
#define SET_FILE ((size_t)64 * 1024 * 1024)

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

static char *copy_text(const struct lun_json *object, const char *name)
{
    return strdup(text_of(object, name));
}

static void push_lines(const struct lun_json *list, struct lun_buf *out)
{
    const struct lun_json *item =
        list != NULL && list->type == LUN_JSON_ARRAY ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        lun_excerpt_push(item, "", false, out);
    }
    (void)lun_buf_str(out);
}

static void take_releases(const struct lun_json *list, const char *name,
                          struct lun_loadout *out)
{
    if (list == NULL || list->type != LUN_JSON_ARRAY || list->count == 0) {
        return;
    }
    out->releases = calloc(list->count, sizeof *out->releases);
    const struct lun_json *item = list->child;
    for (; out->releases != NULL && item != NULL; item = item->next) {
        struct lun_loadout_app *release = &out->releases[out->count++];
        release->app = copy_text(item, name);
        release->version = copy_text(item, "version");
        release->hash = copy_text(item, "hash");
    }
}

static void take_json(const struct lun_json *report, const char *name,
                      struct lun_buf *out)
{
    const struct lun_json *node = lun_json_get(report, name);
    if (node != NULL) {
        lun_json_write(node, out);
    }
    (void)lun_buf_str(out);
}

static void take_text(const struct lun_json *report, const char *name,
                      struct lun_buf *out)
{
    lun_buf_push_str(out, text_of(report, name));
    (void)lun_buf_str(out);
}

static bool is_true(const struct lun_json *report, const char *name)
{
    const struct lun_json *node = lun_json_get(report, name);
    return node != NULL && node->type == LUN_JSON_TRUE;
}

static void take_trials(const struct lun_json *list, struct lun_loadout *out)
{
    if (list == NULL || list->type != LUN_JSON_ARRAY || list->count == 0) {
        return;
    }
    out->trials = calloc(list->count, sizeof *out->trials);
    const struct lun_json *item = list->child;
    for (; out->trials != NULL && item != NULL; item = item->next) {
        struct lun_probation_limits *limits = &out->trials[out->trial_count++];
        (void)snprintf(limits->app, sizeof limits->app, "%s",
                       text_of(item, "app"));
        (void)snprintf(limits->hash, sizeof limits->hash, "%s",
                       text_of(item, "hash"));
        limits->errors = strtod(text_of(item, "errors"), NULL);
        limits->requests = strtoull(text_of(item, "requests"), NULL, 10);
        limits->within_ms = strtoll(text_of(item, "within_ms"), NULL, 10);
    }
}

static void take_release(const struct lun_json *report, struct lun_loadout *out)
{
    out->epoch = strtoull(text_of(report, "epoch"), NULL, 10);
    out->same = is_true(report, "same");
    out->fits = is_true(report, "fits");
    out->warm = is_true(report, "warm");
    out->forbidden = is_true(report, "forbidden");
    take_text(report, "apps", &out->apps);
    take_text(report, "by", &out->by);
    take_text(report, "why", &out->why);
    take_text(report, "policy", &out->policy);
    take_text(report, "name", &out->name);
    take_text(report, "tests", &out->tests);
    take_trials(lun_json_get(report, "trials"), out);
    take_json(report, "sql", &out->sql);
    take_json(report, "list", &out->list);
    take_json(report, "confirm", &out->confirm);
}

static int take_report(const struct lun_json *report, struct lun_loadout *out,
                       struct lun_err *err)
{
    const struct lun_json *ok = lun_json_get(report, "ok");
    if (ok == NULL) {
        return lun_error_set(err, LUN_EINTERNAL,
                             "the loader's report has no 'ok'");
    }
    out->ok = ok->type == LUN_JSON_TRUE;
    (void)snprintf(out->id, sizeof out->id, "%s", text_of(report, "id"));
    (void)snprintf(out->path, sizeof out->path, "%s", text_of(report, "file"));
    take_releases(lun_json_get(report, "releases"), "app", out);
    push_lines(lun_json_get(report, "warnings"), &out->warnings);
    push_lines(lun_json_get(report, "steps"), &out->steps);
    const struct lun_json *errors = lun_json_get(report, "errors");
    push_lines(errors, &out->errors);
    if (errors != NULL) {
        lun_json_write(errors, &out->errors_json);
    }
    take_release(report, out);
    return 0;
}

int lun_loadout_parse(const char *text, size_t len, struct lun_loadout *out,
                      struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *report;
    struct lun_loadout result;
    memset(&result, 0, sizeof result);
    lun_arena_init(&arena, REPORT_MEMORY);
    int code = lun_json_parse(&arena, text, len, 16, 1000000, &report, err);
    if (code == 0) {
        code = take_report(report, &result, err);
    }
    lun_arena_release(&arena);
    if (code == 0) {
        *out = result;
    }
    return code;
}

int lun_loadout_read_set(const char *path, struct lun_loadout *out,
                         struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *set;
    struct lun_buf text;
    lun_buf_init(&text);
    lun_arena_init(&arena, SET_MEMORY);
    int code = lun_file_read(path, SET_FILE, &text, err);
    if (code == 0) {
        code = lun_json_parse(&arena, text.data, text.len, 200, 10000000, &set,
                              err);
    }
    if (code == 0) {
        memset(out, 0, sizeof *out);
        out->ok = true;
        (void)snprintf(out->id, sizeof out->id, "%s", text_of(set, "id"));
        (void)snprintf(out->path, sizeof out->path, "%s", path);
        take_releases(lun_json_get(set, "apps"), "name", out);
    }
    lun_arena_release(&arena);
    lun_buf_release(&text);
    return code;
}

void lun_loadout_release(struct lun_loadout *loadout)
{
    for (size_t i = 0; i < loadout->count; i++) {
        free(loadout->releases[i].app);
        free(loadout->releases[i].version);
        free(loadout->releases[i].hash);
    }
    free(loadout->releases);
    free(loadout->trials);
    lun_buf_release(&loadout->warnings);
    lun_buf_release(&loadout->steps);
    lun_buf_release(&loadout->errors);
    lun_buf_release(&loadout->errors_json);
    lun_buf_release(&loadout->sql);
    lun_buf_release(&loadout->list);
    lun_buf_release(&loadout->confirm);
    lun_buf_release(&loadout->apps);
    lun_buf_release(&loadout->by);
    lun_buf_release(&loadout->why);
    lun_buf_release(&loadout->policy);
    lun_buf_release(&loadout->name);
    lun_buf_release(&loadout->tests);
    memset(loadout, 0, sizeof *loadout);
}

static bool has_release(const struct lun_loadout *loadout,
                        const struct lun_loadout_app *wanted)
{
    for (size_t i = 0; i < loadout->count; i++) {
        const struct lun_loadout_app *release = &loadout->releases[i];
        if (strcmp(release->app, wanted->app) == 0 &&
            strcmp(release->version, wanted->version) == 0 &&
            strcmp(release->hash, wanted->hash) == 0) {
            return true;
        }
    }
    return false;
}

void lun_loadout_changes(const struct lun_loadout *loadout,
                         const struct lun_loadout *before, struct lun_buf *out)
{
    for (size_t i = 0; i < loadout->count; i++) {
        const struct lun_loadout_app *release = &loadout->releases[i];
        if (!has_release(before, release)) {
            lun_buf_printf(out, "%s%s@%s+%s", out->len > 0 ? ", " : "",
                           release->app, release->version, release->hash);
        }
    }
}

size_t lun_loadout_new_trials(struct lun_loadout *loadout,
                              const struct lun_loadout *before)
{
    size_t kept = 0;
    for (size_t i = 0; i < loadout->trial_count; i++) {
        struct lun_probation_limits *limits = &loadout->trials[i];
        for (size_t j = 0; j < loadout->count; j++) {
            const struct lun_loadout_app *release = &loadout->releases[j];
            if (strcmp(release->app, limits->app) == 0 &&
                strcmp(release->hash, limits->hash) == 0 &&
                !has_release(before, release)) {
                (void)snprintf(limits->release, sizeof limits->release,
                               "%s@%s+%s", release->app, release->version,
                               release->hash);
                loadout->trials[kept++] = *limits;
                break;
            }
        }
    }
    loadout->trial_count = kept;
    return kept;
}
