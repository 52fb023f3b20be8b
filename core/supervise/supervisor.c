/*
 * core/supervise/supervisor.c - the process that looks after all the others.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/supervisor_parts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/supervise/crashes.h"
#include "core/config/datadir.h"
#include "core/supervise/error_echo.h"
#include "core/supervise/handover.h"
#include "core/supervise/nats.h"
#include "core/supervise/ops.h"
#include "core/supervise/postgres.h"
#include "core/supervise/reload.h"
#include "core/supervise/status.h"
#include "core/supervise/watch.h"
#include "core/serve/worker_user.h"
#include "core/supervise/workers.h"
#include "core/net/tls.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

#define HOUSEKEEPING_MS 500
#define DEATHS_AT_START 3  /* of one worker, before it has ever served */
#define KILL_AFTER_MS 2000 /* past drain_ms, for a worker that does not end */

/* --- status ------------------------------------------------------------- */

static pid_t postgres_pid(const struct lun_supervisor *self)
{
    struct lun_postgres_info info = {.pid = 0};
    if (self->postgres != NULL) {
        lun_postgres_info(self->postgres, &info);
    }
    return info.pid;
}

void lun_supervisor_write_status(struct lun_supervisor *self)
{
    const struct lun_status status = {
        .config = self->config,
        .data = self->dir->path,
        .url = self->url,
        .ops_url = self->ops_url,
        .started = self->started,
        .port = self->config->port,
        .ops_port = self->config->ops_port,
        .database = self->database,
        .postgres = self->postgres,
        .nats = self->nats,
        .workers = self->workers,
        .reload = self->reload,
        .crashes = self->crashes,
        .quarantine = self->quarantine,
        .upgrading = self->upgrade != LUN_UPGRADE_NONE,
        .upgrades = self->upgrades,
        .upgrades_refused = self->upgrades_refused,
        .upgrade_error = self->upgrade_error,
    };
    struct lun_err err;
    struct lun_buf text;
    lun_buf_init(&text);
    lun_status_write(&status, &text);
    self->shown_postgres = postgres_pid(self);
    if (!text.failed && lun_file_write(self->status_path, 0600, text.data,
                                       text.len, false, &err) != 0) {
        lun_console_complain("%s", err.message);
    }
    lun_buf_release(&text);
}

/* --- hooks of the workers ----------------------------------------------- */

static void say_ready(struct lun_supervisor *self)
{
    self->ready = true;
    lun_supervisor_note_keys(self);
    lun_supervisor_write_status(self);
    lun_console_say("ready %s", self->url);
    lun_console_say("ops %s", self->ops_url);
    if (self->config->anonymous_role[0] != '\0') {
        lun_console_say("WARNING: requests without a token have the role '%s'; "
                        "this is for development only",
                        self->config->anonymous_role);
    }
    if (self->on_ready != NULL) {
        self->on_ready(self->context);
    }
}

void lun_supervisor_on_worker_ready(void *context, unsigned slot,
                                    const char *set)
{
    struct lun_supervisor *self = context;
    if (self->stopping) {
        return;
    }
    lun_reload_worker_ready(self->reload, slot, set);
    if (!self->ready && lun_workers_all_ready(self->workers)) {
        say_ready(self);
    } else {
        lun_supervisor_write_status(self);
    }
}

void lun_supervisor_on_worker_reply(void *context, unsigned slot,
                                    const char *id, const char *error)
{
    struct lun_supervisor *self = context;
    if (!self->stopping) {
        lun_reload_worker_reply(self->reload, slot, id, error);
    }
}

void lun_supervisor_on_worker_gone(void *context,
                                   const struct lun_worker_death *death)
{
    struct lun_supervisor *self = context;
    struct lun_worker_info info;
    if (self->stopping) {
        return;
    }
    bool asked = death->signal == 0 && death->status == 0; /* by SIGTERM */
    if (!death->expected && !asked) {
        lun_supervisor_on_death(self, death);
    }
    lun_reload_worker_gone(self->reload, death->slot);
    lun_workers_info(self->workers, death->slot, &info);
    lun_supervisor_write_status(self);
    if (!self->ready && !death->was_ready && info.restarts >= DEATHS_AT_START) {
        lun_console_complain("the workers do not start");
        lun_supervisor_stop(self, 1);
    }
}

void lun_supervisor_on_replaced(void *context, const char *error)
{
    struct lun_supervisor *self = context;
    if (error != NULL) {
        lun_console_complain("%s; the workers there are go on", error);
    }
    if (!self->stopping) {
        lun_supervisor_end_upgrade(self, error);
        lun_supervisor_write_status(self);
    }
}

