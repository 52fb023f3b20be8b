/*
 * core/supervise/code_lines.c - lines of code that errors at run time lead to.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/code_lines.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/config/config.h"
#include "core/config/datadir.h"
#include "core/config/excerpt.h"
#include "core/supervise/running.h"

#define SET_MEMORY ((size_t)1024 * 1024 * 1024)
#define LINE_MOST 500

struct lun_code_lines {
    const struct lun_config *config;
    struct lun_arena arena;
    const struct lun_json *apps; /* NULL: not read, or none */
    struct stat read;            /* the set, as it was when it was read */
};

/* "sales:lib/x.lua:14: text" */
struct place {
    char chunk[256];
    size_t line;
    const char *text;
};

struct lun_code_lines *lun_code_lines_open(const struct lun_config *config)
{
    struct lun_code_lines *lines = calloc(1, sizeof *lines);
    if (lines != NULL) {
        lines->config = config;
        lun_arena_init(&lines->arena, SET_MEMORY);
    }
    return lines;
}

void lun_code_lines_close(struct lun_code_lines *lines)
{
    lun_arena_release(&lines->arena);
    free(lines);
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

/* Whether the set that is served is another one than that which was read. */
static bool has_changed(struct lun_code_lines *lines)
{
    struct lun_datadir dir;
    struct stat now;
    char path[PATH_MAX];
    if (lun_datadir_open(lines->config->data, false, &dir, NULL) != 0 ||
        lun_datadir_join(&dir, "sets/current.json", path, NULL) != 0 ||
        stat(path, &now) != 0 ||
        (now.st_ino == lines->read.st_ino &&
         now.st_mtime == lines->read.st_mtime)) {
        return false;
    }
    lines->read = now;
    return true;
}

static void read_set(struct lun_code_lines *lines)
{
    struct lun_buf text;
    struct lun_json *set;
    lines->apps = NULL;
    lun_arena_release(&lines->arena);
    lun_arena_init(&lines->arena, SET_MEMORY);
    lun_buf_init(&text);
    if (lun_running_set(lines->config, &text) &&
        lun_json_parse(&lines->arena, text.data, text.len, 200, 10000000, &set,
                       NULL) == 0) {
        lines->apps = lun_json_get(set, "apps");
    }
    lun_buf_release(&text);
}

static bool read_place(const char *message, struct place *out)
{
    const char *end = strstr(message, ".lua:");
    size_t len = end != NULL ? (size_t)(end - message) + 4 : 0;
    if (end == NULL || len >= sizeof out->chunk ||
        memchr(message, ':', len) == NULL || memchr(message, '\n', len)) {
        return false;
    }
    char *after;
    out->line = strtoul(message + len + 1, &after, 10);
    (void)snprintf(out->chunk, sizeof out->chunk, "%.*s", (int)len, message);
    out->text = after;
    return out->line > 0 && after[0] == ':';
}

/* The text of a file of a release that is served. */
static const char *find_file(const struct lun_code_lines *lines,
                             const char *release, const char *chunk)
{
    const struct lun_json *app =
        lines->apps != NULL ? lines->apps->child : NULL;
    for (; app != NULL; app = app->next) {
        char own[512];
        (void)snprintf(own, sizeof own, "%s@%s+%s", text_of(app, "name"),
                       text_of(app, "version"), text_of(app, "hash"));
        if (strcmp(own, release) != 0) {
            continue;
        }
        const struct lun_json *files = lun_json_get(app, "files");
        const struct lun_json *at = files != NULL ? files->child : NULL;
        for (; at != NULL; at = at->next) {
            if (strcmp(text_of(at, "chunk"), chunk) == 0) {
                return text_of(at, "text");
            }
        }
    }
    return NULL;
}

static const char *find_line(const char *text, size_t number, size_t *len)
{
    while (text != NULL && --number > 0) {
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
    }
    *len = text != NULL ? strcspn(text, "\r\n") : 0;
    return *len > 0 && *len <= LINE_MOST ? text : NULL;
}

/* Where in the line something stands that the message quotes; else its first
 * word. */
static size_t find_word(const char *line, size_t len, const char *message,
                        size_t *width)
{
    const char *open = strchr(message, '\'');
    while (open != NULL) {
        const char *close = strchr(open + 1, '\'');
        size_t size = close != NULL ? (size_t)(close - open) - 1 : 0;
        const char *found = size > 0 ? memmem(line, len, open + 1, size) : NULL;
        if (found != NULL) {
            *width = size;
            return (size_t)(found - line);
        }
        open = close != NULL ? strchr(close + 1, '\'') : NULL;
    }
    *width = 1;
    size_t at = 0;
    while (at + 1 < len && (line[at] == ' ' || line[at] == '\t')) {
        at++;
    }
    return at;
}

static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

void lun_code_lines_push(struct lun_code_lines *lines, const char *release,
                         const char *message, const char *indent, bool colored,
                         struct lun_buf *out)
{
    struct place place;
    size_t len;
    size_t width;
    if (!read_place(message, &place)) {
        return;
    }
    const char *text = find_file(lines, release, place.chunk);
    if (text == NULL && has_changed(lines)) {
        read_set(lines);
        text = find_file(lines, release, place.chunk);
    }
    const char *line = find_line(text, place.line, &len);
    if (line == NULL) {
        return;
    }
    size_t at = find_word(line, len, place.text, &width);
    const struct lun_excerpt excerpt = {
        .line = place.line,
        .source = line,
        .len = len,
        .column = characters(line, at) + 1,
        .width = characters(line + at, width),
    };
    lun_excerpt_push_source(&excerpt, indent, colored, out);
}
