/*
 * core/host/supervisor.c - the process that looks after all the others.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/host/supervisor.h"

#include <libpq-fe.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/graphql/limits.h"
#include "core/host/config.h"
#include "core/host/console.h"
#include "core/host/datadir.h"
#include "core/host/limits.h"
#include "core/host/loadout.h"
#include "core/host/nats.h"
#include "core/host/ops.h"
#include "core/host/persisted.h"
#include "core/host/postgres.h"
#include "core/host/proc.h"
#include "core/host/reload.h"
#include "core/host/role_limits.h"
#include "core/host/status.h"
#include "core/host/watch.h"
#include "core/host/workers.h"
#include "core/loop/flush.h"
#include "core/net/listener.h"
#include "core/net/tls.h"
#include "core/os/file.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

#define HOUSEKEEPING_MS 1000
#define DEATHS_AT_START 3  /* of one worker, before it has ever served */
#define KILL_AFTER_MS 2000 /* past drain_ms, for a worker that does not end */

struct supervisor {
    uv_loop_t loop;
    struct lun_config *config;
    struct lun_datadir *dir;
    char config_path[PATH_MAX];
    char status_path[PATH_MAX];
    char
        log_path[PATH_MAX]; /* of the requests; "" when it is no file of ours */
    char url[512];
    char ops_url[512];
    char started[32];
    char database[128];
    int ops_fd;
    int metrics_fd;
    struct lun_metrics *metrics;
    struct lun_workers *workers;
    struct lun_postgres *postgres;
    struct lun_nats *nats;
    struct lun_reload *reload;
    struct lun_ops *ops;
    struct lun_watch *watch;
    uv_signal_t signals[3];
    uv_timer_t housekeeping;
    bool handles_open;
    struct lun_loop_flush flush;
    pid_t shown_postgres; /* the pid that status.json has */
    bool ready;           /* has been said */
    bool stopping;
    int exit_code;
    lun_supervisor_ready_cb on_ready;
    void *context;
};

static void stop(struct supervisor *self, int exit_code);

/* --- status ------------------------------------------------------------- */

static pid_t postgres_pid(const struct supervisor *self)
{
    struct lun_postgres_info info = {.pid = 0};
    if (self->postgres != NULL) {
        lun_postgres_info(self->postgres, &info);
    }
    return info.pid;
}

static void write_status(struct supervisor *self)
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

static void say_ready(struct supervisor *self)
{
    self->ready = true;
    write_status(self);
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

static void on_worker_ready(void *context, unsigned slot, const char *set)
{
    struct supervisor *self = context;
    if (self->stopping) {
        return;
    }
    lun_reload_worker_ready(self->reload, slot, set);
    if (!self->ready && lun_workers_all_ready(self->workers)) {
        say_ready(self);
    } else {
        write_status(self);
    }
}

static void on_worker_reply(void *context, unsigned slot, const char *id,
                            const char *error)
{
    struct supervisor *self = context;
    if (!self->stopping) {
        lun_reload_worker_reply(self->reload, slot, id, error);
    }
}

static void on_worker_gone(void *context, unsigned slot, bool was_ready)
{
    struct supervisor *self = context;
    struct lun_worker_info info;
    if (self->stopping) {
        return;
    }
    lun_reload_worker_gone(self->reload, slot);
    lun_workers_info(self->workers, slot, &info);
    write_status(self);
    if (!self->ready && !was_ready && info.restarts >= DEATHS_AT_START) {
        lun_console_complain("the workers do not start");
        stop(self, 1);
    }
}

/* --- hooks of loading --------------------------------------------------- */

static void on_first_set(void *context, const char *id, const char *path)
{
    struct supervisor *self = context;
    (void)id;
    lun_reload_set_workers(self->reload, self->workers);
    lun_workers_start(self->workers, path);
}

static void on_reload_change(void *context)
{
    struct supervisor *self = context;
    if (!self->stopping) {
        write_status(self);
    }
}

static void on_hopeless(void *context)
{
    stop(context, 1);
}

static void on_saved(void *context, uint64_t since_ns)
{
    struct supervisor *self = context;
    lun_reload_request(self->reload, since_ns);
}

/* --- hooks of the ops port ---------------------------------------------- */

static bool is_ready(void *context, struct lun_buf *why)
{
    const struct supervisor *self = context;
    if (self->stopping) {
        lun_buf_push_str(why, "stopping");
        return false;
    }
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        struct lun_worker_info info;
        lun_workers_info(self->workers, i, &info);
        if (info.state != LUN_WORKER_READY) {
            lun_buf_printf(why, "worker %u is not ready", i);
            return false;
        }
        if (lun_metrics_read(self->metrics, i, LUN_METRIC_DB_UP) == 0) {
            lun_buf_printf(why, "worker %u has no database", i);
            return false;
        }
    }
    return true;
}

