/*
 * core/http/guard.h - how much trouble one HTTP/2 connection may make.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Frames that are cheap to send and bring nothing forward (pings, settings,
 * resets, empty data, ...) cost points; time and answered requests bring points
 * back. Whoever has none left is a flood (CVE-2019-9511 to 9518,
 * CVE-2023-44487, CVE-2025-8671).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lun_http_guard {
    int points;
    uint64_t since; /* when time was last counted, in milliseconds */
};

/* Begins with all points. */
void lun_http_guard_init(struct lun_http_guard *guard, uint64_t now);
/* Takes `cost`; false when there is not so much left. */
bool lun_http_guard_spend(struct lun_http_guard *guard, uint64_t now, int cost);
void lun_http_guard_earn(struct lun_http_guard *guard, int points);
