/*
 * modules/mail/queue.h - a worker's share of the mails that wait.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rows of lunette.mail are everybody's: a worker claims a few by moving the
 * time at which they are due, renews that while it sends, and deletes what was
 * sent. The rows of a worker that died are due again soon; so a mail is sent at
 * least once, and again with the same Message-ID when its worker died between
 * sending and deleting.
 */
#pragma once

struct lun_mail_queue; /* opaque */
struct lun_module_host;

/* NULL when memory ran out. */
struct lun_mail_queue *lun_mail_queue_new(const struct lun_module_host *host);
/* Something was put into the queue, or will be in a moment. */
void lun_mail_queue_wake(struct lun_mail_queue *queue);
/* Gives up what is not under way; `closed` comes when the rest has ended. */
void lun_mail_queue_stop(struct lun_mail_queue *queue,
                         void (*closed)(void *context), void *context);
