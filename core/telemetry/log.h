/*
 * core/telemetry/log.h - one JSON line an event, never blocking.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lines go to a ring in memory and from there to the sink by lun_log_flush,
 * whole lines only as far as the sink takes them at once. When the ring is full
 * a line is dropped and counted (LUN_METRIC_LOG_DROPS). One log per process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lun_err;

enum lun_log_level {
    LUN_LOG_DEBUG,
    LUN_LOG_INFO,
    LUN_LOG_WARN,
    LUN_LOG_ERROR,
    LUN_LOG_NONE
};

/* One answered request; NULL members are left out. */
struct lun_log_request {
    int status;
    uint64_t duration_ns;
    const char *trace_id;
    const char *release; /* "sales@1.0.0+1a2b3c4d,..." */
    const char *apps;    /* "sales,base": whose fields were asked */
    const char *method;
    const char *path;
    const char *operation; /* GraphQL operation name */
    const char *code;      /* extensions.code of the first error */
    const char *error_id;
    const char *user;
    const char *peer;
    uint64_t bytes; /* of the answer's body */
};

/* A further member of a line; `text` becomes a JSON string. */
struct lun_log_field {
    const char *name;
    const char *text;
};

/*
 * Opens the sink: a path (appended to, mode 0600, made again when somebody has
 * renamed it), or "stdout", "stderr", "none". Lines below `level` are dropped
 * silently. `ring` is the bytes that may wait (0: 1 MiB). A second call
 * replaces the sink.
 */
int lun_log_open(const char *sink, enum lun_log_level level, size_t ring,
                 struct lun_err *err);
/* Flushes what the sink takes, then closes. */
void lun_log_close(void);
/* Called when the first line waits in an empty ring, and when the ring is half
 * full: the loop then plans a lun_log_flush. */
void lun_log_on_pending(void (*cb)(void *context), void *context);
/* True when everything is written. */
bool lun_log_flush(void);

/* "debug" ... "error", "none" -> level, or -1. */
int lun_log_level_parse(const char *text);
bool lun_log_enabled(enum lun_log_level level);

/* A line with a message and further members. */
void lun_log_write(enum lun_log_level level, const char *message,
                   const struct lun_log_field *fields, size_t count);
/* The same with a formatted message. */
void lun_log_printf(enum lun_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The line of a request; level info, error for a status of 500 and more. */
void lun_log_request(const struct lun_log_request *request);
