/*
 * core/supervise/supervisor_upgrade.c - becoming a newer program while serving.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   asked -> checking   the program on the disk proves that it can start
 *         -> execve     the same process, the same sockets and children
 *         -> replacing  the new supervisor loads the apps and gives each slot a
 *                       new worker; the old ones drain
 *
 * A program that cannot start leaves the old one running.
 */
#include "core/supervise/supervisor_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/handover.h"
#include "core/supervise/nats.h"
#include "core/supervise/postgres.h"
#include "core/supervise/reload.h"
#include "core/supervise/workers.h"
#include "core/os/process.h"
#include "core/telemetry/log.h"

#define CHECK_MS 15000

static void refuse(struct lun_supervisor *self, const char *why)
{
    self->upgrade = LUN_UPGRADE_NONE;
    self->upgrades_refused++;
    (void)snprintf(self->upgrade_error, sizeof self->upgrade_error, "%s", why);
    lun_console_complain("no upgrade: %s; this program goes on", why);
    lun_log_write(LUN_LOG_ERROR, "upgrade refused",
                  (struct lun_log_field[]){{"detail", why}}, 1);
    lun_supervisor_write_status(self);
}

/* --- leaving ------------------------------------------------------------ */

static void note_process(void *context, unsigned slot, pid_t pid,
                         int control_fd, bool retiring)
{
    struct lun_handover *out = context;
    if (control_fd >= 0 && out->process_count < LUN_HANDOVER_PROCESSES) {
        out->processes[out->process_count++] = (struct lun_handover_process){
            .slot = slot,
            .pid = pid,
            .control = control_fd,
            .retiring = retiring,
        };
    }
}

static void fill(const struct lun_supervisor *self, struct lun_handover *out)
{
    struct lun_postgres_info postgres = {.pid = 0};
    memset(out, 0, sizeof *out);
    (void)snprintf(out->data, sizeof out->data, "%s", self->dir->path);
    (void)snprintf(out->started, sizeof out->started, "%s", self->started);
    (void)snprintf(out->from, sizeof out->from, "%s", LUNETTE_VERSION);
    out->lock = self->dir->lock;
    out->ops = self->ops_socket;
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        out->sockets[out->socket_count++] =
            lun_workers_socket(self->workers, i);
    }
    lun_workers_each(self->workers, note_process, out);
    out->private_database = self->postgres != NULL;
    if (self->postgres != NULL) {
        lun_postgres_info(self->postgres, &postgres);
    }
    out->postgres = postgres.pid;
    out->nats = self->nats != NULL ? lun_nats_pid(self->nats) : 0;
    out->nats_port = self->nats != NULL ? lun_nats_port(self->nats) : 0;
    out->upgrades = self->upgrades + 1;
    out->refused = self->upgrades_refused;
}

/* Signals wait until the next program has its handlers. */
static void block_signals(bool block)
{
    sigset_t set;
    (void)sigemptyset(&set);
    static const int numbers[] = {SIGTERM, SIGINT,  SIGHUP,
                                  SIGUSR1, SIGUSR2, SIGCHLD};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)sigaddset(&set, numbers[i]);
    }
    (void)sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

void lun_supervisor_arrived(void)
{
    block_signals(false);
}

static void become(struct lun_supervisor *self)
{
    struct lun_handover *handover = malloc(sizeof *handover);
    struct lun_err err;
    char number[16];
    int fd;
    if (handover == NULL) {
        refuse(self, "out of memory");
        return;
    }
    fill(self, handover);
    if (lun_handover_write(handover, &fd, &err) != 0) {
        free(handover);
        refuse(self, err.message);
        return;
    }
    lun_console_say("becoming the new program");
    (void)lun_log_flush();
    (void)fflush(NULL);
    (void)snprintf(number, sizeof number, "%d", fd);
    char *args[] = {(char *)lun_process_self(), "__resume", number, NULL};
    block_signals(true);
    (void)execv(args[0], args);
    (void)lun_error_set(&err, LUN_EIO, "cannot run '%s': %s", args[0],
                        strerror(errno));
    block_signals(false);
    lun_handover_take_back(handover, fd);
    free(handover);
    refuse(self, err.message);
}

/* --- the check ---------------------------------------------------------- */

static bool is_free(const struct lun_supervisor *self)
{
    return self->ready && !lun_workers_replacing(self->workers) &&
           lun_workers_all_ready(self->workers) &&
           lun_reload_is_idle(self->reload);
}

static void on_check_exit(uv_process_t *process, int64_t status, int signal)
{
    struct lun_supervisor *self = process->data;
    char why[128];
    uv_close((uv_handle_t *)process, NULL);
    self->checking = false;
    if (self->stopping) {
        return;
    }
    if (signal != 0) {
        (void)snprintf(why, sizeof why,
                       "the new program ended by signal %d in its check",
                       signal);
        refuse(self, why);
    } else if (status != 0) {
        (void)snprintf(why, sizeof why,
                       "the new program cannot start (status %d)", (int)status);
        refuse(self, why);
    } else {
        self->upgrade = LUN_UPGRADE_CHECKED;
        lun_supervisor_go_on_upgrading(self);
    }
}

static void check(struct lun_supervisor *self)
{
    char *args[] = {(char *)lun_process_self(), "__check", self->config_path,
                    NULL};
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
    for (int i = 1; i < 3; i++) {
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = i;
    }
    const uv_process_options_t options = {
        .file = args[0],
        .args = args,
        .exit_cb = on_check_exit,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
    };
    self->check.data = self;
    self->check_ns = uv_hrtime();
    int code = uv_spawn(&self->loop, &self->check, &options);
    if (code != 0) {
        char why[128];
        (void)snprintf(why, sizeof why, "the new program cannot be run: %s",
                       uv_strerror(code));
        uv_close((uv_handle_t *)&self->check, NULL);
        refuse(self, why);
        return;
    }
    self->checking = true;
    self->upgrade = LUN_UPGRADE_CHECKING;
    lun_supervisor_write_status(self);
}

void lun_supervisor_upgrade(struct lun_supervisor *self)
{
    if (self->upgrade != LUN_UPGRADE_NONE || self->checking) {
        return; /* one is under way */
    }
    lun_console_say("upgrade: checking '%s'", lun_process_self());
    self->upgrade_error[0] = '\0';
    check(self);
}

/* Waits for a load or a replacement that is under way. */
void lun_supervisor_go_on_upgrading(struct lun_supervisor *self)
{
    if (self->checking &&
        uv_hrtime() - self->check_ns > CHECK_MS * 1000000ull) {
        (void)uv_process_kill(&self->check, SIGKILL);
    }
    if (self->upgrade == LUN_UPGRADE_CHECKED && is_free(self)) {
        become(self);
    }
}

/* --- arriving ----------------------------------------------------------- */

void lun_supervisor_end_upgrade(struct lun_supervisor *self, const char *error)
{
    if (self->upgrade != LUN_UPGRADE_REPLACING) {
        return;
    }
    self->upgrade = LUN_UPGRADE_NONE;
    if (error != NULL) {
        (void)snprintf(self->upgrade_error, sizeof self->upgrade_error, "%s",
                       error);
        return;
    }
    lun_console_say("upgraded to %s", LUNETTE_VERSION);
    lun_log_write(LUN_LOG_INFO, "upgraded",
                  (struct lun_log_field[]){{"version", LUNETTE_VERSION}}, 1);
}
