/*
 * core/supervise/supervisor_start.c - the start of the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/supervisor_parts.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/graphql/limits.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/handover.h"
#include "core/config/limits.h"
#include "core/supervise/nats.h"
#include "core/supervise/ops.h"
#include "core/serve/persisted.h"
#include "core/supervise/postgres.h"
#include "core/config/program.h"
#include "core/supervise/reload.h"
#include "core/config/role_limits.h"
#include "core/supervise/watch.h"
#include "core/serve/worker_user.h"
#include "core/supervise/workers.h"
#include "core/net/listener.h"
#include "core/net/tls.h"
#include "core/os/file.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
/* Says which option would help. */
static int name_option(int code, const char *option, struct lun_err *err)
{
    char message[sizeof err->message];
    if (code == LUN_EIO && strstr(err->message, "in use") != NULL) {
        (void)snprintf(message, sizeof message, "%s", err->message);
        (void)lun_error_set(err, code, "%s; %s N takes another port", message,
                            option);
    }
    return code;
}

static int open_ops_socket(struct lun_supervisor *self, struct lun_err *err)
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
    if (code == 0) {
        code = lun_net_listener_bind(config->host, config->ops_port,
                                     &self->ops_fd, &config->ops_port, err);
    }
    return name_option(code, "--ops-port", err);
}

static void write_url(char *out, size_t size, const char *scheme,
                      const char *host, int port)
{
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(out, size, "%s://%s%s%s:%d", scheme, v6 ? "[" : "", host,
                   v6 ? "]" : "", port);
}

