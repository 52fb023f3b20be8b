/*
 * core/supervise/quarantine.c - apps that must not run, kept in the data
 * folder. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/quarantine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/config/datadir.h"
#include "core/os/file.h"

#define FOLDER "quarantine"
#define FILE_MAX 4096

/* Names of apps are names of files here. */
static bool is_name(const char *app)
{
    size_t len = strlen(app);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)app[i]) && app[i] != '_') {
            return false;
        }
    }
    return len > 0 && len < LUN_APP_NAME;
}

static int path_of(const struct lun_datadir *dir, const char *app,
                   char out[PATH_MAX], struct lun_err *err)
{
    char name[LUN_APP_NAME + 32];
    if (!is_name(app)) {
        return lun_error_set(err, LUN_EBAD_INPUT, "'%s' is no name of an app",
                             app);
    }
    (void)snprintf(name, sizeof name, FOLDER "/%s.json", app);
    return lun_datadir_join(dir, name, out, err);
}

int lun_quarantine_folder(const struct lun_datadir *dir, char out[PATH_MAX],
                          struct lun_err *err)
{
    int code = lun_datadir_join(dir, FOLDER, out, err);
    return code != 0 ? code : lun_file_mkdirs(out, 0700, err);
}

static bool take_text(const struct lun_json *object, const char *name,
                      char *out, size_t size)
{
    const struct lun_json *node = lun_json_get(object, name);
    if (node == NULL || node->type != LUN_JSON_STRING) {
        return false;
    }
    (void)snprintf(out, size, "%s", node->text);
    return true;
}

static bool take_entry(const char *text, size_t len,
                       struct lun_quarantine_entry *entry, char since[32])
{
    struct lun_arena arena;
    struct lun_json *object;
    lun_arena_init(&arena, (size_t)64 * 1024);
    bool ok =
        lun_json_parse(&arena, text, len, 4, 32, &object, NULL) == 0 &&
        object->type == LUN_JSON_OBJECT &&
        take_text(object, "app", entry->app, sizeof entry->app) &&
        take_text(object, "release", entry->release, sizeof entry->release) &&
        take_text(object, "reason", entry->reason, sizeof entry->reason) &&
        take_text(object, "since", since, 32);
    lun_arena_release(&arena);
    return ok;
}

static bool read_entry(const struct lun_datadir *dir, const char *file,
                       struct lun_quarantine_entry *entry, char since[32])
{
    char app[LUN_APP_NAME];
    char path[PATH_MAX];
    struct lun_buf text;
    size_t len = strlen(file);
    if (len <= 5 || len - 5 >= sizeof app ||
        strcmp(file + len - 5, ".json") != 0) {
        return false;
    }
    memcpy(app, file, len - 5);
    app[len - 5] = '\0';
    lun_buf_init(&text);
    bool ok = path_of(dir, app, path, NULL) == 0 &&
              lun_file_read(path, FILE_MAX, &text, NULL) == 0 &&
              take_entry(text.data, text.len, entry, since) &&
              strcmp(entry->app, app) == 0;
    lun_buf_release(&text);
    return ok;
}

void lun_quarantine_read(const struct lun_datadir *dir,
                         struct lun_quarantine *out)
{
    char folder[PATH_MAX];
    struct dirent **list;
    memset(out, 0, sizeof *out);
    if (lun_datadir_join(dir, FOLDER, folder, NULL) != 0) {
        return;
    }
    int count = scandir(folder, &list, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (out->count < LUN_QUARANTINE_MAX &&
            read_entry(dir, list[i]->d_name, &out->entry[out->count],
                       out->since[out->count])) {
            out->count++;
        }
        free(list[i]);
    }
    if (count >= 0) {
        free(list);
    }
}

static void push_text(struct lun_buf *out, const char *lead, const char *text)
{
    lun_buf_push_str(out, lead);
    lun_buf_push_json_string(out, text, strlen(text));
}

static void push_entry(const struct lun_quarantine_entry *entry,
                       const char *since, struct lun_buf *out)
{
    push_text(out, "{\"app\":", entry->app);
    push_text(out, ",\"release\":", entry->release);
    push_text(out, ",\"reason\":", entry->reason);
    push_text(out, ",\"since\":", since);
    lun_buf_push_byte(out, '}');
}

int lun_quarantine_add(const struct lun_datadir *dir,
                       const struct lun_quarantine_entry *entry,
                       struct lun_err *err)
{
    char path[PATH_MAX];
    char since[32];
    struct lun_buf text;
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &parts);
    int code = path_of(dir, entry->app, path, err);
    if (code != 0) {
        return code;
    }
    lun_buf_init(&text);
    push_entry(entry, since, &text);
    lun_buf_push_byte(&text, '\n');
    code = text.failed
               ? lun_error_set(err, LUN_EMEMORY, "out of memory")
               : lun_file_write(path, 0600, text.data, text.len, true, err);
    lun_buf_release(&text);
    return code;
}

int lun_quarantine_remove(const struct lun_datadir *dir, const char *app,
                          struct lun_err *err)
{
    char path[PATH_MAX];
    int code = path_of(dir, app, path, err);
    if (code != 0) {
        return code;
    }
    if (unlink(path) == 0) {
        return 0;
    }
    if (errno == ENOENT) {
        return lun_error_set(err, LUN_ENOT_FOUND, "'%s' is not in quarantine",
                             app);
    }
    return lun_error_set(err, LUN_EIO, "cannot remove '%s': %s", path,
                         strerror(errno));
}

const struct lun_quarantine_entry *
lun_quarantine_of(const struct lun_quarantine *quarantine, const char *app)
{
    for (size_t i = 0; i < quarantine->count; i++) {
        if (strcmp(quarantine->entry[i].app, app) == 0) {
            return &quarantine->entry[i];
        }
    }
    return NULL;
}

void lun_quarantine_push_json(const struct lun_quarantine *quarantine,
                              struct lun_buf *out)
{
    lun_buf_push_byte(out, '[');
    for (size_t i = 0; i < quarantine->count; i++) {
        lun_buf_push_str(out, i > 0 ? "," : "");
        push_entry(&quarantine->entry[i], quarantine->since[i], out);
    }
    lun_buf_push_byte(out, ']');
}
