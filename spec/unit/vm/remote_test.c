/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/vm/app.h"
#include "core/vm/call.h"
#include "core/vm/frame.h"
#include "core/vm/remote.h"

/* The test plays the process of the app, at its worst. */
static uv_loop_t loop;
static uv_prepare_t alive; /* as a worker always has something */

static void on_prepare(uv_prepare_t *prepare)
{
    (void)prepare;
}

static struct lun_vm_app *app;
static struct lun_vm_spent spent;
static int process_fd = -1;
static int ended;
static int spawned;

static void say(struct lun_vm_frame frame, const char *data, size_t len)
{
    struct lun_buf bytes;
    lun_buf_init(&bytes);
    lun_vm_frame_push(&bytes, &frame, data, len);
    ssize_t sent = write(process_fd, bytes.data, bytes.len);
    assert_int_equal(sent, (ssize_t)bytes.len);
    lun_buf_release(&bytes);
}

static pid_t spawn(int fd)
{
    if (process_fd >= 0) {
        close(process_fd);
    }
    process_fd = dup(fd);
    spawned++;
    say((struct lun_vm_frame){.type = LUN_VM_FRAME_OPENED}, NULL, 0);
    return 4242;
}

static void on_ended(const char *name, const char *release, pid_t pid,
                     const char *request)
{
    assert_string_equal(name, "sales");
    assert_string_equal(release, "sales@1+a");
    assert_string_equal(request, "r1");
    assert_int_equal(pid, 4242);
    ended++;
}

static const struct lun_vm_remote_host host = {spawn, on_ended};

static struct outcome {
    int events;
    enum lun_vm_event event;
    int code;
    char limit[32];
    char data[64];
} outcome;

static void on_event(void *context, struct lun_vm_call *call,
                     enum lun_vm_event event, const char *data, size_t len,
                     const struct lun_vm_fault *fault)
{
    (void)context;
    (void)call;
    outcome.events++;
    outcome.event = event;
    outcome.code = fault != NULL ? fault->code : 0;
    (void)snprintf(outcome.limit, sizeof outcome.limit, "%s",
                   fault != NULL && fault->limit != NULL ? fault->limit : "");
    (void)snprintf(outcome.data, sizeof outcome.data, "%.*s",
                   (int)(len < 60 ? len : 60), data != NULL ? data : "");
}

