/*
 * core/supervise/nats.c - the private nats-server.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/nats.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/spawn.h"
#include "core/net/listener.h"
#include "core/os/file.h"
#include "core/os/process.h"

#define FIRST_MS 500
#define SLOWEST_MS 30000

struct lun_nats {
    uv_loop_t *loop;
    char program[PATH_MAX];
    char config[PATH_MAX];
    char log[PATH_MAX];
    int port;
    uv_process_t process;
    uv_timer_t timer;
    pid_t adopted; /* of a server that another program has started, or 0 */
    bool running;
    bool closing;
    int delay_ms;
    int handles;
    void (*closed)(void *context);
    void *context;
};

static const char *const places[] = {"/usr/sbin", "/usr/bin", "/usr/local/bin",
                                     "/usr/local/sbin"};

static bool find_program(char out[PATH_MAX])
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(out, PATH_MAX, "%s/nats-server", places[i]);
        if (access(out, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

static int free_port(int *port, struct lun_err *err)
{
    int fd;
    int code = lun_net_listener_bind("127.0.0.1", 0, &fd, port, err);
    if (code == 0) {
        (void)close(fd);
    }
    return code;
}

static int write_config(struct lun_nats *nats, const char *store,
                        struct lun_err *err)
{
    char token[65];
    struct lun_buf text;
    lun_random_hex(token, 32);
    lun_buf_init(&text);
    lun_buf_printf(&text,
                   "host: 127.0.0.1\nport: %d\n"
                   "authorization { token: \"%s\" }\n"
                   "jetstream { store_dir: ",
                   nats->port, token);
    lun_buf_push_json_string(&text, store, strlen(store));
    lun_buf_push_str(&text, " }\n");
    int code =
        lun_file_write(nats->config, 0600, text.data, text.len, false, err);
    lun_buf_release(&text);
    return code;
}

static void start(struct lun_nats *nats);

static void on_timer(uv_timer_t *timer);

static void on_handle_closed(uv_handle_t *handle)
{
    struct lun_nats *nats = handle->data;
    if (--nats->handles > 0) {
        return;
    }
    void (*closed)(void *context) = nats->closed;
    void *context = nats->context;
    free(nats);
    closed(context);
}

static void on_process_closed(uv_handle_t *handle)
{
    struct lun_nats *nats = handle->data;
    nats->running = false;
    if (nats->closing) {
        nats->handles = 1;
        uv_close((uv_handle_t *)&nats->timer, on_handle_closed);
        return;
    }
    (void)uv_timer_start(&nats->timer, on_timer, (uint64_t)nats->delay_ms, 0);
    int next = nats->delay_ms * 2;
    nats->delay_ms = next < SLOWEST_MS ? next : SLOWEST_MS;
}

/* Looks whether the adopted server is still there; then starts one of ours. */
static void on_timer(uv_timer_t *timer)
{
    struct lun_nats *nats = timer->data;
    if (nats->adopted == 0) {
        start(nats);
        return;
    }
    (void)waitpid(nats->adopted, NULL, WNOHANG);
    if (lun_process_alive(nats->adopted)) {
        (void)uv_timer_start(timer, on_timer, nats->closing ? 20 : FIRST_MS, 0);
        return;
    }
    nats->adopted = 0;
    nats->running = false;
    if (nats->closing) {
        nats->handles = 1;
        uv_close((uv_handle_t *)timer, on_handle_closed);
    } else {
        start(nats);
    }
}

static void on_nats_exit(uv_process_t *process, int64_t status, int signal)
{
    struct lun_nats *nats = process->data;
    if (!nats->closing) {
        lun_console_say("nats-server ended (%s %d), starting it again",
                        signal != 0 ? "signal" : "status",
                        signal != 0 ? signal : (int)status);
    }
    uv_close((uv_handle_t *)process, on_process_closed);
}

static void start(struct lun_nats *nats)
{
    struct lun_err err;
    const char *argv[] = {nats->program, "-c", nats->config, NULL};
    int out = open(nats->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct lun_spawn spawn = {.argv = argv,
                              .death_signal = SIGTERM,
                              .out = out,
                              .on_exit = on_nats_exit};
    nats->process.data = nats;
    nats->running = true;
    if (lun_spawn_start(nats->loop, &spawn, &nats->process, &err) != 0) {
        lun_console_complain("%s", err.message);
        uv_close((uv_handle_t *)&nats->process, on_process_closed);
    }
    if (out >= 0) {
        (void)close(out);
    }
}

static int find_paths(struct lun_nats *nats, const struct lun_datadir *dir,
                      char store[PATH_MAX], struct lun_err *err)
{
    int code = lun_datadir_join(dir, "nats", store, err);
    if (code == 0) {
        code = lun_datadir_join(dir, "nats.conf", nats->config, err);
    }
    if (code == 0) {
        code = lun_datadir_join(dir, "log/nats.log", nats->log, err);
    }
    return code;
}

static int prepare(struct lun_nats *nats, const struct lun_datadir *dir,
                   struct lun_err *err)
{
    char store[PATH_MAX];
    int code = find_paths(nats, dir, store, err);
    if (code == 0) {
        code = lun_file_mkdirs(store, 0700, err);
    }
    if (code == 0) {
        code = free_port(&nats->port, err);
    }
    return code != 0 ? code : write_config(nats, store, err);
}

struct lun_nats *lun_nats_open(uv_loop_t *loop, const struct lun_datadir *dir)
{
    struct lun_err err;
    struct lun_nats *nats = calloc(1, sizeof *nats);
    if (nats == NULL || !find_program(nats->program)) {
        free(nats);
        return NULL;
    }
    nats->loop = loop;
    nats->delay_ms = FIRST_MS;
    if (prepare(nats, dir, &err) != 0) {
        lun_console_complain("nats-server is not started: %s", err.message);
        free(nats);
        return NULL;
    }
    (void)uv_timer_init(loop, &nats->timer);
    nats->timer.data = nats;
    start(nats);
    return nats;
}

struct lun_nats *lun_nats_adopt(uv_loop_t *loop, const struct lun_datadir *dir,
                                pid_t pid, int port)
{
    char store[PATH_MAX];
    struct lun_nats *nats = calloc(1, sizeof *nats);
    if (nats == NULL || !find_program(nats->program) ||
        find_paths(nats, dir, store, NULL) != 0) {
        free(nats);
        return NULL;
    }
    nats->loop = loop;
    nats->delay_ms = FIRST_MS;
    nats->adopted = pid;
    nats->port = port;
    nats->running = true;
    (void)uv_timer_init(loop, &nats->timer);
    nats->timer.data = nats;
    (void)uv_timer_start(&nats->timer, on_timer, FIRST_MS, 0);
    return nats;
}

pid_t lun_nats_pid(const struct lun_nats *nats)
{
    if (nats->adopted != 0) {
        return nats->adopted;
    }
    return nats->running ? nats->process.pid : 0;
}

int lun_nats_port(const struct lun_nats *nats)
{
    return nats->port;
}

void lun_nats_close(struct lun_nats *nats, void (*closed)(void *context),
                    void *context)
{
    nats->closing = true;
    nats->closed = closed;
    nats->context = context;
    (void)uv_timer_stop(&nats->timer);
    if (nats->adopted != 0) {
        (void)kill(nats->adopted, SIGTERM);
        (void)uv_timer_start(&nats->timer, on_timer, 20, 0);
    } else if (nats->running) {
        (void)uv_process_kill(&nats->process, SIGTERM);
    } else {
        nats->handles = 1;
        uv_close((uv_handle_t *)&nats->timer, on_handle_closed);
    }
}
