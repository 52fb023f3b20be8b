/*
 * core/supervise/crashes.c - which worker died of what, and whose code it was
 * at. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/crashes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 64
#define SHOWN 16
#define COUNTED                                                                \
    128 /* releases; the one that crashed longest ago goes first               \
         */

struct count {
    char app[LUN_APP_NAME];
    char release[LUN_APP_RELEASE];
    uint64_t total;
    uint64_t last_ns;
    uint64_t forgiven_ns;
};

struct lun_crashes {
    struct lun_crash last[KEPT]; /* a ring */
    size_t next;
    size_t count;
    struct count counts[COUNTED];
    size_t counted;
};

struct lun_crashes *lun_crashes_new(void)
{
    return calloc(1, sizeof(struct lun_crashes));
}

void lun_crashes_free(struct lun_crashes *crashes)
{
    free(crashes);
}

/* `back` 0 is the last one. */
static const struct lun_crash *crash_at(const struct lun_crashes *crashes,
                                        size_t back)
{
    return &crashes->last[(crashes->next + KEPT - 1 - back) % KEPT];
}

static struct count *find_count(struct lun_crashes *crashes,
                                const struct lun_app_running *at)
{
    struct count *oldest = &crashes->counts[0];
    for (size_t i = 0; i < crashes->counted; i++) {
        struct count *count = &crashes->counts[i];
        if (strcmp(count->release, at->release) == 0 &&
            strcmp(count->app, at->app) == 0) {
            return count;
        }
        oldest = count->last_ns < oldest->last_ns ? count : oldest;
    }
    if (crashes->counted < COUNTED) {
        oldest = &crashes->counts[crashes->counted++];
    }
    memset(oldest, 0, sizeof *oldest);
    memcpy(oldest->app, at->app, sizeof oldest->app);
    memcpy(oldest->release, at->release, sizeof oldest->release);
    return oldest;
}

unsigned lun_crashes_add(struct lun_crashes *crashes,
                         const struct lun_crash *crash, uint64_t window_ns)
{
    crashes->last[crashes->next] = *crash;
    crashes->next = (crashes->next + 1) % KEPT;
    crashes->count += crashes->count < KEPT;
    if (crash->at.app[0] == '\0') {
        return 0;
    }
    struct count *count = find_count(crashes, &crash->at);
    count->total++;
    count->last_ns = crash->at_ns;
    unsigned found = 0;
    for (size_t i = 0; i < crashes->count; i++) {
        const struct lun_crash *one = crash_at(crashes, i);
        found += strcmp(one->at.release, crash->at.release) == 0 &&
                 strcmp(one->at.app, crash->at.app) == 0 &&
                 one->at_ns > count->forgiven_ns &&
                 crash->at_ns - one->at_ns <= window_ns;
    }
    return found;
}

void lun_crashes_forgive(struct lun_crashes *crashes, const char *app)
{
    for (size_t i = 0; i < crashes->counted; i++) {
        struct count *count = &crashes->counts[i];
        if (strcmp(count->app, app) == 0) {
            count->forgiven_ns = count->last_ns;
        }
    }
}

void lun_crash_describe(const struct lun_crash *crash, char *out, size_t size)
{
    if (crash->isolated) {
        (void)snprintf(out, size, "as the process of the app");
    } else if (crash->stuck) {
        (void)snprintf(out, size, "standing still");
    } else if (crash->signal != 0) {
        const char *name = sigabbrev_np(crash->signal);
        (void)snprintf(out, size, "by signal %d (SIG%s)", crash->signal,
                       name != NULL ? name : "?");
    } else {
        (void)snprintf(out, size, "with status %d", crash->status);
    }
}

static void push_text(struct lun_buf *out, const char *name, const char *text)
{
    lun_buf_printf(out, ",\"%s\":", name);
    if (text == NULL || text[0] == '\0') {
        lun_buf_push_str(out, "null");
    } else {
        lun_buf_push_json_string(out, text, strlen(text));
    }
}

static void push_crash(const struct lun_crash *crash, struct lun_buf *out)
{
    char signal[32] = "";
    if (crash->signal != 0) {
        const char *name = sigabbrev_np(crash->signal);
        (void)snprintf(signal, sizeof signal, "SIG%s",
                       name != NULL ? name : "?");
    }
    lun_buf_printf(out, "{\"time\":\"%s\",\"worker\":%u,\"pid\":%d",
                   crash->time, crash->slot, (int)crash->pid);
    push_text(out, "signal", signal);
    if (crash->signal != 0) {
        lun_buf_push_str(out, ",\"status\":null");
    } else {
        lun_buf_printf(out, ",\"status\":%d", crash->status);
    }
    lun_buf_printf(out, ",\"stuck\":%s,\"isolated\":%s",
                   crash->stuck ? "true" : "false",
                   crash->isolated ? "true" : "false");
    push_text(out, "app", crash->at.app);
    push_text(out, "release", crash->at.release);
    push_text(out, "request", crash->at.request);
    lun_buf_push_byte(out, '}');
}

void lun_crashes_push_json(const struct lun_crashes *crashes,
                           struct lun_buf *out)
{
    lun_buf_push_byte(out, '[');
    for (size_t i = 0; i < crashes->count && i < SHOWN; i++) {
        lun_buf_push_str(out, i > 0 ? "," : "");
        push_crash(crash_at(crashes, i), out);
    }
    lun_buf_push_byte(out, ']');
}

void lun_crashes_push_metrics(const struct lun_crashes *crashes,
                              struct lun_buf *out)
{
    lun_buf_push_str(out,
                     "# HELP lunette_app_crashes_total Workers that died while "
                     "they ran code of the app.\n"
                     "# TYPE lunette_app_crashes_total counter\n");
    for (size_t i = 0; i < crashes->counted; i++) {
        const struct count *count = &crashes->counts[i];
        lun_buf_push_str(out, "lunette_app_crashes_total");
        lun_app_metrics_push_labels(count->app, count->release, out);
        lun_buf_printf(out, " %" PRIu64 "\n", count->total);
    }
}
