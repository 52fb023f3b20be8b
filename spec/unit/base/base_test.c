/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/base/utf8.h"

static void arena_hands_out_aligned_memory_up_to_its_limit(void **state)
{
    (void)state;
    struct lun_arena arena;
    lun_arena_init(&arena, 100000);
    for (size_t size = 1; size < 3000; size *= 3) {
        char *p = lun_arena_alloc(&arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 1, size);
    }
    assert_non_null(lun_arena_alloc(&arena, 50000));
    assert_null(lun_arena_alloc(&arena, 60000));
    assert_null(lun_arena_calloc(&arena, SIZE_MAX, 2));
    lun_arena_clear(&arena);
    assert_non_null(lun_arena_alloc(&arena, 60000));
    lun_arena_release(&arena);
}

static void buffer_writes_numbers_and_json_strings(void **state)
{
    (void)state;
    struct lun_buf buf;
    lun_buf_init(&buf);
    lun_buf_push_int(&buf, INT64_MIN);
    lun_buf_push_byte(&buf, ' ');
    lun_buf_push_int(&buf, 0);
    lun_buf_push_json_string(&buf, "a\"\\\n\x01\xff\xc3\xa4", 8);
    assert_string_equal(lun_buf_str(&buf),
                        "-9223372036854775808 0\"a\\\"\\\\\\n\\u0001"
                        "\xef\xbf\xbd\xc3\xa4\"");
    lun_buf_consume(&buf, 21);
    assert_int_equal(buf.data[0], '0');
    lun_buf_release(&buf);
}

static void map_keeps_many_keys(void **state)
{
    (void)state;
    struct lun_map map;
    char key[32];
    void *old;
    lun_map_init(&map);
    assert_null(lun_map_get(&map, "x", 1));
    for (intptr_t i = 1; i <= 1000; i++) {
        snprintf(key, sizeof(key), "key %d", (int)i);
        assert_true(lun_map_put(&map, key, strlen(key), (void *)i, &old));
        assert_null(old);
    }
    assert_true(lun_map_put(&map, "key 7", 5, (void *)70, &old));
    assert_int_equal((intptr_t)old, 7);
    assert_int_equal((intptr_t)lun_map_get(&map, "key 7", 5), 70);
    assert_int_equal((intptr_t)lun_map_remove(&map, "key 8", 5), 8);
    assert_null(lun_map_get(&map, "key 8", 5));
    assert_int_equal(map.count, 999);
    lun_map_release(&map, NULL);
}

static void ids_grow_strictly_and_keep_their_form(void **state)
{
    (void)state;
    char last[26] = "", id[26], text[37];
    uint8_t uuid[16], before[16] = {0};
    for (int i = 0; i < 20000; i++) {
        lun_random_id25(id);
        assert_int_equal(strlen(id), 25);
        assert_true(strcmp(id, last) > 0);
        memcpy(last, id, sizeof(id));
        lun_random_uuid7(uuid);
        assert_true(memcmp(uuid, before, 16) > 0);
        memcpy(before, uuid, 16);
    }
    lun_random_uuid_text(uuid, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '7');
    assert_non_null(strchr("89ab", text[19]));
}

static void a_fork_does_not_repeat_its_parents_bytes(void **state)
{
    (void)state;
    int ends[2];
    char here[129], there[129];
    lun_random_hex(here, 1);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    lun_random_hex(here, 64);
    if (child == 0)
        _exit(write(ends[1], here, sizeof(here)) != sizeof(here));
    assert_int_equal(read(ends[0], there, sizeof(there)), sizeof(there));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(strlen(here), 128);
    assert_int_equal(strlen(there), 128);
    assert_string_not_equal(here, there);
    close(ends[0]);
    close(ends[1]);
}

static void plain_text_ends_where_json_needs_an_escape(void **state)
{
    (void)state;
    char text[40];
    for (int byte = 0; byte < 256; byte++) {
        bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, at % 2 ? ' ' : '~', sizeof(text));
            text[at] = (char)byte;
            assert_int_equal(lun_utf8_plain(text, sizeof(text)),
                             plain ? sizeof(text) : at);
        }
    }
    assert_int_equal(lun_utf8_plain(text, 0), 0);
}

static void utf8_follows_the_standard(void **state)
{
    (void)state;
    assert_true(lun_utf8_valid("plain ascii that is long enough", 31));
    assert_true(lun_utf8_valid("\xf4\x8f\xbf\xbf\xee\x80\x80", 7));
    assert_false(lun_utf8_valid("\xf4\x90\x80\x80", 4));
    assert_false(lun_utf8_valid("\xe0\x9f\xbf", 3));
    assert_false(lun_utf8_valid("\xed\xa0\x80", 3));
    assert_false(lun_utf8_valid("\xc1\xbf", 2));
    assert_false(lun_utf8_valid("abcdefgh\xc3", 9));
    assert_int_equal(lun_utf8_length("a\xc3\xa4\xf0\x9f\x98\x80", 7), 3);
}

static void sqlstates_map_to_causes(void **state)
{
    (void)state;
    assert_int_equal(lun_error_from_sqlstate("23505"), LUN_ECONFLICT);
    assert_int_equal(lun_error_from_sqlstate("22P02"), LUN_EBAD_INPUT);
    assert_int_equal(lun_error_from_sqlstate("40P01"), LUN_ERETRY);
    assert_int_equal(lun_error_from_sqlstate("57014"), LUN_EDEADLINE);
    assert_int_equal(lun_error_from_sqlstate("57P01"), LUN_EUNAVAILABLE);
    assert_int_equal(lun_error_from_sqlstate("XX000"), LUN_EINTERNAL);
    assert_int_equal(lun_error_from_sqlstate(NULL), LUN_EINTERNAL);
    assert_string_equal(lun_error_info(LUN_ECONFLICT)->graphql, "CONFLICT");
    assert_string_equal(lun_error_info(12345)->name, "INTERNAL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_hands_out_aligned_memory_up_to_its_limit),
        cmocka_unit_test(buffer_writes_numbers_and_json_strings),
        cmocka_unit_test(map_keeps_many_keys),
        cmocka_unit_test(ids_grow_strictly_and_keep_their_form),
        cmocka_unit_test(a_fork_does_not_repeat_its_parents_bytes),
        cmocka_unit_test(plain_text_ends_where_json_needs_an_escape),
        cmocka_unit_test(utf8_follows_the_standard),
        cmocka_unit_test(sqlstates_map_to_causes),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
