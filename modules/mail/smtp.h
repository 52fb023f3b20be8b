/*
 * modules/mail/smtp.h - messages to an SMTP server, blocking.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For a thread of its own: libcurl waits for the answer to QUIT when it closes
 * a connection, which the loop of a worker must not.
 */
#pragma once

#include <stdatomic.h>

struct lun_mail_item;
struct lun_mail_smtp; /* opaque: a connection and whose it is */

/* `stop` ends what is under way once it is true. NULL when memory ran out. */
struct lun_mail_smtp *lun_mail_smtp_new(const atomic_bool *stop);
void lun_mail_smtp_free(struct lun_mail_smtp *smtp);
/* Tries to send; sets what became of it. Uses the connection of the item before
 * when it is the same app's, with the same options. Once a server was silent,
 * the rest is not tried: one lane is for one app. */
void lun_mail_smtp_send(struct lun_mail_smtp *smtp, struct lun_mail_item *item);
