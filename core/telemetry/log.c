/*
 * core/telemetry/log.c - JSON lines through a bounded ring.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/telemetry/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/telemetry/metrics.h"

#define RING_DEFAULT ((size_t)1024 * 1024)
#define PIPE_CHUNK 4096 /* what a writable pipe takes without blocking */
#define REOPEN_NS 1000000000u

static struct {
    int fd;
    bool regular; /* a file of ours: takes any amount, may be renamed */
    char *path;   /* of that file */
    uint64_t looked_ns;
    enum lun_log_level level;
    struct lun_buf ring;
    size_t limit;
    struct lun_buf line; /* scratch: one line while it is made */
    void (*on_pending)(void *context);
    void *context;
} sink = {.fd = -1, .level = LUN_LOG_NONE};

static const char *const level_names[] = {"debug", "info", "warn", "error",
                                          "none"};

int lun_log_level_parse(const char *text)
{
    for (int i = 0; i <= LUN_LOG_NONE; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
                0600);
}

static void close_sink(void)
{
    if (sink.fd >= 0) {
        (void)close(sink.fd);
    }
    free(sink.path);
    sink.fd = -1;
    sink.path = NULL;
    sink.regular = false;
}

/* O_NONBLOCK on a shared terminal or pipe would reach the other processes that
 * hold it, so such a sink is only duplicated and asked by poll. */
static int open_sink(const char *name, int *fd)
{
    if (strcmp(name, "none") == 0) {
        *fd = -1;
        return 0;
    }
    if (strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0) {
        *fd = fcntl(strcmp(name, "stdout") == 0 ? 1 : 2, F_DUPFD_CLOEXEC, 3);
    } else {
        *fd = open_file(name);
    }
    return *fd < 0 ? -1 : 0;
}

int lun_log_open(const char *name, enum lun_log_level level, size_t ring,
                 struct lun_err *err)
{
    int fd;
    if (open_sink(name, &fd) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot open log '%s': %s", name,
                             strerror(errno));
    }
    (void)lun_log_flush();
    close_sink();
    struct stat info;
    sink.fd = fd;
    sink.level = fd < 0 ? LUN_LOG_NONE : level;
    sink.limit = ring != 0 ? ring : RING_DEFAULT;
    if (fd >= 0 && name[0] == '/' && fstat(fd, &info) == 0 &&
        S_ISREG(info.st_mode)) {
        sink.path = strdup(name);
        sink.regular = sink.path != NULL;
    }
    return 0;
}

void lun_log_close(void)
{
    (void)lun_log_flush();
    close_sink();
    sink.level = LUN_LOG_NONE;
    sink.on_pending = NULL;
    lun_buf_release(&sink.ring);
    lun_buf_release(&sink.line);
}

void lun_log_on_pending(void (*cb)(void *context), void *context)
{
    sink.on_pending = cb;
    sink.context = context;
}

bool lun_log_enabled(enum lun_log_level level)
{
    return level >= sink.level && sink.level != LUN_LOG_NONE;
}

/* Follows a rotation: the name may lead to another file by now. */
static void follow_rename(void)
{
    uint64_t now = lun_clock_monotonic_ns();
    if (!sink.regular || now - sink.looked_ns < REOPEN_NS) {
        return;
    }
    sink.looked_ns = now;
    struct stat there;
    struct stat here;
    if (fstat(sink.fd, &here) == 0 && stat(sink.path, &there) == 0 &&
        here.st_ino == there.st_ino && here.st_dev == there.st_dev) {
        return;
    }
    int fd = open_file(sink.path);
    if (fd >= 0) {
        (void)close(sink.fd);
        sink.fd = fd;
    }
}

static bool is_writable(void)
{
    struct pollfd ask = {.fd = sink.fd, .events = POLLOUT};
    return poll(&ask, 1, 0) == 1 && (ask.revents & POLLOUT) != 0;
}

/* A chunk of whole lines that fits a pipe, else the first PIPE_CHUNK bytes. */
static size_t chunk_size(void)
{
    if (sink.regular || sink.ring.len <= PIPE_CHUNK) {
        return sink.ring.len;
    }
    const char *end = memrchr(sink.ring.data, '\n', PIPE_CHUNK);
    return end == NULL ? PIPE_CHUNK : (size_t)(end - sink.ring.data) + 1;
}

