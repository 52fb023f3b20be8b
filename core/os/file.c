/*
 * core/os/file.c - small files, read and written at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

static int fail(struct lun_err *err, const char *verb, const char *path)
{
    int code = errno == ENOENT ? LUN_ENOT_FOUND : LUN_EIO;
    return lun_error_set(err, code, "cannot %s '%s': %s", verb, path,
                         strerror(errno));
}

static int read_all(int fd, const char *path, size_t max, struct lun_buf *out,
                    struct lun_err *err)
{
    size_t start = out->len;
    for (;;) {
        if (!lun_buf_reserve(out, 16384)) {
            return lun_error_set(err, LUN_EMEMORY, "out of memory");
        }
        ssize_t got = read(fd, out->data + out->len, 16384);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(err, "read", path);
        }
        if (got == 0) {
            return 0;
        }
        out->len += (size_t)got;
        if (out->len - start > max) {
            return lun_error_set(err, LUN_ELIMIT,
                                 "'%s' is larger than %zu bytes", path, max);
        }
    }
}

int lun_file_read(const char *path, size_t max, struct lun_buf *out,
                  struct lun_err *err)
{
    /* Non-blocking, or opening a FIFO would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(err, "open", path);
    }
    struct stat info;
    int code;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        code = lun_error_set(err, LUN_EIO, "'%s' is not a regular file", path);
    } else {
        code = read_all(fd, path, max, out, err);
    }
    (void)close(fd);
    return code;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, data, len);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return -1;
        }
        data += sent;
        len -= (size_t)sent;
    }
    return 0;
}

int lun_file_write(const char *path, mode_t mode, const void *data, size_t len,
                   bool durable, struct lun_err *err)
{
    char temporary[PATH_MAX];
    int size = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (size < 0 || (size_t)size >= sizeof temporary) {
        return lun_error_set(err, LUN_EIO, "path is too long: '%s'", path);
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return fail(err, "write", path);
    }
    bool ok = write_all(fd, data, len) == 0 && fchmod(fd, mode) == 0 &&
              (!durable || fsync(fd) == 0);
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, path) != 0) {
        int code = fail(err, "write", path);
        (void)unlink(temporary);
        return code;
    }
    return 0;
}

int lun_file_mkdirs(const char *path, mode_t mode, struct lun_err *err)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) {
        return lun_error_set(err, LUN_EIO, "path is too long: '%s'", path);
    }
    for (const char *at = path; *at != '\0';) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        memcpy(part, path, (size_t)(at - path));
        part[at - path] = '\0';
        bool last = at[strspn(at, "/")] == '\0';
        if (mkdir(part, last ? mode : 0755) != 0 && !lun_file_is_dir(part)) {
            return fail(err, "make directory", part);
        }
    }
    return 0;
}

char *lun_file_absolute(const char *path)
{
    return realpath(path, NULL);
}

bool lun_file_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool lun_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}
