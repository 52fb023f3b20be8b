/*
 * examples/embed.c - a program with Lunette inside.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   embed APPS DATA DATABASE [PORT]
 *   embed apps /tmp/embed "host=/tmp/pg dbname=mine" 8090
 *
 * Serves the apps on a loop of its own, beside a timer that is the program's
 * own work; SIGHUP loads the apps again, Ctrl-C ends it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "core/lunette.h"

struct program {
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t end;
    uv_signal_t again;
    struct lun_runtime *runtime;
};

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    (void)printf("the program's own work goes on\n");
}

static void on_end(uv_signal_t *signal, int number)
{
    struct program *program = signal->data;
    (void)number;
    lun_runtime_close(program->runtime, NULL, NULL);
    uv_close((uv_handle_t *)&program->tick, NULL);
    uv_close((uv_handle_t *)&program->end, NULL);
    uv_close((uv_handle_t *)&program->again, NULL);
}

static void on_again(uv_signal_t *signal, int number)
{
    struct program *program = signal->data;
    struct lun_err err;
    (void)number;
    if (lun_runtime_load(program->runtime, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.message);
    }
}

static int serve(struct program *program, char **argv, const char *port,
                 struct lun_err *err)
{
    char texts[4][4096];
    const char *settings[] = {texts[0], texts[1], texts[2], texts[3], NULL};
    (void)snprintf(texts[0], sizeof texts[0], "apps=%s", argv[1]);
    (void)snprintf(texts[1], sizeof texts[1], "data=%s", argv[2]);
    (void)snprintf(texts[2], sizeof texts[2], "database=%s", argv[3]);
    (void)snprintf(texts[3], sizeof texts[3], "port=%s", port);
    int code =
        lun_runtime_open(&program->loop, settings, &program->runtime, err);
    if (code == 0) {
        code = lun_runtime_load(program->runtime, err);
    }
    if (code == 0) {
        code = lun_runtime_listen(program->runtime, err);
    }
    return code;
}

static void start_own_work(struct program *program)
{
    (void)uv_timer_init(&program->loop, &program->tick);
    (void)uv_timer_start(&program->tick, on_tick, 10000, 10000);
    (void)uv_signal_init(&program->loop, &program->end);
    (void)uv_signal_init(&program->loop, &program->again);
    program->end.data = program;
    program->again.data = program;
    (void)uv_signal_start(&program->end, on_end, SIGINT);
    (void)uv_signal_start(&program->again, on_again, SIGHUP);
}

int main(int argc, char **argv)
{
    static struct program program;
    struct lun_err err;
    if (argc < 4 || uv_loop_init(&program.loop) != 0) {
        (void)fprintf(stderr, "usage: embed APPS DATA DATABASE [PORT]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (serve(&program, argv, argc > 4 ? argv[4] : "8090", &err) != 0) {
        (void)fprintf(stderr, "embed: %s\n", err.message);
        return 1;
    }
    (void)printf("%s on http://127.0.0.1:%d/graphql\n",
                 lun_runtime_release(program.runtime),
                 lun_runtime_port(program.runtime));
    (void)fflush(stdout);
    start_own_work(&program);
    (void)uv_run(&program.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&program.loop) == 0 ? 0 : 1;
}
