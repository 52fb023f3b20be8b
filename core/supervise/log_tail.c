/*
 * core/supervise/log_tail.c - the lines of the request log, old and new.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/log_tail.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"

#define CHUNK ((size_t)256 * 1024)
#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024) /* more is no line of ours */
/* Workers notice a new file within a second (core/telemetry/log.c). */
#define OLD_NS ((uint64_t)3000000000)

struct file {
    int fd; /* -1: none */
    off_t at;
    struct lun_buf rest; /* the beginning of a line that is being written */
};

struct lun_log_tail {
    char path[PATH_MAX];
    struct file current;
    struct file old; /* was set aside a moment ago */
    uint64_t old_until_ns;
};

static void close_file(struct file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    file->fd = -1;
    lun_buf_release(&file->rest);
}

static void open_file(struct file *file, const char *path)
{
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    file->at = 0;
    lun_buf_init(&file->rest);
}

struct lun_log_tail *lun_log_tail_open(const char *path)
{
    struct lun_log_tail *tail = calloc(1, sizeof *tail);
    if (tail != NULL) {
        (void)snprintf(tail->path, sizeof tail->path, "%s", path);
        tail->old.fd = -1;
        open_file(&tail->current, path);
    }
    return tail;
}

void lun_log_tail_close(struct lun_log_tail *tail)
{
    close_file(&tail->current);
    close_file(&tail->old);
    free(tail);
}

/* --- backwards ---------------------------------------------------------- */

/* Gives the whole lines of `buf` from its end; what stands before its first
 * end of line stays in it. False: it is enough. */
static bool give_from_end(struct lun_buf *buf, lun_log_line_cb cb,
                          void *context)
{
    for (;;) {
        const char *end = memrchr(buf->data, '\n', buf->len);
        if (end == NULL) {
            return true;
        }
        size_t from = (size_t)(end - buf->data) + 1;
        size_t len = buf->len - from;
        buf->len = from - 1;
        if (len > 0 && !cb(context, buf->data + from, len)) {
            return false;
        }
    }
}

/* Puts the chunk that ends at `end` before what is left of the last one. */
static bool prepend(int fd, off_t end, size_t size, struct lun_buf *buf)
{
    struct lun_buf fresh;
    lun_buf_init(&fresh);
    if (!lun_buf_reserve(&fresh, size + buf->len) ||
        pread(fd, fresh.data, size, end - (off_t)size) != (ssize_t)size) {
        lun_buf_release(&fresh);
        return false;
    }
    fresh.len = size;
    lun_buf_push(&fresh, buf->data, buf->len);
    lun_buf_release(buf);
    *buf = fresh;
    return true;
}

/* From offset `end`, which is the end of a line. */
static bool read_back(int fd, off_t end, lun_log_line_cb cb, void *context)
{
    struct lun_buf buf;
    bool more = true;
    lun_buf_init(&buf);
    while (more && end > 0 && buf.len < LINE_MAX_BYTES) {
        size_t size = end < (off_t)CHUNK ? (size_t)end : CHUNK;
        if (!prepend(fd, end, size, &buf)) {
            break;
        }
        end -= (off_t)size;
        more = give_from_end(&buf, cb, context);
    }
    if (more && end == 0 && buf.len > 0) {
        more = cb(context, buf.data, buf.len);
    }
    lun_buf_release(&buf);
    return more;
}

/* The last end of a line of an open file, 0 when it has none. */
static off_t last_line_end(int fd)
{
    char bytes[4096];
    struct stat info;
    off_t end = fstat(fd, &info) == 0 ? info.st_size : 0;
    while (end > 0) {
        off_t from = end > (off_t)sizeof bytes ? end - (off_t)sizeof bytes : 0;
        ssize_t got = pread(fd, bytes, (size_t)(end - from), from);
        const char *found = got > 0 ? memrchr(bytes, '\n', (size_t)got) : NULL;
        if (found != NULL) {
            return from + (found - bytes) + 1;
        }
        end = from;
    }
    return 0;
}

void lun_log_tail_back(struct lun_log_tail *tail, lun_log_line_cb cb,
                       void *context)
{
    struct file *current = &tail->current;
    char path[PATH_MAX + 4];
    bool more = true;
    (void)snprintf(path, sizeof path, "%s.1", tail->path);
    int aside = open(path, O_RDONLY | O_CLOEXEC);
    if (current->fd >= 0) {
        current->at = last_line_end(current->fd);
        more = read_back(current->fd, current->at, cb, context);
    }
    if (aside >= 0) {
        if (more) {
            (void)read_back(aside, last_line_end(aside), cb, context);
        }
        (void)close(aside);
    }
}

/* --- forwards ----------------------------------------------------------- */

static void give_lines(struct lun_buf *rest, lun_log_line_cb cb, void *context)
{
    size_t from = 0;
    const char *end;
    while ((end = memchr(rest->data + from, '\n', rest->len - from)) != NULL) {
        size_t len = (size_t)(end - rest->data) - from;
        if (len > 0) {
            (void)cb(context, rest->data + from, len);
        }
        from += len + 1;
    }
    lun_buf_consume(rest, from);
    if (rest->len > LINE_MAX_BYTES) {
        lun_buf_clear(rest);
    }
}

static void read_on(struct file *file, lun_log_line_cb cb, void *context)
{
    while (file->fd >= 0 && lun_buf_reserve(&file->rest, CHUNK)) {
        ssize_t got =
            pread(file->fd, file->rest.data + file->rest.len, CHUNK, file->at);
        if (got <= 0) {
            return;
        }
        file->at += got;
        file->rest.len += (size_t)got;
        give_lines(&file->rest, cb, context);
    }
}

/* Whether the name leads to another file than the open one, or that one was
 * emptied. */
static bool was_set_aside(const struct lun_log_tail *tail)
{
    struct stat there;
    struct stat here;
    if (stat(tail->path, &there) != 0) {
        return false;
    }
    if (tail->current.fd < 0 || fstat(tail->current.fd, &here) != 0) {
        return true;
    }
    return there.st_ino != here.st_ino || there.st_dev != here.st_dev ||
           there.st_size < tail->current.at;
}

void lun_log_tail_poll(struct lun_log_tail *tail, lun_log_line_cb cb,
                       void *context)
{
    uint64_t now = lun_clock_monotonic_ns();
    if (tail->old.fd >= 0) {
        read_on(&tail->old, cb, context);
        if (now > tail->old_until_ns) {
            close_file(&tail->old);
        }
    }
    read_on(&tail->current, cb, context);
    if (was_set_aside(tail)) {
        close_file(&tail->old);
        tail->old = tail->current;
        tail->old_until_ns = now + OLD_NS;
        open_file(&tail->current, tail->path);
        read_on(&tail->current, cb, context);
    }
}
