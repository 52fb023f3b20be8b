/*
 * core/config/console.h - what the supervisor tells the person who started it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain lines on stdout, errors on stderr; on a terminal a long step shows that
 * it goes on. A reader that stops reading never stops the supervisor: its lines
 * are dropped.
 */
#pragma once

/* A line. */
void lun_console_say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* "lunette: " and a line, on stderr. */
void lun_console_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* A step that takes a while: shown on a terminal until the next line, printed
 * as a line elsewhere. */
void lun_console_step(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Lines and steps go to stderr from now on. */
void lun_console_use_stderr(void);

/* Says everything to `fd`, too: the one who waits for a process that went to
 * the background. -1 ends it. */
void lun_console_tee(int fd);
