/*
 * core/supervise/postgres.c - runs the private PostgreSQL cluster.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/postgres.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/supervise/cluster.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/spawn.h"
#include "core/telemetry/log.h"

#define STOPPED_MS 1000 /* after a clean end an operator may start it again */
#define CRASHED_MS 100
#define SLOWEST_MS 5000
#define LOOK_MS 200 /* between looks at a server that is no child of ours */
#define CONNINFO (2 * PATH_MAX)

struct lun_postgres {
    uv_loop_t *loop;
    struct lun_cluster cluster;
    char app[CONNINFO];
    char migrator[CONNINFO];
    uv_process_t process;
    uv_timer_t timer;
    pid_t pid;   /* of the server that runs, 0 when none does */
    bool child;  /* it is our child */
    bool opened; /* it has answered once */
    bool stopping;
    int restart_ms;
    uint64_t stop_ns; /* when stopping began */
    int open_handles;
    void (*closed)(void *context);
    void *context;
};

static void look(uv_timer_t *timer);

static void plan(struct lun_postgres *postgres, int delay_ms)
{
    (void)uv_timer_start(&postgres->timer, look, (uint64_t)delay_ms, 0);
}

static void on_process_closed(uv_handle_t *handle)
{
    struct lun_postgres *postgres = handle->data;
    postgres->child = false;
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
    struct lun_postgres *postgres = process->data;
    postgres->pid = 0;
    uv_close((uv_handle_t *)process, on_process_closed);
    if (!postgres->opened || postgres->stopping) {
        plan(postgres, 0);
        return;
    }
    lun_console_say("PostgreSQL ended (%s %d), starting it again",
                    signal != 0 ? "signal" : "status",
                    signal != 0 ? signal : (int)status);
    bool clean = signal == 0 && status == 0;
    plan(postgres, clean ? STOPPED_MS : postgres->restart_ms);
}

