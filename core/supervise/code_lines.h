/*
 * core/supervise/code_lines.h - lines of code that errors at run time lead to.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The release set that is served holds the files of its apps; the code of older
 * releases is not known.
 */
#pragma once

#include <stdbool.h>

#include "core/base/buf.h"

struct lun_code_lines; /* opaque */
struct lun_config;

/* Those of the host on the data folder; the set is read when it is first
 * needed. NULL when memory ran out. */
struct lun_code_lines *lun_code_lines_open(const struct lun_config *config);
void lun_code_lines_close(struct lun_code_lines *lines);

/* Appends the line that `message`, "sales:app.lua:14: ...", is about, with a
 * caret, each line after `indent`. Nothing when `release` is not served. */
void lun_code_lines_push(struct lun_code_lines *lines, const char *release,
                         const char *message, const char *indent, bool colored,
                         struct lun_buf *out);
