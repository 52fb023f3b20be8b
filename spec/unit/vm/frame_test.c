/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/vm/frame.h"

static void a_frame_is_whole_or_not_there(void **state)
{
    (void)state;
    struct lun_buf bytes;
    struct lun_vm_frame frame = {.type = LUN_VM_FRAME_CALL, .id = 7};
    const char *data;
    lun_buf_init(&bytes);
    lun_vm_frame_push(&bytes, &frame, "hello", 5);
    lun_vm_frame_push(&bytes, &frame, NULL, 0);
    size_t first = sizeof frame + 5;
    for (size_t len = 0; len < first; len++) {
        assert_int_equal(lun_vm_frame_take(bytes.data, len, 100, &frame, &data),
                         0);
    }
    assert_int_equal(
        lun_vm_frame_take(bytes.data, bytes.len, 100, &frame, &data), first);
    assert_int_equal(frame.id, 7);
    assert_int_equal(frame.len, 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(lun_vm_frame_take(bytes.data + first, bytes.len - first,
                                       100, &frame, &data),
                     sizeof frame);
    lun_buf_release(&bytes);
}

static void a_frame_that_is_too_long_is_refused_before_it_is_there(void **state)
{
    (void)state;
    struct lun_vm_frame frame = {.len = UINT64_MAX, .type = 1};
    struct lun_vm_frame out;
    const char *data;
    memset(frame.text, 'x', sizeof frame.text);
    assert_true(lun_vm_frame_take((const char *)&frame, sizeof frame, 100, &out,
                                  &data) == SIZE_MAX);
    frame.len = 101;
    assert_true(lun_vm_frame_take((const char *)&frame, sizeof frame, 100, &out,
                                  &data) == SIZE_MAX);
    frame.len = 0;
    assert_int_equal(
        lun_vm_frame_take((const char *)&frame, sizeof frame, 100, &out, &data),
        sizeof frame);
    assert_int_equal(strlen(out.text), sizeof out.text - 1);
}

static void fill(struct lun_vm_app_config *config)
{
    static const struct lun_vm_source sources[] = {{"sales:app.lua", "a\0b", 3},
                                                   {"sales:more.lua", "", 0}};
    static const struct lun_vm_grant grants[] = {{NULL, "json", "{}"}};
    *config = (struct lun_vm_app_config){
        .name = "sales",
        .release = "sales@1+a",
        .lua_dir = "/lua",
        .modules_dir = "/modules",
        .limits = {.memory_bytes = 5, .cpu_ns = 6},
        .sources = sources,
        .source_count = 2,
        .grants = grants,
        .grant_count = 1,
        .setup = "\0\1",
        .setup_len = 2,
    };
}

static void an_app_arrives_as_it_was_sent(void **state)
{
    (void)state;
    struct lun_vm_app_config config;
    struct lun_vm_app_config out = {.name = ""};
    struct lun_arena arena;
    struct lun_buf bytes;
    fill(&config);
    lun_buf_init(&bytes);
    lun_arena_init(&arena, 65536);
    lun_vm_frame_write_app(&config, &bytes);
    assert_int_equal(
        lun_vm_frame_read_app(bytes.data, bytes.len, &arena, &out, NULL), 0);
    assert_string_equal(out.name, "sales");
    assert_string_equal(out.release, "sales@1+a");
    assert_string_equal(out.modules_dir, "/modules");
    assert_int_equal(out.limits.memory_bytes, 5);
    assert_int_equal(out.source_count, 2);
    assert_string_equal(out.sources[0].chunk, "sales:app.lua");
    assert_int_equal(out.sources[0].len, 3);
    assert_memory_equal(out.sources[0].text, "a\0b", 3);
    assert_int_equal(out.sources[1].len, 0);
    assert_int_equal(out.grant_count, 1);
    assert_string_equal(out.grants[0].options, "{}");
    assert_int_equal(out.setup_len, 2);
    lun_buf_release(&bytes);
    lun_arena_release(&arena);
}

static void an_app_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct lun_vm_app_config config;
    struct lun_buf bytes;
    struct lun_err err;
    fill(&config);
    lun_buf_init(&bytes);
    lun_vm_frame_write_app(&config, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        struct lun_vm_app_config out = {.name = ""};
        struct lun_arena arena;
        lun_arena_init(&arena, 65536);
        assert_int_equal(
            lun_vm_frame_read_app(bytes.data, len, &arena, &out, &err),
            LUN_EBAD_INPUT);
        lun_arena_release(&arena);
    }
    lun_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_whole_or_not_there),
        cmocka_unit_test(
            a_frame_that_is_too_long_is_refused_before_it_is_there),
        cmocka_unit_test(an_app_arrives_as_it_was_sent),
        cmocka_unit_test(an_app_that_is_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