static void push_processes(const struct supervisor *self, struct lun_buf *out)
{
    lun_proc_heads(out);
    lun_proc_render("supervisor", getpid(), out);
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        struct lun_worker_info info;
        char name[16];
        lun_workers_info(self->workers, i, &info);
        (void)snprintf(name, sizeof name, "%u", i);
        lun_proc_render(name, info.pid, out);
    }
}

static void push_releases(const struct supervisor *self, struct lun_buf *out)
{
    const struct lun_loadout *loadout = lun_reload_loadout(self->reload);
    uint64_t good;
    uint64_t failed;
    lun_buf_push_str(out, "# HELP lunette_release_info Releases served.\n"
                          "# TYPE lunette_release_info gauge\n");
    for (size_t i = 0; i < loadout->count; i++) {
        lun_buf_printf(out,
                       "lunette_release_info{app=\"%s\",version=\"%s\","
                       "hash=\"%s\"} 1\n",
                       loadout->releases[i].app, loadout->releases[i].version,
                       loadout->releases[i].hash);
    }
    lun_reload_counts(self->reload, &good, &failed);
    lun_buf_printf(out,
                   "# HELP lunette_loads_total Loads of the apps.\n"
                   "# TYPE lunette_loads_total counter\n"
                   "lunette_loads_total{result=\"good\"} %llu\n"
                   "lunette_loads_total{result=\"failed\"} %llu\n",
                   (unsigned long long)good, (unsigned long long)failed);
}

static void push_restarts(const struct supervisor *self, struct lun_buf *out)
{
    lun_buf_push_str(out, "# HELP lunette_worker_restarts_total Times a worker "
                          "was replaced.\n"
                          "# TYPE lunette_worker_restarts_total counter\n");
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        struct lun_worker_info info;
        lun_workers_info(self->workers, i, &info);
        lun_buf_printf(out, "lunette_worker_restarts_total{worker=\"%u\"} %u\n",
                       i, info.restarts);
    }
}

static void push_metrics(void *context, struct lun_buf *out)
{
    const struct supervisor *self = context;
    lun_metrics_render(self->metrics, out);
    push_restarts(self, out);
    push_processes(self, out);
    push_releases(self, out);
}

/* --- while it runs ------------------------------------------------------ */

/* Workers notice the new file within a second (core/telemetry/log.h). */
static void rotate_log(const struct supervisor *self)
{
    struct stat info;
    char old[PATH_MAX + 4];
    if (self->log_path[0] != '\0' && stat(self->log_path, &info) == 0 &&
        (size_t)info.st_size > self->config->log_bytes) {
        (void)snprintf(old, sizeof old, "%s.1", self->log_path);
        (void)rename(self->log_path, old);
    }
}