static void turn(void)
{
    for (int i = 0; i < 5; i++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
}

/* Reads what the worker sends up to a call; the id of that. */
static uint32_t read_call(void)
{
    static char bytes[65536];
    struct lun_vm_frame frame;
    const char *data;
    size_t len = 0;
    for (;;) {
        ssize_t got = read(process_fd, bytes + len, sizeof bytes - len);
        assert_true(got > 0);
        len += (size_t)got;
        size_t done = 0;
        size_t size;
        while ((size = lun_vm_frame_take(bytes + done, len - done, sizeof bytes,
                                         &frame, &data)) > 0) {
            done += size;
            if (frame.type == LUN_VM_FRAME_CALL) {
                assert_string_equal(data, "query:count");
                assert_string_equal(frame.text, "r1");
                return frame.id;
            }
        }
    }
}

static int open_app(void **state)
{
    (void)state;
    const struct lun_vm_app_config config = {
        .loop = &loop,
        .name = "sales",
        .release = "sales@1+a",
        .lua_dir = "/nowhere",
        .setup = "",
        .isolated = true,
        .limits = {.memory_bytes = 1 << 20,
                   .wall_ns = 60000000000u,
                   .crossing_bytes = 1000},
    };
    assert_int_equal(uv_loop_init(&loop), 0);
    (void)uv_prepare_init(&loop, &alive);
    (void)uv_prepare_start(&alive, on_prepare);
    lun_vm_remote_set_host(&host);
    ended = spawned = 0;
    memset(&outcome, 0, sizeof outcome);
    memset(&spent, 0, sizeof spent);
    (void)snprintf(spent.request, sizeof spent.request, "r1");
    return lun_vm_app_open(&config, &app, NULL);
}

static int close_app(void **state)
{
    (void)state;
    lun_vm_app_unref(app);
    uv_close((uv_handle_t *)&alive, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(process_fd);
    process_fd = -1;
    return 0;
}

static struct lun_vm_call *start(uint32_t *id)
{
    struct lun_vm_call *call =
        lun_vm_call_start(app, &spent, "query:count", "x", 1, on_event, NULL);
    assert_non_null(call);
    assert_int_equal(outcome.events, 0);
    turn();
    *id = read_call();
    return call;
}

static void a_call_returns_what_the_process_says(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    say(
        (struct lun_vm_frame){
            .type = LUN_VM_FRAME_RETURNED, .id = id, .cpu_ns = 5, .memory = 77},
        "seven", 5);
    turn();
    assert_int_equal(outcome.events, 1);
    assert_int_equal(outcome.event, LUN_VM_RETURNED);
    assert_string_equal(outcome.data, "seven");
    assert_int_equal(spent.cpu_ns, 5);
    assert_int_equal(lun_vm_app_memory(app), 77);
    assert_int_equal(ended, 0);
}

static void a_call_that_asks_gets_its_answer(void **state)
{
    (void)state;
    uint32_t id;
    struct lun_vm_call *call = start(&id);
    say((struct lun_vm_frame){.type = LUN_VM_FRAME_ASKS, .id = id}, "what", 4);
    turn();
    assert_int_equal(outcome.event, LUN_VM_ASKS);
    lun_vm_call_answer(call, "that", 4);
    turn();
    say((struct lun_vm_frame){.type = LUN_VM_FRAME_FAILED,
                              .id = id,
                              .code = LUN_EBUDGET,
                              .text = "memory"},
        "too much", 8);
    turn();
    assert_int_equal(outcome.events, 2);
    assert_int_equal(outcome.code, LUN_EBUDGET);
    assert_string_equal(outcome.limit, "memory");
}

static void codes_and_limits_are_not_believed(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    struct lun_vm_frame frame = {
        .type = LUN_VM_FRAME_FAILED, .id = id, .code = LUN_EUNAUTHENTICATED};
    memset(frame.text, 'x', sizeof frame.text);
    say(frame, "", 0);
    turn();
    assert_int_equal(outcome.code, LUN_EINTERNAL);
}

/* One frame that no honest process sends ends it and the call. */
static void expect_the_end(struct lun_vm_frame frame, const char *data,
                           size_t len)
{
    say(frame, data, len);
    turn();
    assert_int_equal(ended, 1);
    assert_int_equal(outcome.event, LUN_VM_FAILED);
    assert_int_equal(outcome.code, LUN_EUNAVAILABLE);
}

static void an_unknown_kind_of_frame_ends_the_process(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    expect_the_end((struct lun_vm_frame){.type = 99, .id = id}, "", 0);
}

static void a_frame_for_the_other_side_ends_the_process(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    expect_the_end((struct lun_vm_frame){.type = LUN_VM_FRAME_CALL, .id = id},
                   "", 0);
}

static void more_than_may_cross_ends_the_process(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    struct lun_vm_frame frame = {
        .type = LUN_VM_FRAME_RETURNED, .id = id, .len = 1000000000};
    assert_int_equal(write(process_fd, &frame, sizeof frame), sizeof frame);
    turn();
    assert_int_equal(ended, 1);
    assert_int_equal(outcome.code, LUN_EUNAVAILABLE);
}

static void to_ask_twice_ends_the_process(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    const struct lun_vm_frame frame = {.type = LUN_VM_FRAME_ASKS, .id = id};
    say(frame, "a", 1);
    expect_the_end(frame, "b", 1);
}

static void what_comes_for_a_call_that_was_given_up_is_passed_over(void **state)
{
    (void)state;
    uint32_t id;
    struct lun_vm_call *call = start(&id);
    lun_vm_call_cancel(call);
    say((struct lun_vm_frame){.type = LUN_VM_FRAME_RETURNED, .id = id}, "x", 1);
    turn();
    assert_int_equal(outcome.events, 0);
    assert_int_equal(ended, 0);
}

static void after_its_end_calls_fail_until_it_may_start_again(void **state)
{
    (void)state;
    uint32_t id;
    (void)start(&id);
    close(process_fd);
    process_fd = -1;
    turn();
    assert_int_equal(ended, 1);
    assert_int_equal(outcome.code, LUN_EUNAVAILABLE);
    memset(&outcome, 0, sizeof outcome);
    (void)lun_vm_call_start(app, &spent, "query:count", "x", 1, on_event, NULL);
    assert_int_equal(outcome.events, 0);
    turn();
    assert_int_equal(outcome.code, LUN_EUNAVAILABLE);
    assert_int_equal(spawned, 1);
    (void)usleep(150000); /* the first delay */
    memset(&outcome, 0, sizeof outcome);
    (void)start(&id);
    assert_int_equal(spawned, 2);
    say((struct lun_vm_frame){.type = LUN_VM_FRAME_RETURNED, .id = id}, "y", 1);
    turn();
    assert_string_equal(outcome.data, "y");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_app, close_app)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_returns_what_the_process_says),
        TEST(a_call_that_asks_gets_its_answer),
        TEST(codes_and_limits_are_not_believed),
        TEST(an_unknown_kind_of_frame_ends_the_process),
        TEST(a_frame_for_the_other_side_ends_the_process),
        TEST(more_than_may_cross_ends_the_process),
        TEST(to_ask_twice_ends_the_process),
        TEST(what_comes_for_a_call_that_was_given_up_is_passed_over),
        TEST(after_its_end_calls_fail_until_it_may_start_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
