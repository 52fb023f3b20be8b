/*
 * core/supervise/error_echo.c - errors of apps, in the terminal of `lunette
 * up`. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/error_echo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/supervise/code_lines.h"
#include "core/config/console.h"
#include "core/config/excerpt.h"
#include "core/supervise/log_line.h"
#include "core/supervise/log_tail.h"

#define LINES_MOST 20 /* at once; the log has them all */

struct lun_error_echo {
    struct lun_log_tail *tail;
    struct lun_log_filter filter;
    bool colored;
    unsigned shown;
};

static bool skip(void *context, const char *line, size_t len)
{
    (void)context;
    (void)line;
    (void)len;
    return false;
}

struct lun_error_echo *lun_error_echo_open(const struct lun_config *config,
                                           const char *path)
{
    struct lun_error_echo *echo = NULL;
    if (path[0] != '\0' && isatty(1) == 1) {
        echo = calloc(1, sizeof *echo);
    }
    if (echo == NULL) {
        return NULL;
    }
    echo->tail = lun_log_tail_open(path);
    echo->filter = (struct lun_log_filter){.level = LUN_LOG_ERROR,
                                           .code = lun_code_lines_open(config)};
    echo->colored = lun_excerpt_colored(1);
    if (echo->tail == NULL || echo->filter.code == NULL) {
        lun_error_echo_close(echo);
        return NULL;
    }
    lun_log_tail_back(echo->tail, skip, NULL);
    return echo;
}

/* Requests that failed are told by the error that made them fail. */
static bool show(void *context, const char *line, size_t len)
{
    static const char app[] = "\"app\":\"";
    struct lun_error_echo *echo = context;
    struct lun_buf out;
    if (memmem(line, len, app, sizeof app - 1) == NULL ||
        echo->shown == LINES_MOST) {
        return true;
    }
    lun_buf_init(&out);
    if (lun_log_line_read(&echo->filter, line, len, echo->colored, &out) ==
            LUN_LOG_LINE_YES &&
        out.len > 0) {
        echo->shown++;
        lun_console_say("%.*s", (int)out.len - 1, out.data);
    }
    lun_buf_release(&out);
    return true;
}

void lun_error_echo_show(struct lun_error_echo *echo)
{
    if (echo != NULL) {
        echo->shown = 0;
        lun_log_tail_poll(echo->tail, show, echo);
    }
}

void lun_error_echo_close(struct lun_error_echo *echo)
{
    if (echo == NULL) {
        return;
    }
    if (echo->tail != NULL) {
        lun_log_tail_close(echo->tail);
    }
    if (echo->filter.code != NULL) {
        lun_code_lines_close(echo->filter.code);
    }
    free(echo);
}