static void on_housekeeping(uv_timer_t *timer)
{
    struct supervisor *self = timer->data;
    rotate_log(self);
    if (!self->stopping && postgres_pid(self) != self->shown_postgres) {
        write_status(self);
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct supervisor *self = signal->data;
    if (number == SIGHUP) {
        if (!self->stopping) {
            lun_workers_renew(self->workers);
            lun_reload_request(self->reload, lun_clock_monotonic_ns());
        }
    } else if (!self->stopping) {
        lun_console_say("stopping");
        stop(self, 0);
    } else if (self->workers != NULL) {
        lun_workers_kill(self->workers);
    }
}

/* --- the end, one after the other --------------------------------------- */

static void end_handles(void *context)
{
    struct supervisor *self = context;
    self->postgres = NULL;
    if (!self->handles_open) {
        return;
    }
    for (int i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&self->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&self->housekeeping, NULL);
    lun_loop_flush_stop(&self->flush);
}

static void end_postgres(void *context)
{
    struct supervisor *self = context;
    self->nats = NULL;
    if (self->postgres != NULL) {
        lun_postgres_close(self->postgres, end_handles, self);
    } else {
        end_handles(self);
    }
}

static void end_nats(void *context)
{
    struct supervisor *self = context;
    self->ops = NULL;
    if (self->nats != NULL) {
        lun_nats_close(self->nats, end_postgres, self);
    } else {
        end_postgres(self);
    }
}

static void end_ops(void *context)
{
    struct supervisor *self = context;
    self->workers = NULL;
    if (self->ops != NULL) {
        lun_ops_close(self->ops, end_nats, self);
    } else {
        end_nats(self);
    }
}

static void end_workers(void *context)
{
    struct supervisor *self = context;
    self->reload = NULL;
    if (self->workers != NULL) {
        lun_workers_close(self->workers, self->config->drain_ms + KILL_AFTER_MS,
                          end_ops, self);
    } else {
        end_ops(self);
    }
}

static void stop(struct supervisor *self, int exit_code)
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

/* --- the start, one after the other ------------------------------------- */

static int open_ops_socket(struct supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    if (config->ops_port < 0) {
        config->ops_port = config->port + 1;
    }
    if (config->ops_port > 65535) {
        return lun_error_set(err, LUN_ECONFIG,
                             "there is no port after %d; give --ops-port",
                             config->port);
    }
    int code =
        config->ops_port == 0
            ? 0
            : lun_net_listener_probe(config->host, config->ops_port, err);
    for (int tries = 0; code == LUN_EIO && tries < 20; tries++) {
        (void)usleep(50000);
        code = lun_net_listener_probe(config->host, config->ops_port, err);
    }
    return code != 0
               ? code
               : lun_net_listener_bind(config->host, config->ops_port,
                                       &self->ops_fd, &config->ops_port, err);
}

static void write_url(char *out, size_t size, const char *scheme,
                      const char *host, int port)
{
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(out, size, "%s://%s%s%s:%d", scheme, v6 ? "[" : "", host,
                   v6 ? "]" : "", port);
}

static int open_sockets(struct supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    if (config->workers == 0) {
        config->workers = (int)uv_available_parallelism();
    }
    unsigned count = (unsigned)config->workers;
    int code =
        lun_metrics_create(count, &self->metrics_fd, &self->metrics, err);
    if (code != 0) {
        return code;
    }
    if (config->ops_port < 0 && config->port == 0) {
        config->ops_port = 0;
    }
    const struct lun_workers_options options = {
        .loop = &self->loop,
        .config_path = self->config_path,
        .data = self->dir->path,
        .metrics = self->metrics,
        .metrics_fd = self->metrics_fd,
        .count = count,
        .hooks = {self, on_worker_ready, on_worker_reply, on_worker_gone},
    };
    code = lun_workers_open(&options, config->host, &config->port,
                            &self->workers, err);
    if (code == 0) {
        code = open_ops_socket(self, err);
    }
    write_url(self->url, sizeof self->url,
              config->tls_certificate[0] != '\0' ? "https" : "http",
              config->host, config->port);
    write_url(self->ops_url, sizeof self->ops_url, "http", config->host,
              config->ops_port);
    return code;
}

static int set_text(char **field, const char *value, struct lun_err *err)
{
    char *copy = strdup(value);
    if (copy == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    free(*field);
    *field = copy;
    return 0;
}

static int wait_for_database(const struct lun_config *config,
                             struct lun_err *err)
{
    uint64_t end = lun_clock_monotonic_ns() +
                   (uint64_t)config->start_ms * UINT64_C(1000000);
    PGPing ping = PQping(config->database);
    lun_console_step("waiting for the database");
    while (ping != PQPING_OK && ping != PQPING_NO_ATTEMPT &&
           lun_clock_monotonic_ns() < end) {
        (void)usleep(200000);
        ping = PQping(config->database);
    }
    if (ping == PQPING_OK) {
        return 0;
    }
    return lun_error_set(err, LUN_EUNAVAILABLE,
                         ping == PQPING_NO_ATTEMPT
                             ? "database: the URL cannot be read"
                             : "the database does not answer");
}

static void name_database(struct supervisor *self)
{
    PQconninfoOption *options = PQconninfoParse(self->config->database, NULL);
    (void)snprintf(self->database, sizeof self->database, "%s",
                   LUN_POSTGRES_DATABASE);
    for (PQconninfoOption *at = options; at != NULL && at->keyword != NULL;
         at++) {
        if (strcmp(at->keyword, "dbname") == 0 && at->val != NULL) {
            (void)snprintf(self->database, sizeof self->database, "%s",
                           at->val);
        }
    }
    PQconninfoFree(options);
}

static int open_database(struct supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    int code;
    if (config->database[0] == '\0') {
        struct lun_postgres_info info;
        code = lun_postgres_open(&self->loop, config, self->dir,
                                 &self->postgres, err);
        if (code != 0) {
            return code;
        }
        lun_postgres_info(self->postgres, &info);
        code = set_text(&config->database, info.app, err);
        if (code == 0) {
            code = set_text(&config->migrator_database, info.migrator, err);
        }
    } else {
        code = wait_for_database(config, err);
        if (code == 0 && config->migrator_database[0] == '\0') {
            code = set_text(&config->migrator_database, config->database, err);
        }
    }
    name_database(self);
    return code;
}

static void open_handles(struct supervisor *self)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (int i = 0; i < 3; i++) {
        (void)uv_signal_init(&self->loop, &self->signals[i]);
        self->signals[i].data = self;
        (void)uv_signal_start(&self->signals[i], on_signal, numbers[i]);
    }
    (void)uv_timer_init(&self->loop, &self->housekeeping);
    self->housekeeping.data = self;
    (void)uv_timer_start(&self->housekeeping, on_housekeeping, HOUSEKEEPING_MS,
                         HOUSEKEEPING_MS);
    (void)lun_loop_flush_start(&self->loop, &self->flush);
    self->handles_open = true;
}

static int open_rest(struct supervisor *self, struct lun_err *err)
{
    const struct lun_ops_hooks ops = {self, is_ready, push_metrics};
    const struct lun_reload_options reload = {
        .loop = &self->loop,
        .config = self->config,
        .config_path = self->config_path,
        .data = self->dir->path,
        .hooks = {self, on_first_set, on_reload_change, on_hopeless},
    };
    int code = lun_config_write(self->config, self->config_path, err);
    if (code == 0) {
        code = lun_reload_open(&reload, &self->reload, err);
    }
    if (code == 0) {
        code = lun_ops_open(&self->loop, self->ops_fd, &ops, &self->ops, err);
        self->ops_fd = -1;
    }
    if (code == 0 && self->config->watch) {
        code = lun_watch_open(&self->loop, self->config->apps, on_saved, self,
                              &self->watch, err);
    }
    return code;
}

static int open_paths(struct supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    char *apps = lun_file_absolute(config->apps);
    if (apps == NULL || !lun_file_is_dir(apps)) {
        free(apps);
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "there is no apps folder '%s'; 'lunette new APP' "
                             "makes one, or give --apps DIR",
                             config->apps);
    }
    int code = set_text(&config->apps, apps, err);
    free(apps);
    if (code == 0) {
        code = set_text(&config->data, self->dir->path, err);
    }
    if (code == 0) {
        code =
            lun_datadir_join(self->dir, "worker.conf", self->config_path, err);
    }
    if (code == 0) {
        code =
            lun_datadir_join(self->dir, "status.json", self->status_path, err);
    }
    if (code == 0 && strcmp(config->log, "file") == 0) {
        code = lun_datadir_join(self->dir, "log/requests.log", self->log_path,
                                err);
        if (code == 0) {
            code = set_text(&config->log, self->log_path, err);
        }
    }
    return code;
}

