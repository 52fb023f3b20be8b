/*
 * core/cli/command_up.c - `lunette up`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/cli/command.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/supervisor.h"

#define READY_MARK '\004'

/* In the process that goes to the background. */
struct background {
    int pipe; /* to the one that waits; -1 when nobody does */
};

static int run(struct lun_config *config, struct lun_datadir *dir,
               struct background *background, lun_supervisor_ready_cb on_ready)
{
    struct lun_err err;
    if (lun_datadir_lock(dir, &err) != 0) {
        lun_console_complain("%s", err.message);
        return LUN_EXIT_FAILED;
    }
    int code = lun_supervisor_run(config, dir, on_ready, background);
    lun_datadir_close(dir);
    return code;
}

static void on_ready(void *context)
{
    struct background *background = context;
    if (background->pipe >= 0) {
        char mark = READY_MARK;
        ssize_t sent = write(background->pipe, &mark, 1);
        (void)sent;
        lun_console_tee(-1);
        (void)close(background->pipe);
        background->pipe = -1;
    }
}

/* Shows what the other process says until it is ready or gone. */
static int wait_ready(int pipe)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(pipe, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            break;
        }
        const char *mark = memchr(bytes, READY_MARK, (size_t)got);
        size_t len = mark != NULL ? (size_t)(mark - bytes) : (size_t)got;
        (void)fwrite(bytes, 1, len, stdout);
        (void)fflush(stdout);
        if (mark != NULL) {
            return LUN_EXIT_OK;
        }
    }
    return LUN_EXIT_FAILED;
}

static int redirect(const struct lun_datadir *dir)
{
    char path[PATH_MAX];
    if (lun_datadir_join(dir, "log/lunette.log", path, NULL) != 0) {
        return -1;
    }
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
        dup2(out, 2) < 0) {
        return -1;
    }
    return 0;
}

static int run_in_background(struct lun_config *config, struct lun_datadir *dir)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0) {
        lun_console_complain("cannot go to the background: %s",
                             strerror(errno));
        return LUN_EXIT_FAILED;
    }
    (void)fflush(stdout);
    pid_t child = fork();
    if (child != 0) {
        (void)close(pair[1]);
        return child > 0 ? wait_ready(pair[0]) : LUN_EXIT_FAILED;
    }
    /* What the caller had open (a pipe that a script reads to its end) must
     * not stay open for as long as the server runs. */
    int to = pair[1] == 3 ? 3 : dup3(pair[1], 3, O_CLOEXEC);
    (void)close_range(4, ~0U, 0);
    if (to != 3 || setsid() < 0 || redirect(dir) != 0) {
        _exit(LUN_EXIT_FAILED);
    }
    struct background background = {.pipe = to};
    lun_console_tee(to);
    exit(run(config, dir, &background, on_ready));
}

int lun_command_up(struct lun_command_line *line)
{
    struct lun_datadir dir;
    struct lun_err err;
    struct background nobody = {.pipe = -1};
    if (lun_datadir_open(line->config.data, true, &dir, &err) != 0) {
        lun_console_complain("%s", err.message);
        return LUN_EXIT_FAILED;
    }
    if (line->config.detach) {
        return run_in_background(&line->config, &dir);
    }
    return run(&line->config, &dir, &nobody, on_ready);
}