bool lun_log_flush(void)
{
    if (sink.fd < 0) {
        lun_buf_clear(&sink.ring);
        return true;
    }
    follow_rename();
    while (sink.ring.len > 0) {
        if (!sink.regular && !is_writable()) {
            return false;
        }
        ssize_t sent = write(sink.fd, sink.ring.data, chunk_size());
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        lun_buf_consume(&sink.ring, (size_t)sent);
    }
    return true;
}

static void append_line(void)
{
    lun_buf_push(&sink.line, "}\n", 2);
    size_t before = sink.ring.len;
    if (sink.line.failed || before + sink.line.len > sink.limit) {
        lun_metrics_add(LUN_METRIC_LOG_DROPS, 1);
        return;
    }
    lun_buf_push(&sink.ring, sink.line.data, sink.line.len);
    if (sink.ring.failed) {
        lun_metrics_add(LUN_METRIC_LOG_DROPS, 1);
        lun_buf_clear(&sink.ring);
        return;
    }
    size_t half = sink.limit / 2;
    bool wake = before == 0 || (before < half && sink.ring.len >= half);
    if (wake && sink.on_pending != NULL) {
        sink.on_pending(sink.context);
    }
}

static void push_time(struct lun_buf *out)
{
    static int64_t cached_second = -1;
    static char text[32];
    int64_t now = lun_clock_unix_ms();
    time_t second = (time_t)(now / 1000);
    if (second != cached_second) {
        struct tm parts;
        (void)gmtime_r(&second, &parts);
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
        cached_second = second;
    }
    int ms = (int)(now % 1000);
    const char tail[] = {
        '.',
        (char)('0' + ms / 100),
        (char)('0' + ms / 10 % 10),
        (char)('0' + ms % 10),
        'Z',
        '"',
    };
    lun_buf_push(out, "{\"time\":\"", 9);
    lun_buf_push_str(out, text);
    lun_buf_push(out, tail, sizeof tail);
}

static void push_member(struct lun_buf *out, const char *name, const char *text)
{
    if (text == NULL) {
        return;
    }
    lun_buf_push_byte(out, ',');
    lun_buf_push_json_string(out, name, strlen(name));
    lun_buf_push_byte(out, ':');
    lun_buf_push_json_string(out, text, strlen(text));
}

static void push_number(struct lun_buf *out, const char *lead, uint64_t number)
{
    lun_buf_push_str(out, lead);
    lun_buf_push_int(out, (int64_t)number);
}

static void begin_line(enum lun_log_level level, const char *message)
{
    lun_buf_clear(&sink.line);
    push_time(&sink.line);
    push_member(&sink.line, "level", level_names[level]);
    push_member(&sink.line, "msg", message);
}

void lun_log_write(enum lun_log_level level, const char *message,
                   const struct lun_log_field *fields, size_t count)
{
    if (!lun_log_enabled(level)) {
        return;
    }
    begin_line(level, message);
    for (size_t i = 0; i < count; i++) {
        push_member(&sink.line, fields[i].name, fields[i].text);
    }
    append_line();
}

void lun_log_printf(enum lun_log_level level, const char *format, ...)
{
    if (!lun_log_enabled(level)) {
        return;
    }
    char message[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    lun_log_write(level, message, NULL, 0);
}

void lun_log_request(const struct lun_log_request *request)
{
    enum lun_log_level level =
        request->status >= 500 ? LUN_LOG_ERROR : LUN_LOG_INFO;
    if (!lun_log_enabled(level)) {
        return;
    }
    struct lun_buf *line = &sink.line;
    begin_line(level, "request");
    push_member(line, "trace_id", request->trace_id);
    push_member(line, "release", request->release);
    push_member(line, "apps", request->apps);
    push_member(line, "method", request->method);
    push_member(line, "path", request->path);
    push_member(line, "operation", request->operation);
    push_number(line, ",\"status\":", (uint64_t)request->status);
    push_number(line, ",\"duration_us\":", request->duration_ns / 1000);
    push_number(line, ",\"bytes\":", request->bytes);
    push_member(line, "code", request->code);
    push_member(line, "error_id", request->error_id);
    push_member(line, "user", request->user);
    push_member(line, "peer", request->peer);
    append_line();
}
