/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/guard.h"

/* A browser that cancels 100 requests at once is still served. */
#define POINTS_MAX 2000
#define MS_A_POINT 5

void lun_http_guard_init(struct lun_http_guard *guard, uint64_t now)
{
    guard->points = POINTS_MAX;
    guard->since = now;
}

void lun_http_guard_earn(struct lun_http_guard *guard, int points)
{
    guard->points += points;
    if (guard->points > POINTS_MAX)
        guard->points = POINTS_MAX;
}

static void earn_by_time(struct lun_http_guard *guard, uint64_t now)
{
    uint64_t points = (now - guard->since) / MS_A_POINT;
    if (points > POINTS_MAX) {
        points = POINTS_MAX;
        guard->since = now;
    } else {
        guard->since += points * MS_A_POINT;
    }
    lun_http_guard_earn(guard, (int)points);
}

bool lun_http_guard_spend(struct lun_http_guard *guard, uint64_t now, int cost)
{
    earn_by_time(guard, now);
    if (guard->points < cost)
        return false;
    guard->points -= cost;
    return true;
}
