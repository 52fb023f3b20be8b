/*
 * modules/mail/dialogue.h - what client and server said to each other.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl tells only how it ended; which recipient was refused, and whether for
 * good, stands in the replies.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

enum { LUN_MAIL_REPLY = 240 };

struct lun_mail_reply {
    int code; /* 0: none */
    char text[LUN_MAIL_REPLY];
};

struct lun_mail_dialogue {
    char verb[8];               /* of the last command */
    struct lun_mail_reply last; /* to it */
    struct lun_mail_reply *recipients;
    size_t count; /* of these */
    size_t asked; /* RCPT commands so far */
    bool over;    /* QUIT was said */
};

/* Makes `easy` tell its dialogue; `recipients` has room for `count` replies. */
void lun_mail_dialogue_attach(struct lun_mail_dialogue *dialogue, CURL *easy,
                              struct lun_mail_reply *recipients, size_t count);