static int start_server(struct lun_postgres *postgres, struct lun_err *err)
{
    char program[PATH_MAX + 16];
    (void)snprintf(program, sizeof program, "%s/postgres",
                   postgres->cluster.bin);
    const char *argv[] = {program, "-D", postgres->cluster.data, NULL};
    int out = open(postgres->cluster.log,
                   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct lun_spawn spawn = {
        .argv = argv,
        .user = &postgres->cluster.user,
        /* A smart shutdown: workers that drain keep their connections. */
        .death_signal = SIGTERM,
        .out = out,
        .on_exit = on_child_exit,
    };
    postgres->process.data = postgres;
    int code = lun_spawn_start(postgres->loop, &spawn, &postgres->process, err);
    if (out >= 0) {
        (void)close(out);
    }
    if (code == 0) {
        postgres->pid = postgres->process.pid;
        postgres->child = true;
    }
    return code;
}

/* --- while it runs ------------------------------------------------------ */

static void restart(struct lun_postgres *postgres)
{
    struct lun_err err;
    pid_t pid = lun_cluster_postmaster(postgres->cluster.data);
    if (pid != 0) {
        lun_console_say("PostgreSQL was started by somebody else (pid %d)",
                        (int)pid);
        postgres->pid = pid;
        plan(postgres, LOOK_MS);
        return;
    }
    int next = postgres->restart_ms * 2;
    postgres->restart_ms = next < SLOWEST_MS ? next : SLOWEST_MS;
    if (start_server(postgres, &err) != 0) {
        lun_console_complain("%s", err.message);
        plan(postgres, postgres->restart_ms);
    }
}

static void end_signal(struct lun_postgres *postgres)
{
    uint64_t waited = (lun_clock_monotonic_ns() - postgres->stop_ns) / 1000000;
    int signal = waited > 20000 ? SIGKILL : waited > 10000 ? SIGQUIT : 0;
    if (signal != 0) {
        (void)kill(postgres->pid, signal);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_postgres *postgres = handle->data;
    void (*closed)(void *context) = postgres->closed;
    void *context = postgres->context;
    if (postgres->cluster.socket_is_short) {
        (void)rmdir(postgres->cluster.socket);
    }
    free(postgres);
    if (closed != NULL) {
        closed(context);
    }
}

static void finish(struct lun_postgres *postgres)
{
    uv_close((uv_handle_t *)&postgres->timer, on_timer_closed);
}

static void look(uv_timer_t *timer)
{
    struct lun_postgres *postgres = timer->data;
    if (postgres->pid != 0 && !postgres->child) {
        (void)waitpid(postgres->pid, NULL, WNOHANG); /* one we took over */
    }
    bool gone = postgres->pid == 0 ||
                (!postgres->child && !lun_process_alive(postgres->pid));
    if (postgres->stopping) {
        if (gone && !postgres->child) {
            finish(postgres);
            return;
        }
        if (!gone) {
            end_signal(postgres);
        }
        plan(postgres, 20);
        return;
    }
    if (!postgres->opened || postgres->child) {
        return;
    }
    if (!gone) {
        plan(postgres, LOOK_MS);
        return;
    }
    postgres->pid = 0;
    restart(postgres);
}

void lun_postgres_close(struct lun_postgres *postgres,
                        void (*closed)(void *context), void *context)
{
    postgres->closed = closed;
    postgres->context = context;
    postgres->stopping = true;
    postgres->stop_ns = lun_clock_monotonic_ns();
    if (postgres->pid != 0) {
        (void)kill(postgres->pid, SIGINT);
    }
    plan(postgres, 10);
}

void lun_postgres_info(const struct lun_postgres *postgres,
                       struct lun_postgres_info *out)
{
    out->pid = postgres->pid;
    out->socket = postgres->cluster.socket;
    out->app = postgres->app;
    out->migrator = postgres->migrator;
}

/* --- the start ---------------------------------------------------------- */

static void pause_loop(struct lun_postgres *postgres)
{
    (void)uv_run(postgres->loop, UV_RUN_NOWAIT); /* sees a child that ended */
    (void)usleep(5000);
}

/* True when the server answers; false when it ended. */
static bool answers(struct lun_postgres *postgres, uint64_t deadline_ns)
{
    char info[CONNINFO];
    (void)lun_cluster_conninfo(&postgres->cluster, postgres->cluster.superuser,
                               "postgres", info, sizeof info);
    while (postgres->pid != 0 && lun_clock_monotonic_ns() < deadline_ns) {
        if (PQping(info) == PQPING_OK) {
            return true;
        }
        pause_loop(postgres);
    }
    return false;
}

/* Backends of a postmaster that was killed hold the shared memory for a moment
 * longer, and the new one refuses to start meanwhile. */
static int start_and_wait(struct lun_postgres *postgres, int64_t start_ms,
                          struct lun_err *err)
{
    uint64_t begin = lun_clock_monotonic_ns();
    uint64_t deadline = begin + (uint64_t)start_ms * 1000000;
    uint64_t give_up = begin + 5000000000u;
    do {
        int code = start_server(postgres, err);
        if (code != 0) {
            return code;
        }
        if (answers(postgres, deadline)) {
            return 0;
        }
        while (postgres->child && postgres->pid == 0) {
            pause_loop(postgres);
        }
        (void)usleep(200000);
    } while (postgres->pid == 0 && lun_clock_monotonic_ns() < give_up);
    return lun_error_set(err, LUN_EUNAVAILABLE,
                         "PostgreSQL did not start; see '%s'",
                         postgres->cluster.log);
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static void abandon(struct lun_postgres *postgres)
{
    uv_loop_t *loop = postgres->loop;
    bool closed = false;
    lun_postgres_close(postgres, set_flag, &closed);
    while (!closed) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
        (void)usleep(5000);
    }
}

static int make(uv_loop_t *loop, const struct lun_config *config,
                const struct lun_datadir *dir, struct lun_postgres **out,
                struct lun_err *err)
{
    struct lun_postgres *postgres = calloc(1, sizeof *postgres);
    if (postgres == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    postgres->loop = loop;
    postgres->restart_ms = CRASHED_MS;
    int code = lun_cluster_prepare(config, dir, &postgres->cluster, err);
    if (code != 0) {
        free(postgres);
        return code;
    }
    (void)lun_cluster_conninfo(&postgres->cluster, "lunette_app",
                               LUN_POSTGRES_DATABASE, postgres->app, CONNINFO);
    (void)lun_cluster_conninfo(&postgres->cluster, "lunette_migrator",
                               LUN_POSTGRES_DATABASE, postgres->migrator,
                               CONNINFO);
    (void)uv_timer_init(loop, &postgres->timer);
    postgres->timer.data = postgres;
    *out = postgres;
    return 0;
}

int lun_postgres_adopt(uv_loop_t *loop, const struct lun_config *config,
                       const struct lun_datadir *dir, pid_t pid,
                       struct lun_postgres **out, struct lun_err *err)
{
    int code = make(loop, config, dir, out, err);
    if (code == 0) {
        (*out)->pid = pid;
        (*out)->opened = true;
        plan(*out, LOOK_MS);
    }
    return code;
}

int lun_postgres_open(uv_loop_t *loop, const struct lun_config *config,
                      const struct lun_datadir *dir, struct lun_postgres **out,
                      struct lun_err *err)
{
    struct lun_postgres *postgres;
    lun_postgres_stop_orphan(dir);
    int code = make(loop, config, dir, &postgres, err);
    if (code != 0) {
        return code;
    }
    lun_console_step("starting PostgreSQL");
    code = start_and_wait(postgres, config->start_ms, err);
    if (code == 0) {
        code = lun_cluster_setup(&postgres->cluster, err);
    }
    if (code != 0) {
        abandon(postgres);
        return code;
    }
    postgres->opened = true;
    *out = postgres;
    return 0;
}

static bool wait_gone(pid_t pid, int ms)
{
    for (int waited = 0; waited < ms; waited += 20) {
        if (!lun_process_alive(pid)) {
            return true;
        }
        (void)usleep(20000);
    }
    return !lun_process_alive(pid);
}

void lun_postgres_stop_orphan(const struct lun_datadir *dir)
{
    char data[PATH_MAX];
    if (lun_datadir_join(dir, "postgres", data, NULL) != 0) {
        return;
    }
    pid_t pid = lun_cluster_postmaster(data);
    if (pid == 0) {
        return;
    }
    lun_console_step("stopping a PostgreSQL that was left behind (pid %d)",
                     (int)pid);
    /* The kernel has asked it already when its supervisor died; workers that
     * drain get a moment. */
    static const int signals[] = {0, SIGINT, SIGQUIT, SIGKILL};
    static const int patience[] = {1500, 10000, 5000, 1000};
    for (size_t i = 0; i < 4; i++) {
        if (kill(pid, signals[i]) != 0 || wait_gone(pid, patience[i])) {
            return;
        }
    }
}
