/*
 * core/telemetry/apps.c - what each app does, and which one is at work.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/telemetry/apps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/telemetry/apps_table.h"

#define OTHER (LUN_APPS_ROWS - 1)

struct column {
    bool gauge;
    bool seconds;
    const char *name;
    const char *labels;
    const char *help;
};

#define COUNTER false
#define GAUGE true
#define ONE false
#define SECONDS true
static const struct column columns[LUN_APP_METRIC_COUNT] = {
#define LUN_APP(name, kind, prometheus, labels, scale, help)                   \
    {kind, scale, prometheus, labels, help},
#include "core/telemetry/apps.def"
#undef LUN_APP
};
#undef COUNTER
#undef GAUGE
#undef ONE
#undef SECONDS

static struct lun_apps_table private_table;
static struct lun_apps_table *own = &private_table;

static uint64_t get(const struct lun_app_metrics *row, int metric)
{
    return atomic_load_explicit(&row->values[metric], memory_order_relaxed);
}

static void set(struct lun_app_metrics *row, int metric, uint64_t value)
{
    atomic_store_explicit(&row->values[metric], value, memory_order_relaxed);
}

static void clear_gauges(struct lun_app_metrics *row)
{
    for (int i = 0; i < LUN_APP_METRIC_COUNT; i++) {
        if (columns[i].gauge) {
            set(row, i, 0);
        }
    }
}

void lun_apps_table_use(struct lun_apps_table *table)
{
    own = table;
    for (int i = 0; i < LUN_APPS_ROWS; i++) {
        own->rows[i].users = 0;
        clear_gauges(&own->rows[i]);
    }
    lun_app_metrics_leave();
}

/* Rows -----------------------------------------------------------------------
 */

/* Compares as far as names are kept. */
static bool is_same(const char *kept, size_t size, const char *name)
{
    return strncmp(kept, name, size - 1) == 0;
}

/* A row without a VM may be used again: the oldest goes first. */
static struct lun_app_metrics *find_unused(void)
{
    struct lun_app_metrics *found = NULL;
    for (int i = 0; i < OTHER; i++) {
        struct lun_app_metrics *row = &own->rows[i];
        if (row->app[0] == '\0') {
            return row;
        }
        if (row->users == 0 &&
            (found == NULL || row->used_ns < found->used_ns)) {
            found = row;
        }
    }
    return found;
}

static void name_row(struct lun_app_metrics *row, const char *app,
                     const char *release)
{
    row->app[0] = '\0';
    for (int i = 0; i < LUN_APP_METRIC_COUNT; i++) {
        set(row, i, 0);
    }
    (void)snprintf(row->release, sizeof row->release, "%s", release);
    (void)snprintf(row->app, sizeof row->app, "%s", app);
}

static struct lun_app_metrics *find_row(const char *app, const char *release)
{
    for (int i = 0; i < OTHER; i++) {
        struct lun_app_metrics *row = &own->rows[i];
        if (row->app[0] != '\0' && is_same(row->app, LUN_APP_NAME, app) &&
            is_same(row->release, LUN_APP_RELEASE, release)) {
            return row;
        }
    }
    struct lun_app_metrics *row = find_unused();
    if (row != NULL) {
        name_row(row, app, release);
    } else {
        row = &own->rows[OTHER];
        if (row->app[0] == '\0') {
            name_row(row, "other", "other");
        }
    }
    return row;
}

struct lun_app_metrics *lun_app_metrics_take(const char *app,
                                             const char *release)
{
    struct lun_app_metrics *row = find_row(app, release);
    row->users++;
    row->used_ns = lun_clock_monotonic_ns();
    return row;
}

void lun_app_metrics_give(struct lun_app_metrics *row)
{
    if (row != NULL && row->users > 0 && --row->users == 0) {
        clear_gauges(row);
    }
}

void lun_app_metrics_add(struct lun_app_metrics *row,
                         enum lun_app_metric metric, uint64_t amount)
{
    set(row, metric, get(row, metric) + amount);
}

void lun_app_metrics_set(struct lun_app_metrics *row,
                         enum lun_app_metric metric, uint64_t value)
{
    set(row, metric, value);
}

static enum lun_app_metric metric_of(const char *limit)
{
    char label[32];
    (void)snprintf(label, sizeof label, "limit=\"%s\"", limit);
    for (int i = 0; i < LUN_APP_METRIC_COUNT; i++) {
        if (strcmp(columns[i].labels, label) == 0) {
            return (enum lun_app_metric)i;
        }
    }
    return LUN_APP_STOPPED;
}

void lun_app_metrics_stopped(struct lun_app_metrics *row, const char *limit)
{
    lun_app_metrics_add(row, LUN_APP_ERRORS, 1);
    lun_app_metrics_add(row, metric_of(limit), 1);
}

/* What runs
 * -------------------------------------------------------------------- */

void lun_app_metrics_enter(struct lun_app_metrics *row, const char *request)
{
    size_t len = strnlen(request, LUN_APP_REQUEST - 1);
    memcpy(own->request, request, len);
    own->request[len] = '\0';
    atomic_store_explicit(&own->since_ns, lun_clock_monotonic_ns(),
                          memory_order_relaxed);
    atomic_store_explicit(&own->running, (uint32_t)(row - own->rows) + 1,
                          memory_order_release);
}

void lun_app_metrics_leave(void)
{
    atomic_store_explicit(&own->running, 0, memory_order_release);
}

static void copy_text(char *out, const char *text, size_t size)
{
    memcpy(out, text, size);
    out[size - 1] = '\0';
}

