/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/rest.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

#define FIRST_NS 2000000000ULL
#define LONGEST_NS 60000000000ULL

static void clear(struct lun_mail_rest *rest)
{
    free(rest->app);
    free(rest->options);
    *rest = (struct lun_mail_rest){0};
}

static struct lun_mail_rest *entry_of(struct lun_mail_rests *rests,
                                      const char *app)
{
    for (unsigned i = 0; i < LUN_MAIL_RESTS; i++)
        if (rests->list[i].app && !strcmp(rests->list[i].app, app))
            return &rests->list[i];
    return NULL;
}

/* A free place, or that of the app whose rest ends first. */
static struct lun_mail_rest *place_of(struct lun_mail_rests *rests)
{
    struct lun_mail_rest *best = &rests->list[0];
    for (unsigned i = 0; i < LUN_MAIL_RESTS && best->app; i++)
        if (!rests->list[i].app || rests->list[i].until_ns < best->until_ns)
            best = &rests->list[i];
    clear(best);
    return best;
}

void lun_mail_rests_add(struct lun_mail_rests *rests, const char *app,
                        const char *options)
{
    struct lun_mail_rest *rest = entry_of(rests, app);
    if (rest && strcmp(rest->options, options)) {
        clear(rest);
        rest = NULL;
    }
    uint64_t now = lun_clock_monotonic_ns();
    if (rest && rest->until_ns > now)
        return; /* of the same silence */
    if (!rest) {
        rest = place_of(rests);
        rest->app = strdup(app);
        rest->options = strdup(options);
        if (!rest->app || !rest->options) {
            clear(rest);
            return;
        }
    }
    uint64_t pause = FIRST_NS << (rest->failures < 5 ? rest->failures : 5);
    rest->failures++;
    rest->until_ns = now + (pause < LONGEST_NS ? pause : LONGEST_NS);
}

void lun_mail_rests_drop(struct lun_mail_rests *rests, const char *app)
{
    struct lun_mail_rest *rest = entry_of(rests, app);
    if (rest)
        clear(rest);
}

void lun_mail_rests_release(struct lun_mail_rests *rests)
{
    for (unsigned i = 0; i < LUN_MAIL_RESTS; i++)
        clear(&rests->list[i]);
}

const struct lun_mail_rest *
lun_mail_rests_find(const struct lun_mail_rests *rests, unsigned index)
{
    const struct lun_mail_rest *rest = &rests->list[index];
    return rest->app && rest->until_ns > lun_clock_monotonic_ns() ? rest : NULL;
}
