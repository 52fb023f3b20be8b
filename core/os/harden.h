/*
 * core/os/harden.h - a process gives up what it does not need.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For processes that run code of apps: whoever breaks out of a VM finds no way
 * to start programs, to become somebody else, to look into other processes or
 * to change the machine. What a kernel or a container does not allow is left
 * out and told.
 */
#pragma once

#include <stdbool.h>

struct lun_err;

/* No core files with data of users, no look into its memory by processes of
 * the same user, no new rights by any program it might start. */
void lun_harden_process(void);

enum lun_harden_filter {
    LUN_HARDEN_WORKER, /* may use files and the network */
    LUN_HARDEN_APP     /* may compute, read files, and talk over what is open */
};

/*
 * Installs the filter of system calls for all threads. A call that it denies
 * fails with EPERM and is told to `denied` (may be NULL; called in a signal
 * handler) by number and name. Returns LUN_EFORBIDDEN when the kernel does not
 * take filters. Built with a sanitizer it does nothing: that needs more calls.
 */
int lun_harden_filter_calls(enum lun_harden_filter filter,
                            void (*denied)(int number, const char *name),
                            struct lun_err *err);
/* Tries an execve of nothing: whether a filter denied it. */
bool lun_harden_is_filtered(void);
