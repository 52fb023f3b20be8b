/*
 * core/supervise/quarantine.h - apps that must not run, kept in the data
 * folder. SPDX-License-Identifier: Apache-2.0
 *
 * One file an app: quarantine/<app>.json {app, release, reason, since}. To take
 * the file away is to let the app out; the supervisor notices it. Blocking.
 */
#pragma once

#include <limits.h>

#include "core/base/buf.h"
#include "core/telemetry/quarantine.h"

struct lun_datadir;
struct lun_err;

struct lun_quarantine {
    struct lun_quarantine_entry entry[LUN_QUARANTINE_MAX]; /* by app */
    char since[LUN_QUARANTINE_MAX][32];                    /* UTC */
    size_t count;
};

/* Makes the folder; `out` is its path. */
int lun_quarantine_folder(const struct lun_datadir *dir, char out[PATH_MAX],
                          struct lun_err *err);
/* Reads all; a file that is none of ours is passed over. */
void lun_quarantine_read(const struct lun_datadir *dir,
                         struct lun_quarantine *out);
int lun_quarantine_add(const struct lun_datadir *dir,
                       const struct lun_quarantine_entry *entry,
                       struct lun_err *err);
/* LUN_ENOT_FOUND when the app is not in quarantine. */
int lun_quarantine_remove(const struct lun_datadir *dir, const char *app,
                          struct lun_err *err);
/* The entry of `app`, or NULL. */
const struct lun_quarantine_entry *
lun_quarantine_of(const struct lun_quarantine *quarantine, const char *app);
/* A JSON list of {app, release, reason, since}. */
void lun_quarantine_push_json(const struct lun_quarantine *quarantine,
                              struct lun_buf *out);
