/*
 * core/telemetry/metrics.c - numbers in shared memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/telemetry/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/telemetry/apps_table.h"
#include "core/telemetry/quarantine_table.h"

#define MAGIC 0x6c756e6d65747233u /* a supervisor of another build differs */
#define BUCKETS 14

/* Upper bounds of the buckets of request times, and how they are printed. */
static const uint64_t bucket_ns[BUCKETS] = {
    100000,   250000,   500000,    1000000,   2500000,   5000000,    10000000,
    25000000, 50000000, 100000000, 250000000, 500000000, 1000000000, 5000000000,
};
static const char *const bucket_text[BUCKETS] = {
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
    "0.025",  "0.05",    "0.1",    "0.25",  "0.5",    "1",     "5",
};

struct slot {
    _Alignas(64) _Atomic uint64_t values[LUN_METRIC_COUNT];
    _Atomic uint64_t buckets[BUCKETS + 1]; /* the last one: everything above */
    _Atomic uint64_t duration_ns;
    struct lun_apps_table apps;
};

struct lun_metrics {
    uint64_t magic;
    uint32_t workers;
    uint32_t slots; /* twice as many */
    struct lun_quarantine_table quarantine;
    struct slot slot[];
};

struct row {
    bool gauge;
    const char *name;
    const char *labels;
    const char *help;
};

#define COUNTER false
#define GAUGE true
static const struct row rows[LUN_METRIC_COUNT] = {
#define LUN_METRIC(name, kind, prometheus, labels, help)                       \
    {kind, prometheus, labels, help},
#include "core/telemetry/metrics.def"
#undef LUN_METRIC
};
#undef COUNTER
#undef GAUGE

static struct slot private_slot;
static struct slot *own = &private_slot;

static size_t size_for(unsigned slots)
{
    return sizeof(struct lun_metrics) + slots * sizeof(struct slot);
}

int lun_metrics_create(unsigned workers, int *fd, struct lun_metrics **out,
                       struct lun_err *err)
{
    unsigned slots = 2 * workers;
    size_t size = size_for(slots);
    int memory = memfd_create("lunette-metrics", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, (off_t)size) != 0) {
        int code = errno;
        if (memory >= 0) {
            (void)close(memory);
        }
        return lun_error_set(err, LUN_EIO, "cannot make shared memory: %s",
                             strerror(code));
    }
    struct lun_metrics *metrics =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (metrics == MAP_FAILED) {
        (void)close(memory);
        return lun_error_set(err, LUN_EMEMORY, "cannot map shared memory");
    }
    metrics->magic = MAGIC;
    metrics->workers = workers;
    metrics->slots = slots;
    *fd = memory;
    *out = metrics;
    return 0;
}

int lun_metrics_attach(int fd, unsigned slot, struct lun_err *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || (size_t)info.st_size < size_for(slot + 1)) {
        return lun_error_set(err, LUN_EIO,
                             "descriptor %d is no metrics memory with slot %u",
                             fd, slot);
    }
    struct lun_metrics *metrics = mmap(
        NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (metrics == MAP_FAILED) {
        return lun_error_set(err, LUN_EMEMORY, "cannot map shared memory");
    }
    if (metrics->magic != MAGIC || slot >= metrics->slots) {
        (void)munmap(metrics, (size_t)info.st_size);
        return lun_error_set(err, LUN_EIO,
                             "descriptor %d is no metrics memory with slot %u",
                             fd, slot);
    }
    own = &metrics->slot[slot];
    lun_metrics_clear_gauges(metrics, slot);
    lun_apps_table_use(&metrics->slot[slot].apps);
    lun_quarantine_table_use(&metrics->quarantine);
    return 0;
}

void lun_metrics_clear_gauges(struct lun_metrics *metrics, unsigned slot)
{
    for (int i = 0; i < LUN_METRIC_COUNT && slot < metrics->slots; i++) {
        if (rows[i].gauge) {
            atomic_store_explicit(&metrics->slot[slot].values[i], 0,
                                  memory_order_relaxed);
        }
    }
}

void lun_metrics_free(struct lun_metrics *metrics)
{
    if (metrics != NULL) {
        (void)munmap(metrics, size_for(metrics->slots));
    }
}

/* One writer per slot: a plain add on a relaxed load and store is enough and
 * costs no locked instruction. */
static void bump(_Atomic uint64_t *cell, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + amount, memory_order_relaxed);
}

