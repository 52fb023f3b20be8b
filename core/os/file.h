/*
 * core/os/file.h - small files, read and written at once (blocking).
 * SPDX-License-Identifier: Apache-2.0
 *
 * For start, loader and command line; nothing on a worker's loop calls these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/buf.h"

struct lun_err;

/* Appends the content of a regular file of at most `max` bytes. */
int lun_file_read(const char *path, size_t max, struct lun_buf *out,
                  struct lun_err *err);
/*
 * Makes or replaces `path` in one step: a reader sees the old or the new
 * content, never a part. `durable` also forces it to the disk.
 */
int lun_file_write(const char *path, mode_t mode, const void *data, size_t len,
                   bool durable, struct lun_err *err);
/* Makes a directory and those above it; one that exists is fine. */
int lun_file_mkdirs(const char *path, mode_t mode, struct lun_err *err);
/* The absolute path without links of something that exists; free() it. */
char *lun_file_absolute(const char *path);
bool lun_file_is_dir(const char *path);
bool lun_file_exists(const char *path);
