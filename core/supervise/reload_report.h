/*
 * core/supervise/reload_report.h - what a load says: on the terminal, in the
 * log, in the status, to the one who asked. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

struct lun_loadout;

struct lun_reload_success {
    const struct lun_loadout *loadout; /* what is served now */
    const char *changes;               /* its new releases, "" for none */
    uint64_t epoch;
    uint64_t ms;        /* since it was saved or asked for */
    uint64_t switch_us; /* from prepare to the last worker's commit */
    bool back;
};

/* Says each line on the terminal, `before` in front of it; lines may be NULL.
 */
void lun_reload_say(const char *before, const char *lines);
/* Says, logs, and writes the answer. */
void lun_reload_report_success(const struct lun_reload_success *success,
                               struct lun_buf *body);
/* The answer to one whose job was refused. */
void lun_reload_report_refusal(const struct lun_loadout *loadout,
                               const char *message, struct lun_buf *body);
/* `last_error` of the status, NUL-ended. */
void lun_reload_report_error(const struct lun_loadout *loadout,
                             const char *message, struct lun_buf *out);
