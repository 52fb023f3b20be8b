/*
 * core/cli/command_logs.c - `lunette logs`: what an app did and said.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/supervise/code_lines.h"
#include "core/cli/command.h"
#include "core/config/datadir.h"
#include "core/config/excerpt.h"
#include "core/supervise/log_line.h"
#include "core/supervise/log_tail.h"
#include "core/supervise/running.h"
#include "core/os/file.h"

#define LINES_DEFAULT 100
#define LINES_MOST 1000000
#define POLL_MS 100
#define EARLIER_MOST 1000 /* several workers write: the order is not strict */

struct logs {
    struct lun_log_filter filter;
    char since[40];
    bool json;
    bool colored;
    size_t wanted;        /* at most so many old lines */
    struct lun_buf *kept; /* the newest first */
    size_t count;
    unsigned earlier; /* lines in a row that are too old */
};

static int mistake(const char *format, const char *word)
{
    (void)fprintf(stderr, "lunette logs: ");
    (void)fprintf(stderr, format, word);
    (void)fprintf(stderr, "\n");
    return LUN_EXIT_USAGE;
}

/* --- options ------------------------------------------------------------ */

/* "10m" before now, or the beginning of a time as the log writes it. */
static bool read_since(const char *text, char out[40])
{
    static const char units[] = "smhd";
    static const int seconds[] = {1, 60, 3600, 86400};
    char *end;
    double number = strtod(text, &end);
    const char *unit =
        *end != '\0' && end[1] == '\0' ? strchr(units, *end) : NULL;
    if (unit != NULL && end != text && number >= 0 && number < 1e9) {
        time_t then = (time_t)((double)(lun_clock_unix_ms() / 1000) -
                               number * seconds[unit - units]);
        struct tm parts;
        return gmtime_r(&then, &parts) != NULL &&
               strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &parts) > 0;
    }
    size_t len = strlen(text);
    bool is_time = len >= 4 && len < 25 &&
                   text[strspn(text, "0123456789-:.TZ")] == '\0' &&
                   (len == 4 || text[4] == '-');
    (void)snprintf(out, 40, "%s", text);
    return is_time;
}

static int read_options(struct lun_command_line *line, struct logs *logs)
{
    const char *level = lun_command_option(line, "level");
    const char *since = lun_command_option(line, "since");
    const char *lines = lun_command_option(line, "lines");
    int number = level != NULL ? lun_log_level_parse(level) : LUN_LOG_DEBUG;
    if (number < 0 || number == LUN_LOG_NONE) {
        return mistake("--level: '%s' is none of debug, info, warn, error",
                       level);
    }
    if (since != NULL && !read_since(since, logs->since)) {
        return mistake("--since: '%s' is neither a time before now (90s, 10m, "
                       "2h, 1d) nor one like 2026-01-31T12:00",
                       since);
    }
    logs->wanted = since != NULL ? LINES_MOST : LINES_DEFAULT;
    if (lines != NULL) {
        char *end;
        unsigned long given = strtoul(lines, &end, 10);
        if (!isdigit((unsigned char)lines[0]) || *end != '\0' ||
            given > LINES_MOST) {
            return mistake("--lines: '%s' is no number up to 1000000", lines);
        }
        logs->wanted = given;
    }
    logs->filter = (struct lun_log_filter){
        .app = line->arg_count > 0 ? line->args[0] : NULL,
        .release = lun_command_option(line, "release"),
        .level = (enum lun_log_level)number,
        .since = since != NULL ? logs->since : NULL,
    };
    logs->json = lun_command_option(line, "json") != NULL;
    logs->colored = !logs->json && lun_excerpt_colored(1);
    return 0;
}

/* The file that the host on the data folder writes. */
static int find_log(struct lun_command_line *line, char out[PATH_MAX])
{
    struct lun_datadir dir;
    struct lun_err err;
    char path[PATH_MAX];
    if (lun_datadir_open(line->config.data, false, &dir, &err) != 0 ||
        lun_datadir_join(&dir, "worker.conf", path, &err) != 0) {
        (void)fprintf(stderr, "lunette logs: %s\n", err.message);
        return LUN_EXIT_FAILED;
    }
    if (lun_config_read_file(&line->config, path, &err) != 0) {
        (void)fprintf(stderr, "lunette logs: no host has run on '%s' yet\n",
                      dir.path);
        return LUN_EXIT_NOT_RUNNING;
    }
    if (line->config.log[0] != '/') {
        (void)fprintf(stderr,
                      "lunette logs: the host writes its log to '%s', not to "
                      "a file\n",
                      line->config.log);
        return LUN_EXIT_FAILED;
    }
    (void)snprintf(out, PATH_MAX, "%s", line->config.log);
    return 0;
}

