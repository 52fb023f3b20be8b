/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/serve/app_process.h"
#include "core/serve/app_spawner.h"
#include "core/config/config.h"
#include "core/vm/app.h"
#include "core/vm/frame.h"

#define TIMES 100

/* What the spawner runs is this program again. */
static int be_the_process(void)
{
    char bytes[4096];
    struct lun_buf answer;
    struct lun_vm_frame frame = {.type = LUN_VM_FRAME_OPENED};
    lun_buf_init(&answer);
    lun_vm_frame_push(&answer, &frame, NULL, 0);
    if (read(LUN_APP_PROCESS_FD, bytes, sizeof bytes) <= 0 ||
        write(LUN_APP_PROCESS_FD, answer.data, answer.len) < 0) {
        return 1;
    }
    while (read(LUN_APP_PROCESS_FD, bytes, sizeof bytes) > 0) {
    }
    return 0;
}

static void on_ended(const char *app, const char *release, int pid,
                     const char *request)
{
    (void)app;
    (void)release;
    (void)pid;
    (void)request;
    fail_msg("a process has ended");
}

static void on_tick(int number)
{
    (void)number;
}

/* Apps are sliced by signals, which interrupt calls of the worker. */
static void tick_every_ms(bool on)
{
    struct sigaction action;
    struct itimerval every = {{0, on ? 1000 : 0}, {0, on ? 1000 : 0}};
    memset(&action, 0, sizeof action);
    action.sa_handler = on_tick;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void starts_processes_while_signals_come(void **state)
{
    (void)state;
    struct lun_config config;
    struct lun_vm_app *app;
    struct lun_err err = {.message = ""};
    uv_loop_t loop;
    const struct lun_vm_app_config open = {.loop = &loop,
                                           .name = "sales",
                                           .release = "sales@1+a",
                                           .lua_dir = "/nowhere",
                                           .setup = "",
                                           .isolated = true};
    assert_int_equal(lun_config_init(&config, NULL), 0);
    assert_int_equal(lun_app_spawner_start(&config, on_ended, &err), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    tick_every_ms(true);
    for (int i = 0; i < TIMES; i++) {
        if (lun_vm_app_open(&open, &app, &err) != 0) {
            fail_msg("%d: %s", i, err.message);
        }
        lun_vm_app_unref(app);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
    }
    tick_every_ms(false);
    assert_int_equal(uv_loop_close(&loop), 0);
    lun_config_release(&config);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "__app") == 0) {
        return be_the_process();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_processes_while_signals_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
