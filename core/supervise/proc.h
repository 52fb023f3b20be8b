/*
 * core/supervise/proc.h - CPU and memory of a process as metrics.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <sys/types.h>

#include "core/base/buf.h"

/* The HELP and TYPE lines, once. */
void lun_proc_heads(struct lun_buf *out);
/* The samples of one process with label process="<name>"; nothing when it is
 * gone. */
void lun_proc_render(const char *name, pid_t pid, struct lun_buf *out);
