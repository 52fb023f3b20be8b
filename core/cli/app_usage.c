/*
 * core/cli/app_usage.c - what apps use, read off /metrics.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/cli/app_usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

#define BOLD "\033[1m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

/* --- reading ------------------------------------------------------------ */

static struct lun_app_usage *find(struct lun_usage *usage, const char *release)
{
    for (size_t i = 0; i < usage->count; i++) {
        if (strcmp(usage->apps[i].release, release) == 0) {
            return &usage->apps[i];
        }
    }
    return NULL;
}

static struct lun_app_usage *take(struct lun_usage *usage, const char *app,
                                  const char *release)
{
    struct lun_app_usage *found = find(usage, release);
    if (found != NULL) {
        return found;
    }
    struct lun_app_usage *apps =
        realloc(usage->apps, (usage->count + 1) * sizeof *apps);
    if (apps == NULL) {
        return NULL;
    }
    usage->apps = apps;
    found = &apps[usage->count++];
    memset(found, 0, sizeof *found);
    (void)snprintf(found->app, sizeof found->app, "%s", app);
    (void)snprintf(found->release, sizeof found->release, "%s", release);
    return found;
}

/* The value of label `name` in `{a="x",b="y"}`; "" without it. */
static void read_label(const char *line, const char *name, char *out,
                       size_t size)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%s=\"", name);
    const char *at = strstr(line, key);
    out[0] = '\0';
    if (at != NULL) {
        at += strlen(key);
        (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
    }
}

static bool starts(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncmp(line, name, len) == 0 &&
           (line[len] == '{' || line[len] == ' ');
}

static bool read_app_line(struct lun_usage *usage, const char *line,
                          double value)
{
    char app[64];
    char release[128];
    read_label(line, "app", app, sizeof app);
    read_label(line, "release", release, sizeof release);
    if (app[0] == '\0' || release[0] == '\0') {
        return true;
    }
    struct lun_app_usage *row = take(usage, app, release);
    if (row == NULL) {
        return false;
    }
    if (starts(line, "lunette_app_requests_total")) {
        row->requests += value;
    } else if (starts(line, "lunette_app_errors_total")) {
        row->errors += value;
    } else if (starts(line, "lunette_app_stopped_total")) {
        row->stopped += value;
    } else if (starts(line, "lunette_app_cpu_seconds_total")) {
        row->cpu_seconds += value;
    } else if (starts(line, "lunette_app_memory_bytes")) {
        row->memory_bytes += value;
    }
    return true;
}

static bool read_line(struct lun_usage *usage, const char *line)
{
    const char *space = strrchr(line, ' ');
    if (line[0] == '#' || space == NULL) {
        return true;
    }
    double value = strtod(space + 1, NULL);
    if (strncmp(line, "lunette_app_", 12) == 0) {
        return read_app_line(usage, line, value);
    }
    if (starts(line, "lunette_http_responses_total")) {
        usage->responses += value;
        usage->failures += strstr(line, "5xx") != NULL ? value : 0;
    } else if (starts(line, "lunette_http_connections")) {
        usage->connections += value;
    }
    return true;
}

bool lun_usage_read(const char *text, size_t len, struct lun_usage *out)
{
    char line[1024];
    bool ok = true;
    memset(out, 0, sizeof *out);
    out->at_ns = lun_clock_monotonic_ns();
    for (size_t from = 0; from < len && ok;) {
        const char *end = memchr(text + from, '\n', len - from);
        size_t size = end != NULL ? (size_t)(end - text) - from : len - from;
        if (size < sizeof line) {
            memcpy(line, text + from, size);
            line[size] = '\0';
            ok = read_line(out, line);
        }
        from += size + 1;
    }
    if (!ok) {
        lun_usage_release(out);
    }
    return ok;
}

void lun_usage_release(struct lun_usage *usage)
{
    free(usage->apps);
    memset(usage, 0, sizeof *usage);
}

bool lun_usage_add(struct lun_usage *usage, const char *app,
                   const char *release)
{
    return take(usage, app, release) != NULL;
}

/* --- rates -------------------------------------------------------------- */

/* A worker that was replaced begins to count again. */
static double rate(double after, double before, double seconds)
{
    double counted = after >= before ? after - before : after;
    return seconds > 0 ? counted / seconds : 0;
}

