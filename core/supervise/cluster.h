/*
 * core/supervise/cluster.h - the files of the private PostgreSQL cluster.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the programs are, where the cluster and its socket live, how it is made
 * and set up. postgres.h runs it.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/os/process.h"

struct lun_config;
struct lun_datadir;
struct lun_err;

struct lun_cluster {
    struct lun_process_user user; /* whose process the server is */
    char superuser[64];           /* database role of the operator */
    char bin[PATH_MAX];           /* folder with initdb and postgres */
    char data[PATH_MAX];          /* the cluster */
    char socket[PATH_MAX];        /* folder of the socket */
    bool socket_is_short;         /* it is one in /tmp, gone with the server */
    char log[PATH_MAX];
};

/* Finds or makes everything on the disk; the server must not run. Blocks. */
int lun_cluster_prepare(const struct lun_config *config,
                        const struct lun_datadir *dir,
                        struct lun_cluster *cluster, struct lun_err *err);
/* A libpq connection string for a database and a role. */
int lun_cluster_conninfo(const struct lun_cluster *cluster, const char *role,
                         const char *database, char *out, size_t size);
/* Makes roles and database on the running server, once. Blocks. */
int lun_cluster_setup(const struct lun_cluster *cluster, struct lun_err *err);
/* Pid of a postmaster that runs on cluster folder `data`, else 0. */
pid_t lun_cluster_postmaster(const char *data);
