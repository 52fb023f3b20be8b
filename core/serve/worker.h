/*
 * core/serve/worker.h - a worker process.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <sys/types.h>

struct lun_config;

struct lun_worker_options {
    const struct lun_config *config;
    const char *data; /* data folder */
    unsigned slot;
    unsigned metrics_slot; /* in the memory of the metrics */
    pid_t parent;          /* the supervisor; ends when that is gone */
    const char *set;       /* file of the release set to begin with */
};

/*
 * Serves on the descriptors of core/serve/control.h until the supervisor says
 * drain or goes away, or SIGTERM comes. Returns the exit code.
 */
int lun_worker_main(const struct lun_worker_options *options);
