/*
 * core/supervise/spawn.c - starts children of the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/os/process.h"

#define ARGS_MAX 64
#define RUN_ARGS 5 /* lunette __run USER SIGNAL PARENT */

static int build_args(const struct lun_spawn *spawn, char numbers[2][16],
                      char *args[ARGS_MAX], struct lun_err *err)
{
    (void)snprintf(numbers[0], 16, "%d", spawn->death_signal);
    (void)snprintf(numbers[1], 16, "%d", (int)getpid());
    const char *head[RUN_ARGS] = {lun_process_self(), "__run",
                                  spawn->user != NULL ? spawn->user->name : "-",
                                  numbers[0], numbers[1]};
    int count = 0;
    for (; count < RUN_ARGS; count++) {
        args[count] = (char *)head[count];
    }
    for (const char *const *arg = spawn->argv; *arg != NULL; arg++) {
        if (count == ARGS_MAX - 1) {
            return lun_error_set(err, LUN_EINTERNAL, "too many arguments");
        }
        args[count++] = (char *)*arg;
    }
    args[count] = NULL;
    return 0;
}

int lun_spawn_start(uv_loop_t *loop, const struct lun_spawn *spawn,
                    uv_process_t *process, struct lun_err *err)
{
    char numbers[2][16];
    char *args[ARGS_MAX];
    int code = build_args(spawn, numbers, args, err);
    if (code != 0) {
        return code;
    }
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
    for (int i = 1; i < 3; i++) {
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = spawn->out >= 0 ? spawn->out : i;
    }
    uv_process_options_t options = {
        .file = args[0],
        .args = args,
        .exit_cb = spawn->on_exit,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
    };
    int status = uv_spawn(loop, process, &options);
    if (status != 0) {
        return lun_error_set(err, LUN_EIO, "cannot start '%s': %s",
                             spawn->argv[0], uv_strerror(status));
    }
    return 0;
}

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "lunette: cannot run '%s': %s\n", what, why);
    return 126;
}

int lun_spawn_run(int argc, char **argv)
{
    if (argc <= RUN_ARGS) {
        return fail("__run", "arguments are missing");
    }
    const char *program = argv[RUN_ARGS];
    struct lun_err err;
    struct lun_process_user user;
    if (strcmp(argv[2], "-") != 0 &&
        (lun_process_user_find(argv[2], &user, &err) != 0 ||
         lun_process_user_become(&user, &err) != 0)) {
        return fail(program, err.message);
    }
    /* After the change of user: that clears the parent-death signal. */
    int signal = (int)strtol(argv[3], NULL, 10);
    pid_t parent = (pid_t)strtol(argv[4], NULL, 10);
    if (!lun_process_die_with_parent(signal, parent)) {
        return fail(program, "the supervisor is gone");
    }
    if (chdir("/") != 0) {
        return fail(program, strerror(errno));
    }
    (void)execv(program, argv + RUN_ARGS);
    return fail(program, strerror(errno));
}
