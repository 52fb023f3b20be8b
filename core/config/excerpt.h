/*
 * core/config/excerpt.h - messages about apps, with the line of code and a
 * caret. SPDX-License-Identifier: Apache-2.0
 *
 *   apps/sales/app.lua:3: unknown word 'txt'; did you mean 'text'?
 *       3 |   name = txt {},
 *         |          ^^^
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "core/base/buf.h"

struct lun_json;

/* Whether colours belong on descriptor `fd`: a terminal, and NO_COLOR is not
 * set (https://no-color.org). */
bool lun_excerpt_colored(int fd);

/*
 * Appends an entry of the loader, {"file","line","message","source","column",
 * "width"}, as lines; everything but the message may be missing. `kind` stands
 * before the message ("warning: " or "").
 */
void lun_excerpt_push(const struct lun_json *entry, const char *kind,
                      bool colored, struct lun_buf *out);

/* A line of code and the place of its caret, in characters from 1. */
struct lun_excerpt {
    size_t line;
    const char *source; /* not NUL-ended */
    size_t len;
    size_t column;
    size_t width;
};

/* Appends the line and the caret below it, both after `indent`. */
void lun_excerpt_push_source(const struct lun_excerpt *excerpt,
                             const char *indent, bool colored,
                             struct lun_buf *out);

/* Appends a line that lun_excerpt_push has written, now with its colours. */
void lun_excerpt_push_colored(const char *line, size_t len,
                              struct lun_buf *out);

/* Appends a text from outside for a terminal: further lines are indented, and
 * what could move the cursor is shown instead of done. */
void lun_excerpt_push_plain(const char *text, const char *indent,
                            struct lun_buf *out);

/* Writes what is in `out`, which may be nothing, and releases it. */
void lun_excerpt_print(struct lun_buf *out, FILE *to);
