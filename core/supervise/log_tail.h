/*
 * core/supervise/log_tail.h - the lines of the request log, old and new.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Knows how the log is set aside (requests.log becomes requests.log.1) and that
 * workers go on writing to the old file for a moment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct lun_log_tail; /* opaque */

/* What is done with a line (without its end of line, not NUL-ended). From
 * lun_log_tail_back: false ends the search. */
typedef bool (*lun_log_line_cb)(void *context, const char *line, size_t len);

/* NULL when memory ran out; files need not be there. */
struct lun_log_tail *lun_log_tail_open(const char *path);
void lun_log_tail_close(struct lun_log_tail *tail);

/* Gives the lines that are there, the newest first, also those of the file
 * that was set aside. To be called once, before lun_log_tail_poll. */
void lun_log_tail_back(struct lun_log_tail *tail, lun_log_line_cb cb,
                       void *context);
/* Gives the lines that came since, the oldest first. */
void lun_log_tail_poll(struct lun_log_tail *tail, lun_log_line_cb cb,
                       void *context);
