/*
 * core/supervise/running.h - what a command learns of the host on its data
 * folder. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "core/base/buf.h"

struct lun_config;

/* A text of the running host's status, say "ops_url" or "apps"; NULL when none
 * runs on the data folder. free() it. */
char *lun_running_text(const struct lun_config *config, const char *name);
/* Its whole status, as JSON. */
bool lun_running_status(const struct lun_config *config, struct lun_buf *out);
/* The release set that it serves, as JSON. */
bool lun_running_set(const struct lun_config *config, struct lun_buf *out);
