/*
 * modules/mail/rest.h - servers that did not answer are left alone for a while.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

enum { LUN_MAIL_RESTS = 32 };

struct lun_mail_rest {
    char *app; /* NULL: the place is free */
    char *options;
    uint64_t until_ns;
    unsigned failures; /* in a row */
};

struct lun_mail_rests {
    struct lun_mail_rest list[LUN_MAIL_RESTS];
};

/* The server of `app` did not answer, or did. */
void lun_mail_rests_add(struct lun_mail_rests *rests, const char *app,
                        const char *options);
void lun_mail_rests_drop(struct lun_mail_rests *rests, const char *app);
void lun_mail_rests_release(struct lun_mail_rests *rests);
/* The entry at `index` when its app rests now, else NULL. */
const struct lun_mail_rest *
lun_mail_rests_find(const struct lun_mail_rests *rests, unsigned index);