/* Links are left as they are: to change one is how new certificates come. */
static int make_absolute(char **path, struct lun_err *err)
{
    char here[PATH_MAX];
    char text[2 * PATH_MAX];
    if ((*path)[0] == '\0' || (*path)[0] == '/') {
        return 0;
    }
    if (getcwd(here, sizeof here) == NULL) {
        return lun_error_set(err, LUN_EIO, "there is no current folder");
    }
    (void)snprintf(text, sizeof text, "%s/%s", here, *path);
    return set_text(path, text, err);
}

/* The workers read what is checked here, from wherever they run. */
static int check_tls(struct lun_config *config, struct lun_err *err)
{
    struct lun_net_tls *tls;
    if (config->tls_certificate[0] == '\0') {
        return 0;
    }
    int code = lun_net_tls_open(config->tls_certificate,
                                lun_config_tls_key(config), &tls, err);
    if (code != 0) {
        return code;
    }
    lun_net_tls_close(tls);
    code = make_absolute(&config->tls_certificate, err);
    return code != 0 ? code : make_absolute(&config->tls_key, err);
}

static int check_limits(struct lun_config *config, struct lun_err *err)
{
    struct lun_graphql_limits limits;
    struct lun_role_limits *roles;
    struct lun_persisted *store;
    lun_limits_graphql(config, &limits);
    int code = lun_role_limits_open(config->role_limits, &limits, &roles, err);
    if (code != 0) {
        return code;
    }
    lun_role_limits_close(roles);
    code = lun_persisted_open(0, config->graphql_allow_list, &limits,
                                  &store, err);
    if (code == 0) {
        lun_persisted_close(store);
        code = make_absolute(&config->graphql_allow_list, err);
    }
    return code;
}

