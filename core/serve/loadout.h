/*
 * core/serve/loadout.h - what a loader process reported.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The loader prints one JSON object on its stdout:
 *   {"ok":true,"id":ID,"file":PATH,"releases":[{"app","version","hash"}],
 *    "warnings":[{"file","line","message"}],"steps":[TEXT],"sql":[TEXT],
 *    "epoch":N,"apps":TEXT,"policy":HASH,"by":WHO,"why":TEXT,"name":RELEASE,
 *    "trials":[{"app","hash","errors","requests","within_ms"}],
 *    "same":BOOL,"fits":BOOL}       see struct lun_loadout
 *   {"ok":true,"warm":true,...}     the target of a rollback is the warm set
 *   {"ok":true,"list":[...]}        the releases that were asked for
 *   {"ok":false,"errors":[{"file","line","message"}]}
 * Entries with a line may bring its text: see core/config/excerpt.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/serve/probation.h"

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
    struct lun_buf sql;         /* the same: statements that were run */
    struct lun_buf list;        /* the same: releases that were asked for */
    struct lun_buf confirm;     /* the same: what has to be confirmed */
    /* For the row of lunette.release_set that makes all nodes serve it. */
    uint64_t epoch;      /* of the row that it was made from */
    struct lun_buf apps; /* {"app":"full hash"} */
    struct lun_buf by;
    struct lun_buf why;
    struct lun_buf policy;
    struct lun_buf tests; /* "3 tests passed", or "" */
    struct lun_buf name;  /* of the release that is new, or "" */
    /* How its releases are watched; those that are not new, too. */
    struct lun_probation_limits *trials;
    size_t trial_count;
    bool same; /* the row says it already */
    bool fits; /* what serves now may be gone back to at once */
    bool warm; /* the workers have the set beside theirs */
    bool forbidden;
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

/* Keeps the trials of those releases that `before` does not have; how many. */
size_t lun_loadout_new_trials(struct lun_loadout *loadout,
                              const struct lun_loadout *before);
