/*
 * core/supervise/supervisor_parts.h - the inside of the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only for core/supervise/supervisor*.c: one object, its start, its end, what
 * it shows.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "core/supervise/supervisor.h"
#include "core/loop/flush.h"

struct lun_buf;
struct lun_crashes;
struct lun_handover;
struct lun_host_control;
struct lun_err;
struct lun_http_request;
struct lun_metrics;
struct lun_net_tls;
struct lun_quarantine;
struct lun_worker_death;

enum { LUN_SUPERVISOR_SIGNALS = 5 };

enum lun_upgrade {
    LUN_UPGRADE_NONE,
    LUN_UPGRADE_CHECKING,  /* the program on the disk tries itself */
    LUN_UPGRADE_CHECKED,   /* waits for a good moment */
    LUN_UPGRADE_REPLACING, /* we are the new program; old workers still serve */
};

struct lun_supervisor {
    uv_loop_t loop;
    struct lun_config *config;
    struct lun_datadir *dir;
    char config_path[PATH_MAX];
    char status_path[PATH_MAX];
    char log_path[PATH_MAX]; /* of requests; "" when it is no file of ours */
    char url[512];
    char ops_url[512];
    char started[32];
    char database[128];
    int tls_fd; /* what workers read as certificate and key; -1: the files */
    uint64_t tls_stamp;  /* of the files that were copied there */
    uint64_t keys_stamp; /* of the folder of signing keys */
    int ops_fd;
    int ops_socket; /* the same, kept for a handover */
    int metrics_fd;
    struct lun_metrics *metrics;
    struct lun_workers *workers;
    struct lun_postgres *postgres;
    struct lun_nats *nats;
    struct lun_reload *reload;
    struct lun_ops *ops;
    struct lun_net_tls *ops_tls; /* NULL: it speaks plain http */
    struct lun_watch *watch;
    struct lun_crashes *crashes;
    struct lun_quarantine *quarantine; /* as in the data folder */
    uv_fs_event_t quarantine_event;
    bool quarantine_event_open;
    uv_signal_t signals[LUN_SUPERVISOR_SIGNALS];
    uv_timer_t housekeeping;
    struct lun_error_echo *echo; /* NULL: stdout is no terminal */
    bool handles_open;
    struct lun_loop_flush flush;
    const struct lun_handover *handover; /* of the program before; or NULL */
    enum lun_upgrade upgrade;
    bool checking; /* `check` runs */
    uv_process_t check;
    uint64_t check_ns;
    uint64_t upgrades;
    uint64_t upgrades_refused;
    char upgrade_error[256]; /* of the last one; "" when it worked */
    pid_t shown_postgres;    /* the pid that status.json has */
    bool ready;              /* has been said */
    bool stopping;
    int exit_code;
    lun_supervisor_ready_cb on_ready;
    void *context;
};

/* supervisor.c */
void lun_supervisor_stop(struct lun_supervisor *self, int exit_code);
void lun_supervisor_write_status(struct lun_supervisor *self);
void lun_supervisor_open_handles(struct lun_supervisor *self);
/* What it is told by its parts. */
void lun_supervisor_on_worker_ready(void *context, unsigned slot,
                                    const char *set);
void lun_supervisor_on_worker_reply(void *context, unsigned slot,
                                    const char *id, const char *error);
void lun_supervisor_on_worker_gone(void *context,
                                   const struct lun_worker_death *death);
void lun_supervisor_on_app_ended(void *context, unsigned slot,
                                 const struct lun_host_control *message);
void lun_supervisor_on_replaced(void *context, const char *error);
void lun_supervisor_on_first_set(void *context, const char *id,
                                 const char *path);
void lun_supervisor_on_change(void *context);
void lun_supervisor_on_hopeless(void *context);
void lun_supervisor_on_saved(void *context, uint64_t since_ns);

/* supervisor_start.c: opens everything; what was opened before a failure is
 * closed by lun_supervisor_stop. */
int lun_supervisor_open(struct lun_supervisor *self, struct lun_err *err);

/* supervisor_renew.c: files that change while workers run. */
int lun_supervisor_renew_open(struct lun_supervisor *self, struct lun_err *err);
/* Workers know all keys that are there now. */
void lun_supervisor_note_keys(struct lun_supervisor *self);
void lun_supervisor_follow_certificate(struct lun_supervisor *self);
void lun_supervisor_renew(struct lun_supervisor *self);

/* supervisor_crash.c: who died of what, and which apps must not run. */
int lun_supervisor_crash_open(struct lun_supervisor *self, struct lun_err *err);
void lun_supervisor_crash_close(struct lun_supervisor *self);
/* An end that nobody has asked for. */
void lun_supervisor_on_death(struct lun_supervisor *self,
                             const struct lun_worker_death *death);
/* Lets out releases that are not served any more. */
void lun_supervisor_free_replaced(struct lun_supervisor *self);
void lun_supervisor_push_crashes(const struct lun_supervisor *self,
                                 struct lun_buf *out);

/* supervisor_upgrade.c: becoming a newer program. */
void lun_supervisor_upgrade(struct lun_supervisor *self);
void lun_supervisor_go_on_upgrading(struct lun_supervisor *self);
void lun_supervisor_end_upgrade(struct lun_supervisor *self, const char *error);
/* The signals that the program before has held back come now. */
void lun_supervisor_arrived(void);

/* supervisor_metrics.c: hooks of the ops port. */
bool lun_supervisor_is_ready(void *context, struct lun_buf *why);
void lun_supervisor_push_metrics(void *context, struct lun_buf *out);
bool lun_supervisor_route(void *context, struct lun_http_request *request);
