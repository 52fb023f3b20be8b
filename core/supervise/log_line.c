/*
 * core/supervise/log_line.c - one line of the log: whose it is, and how it
 * reads. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/log_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/supervise/code_lines.h"
#include "core/config/excerpt.h"

#define MEMORY ((size_t)64 * 1024 * 1024)
#define DEPTH 32
#define NODES 100000

#define DIM "\033[2m"
#define PLAIN "\033[0m"

static const char *text_of(const struct lun_json *line, const char *name)
{
    const struct lun_json *node = lun_json_get(line, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

/* --- whose it is -------------------------------------------------------- */

/* "sales@1.0.0+1a2b" of `app` in "base@1.0.0+77aa,sales@1.0.0+1a2b", or "". */
static const char *release_of(const char *list, const char *app, size_t *len)
{
    size_t name = strlen(app);
    while (*list != '\0') {
        *len = strcspn(list, ",");
        if (strncmp(list, app, name) == 0 && list[name] == '@') {
            return list;
        }
        list += *len + (list[*len] == ',' ? 1 : 0);
    }
    *len = 0;
    return "";
}

/* A line names its app, or the apps of the request, or only what was served. */
static bool is_of_app(const struct lun_json *line, const char *app)
{
    size_t len;
    const struct lun_json *own = lun_json_get(line, "app");
    const struct lun_json *apps = lun_json_get(line, "apps");
    if (own != NULL) {
        return lun_json_is_string(own, app);
    }
    if (apps == NULL) {
        return release_of(text_of(line, "release"), app, &len)[0] != '\0';
    }
    const char *list = apps->text != NULL ? apps->text : "";
    for (; *list != '\0'; list += len + (list[len] == ',' ? 1 : 0)) {
        len = strcspn(list, ",");
        if (len == strlen(app) && strncmp(list, app, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool starts(const char *text, size_t len, const char *begin)
{
    size_t wanted = strlen(begin);
    return wanted <= len && strncmp(text, begin, wanted) == 0;
}

static bool is_named(const char *release, size_t len, const char *wanted)
{
    const char *version = memchr(release, '@', len);
    const char *hash = memchr(release, '+', len);
    if (starts(release, len, wanted)) {
        return true;
    }
    if (hash == NULL || version == NULL) {
        return false;
    }
    size_t after = len - (size_t)(hash + 1 - release);
    size_t version_len = (size_t)(hash - version - 1);
    return starts(hash + 1, after, wanted) ||
           (version_len == strlen(wanted) &&
            strncmp(version + 1, wanted, version_len) == 0);
}

static bool is_of_release(const struct lun_json *line,
                          const struct lun_log_filter *filter)
{
    const char *list = text_of(line, "release");
    size_t len;
    if (filter->app != NULL) {
        const char *own = release_of(list, filter->app, &len);
        return is_named(own, len, filter->release);
    }
    for (; *list != '\0'; list += len + (list[len] == ',' ? 1 : 0)) {
        len = strcspn(list, ",");
        if (is_named(list, len, filter->release)) {
            return true;
        }
    }
    return false;
}

static enum lun_log_verdict judge(const struct lun_log_filter *filter,
                                  const struct lun_json *line)
{
    const char *time = text_of(line, "time");
    int level = lun_log_level_parse(text_of(line, "level"));
    if (filter->since != NULL &&
        strncmp(time, filter->since, strlen(filter->since)) < 0) {
        return LUN_LOG_LINE_EARLIER;
    }
    if (level < (int)filter->level ||
        (filter->app != NULL && !is_of_app(line, filter->app)) ||
        (filter->release != NULL && !is_of_release(line, filter))) {
        return LUN_LOG_LINE_NO;
    }
    return LUN_LOG_LINE_YES;
}

/* --- how it reads ------------------------------------------------------- */

static void push_text(struct lun_buf *out, const char *text)
{
    lun_excerpt_push_plain(text, "    ", out);
}

static void push_value(struct lun_buf *out, const struct lun_json *value)
{
    if (value->type == LUN_JSON_STRING || value->type == LUN_JSON_NUMBER) {
        push_text(out, value->text);
    } else {
        struct lun_buf json;
        lun_buf_init(&json);
        lun_json_write(value, &json);
        push_text(out, lun_buf_str(&json) != NULL ? json.data : "");
        lun_buf_release(&json);
    }
}

static bool is_one_of(const char *key, const char *const *names)
{
    while (*names != NULL && strcmp(*names, key) != 0) {
        names++;
    }
    return *names != NULL;
}

/* " key=value" of all members that were not told; texts of several lines come
 * last, below. */
static void push_rest(struct lun_buf *out, const struct lun_json *line,
                      const char *const *told)
{
    for (int below = 0; below < 2; below++) {
        for (const struct lun_json *at = line->child; at != NULL;
             at = at->next) {
            bool tall = at->type == LUN_JSON_STRING &&
                        (strchr(at->text, '\n') != NULL || at->len > 100);
            bool empty = at->type == LUN_JSON_STRING && at->len == 0;
            if (tall == (below == 1) && !empty && !is_one_of(at->key, told)) {
                lun_buf_push_str(out, tall ? "\n    " : " ");
                if (!tall) {
                    push_text(out, at->key);
                    lun_buf_push_byte(out, '=');
                }
                push_value(out, at);
            }
        }
    }
}

static void push_duration(struct lun_buf *out, const char *microseconds)
{
    double ms = strtod(microseconds, NULL) / 1000;
    lun_buf_printf(out, " %.*f ms", ms < 10 ? 1 : 0, ms);
}

static void push_request(struct lun_buf *out, const struct lun_json *line)
{
    static const char *const told[] = {
        "time",   "level", "msg",       "trace_id",    "release",
        "method", "path",  "operation", "apps",        "app",
        "peer",   "bytes", "status",    "duration_us", NULL};
    push_text(out, text_of(line, "method"));
    lun_buf_push_byte(out, ' ');
    push_text(out, text_of(line, "path"));
    if (text_of(line, "operation")[0] != '\0') {
        lun_buf_push_byte(out, ' ');
        push_text(out, text_of(line, "operation"));
    }
    lun_buf_push_byte(out, ' ');
    push_text(out, text_of(line, "status"));
    push_duration(out, text_of(line, "duration_us"));
    push_rest(out, line, told);
}

static void push_message(struct lun_buf *out, const struct lun_json *line,
                         const struct lun_log_filter *filter, bool colored)
{
    static const char *const told[] = {"time",    "level", "msg",
                                       "release", "app",   NULL};
    const char *app = text_of(line, "app");
    if (app[0] != '\0' && filter->app == NULL) {
        push_text(out, app);
        lun_buf_push_str(out, ": ");
    }
    push_text(out, text_of(line, "msg"));
    push_rest(out, line, told);
    if (filter->code != NULL && text_of(line, "detail")[0] != '\0') {
        lun_buf_push_byte(out, '\n');
        lun_code_lines_push(filter->code, text_of(line, "release"),
                            text_of(line, "detail"), "    ", colored, out);
        out->len -= out->data[out->len - 1] == '\n' ? 1 : 0;
    }
}

static void push_line(struct lun_buf *out, const struct lun_json *line,
                      const struct lun_log_filter *filter, bool colored)
{
    static const char *const colors[] = {[LUN_LOG_DEBUG] = DIM,
                                         [LUN_LOG_INFO] = "",
                                         [LUN_LOG_WARN] = "\033[33m",
                                         [LUN_LOG_ERROR] = "\033[31m"};
    const char *level = text_of(line, "level");
    int number = lun_log_level_parse(level);
    const char *color =
        colored && number >= 0 && number <= LUN_LOG_ERROR ? colors[number] : "";
    lun_buf_push_str(out, colored ? DIM : "");
    push_text(out, text_of(line, "time"));
    lun_buf_push_str(out, colored ? PLAIN " " : " ");
    lun_buf_push_str(out, color);
    lun_buf_printf(out, "%-5s", level);
    lun_buf_push_str(out, color[0] != '\0' ? PLAIN " " : " ");
    if (strcmp(text_of(line, "msg"), "request") == 0 &&
        lun_json_get(line, "status") != NULL) {
        push_request(out, line);
    } else {
        push_message(out, line, filter, colored);
    }
    lun_buf_push_byte(out, '\n');
}

enum lun_log_verdict lun_log_line_read(const struct lun_log_filter *filter,
                                       const char *line, size_t len,
                                       bool colored, struct lun_buf *out)
{
    struct lun_arena arena;
    struct lun_json *parsed;
    enum lun_log_verdict verdict = LUN_LOG_LINE_NO;
    lun_arena_init(&arena, MEMORY);
    if (lun_json_parse(&arena, line, len, DEPTH, NODES, &parsed, NULL) == 0 &&
        parsed->type == LUN_JSON_OBJECT) {
        verdict = judge(filter, parsed);
        if (verdict == LUN_LOG_LINE_YES && out != NULL) {
            push_line(out, parsed, filter, colored);
        }
    }
    lun_arena_release(&arena);
    return verdict;
}