void lun_usage_rates(struct lun_usage *after, const struct lun_usage *before)
{
    static const struct lun_app_usage nothing;
    double seconds = (double)(after->at_ns - before->at_ns) / 1e9;
    after->responses = rate(after->responses, before->responses, seconds);
    after->failures = rate(after->failures, before->failures, seconds);
    for (size_t i = 0; i < after->count; i++) {
        struct lun_app_usage *row = &after->apps[i];
        const struct lun_app_usage *old =
            find((struct lun_usage *)before, row->release);
        old = old != NULL ? old : &nothing;
        row->requests = rate(row->requests, old->requests, seconds);
        row->errors = rate(row->errors, old->errors, seconds);
        row->stopped = rate(row->stopped, old->stopped, seconds);
        row->cpu_seconds = rate(row->cpu_seconds, old->cpu_seconds, seconds);
    }
}

static int compare(const void *a, const void *b)
{
    const struct lun_app_usage *left = a;
    const struct lun_app_usage *right = b;
    /* Differences that nobody sees would make the rows jump. */
    long x = (long)(left->cpu_seconds * 100);
    long y = (long)(right->cpu_seconds * 100);
    return x != y ? (x < y ? 1 : -1) : strcmp(left->release, right->release);
}

void lun_usage_sort(struct lun_usage *usage)
{
    if (usage->count > 0) {
        qsort(usage->apps, usage->count, sizeof *usage->apps, compare);
    }
}

/* --- showing ------------------------------------------------------------ */

static void push_row(const struct lun_app_usage *row, bool colored,
                     struct lun_buf *out)
{
    bool bad = colored && (row->errors > 0 || row->stopped > 0);
    const char *version = strchr(row->release, '@');
    lun_buf_push_str(out, bad ? RED : "");
    lun_buf_printf(out, "%-20.20s %9.1f %6.1f %8.1f %9.1f %9.1f  %s", row->app,
                   row->requests, row->cpu_seconds * 100,
                   row->memory_bytes / (1024 * 1024), row->errors, row->stopped,
                   version != NULL ? version + 1 : row->release);
    lun_buf_push_str(out, bad ? PLAIN "\n" : "\n");
}

void lun_usage_push_table(const struct lun_usage *usage, size_t rows,
                          bool colored, struct lun_buf *out)
{
    size_t shown = rows != 0 && rows < usage->count ? rows : usage->count;
    lun_buf_printf(out,
                   "%.1f answers a second, %.1f of them failed; %.0f "
                   "connections\n\n",
                   usage->responses, usage->failures, usage->connections);
    lun_buf_push_str(out, colored ? BOLD : "");
    lun_buf_printf(out, "%-20s %9s %6s %8s %9s %9s  %s", "APP", "CALLS/S",
                   "CPU %", "MIB", "ERRORS/S", "STOPPED/S", "RELEASE");
    lun_buf_push_str(out, colored ? PLAIN "\n" : "\n");
    for (size_t i = 0; i < shown; i++) {
        push_row(&usage->apps[i], colored, out);
    }
    if (shown < usage->count) {
        lun_buf_printf(out, "and %zu more\n", usage->count - shown);
    }
}

void lun_usage_push_json(const struct lun_usage *usage, struct lun_buf *out)
{
    lun_buf_printf(out,
                   "{\"responses\":%.3f,\"failures\":%.3f,"
                   "\"connections\":%.0f,\"apps\":[",
                   usage->responses, usage->failures, usage->connections);
    for (size_t i = 0; i < usage->count; i++) {
        const struct lun_app_usage *row = &usage->apps[i];
        lun_buf_push_str(out, i > 0 ? ",{\"app\":" : "{\"app\":");
        lun_buf_push_json_string(out, row->app, strlen(row->app));
        lun_buf_push_str(out, ",\"release\":");
        lun_buf_push_json_string(out, row->release, strlen(row->release));
        lun_buf_printf(out,
                       ",\"calls\":%.3f,\"cpu\":%.6f,\"memory\":%.0f,"
                       "\"errors\":%.3f,\"stopped\":%.3f}",
                       row->requests, row->cpu_seconds, row->memory_bytes,
                       row->errors, row->stopped);
    }
    lun_buf_push_str(out, "]}\n");
}
