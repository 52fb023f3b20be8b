/*
 * core/supervise/log_line.h - one line of the log: whose it is, and how it
 * reads. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/telemetry/log.h"

/* Which lines are wanted. */
struct lun_log_filter {
    const char *app;          /* NULL: all */
    const char *release;      /* "sales@1.0.0+1a2b3c4d", its version or the
                                 beginning of its hash; NULL: all */
    enum lun_log_level level; /* and above */
    const char *since; /* the beginning of a time as in the log; NULL: all */
    struct lun_code_lines *code; /* for errors at run time; NULL: none */
};

enum lun_log_verdict {
    LUN_LOG_LINE_NO,
    LUN_LOG_LINE_YES,
    LUN_LOG_LINE_EARLIER /* than `since`: the lines before it are so, too */
};

/* Judges a line; when it is wanted and `out` is not NULL, appends it for a
 * person to read, with its end of line. Control characters never get out. */
enum lun_log_verdict lun_log_line_read(const struct lun_log_filter *filter,
                                       const char *line, size_t len,
                                       bool colored, struct lun_buf *out);
