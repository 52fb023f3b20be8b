/*
 * modules/http/fetch.h - one request of an app: its tries, its redirects.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

struct lun_fetch;
struct lun_fetch_pool;
struct lun_module_ask;

/* Begins; leads to one answer or refusal. */
void lun_fetch_begin(struct lun_fetch_pool *pool, struct lun_module_ask *ask);
/* Refuses with `why` and ends. */
void lun_fetch_cancel(struct lun_fetch *fetch, const char *why);
