/*
 * core/serve/trial.h - functions of apps, run for a developer at a terminal.
 * SPDX-License-Identifier: Apache-2.0
 *
 * `lunette test` and `lunette shell` run the code of apps in a process of their
 * own: in the same VMs as workers, with the same limits and rights, on a
 * database that they name. Nothing listens, so nobody but who may start a
 * program with the data folder of the host can reach it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct lun_config;
struct lun_err;
struct lun_trial; /* opaque */

struct lun_trial_options {
    const struct lun_config
        *config;     /* outlives the trial; `database` is used */
    const char *set; /* file of the release set */
    bool alone;      /* modules that reach outside do not work */
};

int lun_trial_open(const struct lun_trial_options *options,
                   struct lun_trial **out, struct lun_err *err);
void lun_trial_close(struct lun_trial *trial);

/*
 * Does what `json` asks of lunette.runtime.trial and appends the answer, JSON
 * as well. Runs the loop until it is done, at most `ms`. What the framework
 * itself could not do is an error; what the app did wrong is part of the
 * answer.
 */
int lun_trial_run(struct lun_trial *trial, const char *json, size_t len,
                  unsigned ms, struct lun_buf *out, struct lun_err *err);
