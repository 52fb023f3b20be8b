/*
 * core/cli/command_child.c - the processes that the supervisor starts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/cli/command.h"
#include "core/serve/control.h"
#include "core/serve/lua_call.h"
#include "core/supervise/running.h"
#include "core/serve/worker.h"
#include "core/os/process.h"
#include "core/telemetry/log.h"

#define LOADER_MEMORY ((rlim_t)2 * 1024 * 1024 * 1024)

static int read_config(const char *path, struct lun_config *config)
{
    struct lun_err err;
    if (lun_config_init(config, &err) != 0 ||
        lun_config_read_file(config, path, &err) != 0) {
        (void)fprintf(stderr, "lunette: %s\n", err.message);
        return LUN_EXIT_FAILED;
    }
    return 0;
}

/* lunette __worker CONFIG DATA SLOT METRICS_SLOT PARENT SET */
int lun_command_worker(int argc, char **argv)
{
    struct lun_config config;
    struct lun_err err;
    if (argc != 8 || read_config(argv[2], &config) != 0) {
        return LUN_EXIT_USAGE;
    }
    if (config.user[0] != '\0' && config.tls_certificate[0] != '\0' &&
        lun_config_set(&config, lun_config_key_find("tls_certificate"),
                       LUN_HOST_TLS_PATH, &err) == 0) {
        (void)lun_config_set(&config, lun_config_key_find("tls_key"), "", &err);
    }
    int level = lun_log_level_parse(config.log_level);
    if (lun_log_open(config.log, (enum lun_log_level)level, 0, &err) != 0) {
        (void)fprintf(stderr, "lunette: %s\n", err.message);
    }
    const struct lun_worker_options options = {
        .config = &config,
        .data = argv[3],
        .slot = (unsigned)strtoul(argv[4], NULL, 10),
        .metrics_slot = (unsigned)strtoul(argv[5], NULL, 10),
        .parent = (pid_t)strtol(argv[6], NULL, 10),
        .set = argv[7],
    };
    int code = lun_worker_main(&options);
    lun_config_release(&config);
    return code;
}

/* An app that fills the memory while it is loaded fails alone. */
static void limit_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__)
    const struct rlimit limit = {LOADER_MEMORY, LOADER_MEMORY};
    (void)setrlimit(RLIMIT_DATA, &limit);
#endif
}

static void push_failure(struct lun_buf *out, const char *message)
{
    lun_buf_clear(out);
    lun_buf_push_str(out, "{\"ok\":false,\"errors\":[{\"message\":");
    lun_buf_push_json_string(out, message, strlen(message));
    lun_buf_push_str(out, "}]}");
}

/* What the supervisor asks for; the end of its pipe is the end of it. */
static bool read_job(struct lun_buf *out)
{
    char bytes[16384];
    ssize_t got;
    while ((got = read(0, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got > 0) {
            lun_buf_push(out, bytes, (size_t)got);
        }
    }
    return out->len > 0 && !out->failed;
}

/* Where databases for tests are. On the socket of the private cluster the
 * account that runs it may make them. */
static void push_test_server(const struct lun_config *config,
                             struct lun_buf *options)
{
    char *socket = lun_running_text(config, "socket");
    char conninfo[PATH_MAX + 16];
    lun_lua_push_option(options, "push_tests", config->push_tests);
    if (config->test_database[0] != '\0') {
        lun_lua_push_option(options, "test_database", config->test_database);
    } else if (socket != NULL && socket[0] != '\0') {
        (void)snprintf(conninfo, sizeof conninfo, "host='%s'", socket);
        lun_lua_push_option(options, "test_server", conninfo);
    }
    free(socket);
}

/* One supervisor works on a data folder, with one loader at a time. */
static void push_node(const struct lun_config *config, struct lun_buf *options)
{
    char name[256] = "";
    char node[PATH_MAX + 300];
    (void)gethostname(name, sizeof name - 1);
    (void)snprintf(node, sizeof node, "%s:%s", name, config->data);
    lun_lua_push_option(options, "node", node);
}

static void load(const struct lun_config *config, const struct lun_buf *job,
                 struct lun_buf *report)
{
    bool stored = strcmp(config->releases, "database") == 0;
    struct lun_buf options;
    struct lun_err err;
    lun_buf_init(&options);
    lun_lua_push_option(&options, "apps", config->apps);
    lun_lua_push_option(&options, "data", config->data);
    lun_lua_push_option(&options, "database", config->migrator_database);
    lun_lua_push_option(&options, "accept_loss", config->accept_loss);
    lun_lua_push_option(&options, "anonymous_role", config->anonymous_role);
    push_node(config, &options);
    push_test_server(config, &options);
    lun_buf_push_str(&options, config->demo ? ",\"demo\":true" : "");
    lun_buf_push_str(&options, stored ? ",\"stored\":true" : "");
    lun_buf_printf(&options,
                   ",\"releases_keep\":%d,\"job\":", config->releases_keep);
    lun_buf_push(&options, job->data, job->len);
    lun_buf_push_byte(&options, '}');
    if (lun_lua_call(config, "run", &options, report, &err) != 0) {
        push_failure(report, err.message);
    }
    lun_buf_release(&options);
}

/* lunette __load CONFIG PARENT */
int lun_command_load(int argc, char **argv)
{
    struct lun_config config;
    struct lun_buf report;
    struct lun_buf job;
    if (argc != 4 || read_config(argv[2], &config) != 0) {
        return LUN_EXIT_USAGE;
    }
    if (!lun_process_die_with_parent(SIGTERM,
                                     (pid_t)strtol(argv[3], NULL, 10))) {
        return LUN_EXIT_FAILED;
    }
    limit_memory();
    lun_buf_init(&report);
    lun_buf_init(&job);
    if (read_job(&job)) {
        load(&config, &job, &report);
    }
    bool ok = !report.failed &&
              fwrite(report.data, 1, report.len, stdout) == report.len &&
              fflush(stdout) == 0;
    lun_buf_release(&report);
    lun_buf_release(&job);
    lun_config_release(&config);
    return ok ? LUN_EXIT_OK : LUN_EXIT_FAILED;
}
