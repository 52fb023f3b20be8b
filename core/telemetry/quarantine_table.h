/*
 * core/telemetry/quarantine_table.h - its place in the shared memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only for core/telemetry.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "core/telemetry/quarantine.h"

struct lun_quarantine_table {
    _Atomic uint32_t count;
    struct lun_quarantine_entry entries[LUN_QUARANTINE_MAX];
};

/* Makes `table` the one that this process asks. */
void lun_quarantine_table_use(const struct lun_quarantine_table *table);
struct lun_quarantine_table *
lun_quarantine_table_of(struct lun_metrics *metrics);
