/*
 * core/supervise/status.h - what a running host shows of itself.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One JSON object, kept in status.json of the data folder and printed by
 * `lunette status --json`:
 *   running, version, url, ops_url, started (UTC), data, apps
 *   pids      {supervisor, postgres, nats, workers: [..]}   null: not there
 *   ports     {http, ops, nats}
 *   socket    folder of the private PostgreSQL's socket; null: external
 *   database  name of the database
 *   workers   [{slot, pid, state, restarts, retiring}]   retiring: old
 *             processes of the slot that finish what they have begun
 *   crashes   [{time, worker, pid, signal, status, stuck, isolated, app,
 * release, request}], the last first; app null: no app's code was running
 *   upgrade   {under_way, done, refused, last_error}   of the program
 *   quarantine  [{app, release, reason, since}]
 *   set       id of the release set that is served
 *   epoch     its row in lunette.release_set; 0: none
 *   taken_back  why a release was taken back last, or null
 *   releases  [{app, version, hash, release: "app@version+hash"}]
 *   loads     {good, failed}
 *   last_error  null after a good load, else {time, message,
 *               errors: [{file, line, message}]}
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"

struct lun_config;
struct lun_crashes;
struct lun_nats;
struct lun_postgres;
struct lun_quarantine;
struct lun_reload;
struct lun_workers;

/* What it is made of; members may be NULL before they are there. */
struct lun_status {
    const struct lun_config *config;
    const char *data;
    const char *url;
    const char *ops_url;
    const char *started;
    int port;
    int ops_port;
    const char *database; /* name */
    const struct lun_postgres *postgres;
    const struct lun_nats *nats;
    const struct lun_workers *workers;
    const struct lun_reload *reload;
    const struct lun_crashes *crashes;
    bool upgrading;
    uint64_t upgrades;
    uint64_t upgrades_refused;
    const char *upgrade_error; /* "": the last one worked */
    const struct lun_quarantine *quarantine;
};

void lun_status_write(const struct lun_status *status, struct lun_buf *out);
/* Prints the object `json` for a person. */
void lun_status_print(const char *json, size_t len);
