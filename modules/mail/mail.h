/*
 * modules/mail/mail.h - one message of the queue, and what became of a try.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

enum lun_mail_outcome {
    LUN_MAIL_WAITS,    /* not tried yet */
    LUN_MAIL_SENT,     /* everybody has it */
    LUN_MAIL_LATER,    /* somebody of `left` may have it later */
    LUN_MAIL_PARKED,   /* nobody is left, and somebody was refused for good */
    LUN_MAIL_GIVEN_UP, /* the worker ends before it was tried */
};

enum { LUN_MAIL_PROBLEM = 320 };

struct lun_mail_item {
    struct lun_mail_item *next;
    char id[40];
    char *app;
    char *options;    /* of the app's grant, JSON; NULL: it has none */
    char *message;    /* JSON (lua/lunette/mail/message.lua) */
    char *recipients; /* JSON, a list of addresses */
    char *refused;    /* JSON, a list of { address, problem } */
    int tries;        /* with this one */
    enum lun_mail_outcome outcome;
    bool silent;                /* the server did not even take the sender */
    struct lun_buf left;        /* JSON, as recipients */
    struct lun_buf refused_now; /* JSON, as refused, with those before */
    char problem[LUN_MAIL_PROBLEM];
};

void lun_mail_item_free(struct lun_mail_item *item);
