/*
 * core/serve/worker_user.h - the account that workers run under.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Started as root, the supervisor keeps that (it starts PostgreSQL under an
 * account of its own and binds ports), but workers become somebody who owns
 * nothing: they read what only root may read, then change before any code of an
 * app is loaded.
 */
#pragma once

#include <stddef.h>

struct lun_config;
struct lun_datadir;
struct lun_err;
struct lun_process_user;

/*
 * Decides by the setting `user` and by trial: `out` (of `size`) becomes its
 * name, or "" when workers stay what the supervisor is. `preferred` is what an
 * empty setting takes. That a default does not work is said; that the setting
 * does not is an error. Blocks.
 */
int lun_worker_user_choose(const struct lun_config *config,
                           const struct lun_datadir *dir, const char *preferred,
                           char *out, size_t size, struct lun_err *err);

/* Lets it read the release sets and write the log, nothing else of the data
 * folder. */
int lun_worker_user_admit(const char *name, const struct lun_datadir *dir,
                          const char *log, struct lun_err *err);

/* In the worker, while it is still root. */
int lun_worker_user_become(const char *name, struct lun_err *err);