/* --- lines -------------------------------------------------------------- */

/* A line of another app can be told without reading it whole. */
static bool may_concern(const struct logs *logs, const char *line, size_t len)
{
    const char *app = logs->filter.app;
    return app == NULL || memmem(line, len, app, strlen(app)) != NULL;
}

static bool take_back(void *context, const char *line, size_t len)
{
    struct logs *logs = context;
    struct lun_buf out;
    if (logs->count == logs->wanted) {
        return false;
    }
    if (logs->filter.since == NULL && !may_concern(logs, line, len)) {
        return true;
    }
    lun_buf_init(&out);
    enum lun_log_verdict verdict = lun_log_line_read(
        &logs->filter, line, len, logs->colored, logs->json ? NULL : &out);
    if (verdict == LUN_LOG_LINE_YES) {
        if (logs->json) {
            lun_buf_push(&out, line, len);
            lun_buf_push_byte(&out, '\n');
        }
        logs->kept[logs->count++] = out;
    } else {
        lun_buf_release(&out);
    }
    logs->earlier = verdict == LUN_LOG_LINE_EARLIER ? logs->earlier + 1 : 0;
    return logs->earlier < EARLIER_MOST;
}

static bool print_new(void *context, const char *line, size_t len)
{
    struct logs *logs = context;
    struct lun_buf out;
    lun_buf_init(&out);
    if (may_concern(logs, line, len) &&
        lun_log_line_read(&logs->filter, line, len, logs->colored, &out) ==
            LUN_LOG_LINE_YES) {
        if (logs->json) {
            (void)printf("%.*s\n", (int)len, line);
        } else {
            (void)fwrite(out.data, 1, out.len, stdout);
        }
    }
    lun_buf_release(&out);
    return true;
}

static int print_old(struct logs *logs, struct lun_log_tail *tail)
{
    logs->kept = calloc(logs->wanted + 1, sizeof *logs->kept);
    if (logs->kept == NULL) {
        return LUN_EXIT_FAILED;
    }
    lun_log_tail_back(tail, take_back, logs);
    for (size_t i = logs->count; i > 0; i--) {
        struct lun_buf *out = &logs->kept[i - 1];
        (void)fwrite(out->data, 1, out->len, stdout);
        lun_buf_release(out);
    }
    free(logs->kept);
    return LUN_EXIT_OK;
}

static void follow(struct logs *logs, struct lun_log_tail *tail)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    while (fflush(stdout) == 0 && ferror(stdout) == 0) {
        (void)nanosleep(&pause, NULL);
        lun_log_tail_poll(tail, print_new, logs);
    }
}

/* Silence may come from a wrong name. */
static int explain_silence(const struct lun_command_line *line, const char *app)
{
    char path[PATH_MAX];
    char *folder = lun_command_find_apps(line);
    bool wrong =
        folder != NULL && lun_file_is_dir(folder) &&
        (strchr(app, '/') != NULL ||
         (snprintf(path, sizeof path, "%s/%s", folder, app) < PATH_MAX &&
          !lun_file_is_dir(path)));
    if (wrong) {
        (void)fprintf(stderr, "lunette: there is no app '%s' in '%s'\n", app,
                      folder);
    }
    free(folder);
    return wrong ? LUN_EXIT_USAGE : LUN_EXIT_OK;
}

int lun_command_logs(struct lun_command_line *line)
{
    struct logs logs = {.count = 0};
    char path[PATH_MAX];
    int code = read_options(line, &logs);
    if (code == 0) {
        code = find_log(line, path);
    }
    struct lun_log_tail *tail = code == 0 ? lun_log_tail_open(path) : NULL;
    if (tail == NULL) {
        return code != 0 ? code : LUN_EXIT_FAILED;
    }
    logs.filter.code = lun_code_lines_open(&line->config);
    code = print_old(&logs, tail);
    if (code == 0 && logs.count == 0 && logs.filter.app != NULL) {
        code = explain_silence(line, logs.filter.app);
    }
    if (code == 0 && lun_command_option(line, "follow") != NULL) {
        follow(&logs, tail);
    }
    lun_log_tail_close(tail);
    if (logs.filter.code != NULL) {
        lun_code_lines_close(logs.filter.code);
    }
    return code;
}