/* A connection is a descriptor. The soft limit is for programs that use
 * select(). */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_all(struct supervisor *self, struct lun_err *err)
{
    int code = open_paths(self, err);
    raise_descriptors();
    if (code == 0) {
        code = check_tls(self->config, err);
    }
    if (code == 0) {
        code = check_limits(self->config, err);
    }
    if (code == 0) {
        code =
            lun_log_open(self->config->log,
                         lun_log_level_parse(self->config->log_level), 0, err);
    }
    if (code == 0) {
        code = open_sockets(self, err);
    }
    if (code == 0) {
        code = open_database(self, err);
    }
    open_handles(self);
    if (code == 0 && strcmp(self->config->nats, "off") != 0) {
        self->nats = lun_nats_open(&self->loop, self->dir);
    }
    return code != 0 ? code : open_rest(self, err);
}

static void note_start(struct supervisor *self)
{
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(self->started, sizeof self->started, "%Y-%m-%dT%H:%M:%SZ",
                   &parts);
}

static void release(struct supervisor *self)
{
    (void)uv_loop_close(&self->loop);
    (void)unlink(self->status_path);
    lun_metrics_free(self->metrics);
    if (self->metrics_fd >= 0) {
        (void)close(self->metrics_fd);
    }
    if (self->ops_fd >= 0) {
        (void)close(self->ops_fd);
    }
    lun_log_close();
    free(self);
}

int lun_supervisor_run(struct lun_config *config, struct lun_datadir *dir,
                       lun_supervisor_ready_cb ready, void *context)
{
    struct supervisor *self = calloc(1, sizeof *self);
    struct lun_err err;
    if (self == NULL || uv_loop_init(&self->loop) != 0) {
        lun_console_complain("out of memory");
        free(self);
        return 1;
    }
    self->config = config;
    self->dir = dir;
    self->on_ready = ready;
    self->context = context;
    self->ops_fd = -1;
    self->metrics_fd = -1;
    (void)signal(SIGPIPE, SIG_IGN);
    note_start(self);
    if (open_all(self, &err) != 0) {
        lun_console_complain("%s", err.message);
        stop(self, 1);
    } else {
        write_status(self);
        lun_console_step("loading the apps");
        lun_reload_request(self->reload, lun_clock_monotonic_ns());
    }
    (void)uv_run(&self->loop, UV_RUN_DEFAULT);
    int code = self->exit_code;
    release(self);
    return code;
}