/* The processes of the program before. */
static int take_over(struct lun_supervisor *self, struct lun_err *err)
{
    const struct lun_handover *handover = self->handover;
    self->ops_fd = handover->ops;
    for (unsigned i = 0; i < handover->process_count; i++) {
        const struct lun_handover_process *one = &handover->processes[i];
        int code = lun_workers_adopt(self->workers, one->slot, one->pid,
                                     one->control, one->retiring, err);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int open_sockets(struct lun_supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    if (config->workers == 0) {
        config->workers = (int)uv_available_parallelism();
    }
    unsigned count = self->handover != NULL ? self->handover->socket_count
                                            : (unsigned)config->workers;
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
        .stuck_ms = config->worker_stuck_ms,
        .drain_ms = config->drain_ms,
        .hooks = {self, lun_supervisor_on_worker_ready,
                  lun_supervisor_on_worker_reply, lun_supervisor_on_worker_gone,
                  lun_supervisor_on_app_ended, lun_supervisor_on_replaced},
    };
    const struct lun_handover *handover = self->handover;
    code = lun_workers_open(&options, config->host, &config->port,
                            handover != NULL ? handover->sockets : NULL,
                            &self->workers, err);
    code = name_option(code, "--port", err);
    if (code == 0) {
        code = handover != NULL ? take_over(self, err)
                                : open_ops_socket(self, err);
    }
    if (code == 0) {
        self->ops_socket = fcntl(self->ops_fd, F_DUPFD_CLOEXEC, 3);
    }
    write_url(self->url, sizeof self->url,
              config->tls_certificate[0] != '\0' ? "https" : "http",
              config->host, config->port);
    write_url(self->ops_url, sizeof self->ops_url,
              config->ops_tls ? "https" : "http", config->host,
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

static void name_database(struct lun_supervisor *self)
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

static int open_database(struct lun_supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    int code;
    if (config->database[0] == '\0') {
        struct lun_postgres_info info;
        pid_t running = self->handover != NULL ? self->handover->postgres : 0;
        code = running != 0 ? lun_postgres_adopt(&self->loop, config, self->dir,
                                                 running, &self->postgres, err)
                            : lun_postgres_open(&self->loop, config, self->dir,
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

static int open_ops(struct lun_supervisor *self, struct lun_err *err)
{
    const struct lun_config *config = self->config;
    int code = config->ops_tls ? lun_net_tls_open(config->tls_certificate,
                                                  lun_config_tls_key(config),
                                                  &self->ops_tls, err)
                               : 0;
    if (code != 0) {
        return code;
    }
    const struct lun_ops_options options = {
        .fd = self->ops_fd,
        .tls = self->ops_tls,
        .body_bytes = config->push_bytes,
        .hooks = {self, lun_supervisor_is_ready, lun_supervisor_push_metrics,
                  lun_supervisor_route},
    };
    self->ops_fd = -1;
    return lun_ops_open(&self->loop, &options, &self->ops, err);
}

/* Workers read their settings from the file, the user among them. */
static int choose_user(struct lun_supervisor *self, struct lun_err *err)
{
    char name[64];
    int code = lun_worker_user_choose(
        self->config, self->dir, self->postgres != NULL ? "postgres" : "nobody",
        name, sizeof name, err);
    if (code == 0 && name[0] != '\0') {
        const char *log = self->config->log;
        code = lun_worker_user_admit(name, self->dir, log[0] == '/' ? log : "",
                                     err);
    }
    if (code == 0) {
        code = set_text(&self->config->user, name, err);
    }
    return code != 0 ? code : lun_supervisor_renew_open(self, err);
}

/* What apps get is watched as the apps are, also where there is no folder of
 * them. */
static int open_watch(struct lun_supervisor *self, struct lun_err *err)
{
    char modules[PATH_MAX];
    char policy[PATH_MAX];
    bool folder = strcmp(self->config->releases, "folder") == 0;
    lun_program_policy_file(self->config, policy);
    int code = lun_program_modules_dir(self->config, modules, err);
    if (code == 0) {
        code =
            lun_watch_open(&self->loop, folder ? self->config->apps : modules,
                           lun_supervisor_on_saved, self, &self->watch, err);
    }
    if (code == 0 && folder) {
        code = lun_watch_add_folder(self->watch, modules, err);
    }
    return code != 0 ? code : lun_watch_add_file(self->watch, policy, err);
}

static int open_rest(struct lun_supervisor *self, struct lun_err *err)
{
    const struct lun_reload_options reload = {
        .loop = &self->loop,
        .config = self->config,
        .config_path = self->config_path,
        .data = self->dir->path,
        .metrics = self->metrics,
        .hooks = {self, lun_supervisor_on_first_set, lun_supervisor_on_change,
                  lun_supervisor_on_hopeless},
    };
    int code = choose_user(self, err);
    if (code == 0) {
        code = lun_config_write(self->config, self->config_path, err);
    }
    if (code == 0) {
        code = lun_reload_open(&reload, &self->reload, err);
    }
    if (code == 0) {
        code = open_ops(self, err);
    }
    if (code == 0 && self->config->watch) {
        code = open_watch(self, err);
    }
    return code;
}

static int open_paths(struct lun_supervisor *self, struct lun_err *err)
{
    struct lun_config *config = self->config;
    if (config->apps[0] == '\0' && /* no folder: only what is stored */
        (set_text(&config->releases, "database", err) != 0 ||
         set_text(&config->apps, "apps", err) != 0)) {
        return LUN_EMEMORY;
    }
    char *apps = lun_file_absolute(config->apps);
    bool stored = strcmp(config->releases, "database") == 0;
    if (!stored && (apps == NULL || !lun_file_is_dir(apps))) {
        free(apps);
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "there is no apps folder '%s'; 'lunette new APP' "
                             "makes one, or give --apps DIR",
                             config->apps);
    }
    int code = apps != NULL ? set_text(&config->apps, apps, err) : 0;
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
    char log[PATH_MAX] = "";
    if (code == 0) {
        code = lun_datadir_join(self->dir, "log/requests.log", log, err);
    }
    if (code == 0 &&
        (strcmp(config->log, "file") == 0 || strcmp(config->log, log) == 0)) {
        memcpy(self->log_path, log, sizeof log);
        code = set_text(&config->log, log, err);
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
    code =
        lun_persisted_open(0, config->graphql_allow_list, &limits, &store, err);
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

int lun_supervisor_open(struct lun_supervisor *self, struct lun_err *err)
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
        code = make_absolute(&self->config->apps, err);
    }
    if (code == 0) {
        code = make_absolute(&self->config->policy, err);
    }
    if (code == 0) {
        code = make_absolute(&self->config->modules, err);
    }
    if (code == 0) {
        code = open_sockets(self, err);
    }
    if (code == 0) {
        code = lun_supervisor_crash_open(self, err);
    }
    if (code == 0) {
        code = open_database(self, err);
    }
    lun_supervisor_open_handles(self);
    if (code == 0 && strcmp(self->config->nats, "off") != 0) {
        self->nats =
            self->handover != NULL && self->handover->nats != 0
                ? lun_nats_adopt(&self->loop, self->dir, self->handover->nats,
                                 self->handover->nats_port)
                : lun_nats_open(&self->loop, self->dir);
    }
    return code != 0 ? code : open_rest(self, err);
}