void lun_metrics_add(enum lun_metric metric, uint64_t amount)
{
    bump(&own->values[metric], amount);
}

void lun_metrics_set(enum lun_metric metric, uint64_t value)
{
    atomic_store_explicit(&own->values[metric], value, memory_order_relaxed);
}

uint64_t lun_metrics_get(enum lun_metric metric)
{
    return atomic_load_explicit(&own->values[metric], memory_order_relaxed);
}

void lun_metrics_observe_request(int status, uint64_t duration_ns)
{
    int class = status / 100;
    if (class >= 2 && class <= 5) {
        bump(&own->values[LUN_METRIC_HTTP_2XX + class - 2], 1);
    }
    int bucket = 0;
    while (bucket < BUCKETS && duration_ns > bucket_ns[bucket]) {
        bucket++;
    }
    bump(&own->buckets[bucket], 1);
    bump(&own->duration_ns, duration_ns);
}

uint64_t lun_metrics_read(const struct lun_metrics *metrics, unsigned slot,
                          enum lun_metric metric)
{
    if (slot >= metrics->slots) {
        return 0;
    }
    return atomic_load_explicit(&metrics->slot[slot].values[metric],
                                memory_order_relaxed);
}

struct lun_apps_table *lun_apps_table_of(struct lun_metrics *metrics,
                                         unsigned slot)
{
    return slot < metrics->slots ? &metrics->slot[slot].apps : NULL;
}

struct lun_quarantine_table *
lun_quarantine_table_of(struct lun_metrics *metrics)
{
    return &metrics->quarantine;
}

unsigned lun_apps_table_workers(const struct lun_metrics *metrics)
{
    return metrics->workers;
}

static void render_head(const char *name, const char *kind, const char *help,
                        struct lun_buf *out)
{
    lun_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void render_row(const struct lun_metrics *metrics, int index,
                       struct lun_buf *out)
{
    const struct row *row = &rows[index];
    if (index == 0 || strcmp(rows[index - 1].name, row->name) != 0) {
        render_head(row->name, row->gauge ? "gauge" : "counter", row->help,
                    out);
    }
    enum lun_metric metric = (enum lun_metric)index;
    for (unsigned i = 0; i < metrics->workers; i++) {
        uint64_t value =
            lun_metrics_read(metrics, i, metric) +
            lun_metrics_read(metrics, i + metrics->workers, metric);
        lun_buf_printf(out, "%s{worker=\"%u\"%s%s} %" PRIu64 "\n", row->name, i,
                       row->labels[0] != '\0' ? "," : "", row->labels, value);
    }
}

static uint64_t sum_of(const _Atomic uint64_t *one, const _Atomic uint64_t *two)
{
    return atomic_load_explicit(one, memory_order_relaxed) +
           atomic_load_explicit(two, memory_order_relaxed);
}

static void render_times(const struct slot *slot, const struct slot *second,
                         unsigned number, struct lun_buf *out)
{
    static const char name[] = "lunette_http_request_duration_seconds";
    uint64_t sum = 0;
    for (int i = 0; i <= BUCKETS; i++) {
        sum += sum_of(&slot->buckets[i], &second->buckets[i]);
        lun_buf_printf(out, "%s_bucket{worker=\"%u\",le=\"%s\"} %" PRIu64 "\n",
                       name, number, i < BUCKETS ? bucket_text[i] : "+Inf",
                       sum);
    }
    uint64_t ns = sum_of(&slot->duration_ns, &second->duration_ns);
    lun_buf_printf(out, "%s_sum{worker=\"%u\"} %" PRIu64 ".%09" PRIu64 "\n",
                   name, number, ns / 1000000000, ns % 1000000000);
    lun_buf_printf(out, "%s_count{worker=\"%u\"} %" PRIu64 "\n", name, number,
                   sum);
}

void lun_metrics_render(struct lun_metrics *metrics, struct lun_buf *out)
{
    for (int i = 0; i < LUN_METRIC_COUNT; i++) {
        render_row(metrics, i, out);
    }
    render_head("lunette_http_request_duration_seconds", "histogram",
                "Time from the first byte of a request to its answer.", out);
    for (unsigned i = 0; i < metrics->workers; i++) {
        render_times(&metrics->slot[i], &metrics->slot[i + metrics->workers], i,
                     out);
    }
    lun_app_metrics_render(metrics, out);
}