/* --- hooks of loading --------------------------------------------------- */

void lun_supervisor_on_first_set(void *context, const char *id,
                                 const char *path)
{
    struct lun_supervisor *self = context;
    (void)id;
    lun_reload_set_workers(self->reload, self->workers);
    if (self->handover != NULL) {
        lun_workers_set_current(self->workers, path);
        lun_workers_replace(self->workers);
    } else {
        lun_workers_start(self->workers, path);
    }
}

void lun_supervisor_on_change(void *context)
{
    struct lun_supervisor *self = context;
    if (!self->stopping) {
        lun_supervisor_free_replaced(self);
        lun_supervisor_write_status(self);
    }
}

void lun_supervisor_on_hopeless(void *context)
{
    struct lun_supervisor *self = context;
    if (self->handover != NULL) {
        lun_supervisor_on_replaced(self, "nothing can be loaded");
    } else {
        lun_supervisor_stop(self, 1);
    }
}

void lun_supervisor_on_saved(void *context, uint64_t since_ns)
{
    struct lun_supervisor *self = context;
    lun_reload_request(self->reload, since_ns);
}

/* --- while it runs ------------------------------------------------------ */

/* Workers notice the new file within a second (core/telemetry/log.h). */
static void rotate_log(const struct lun_supervisor *self)
{
    struct stat info;
    char old[PATH_MAX + 4];
    const char *log = self->config->log;
    if (self->log_path[0] != '\0' && stat(self->log_path, &info) == 0 &&
        (size_t)info.st_size > self->config->log_bytes) {
        (void)snprintf(old, sizeof old, "%s.1", self->log_path);
        (void)rename(self->log_path, old);
    }
    /* Workers with an account of their own may not make it. */
    if (self->config->user[0] != '\0' && log[0] == '/' &&
        access(log, F_OK) != 0) {
        (void)lun_worker_user_admit(self->config->user, self->dir, log, NULL);
    }
}

