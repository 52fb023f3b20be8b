/*
 * core/cli/command_upgrade.c - `lunette upgrade`, and what it starts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/bind/framework.h"
#include "core/cli/command.h"
#include "core/config/datadir.h"
#include "core/supervise/handover.h"
#include "core/config/program.h"
#include "core/supervise/supervisor.h"
#include "core/os/file.h"

#define WAIT_S 120
#define STATUS_MAX ((size_t)16 * 1024 * 1024)

static int fail(const char *message)
{
    (void)fprintf(stderr, "lunette: %s\n", message);
    return LUN_EXIT_FAILED;
}

/* --- lunette upgrade ---------------------------------------------------- */

struct progress {
    bool under_way;
    long done;
    long refused;
    char error[256];
};

static long number_at(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? strtol(node->text, NULL, 10)
                                              : 0;
}

static void take(const struct lun_json *upgrade, struct progress *out)
{
    const struct lun_json *under_way = lun_json_get(upgrade, "under_way");
    const struct lun_json *error = lun_json_get(upgrade, "last_error");
    out->under_way = under_way != NULL && under_way->type == LUN_JSON_TRUE;
    out->done = number_at(upgrade, "done");
    out->refused = number_at(upgrade, "refused");
    (void)snprintf(out->error, sizeof out->error, "%s",
                   error != NULL && error->text != NULL ? error->text : "");
}

static bool read_progress(const struct lun_datadir *dir, struct progress *out)
{
    char path[PATH_MAX];
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *status;
    lun_buf_init(&text);
    lun_arena_init(&arena, STATUS_MAX);
    bool ok = lun_datadir_join(dir, "status.json", path, NULL) == 0 &&
              lun_file_read(path, STATUS_MAX, &text, NULL) == 0 &&
              lun_json_parse(&arena, text.data, text.len, 32, 100000, &status,
                             NULL) == 0 &&
              lun_json_get(status, "upgrade") != NULL;
    if (ok) {
        take(lun_json_get(status, "upgrade"), out);
    }
    lun_arena_release(&arena);
    lun_buf_release(&text);
    return ok;
}

static int wait_for_end(const struct lun_datadir *dir, pid_t pid,
                        const struct progress *before)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000};
    struct progress now;
    for (int i = 0; i < WAIT_S * 20; i++) {
        (void)nanosleep(&pause, NULL);
        if (lun_datadir_owner(dir) != pid) {
            return fail("the server has ended");
        }
        if (!read_progress(dir, &now) || now.under_way) {
            continue;
        }
        if (now.refused > before->refused ||
            (now.done > before->done && now.error[0] != '\0')) {
            return fail(now.error);
        }
        if (now.done > before->done) {
            (void)printf("upgraded\n");
            return LUN_EXIT_OK;
        }
    }
    return fail("the upgrade has not ended in time; see 'lunette status'");
}

int lun_command_upgrade(struct lun_command_line *line)
{
    struct lun_datadir dir;
    struct progress before;
    if (lun_datadir_open(line->config.data, false, &dir, NULL) != 0 ||
        lun_datadir_owner(&dir) == 0) {
        return fail("not running");
    }
    pid_t pid = lun_datadir_owner(&dir);
    if (!read_progress(&dir, &before)) {
        return fail("the server is not ready yet");
    }
    if (kill(pid, SIGUSR2) != 0) {
        return fail(strerror(errno));
    }
    return wait_for_end(&dir, pid, &before);
}

/* --- lunette __check CONFIG --------------------------------------------- */

static int read_config(const char *path, struct lun_config *config)
{
    struct lun_err err;
    if (lun_config_init(config, &err) != 0 ||
        lun_config_read_file(config, path, &err) != 0 ||
        lun_config_check(config, &err) != 0) {
        return fail(err.message);
    }
    return 0;
}

/* What a program needs before it may take the place of another. */
int lun_command_check_self(int argc, char **argv)
{
    struct lun_config config;
    struct lun_framework *framework;
    struct lun_err err;
    char lua[PATH_MAX];
    if (argc != 3 || read_config(argv[2], &config) != 0) {
        return LUN_EXIT_USAGE;
    }
    int code = lun_program_lua_dir(&config, lua, &err);
    if (code == 0) {
        code = lun_framework_open(lua, &framework, &err);
    }
    lun_config_release(&config);
    if (code != 0) {
        return fail(err.message);
    }
    lun_framework_close(framework);
    return LUN_EXIT_OK;
}

/* --- lunette __resume FD ------------------------------------------------ */

static void set_text(struct lun_config *config, const char *name)
{
    struct lun_err err;
    (void)lun_config_set(config, lun_config_key_find(name), "", &err);
}

int lun_command_resume(int argc, char **argv)
{
    static struct lun_handover handover; /* too large for the stack */
    struct lun_config config;
    struct lun_datadir dir;
    struct lun_err err;
    char path[PATH_MAX];
    if (argc != 3) {
        return LUN_EXIT_USAGE;
    }
    if (lun_handover_read((int)strtol(argv[2], NULL, 10), &handover, &err) !=
            0 ||
        lun_datadir_open(handover.data, true, &dir, &err) != 0 ||
        lun_datadir_join(&dir, "worker.conf", path, &err) != 0) {
        return fail(err.message);
    }
    dir.lock = handover.lock;
    int code = read_config(path, &config);
    if (code != 0) {
        return code;
    }
    if (handover.private_database) {
        set_text(&config, "database");
        set_text(&config, "migrator_database");
    }
    code = lun_supervisor_resume(&config, &dir, &handover);
    lun_config_release(&config);
    lun_datadir_close(&dir);
    return code;
}