bool lun_app_metrics_running(struct lun_metrics *metrics, unsigned slot,
                             struct lun_app_running *out)
{
    const struct lun_apps_table *table = lun_apps_table_of(metrics, slot);
    if (table == NULL) {
        return false;
    }
    uint32_t number =
        atomic_load_explicit(&table->running, memory_order_acquire);
    if (number == 0 || number > LUN_APPS_ROWS) {
        return false;
    }
    const struct lun_app_metrics *row = &table->rows[number - 1];
    copy_text(out->app, row->app, sizeof out->app);
    copy_text(out->release, row->release, sizeof out->release);
    copy_text(out->request, table->request, sizeof out->request);
    out->since_ns =
        atomic_load_explicit(&table->since_ns, memory_order_relaxed);
    return true;
}

uint64_t lun_app_metrics_sum(struct lun_metrics *metrics, const char *release,
                             enum lun_app_metric metric)
{
    uint64_t sum = 0;
    for (unsigned slot = 0; slot < 2 * lun_apps_table_workers(metrics);
         slot++) {
        const struct lun_apps_table *table = lun_apps_table_of(metrics, slot);
        for (size_t i = 0; i < LUN_APPS_ROWS; i++) {
            const struct lun_app_metrics *row = &table->rows[i];
            if (strncmp(row->release, release, sizeof row->release - 1) == 0) {
                sum += atomic_load_explicit(&row->values[metric],
                                            memory_order_relaxed);
            }
        }
    }
    return sum;
}

void lun_app_metrics_forget(struct lun_metrics *metrics, unsigned slot)
{
    struct lun_apps_table *table = lun_apps_table_of(metrics, slot);
    if (table != NULL) {
        atomic_store_explicit(&table->running, 0, memory_order_release);
    }
}

/* Prometheus ------------------------------------------------------------------
 */

static void push_label(struct lun_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            lun_buf_push_str(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\') {
            lun_buf_push_byte(out, '\\');
        }
        lun_buf_push_byte(out, *text);
    }
}

void lun_app_metrics_push_labels(const char *app, const char *release,
                                 struct lun_buf *out)
{
    lun_buf_push_str(out, "{app=\"");
    push_label(out, app);
    lun_buf_push_str(out, "\",release=\"");
    push_label(out, release);
    lun_buf_push_str(out, "\"}");
}

static void push_row(const struct column *column, unsigned slot,
                     const struct lun_app_metrics *row, uint64_t value,
                     struct lun_buf *out)
{
    lun_buf_printf(out, "%s{worker=\"%u\",app=\"", column->name, slot);
    push_label(out, row->app);
    lun_buf_push_str(out, "\",release=\"");
    push_label(out, row->release);
    lun_buf_printf(out, "\"%s%s}", column->labels[0] != '\0' ? "," : "",
                   column->labels);
    if (column->seconds) {
        lun_buf_printf(out, " %" PRIu64 ".%09" PRIu64 "\n", value / 1000000000,
                       value % 1000000000);
    } else {
        lun_buf_printf(out, " %" PRIu64 "\n", value);
    }
}

static const struct lun_app_metrics *
find_same(const struct lun_apps_table *table, const struct lun_app_metrics *row)
{
    for (int i = 0; i < LUN_APPS_ROWS; i++) {
        const struct lun_app_metrics *one = &table->rows[i];
        if (is_same(one->app, LUN_APP_NAME, row->app) &&
            is_same(one->release, LUN_APP_RELEASE, row->release)) {
            return one;
        }
    }
    return NULL;
}

/* The rows of `table`; `second` is the other table of the worker: its rows of
 * the same name are added (`shared`), or left out because they were. */
static void render_table(const struct lun_apps_table *table,
                         const struct lun_apps_table *second, bool shared,
                         unsigned worker, int metric, struct lun_buf *out)
{
    for (int i = 0; i < LUN_APPS_ROWS; i++) {
        struct lun_app_metrics row;
        copy_text(row.app, table->rows[i].app, sizeof row.app);
        copy_text(row.release, table->rows[i].release, sizeof row.release);
        if (row.app[0] == '\0') {
            continue;
        }
        const struct lun_app_metrics *same = find_same(second, &row);
        uint64_t more = same != NULL ? get(same, metric) : 0;
        if (shared || same == NULL) {
            push_row(&columns[metric], worker, &row,
                     get(&table->rows[i], metric) + more, out);
        }
    }
}

static void render_worker(struct lun_metrics *metrics, unsigned worker,
                          int metric, struct lun_buf *out)
{
    unsigned workers = lun_apps_table_workers(metrics);
    const struct lun_apps_table *one = lun_apps_table_of(metrics, worker);
    const struct lun_apps_table *two =
        lun_apps_table_of(metrics, worker + workers);
    render_table(one, two, true, worker, metric, out);
    render_table(two, one, false, worker, metric, out);
}

void lun_app_metrics_render(struct lun_metrics *metrics, struct lun_buf *out)
{
    for (int i = 0; i < LUN_APP_METRIC_COUNT; i++) {
        const struct column *column = &columns[i];
        if (i == 0 || strcmp(columns[i - 1].name, column->name) != 0) {
            lun_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", column->name,
                           column->help, column->name,
                           column->gauge ? "gauge" : "counter");
        }
        for (unsigned worker = 0; worker < lun_apps_table_workers(metrics);
             worker++) {
            render_worker(metrics, worker, i, out);
        }
    }
}
