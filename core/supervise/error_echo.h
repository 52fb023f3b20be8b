/*
 * core/supervise/error_echo.h - errors of apps, in the terminal of `lunette
 * up`. SPDX-License-Identifier: Apache-2.0
 *
 * Workers write them to the log; whoever develops at the terminal sees them
 * there too, with the line of code.
 */
#pragma once

struct lun_config;
struct lun_error_echo; /* opaque */

/* Follows the log file `path` from its end. NULL, for all functions below, when
 * stdout is no terminal or there is no such file. */
struct lun_error_echo *lun_error_echo_open(const struct lun_config *config,
                                           const char *path);
/* Prints what has come. */
void lun_error_echo_show(struct lun_error_echo *echo);
void lun_error_echo_close(struct lun_error_echo *echo);
