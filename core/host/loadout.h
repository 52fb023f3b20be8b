/*
 * core/host/loadout.h - what a loader process reported.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The loader prints one JSON object on its stdout:
 *   {"ok":true,"id":ID,"file":PATH,"releases":[{"app","version","hash"}],
 *    "warnings":[{"file","line","message"}],"steps":[TEXT]}
 *   {"ok":false,"errors":[{"file","line","message"}]}
 * Entries with a line may bring its text: see core/host/excerpt.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct lun_err;

struct lun_loadout_app {
    char *app;
    char *version;
    char *hash;
};

struct lun_loadout {
    bool ok;
    char id[72];
    char path[4096];
    struct lun_loadout_app *releases;
    size_t count;
    struct lun_buf warnings;    /* lines of lun_excerpt_push, NUL-ended */
    struct lun_buf steps;       /* lines: what changed in the database */
    struct lun_buf errors;      /* lines */
    struct lun_buf errors_json; /* the list as it came */
};

/* Reads a report; on failure `out` needs no release. */
int lun_loadout_parse(const char *text, size_t len, struct lun_loadout *out,
                      struct lun_err *err);
/* Reads the head of a compiled set: its id and releases. */
int lun_loadout_read_set(const char *path, struct lun_loadout *out,
                         struct lun_err *err);
void lun_loadout_release(struct lun_loadout *loadout);

/* "sales@1.0.0+1a2b3c4d" of each release that `before` does not have. */
void lun_loadout_changes(const struct lun_loadout *loadout,
                         const struct lun_loadout *before, struct lun_buf *out);
