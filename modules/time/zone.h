/*
 * modules/time/zone.h - time zones of the system's tzdata (RFC 8536).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lun_time_zone; /* opaque; kept until the process ends */

struct lun_time_offset {
    int32_t seconds; /* ahead of UTC */
    char name[16];   /* "CEST" */
};

/* The zone of a name ("Europe/Berlin"), read at its first use; NULL when there
 * is none. */
const struct lun_time_zone *lun_time_zone_find(const char *name);
/* What holds at a time (seconds since 1970). */
void lun_time_zone_at(const struct lun_time_zone *zone, int64_t time,
                      struct lun_time_offset *out);
