/*
 * core/host/excerpt.h - messages about apps, with the line of code and a caret.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   apps/sales/app.lua:3: unknown word 'txt'; did you mean 'text'?
 *       3 |   name = txt {},
 *         |          ^^^
 */
#pragma once

#include <stdbool.h>

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

/* Appends a line that lun_excerpt_push has written, now with its colours. */
void lun_excerpt_push_colored(const char *line, size_t len,
                              struct lun_buf *out);

/* Appends a text from outside for a terminal: further lines are indented, and
 * what could move the cursor is shown instead of done. */
void lun_excerpt_push_plain(const char *text, const char *indent,
                            struct lun_buf *out);