static void on_housekeeping(uv_timer_t *timer)
{
    struct lun_supervisor *self = timer->data;
    rotate_log(self);
    lun_error_echo_show(self->echo);
    if (!self->stopping) {
        lun_supervisor_follow_certificate(self);
        lun_supervisor_go_on_upgrading(self);
    }
    if (!self->stopping && postgres_pid(self) != self->shown_postgres) {
        lun_supervisor_write_status(self);
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct lun_supervisor *self = signal->data;
    if (number == SIGHUP) {
        if (!self->stopping) {
            lun_supervisor_renew(self);
            lun_reload_request(self->reload, lun_clock_monotonic_ns());
        }
    } else if (number == SIGUSR2) {
        if (!self->stopping) {
            lun_supervisor_upgrade(self);
        }
    } else if (number == SIGUSR1) {
        return; /* often "reopen the log", which happens by itself */
    } else if (!self->stopping) {
        lun_console_say("stopping");
        lun_supervisor_stop(self, 0);
    } else if (self->workers != NULL) {
        lun_workers_kill(self->workers);
    }
}

void lun_supervisor_open_handles(struct lun_supervisor *self)
{
    static const int numbers[LUN_SUPERVISOR_SIGNALS] = {SIGTERM, SIGINT, SIGHUP,
                                                        SIGUSR1, SIGUSR2};
    for (int i = 0; i < LUN_SUPERVISOR_SIGNALS; i++) {
        (void)uv_signal_init(&self->loop, &self->signals[i]);
        self->signals[i].data = self;
        (void)uv_signal_start(&self->signals[i], on_signal, numbers[i]);
    }
    self->echo = lun_error_echo_open(self->config, self->log_path);
    (void)uv_timer_init(&self->loop, &self->housekeeping);
    self->housekeeping.data = self;
    (void)uv_timer_start(&self->housekeeping, on_housekeeping, HOUSEKEEPING_MS,
                         HOUSEKEEPING_MS);
    (void)lun_loop_flush_start(&self->loop, &self->flush);
    self->handles_open = true;
}

/* --- the end, one after the other --------------------------------------- */

static void end_handles(void *context)
{
    struct lun_supervisor *self = context;
    self->postgres = NULL;
    if (!self->handles_open) {
        return;
    }
    for (int i = 0; i < LUN_SUPERVISOR_SIGNALS; i++) {
        uv_close((uv_handle_t *)&self->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&self->housekeeping, NULL);
    lun_error_echo_close(self->echo);
    lun_supervisor_crash_close(self);
    lun_loop_flush_stop(&self->flush);
}

static void end_postgres(void *context)
{
    struct lun_supervisor *self = context;
    self->nats = NULL;
    if (self->postgres != NULL) {
        lun_postgres_close(self->postgres, end_handles, self);
    } else {
        end_handles(self);
    }
}

static void end_nats(void *context)
{
    struct lun_supervisor *self = context;
    self->ops = NULL;
    if (self->nats != NULL) {
        lun_nats_close(self->nats, end_postgres, self);
    } else {
        end_postgres(self);
    }
}

static void end_ops(void *context)
{
    struct lun_supervisor *self = context;
    self->workers = NULL;
    if (self->ops != NULL) {
        lun_ops_close(self->ops, end_nats, self);
    } else {
        end_nats(self);
    }
}

static void end_workers(void *context)
{
    struct lun_supervisor *self = context;
    self->reload = NULL;
    if (self->workers != NULL) {
        lun_workers_close(self->workers, self->config->drain_ms + KILL_AFTER_MS,
                          end_ops, self);
    } else {
        end_ops(self);
    }
}

void lun_supervisor_stop(struct lun_supervisor *self, int exit_code)
{
    if (self->stopping) {
        return;
    }
    self->stopping = true;
    self->exit_code = exit_code;
    if (self->watch != NULL) {
        lun_watch_close(self->watch);
        self->watch = NULL;
    }
    if (self->reload != NULL) {
        lun_reload_close(self->reload, end_workers, self);
    } else {
        end_workers(self);
    }
}

static void note_start(struct lun_supervisor *self)
{
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(self->started, sizeof self->started, "%Y-%m-%dT%H:%M:%SZ",
                   &parts);
}

static void release(struct lun_supervisor *self)
{
    (void)uv_loop_close(&self->loop);
    (void)unlink(self->status_path);
    lun_net_tls_close(self->ops_tls);
    lun_metrics_free(self->metrics);
    if (self->metrics_fd >= 0) {
        (void)close(self->metrics_fd);
    }
    if (self->tls_fd >= 0) {
        (void)close(self->tls_fd);
    }
    if (self->ops_socket >= 0) {
        (void)close(self->ops_socket);
    }
    if (self->ops_fd >= 0) {
        (void)close(self->ops_fd);
    }
    lun_log_close();
    lun_crashes_free(self->crashes);
    free(self->quarantine);
    free(self);
}

static struct lun_supervisor *make(struct lun_config *config,
                                   struct lun_datadir *dir)
{
    struct lun_supervisor *self = calloc(1, sizeof *self);
    if (self == NULL || uv_loop_init(&self->loop) != 0) {
        lun_console_complain("out of memory");
        free(self);
        return NULL;
    }
    self->config = config;
    self->dir = dir;
    self->ops_fd = -1;
    self->ops_socket = -1;
    self->metrics_fd = -1;
    self->tls_fd = -1;
    (void)lun_process_self(); /* while the file is there */
    (void)signal(SIGPIPE, SIG_IGN);
    return self;
}

static int run(struct lun_supervisor *self)
{
    struct lun_err err;
    if (lun_supervisor_open(self, &err) != 0) {
        lun_console_complain("%s", err.message);
        lun_supervisor_stop(self, 1);
    } else {
        lun_supervisor_write_status(self);
        lun_console_step("loading the apps");
        lun_reload_request(self->reload, lun_clock_monotonic_ns());
    }
    lun_supervisor_arrived();
    (void)uv_run(&self->loop, UV_RUN_DEFAULT);
    int code = self->exit_code;
    release(self);
    return code;
}

int lun_supervisor_run(struct lun_config *config, struct lun_datadir *dir,
                       lun_supervisor_ready_cb ready, void *context)
{
    struct lun_supervisor *self = make(config, dir);
    if (self == NULL) {
        return 1;
    }
    self->on_ready = ready;
    self->context = context;
    note_start(self);
    return run(self);
}

int lun_supervisor_resume(struct lun_config *config, struct lun_datadir *dir,
                          const struct lun_handover *handover)
{
    struct lun_supervisor *self = make(config, dir);
    if (self == NULL) {
        return 1;
    }
    self->handover = handover;
    self->ready = true;
    self->upgrade = LUN_UPGRADE_REPLACING;
    self->upgrades = handover->upgrades;
    self->upgrades_refused = handover->refused;
    (void)snprintf(self->started, sizeof self->started, "%s",
                   handover->started);
    return run(self);
}
