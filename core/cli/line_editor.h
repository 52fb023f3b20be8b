/*
 * core/cli/line_editor.h - lines typed at a terminal, with history (libedit);
 * from anything else they are only read.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lun_line_editor; /* opaque */

/* `history` is the file that keeps lines (mode 0600). NULL: out of memory. */
struct lun_line_editor *lun_line_editor_open(const char *history);
void lun_line_editor_close(struct lun_line_editor *editor);
bool lun_line_editor_is_terminal(const struct lun_line_editor *editor);

/* The next line without its end, valid until the next call; NULL at the end of
 * the input. */
const char *lun_line_editor_read(struct lun_line_editor *editor,
                                 const char *prompt, size_t *len);
/* Whether the last line was given up with Ctrl-C; it is empty then. */
bool lun_line_editor_was_interrupted(const struct lun_line_editor *editor);
