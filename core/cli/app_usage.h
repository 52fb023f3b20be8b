/*
 * core/cli/app_usage.h - what apps use, read off /metrics.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

/* One release of an app, of all workers together. */
struct lun_app_usage {
    char app[64];
    char release[128];
    double requests;
    double errors;
    double stopped;
    double cpu_seconds;
    double memory_bytes;
};

struct lun_usage {
    uint64_t at_ns; /* monotonic clock */
    double responses;
    double failures; /* of these: with a status of 500 and more */
    double connections;
    struct lun_app_usage *apps;
    size_t count;
};

/* Reads the text of /metrics. False when memory ran out; else to be released.
 */
bool lun_usage_read(const char *text, size_t len, struct lun_usage *out);
void lun_usage_release(struct lun_usage *usage);

/* A row for a release that has used nothing; false when memory ran out. */
bool lun_usage_add(struct lun_usage *usage, const char *app,
                   const char *release);

/* Makes counts of what was counted between two samples, a second: `after` holds
 * rates then. Memory stays as it is, `cpu_seconds` becomes seconds a second. */
void lun_usage_rates(struct lun_usage *after, const struct lun_usage *before);
/* The most CPU first, then by name. */
void lun_usage_sort(struct lun_usage *usage);

/* The table for a person, at most `rows` apps (0: all), and one line of JSON;
 * both of rates. */
void lun_usage_push_table(const struct lun_usage *usage, size_t rows,
                          bool colored, struct lun_buf *out);
void lun_usage_push_json(const struct lun_usage *usage, struct lun_buf *out);
