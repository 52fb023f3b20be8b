/*
 * core/telemetry/quarantine.c - which releases of apps must not run.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/telemetry/quarantine.h"

#include <string.h>

#include "core/telemetry/quarantine_table.h"

static struct lun_quarantine_table private_table;
static const struct lun_quarantine_table *own = &private_table;

void lun_quarantine_table_use(const struct lun_quarantine_table *table)
{
    own = table;
}

/* The supervisor may be writing: a text is always ended, and who reads it half
 * written gets it right at the next call. */
bool lun_quarantine_find(const char *app, const char *release,
                         char reason[LUN_QUARANTINE_REASON])
{
    uint32_t count = atomic_load_explicit(&own->count, memory_order_acquire);
    for (uint32_t i = 0; i < count && i < LUN_QUARANTINE_MAX; i++) {
        const struct lun_quarantine_entry *entry = &own->entries[i];
        if (strncmp(entry->app, app, LUN_APP_NAME - 1) == 0 &&
            strncmp(entry->release, release, LUN_APP_RELEASE - 1) == 0) {
            memcpy(reason, entry->reason, LUN_QUARANTINE_REASON);
            reason[LUN_QUARANTINE_REASON - 1] = '\0';
            return true;
        }
    }
    return false;
}

void lun_quarantine_publish(struct lun_metrics *metrics,
                            const struct lun_quarantine_entry *entries,
                            size_t count)
{
    struct lun_quarantine_table *table = lun_quarantine_table_of(metrics);
    if (count > LUN_QUARANTINE_MAX) {
        count = LUN_QUARANTINE_MAX;
    }
    memcpy(table->entries, entries, count * sizeof entries[0]);
    atomic_store_explicit(&table->count, (uint32_t)count, memory_order_release);
}
