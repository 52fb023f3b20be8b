/*
 * core/cli/command_run.c - down and status.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/error.h"
#include "core/cli/command.h"
#include "core/config/datadir.h"
#include "core/supervise/postgres.h"
#include "core/supervise/status.h"
#include "core/os/file.h"

#define DOWN_S 90
#define STATUS_MAX ((size_t)16 * 1024 * 1024)

static int fail(const struct lun_err *err)
{
    (void)fprintf(stderr, "lunette: %s\n", err->message);
    return LUN_EXIT_FAILED;
}

static void pause_ms(long ms)
{
    const struct timespec time = {.tv_sec = 0, .tv_nsec = ms * 1000000};
    (void)nanosleep(&time, NULL);
}

/* --- down --------------------------------------------------------------- */

static int not_running(const struct lun_datadir *dir)
{
    lun_postgres_stop_orphan(dir); /* of a supervisor that was killed */
    (void)printf("not running\n");
    return LUN_EXIT_OK;
}

int lun_command_down(struct lun_command_line *line)
{
    struct lun_datadir dir;
    struct lun_err err;
    if (lun_datadir_open(line->config.data, false, &dir, &err) != 0) {
        (void)printf("not running\n");
        return LUN_EXIT_OK;
    }
    pid_t pid = lun_datadir_owner(&dir);
    if (pid == 0) {
        return not_running(&dir);
    }
    if (kill(pid, SIGTERM) != 0 && errno != ESRCH) {
        (void)fprintf(stderr, "lunette: cannot stop pid %d: %s\n", (int)pid,
                      strerror(errno));
        return LUN_EXIT_FAILED;
    }
    for (int waited = 0; waited < DOWN_S * 50; waited++) {
        if (lun_datadir_owner(&dir) != pid) {
            (void)printf("stopped\n");
            return LUN_EXIT_OK;
        }
        pause_ms(20);
    }
    (void)fprintf(stderr, "lunette: pid %d has not ended within %d s\n",
                  (int)pid, DOWN_S);
    return LUN_EXIT_FAILED;
}

/* --- status ------------------------------------------------------------- */

static int show_not_running(bool json)
{
    (void)printf(json ? "{\"running\":false}\n" : "not running\n");
    return LUN_EXIT_NOT_RUNNING;
}

static int show_status(const struct lun_datadir *dir, bool json)
{
    char path[PATH_MAX];
    struct lun_buf text;
    struct lun_err err;
    lun_buf_init(&text);
    if (lun_datadir_join(dir, "status.json", path, &err) != 0) {
        return fail(&err);
    }
    if (lun_file_read(path, STATUS_MAX, &text, &err) != 0) {
        (void)printf(json ? "{\"running\":true,\"starting\":true}\n"
                          : "starting\n");
    } else if (json) {
        (void)fwrite(text.data, 1, text.len, stdout);
    } else {
        lun_status_print(text.data, text.len);
    }
    lun_buf_release(&text);
    return LUN_EXIT_OK;
}

int lun_command_status(struct lun_command_line *line)
{
    struct lun_datadir dir;
    bool json = lun_command_option(line, "json") != NULL;
    if (lun_datadir_open(line->config.data, false, &dir, NULL) != 0 ||
        lun_datadir_owner(&dir) == 0) {
        return show_not_running(json);
    }
    return show_status(&dir, json);
}
