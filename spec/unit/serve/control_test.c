/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/base/error.h"
#include "core/serve/control.h"

static int parse(const char *line, struct lun_host_control *out)
{
    return lun_host_control_parse(line, strlen(line), out, NULL);
}

static void messages_are_understood(void **state)
{
    (void)state;
    struct lun_host_control message;
    assert_int_equal(
        parse("{\"do\":\"prepare\",\"id\":\"ab\",\"set\":\"/s/ab.json\"}",
              &message),
        0);
    assert_int_equal(message.kind, LUN_HOST_CONTROL_PREPARE);
    assert_string_equal(message.id, "ab");
    assert_string_equal(message.set, "/s/ab.json");
    assert_int_equal(parse("{\"do\":\"drain\"}", &message), 0);
    assert_int_equal(message.kind, LUN_HOST_CONTROL_DRAIN);
    assert_string_equal(message.id, "");
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    struct lun_host_control message;
    static const char *const bad[] = {"",
                                      "null",
                                      "[]",
                                      "{}",
                                      "{\"do\":\"dance\"}",
                                      "{\"do\":1}",
                                      "{\"do\":\"commit\",\"id\":7}",
                                      "{\"event\":\"prepare\"}",
                                      "{\"do\":\"drain\"} x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_not_equal(parse(bad[i], &message), 0);
}

static void replies_survive_the_way(void **state)
{
    (void)state;
    struct lun_buf text;
    struct lun_host_control message;
    lun_buf_init(&text);
    lun_host_control_reply("ab", "line 1\n\"x\"", &text);
    assert_int_equal(text.data[text.len - 1], '\n');
    assert_int_equal(
        lun_host_control_parse(text.data, text.len - 1, &message, NULL), 0);
    assert_int_equal(message.kind, LUN_HOST_CONTROL_REPLY);
    assert_string_equal(message.error, "line 1\n\"x\"");
    lun_buf_clear(&text);
    lun_host_control_reply("ab", NULL, &text);
    assert_string_equal(lun_buf_str(&text),
                        "{\"event\":\"reply\",\"id\":\"ab\",\"ok\":true}\n");
    lun_buf_clear(&text);
    lun_host_control_reply("ab", "", &text); /* failed, without a word */
    assert_non_null(strstr(lun_buf_str(&text), "\"error\":\"failed\""));
    lun_buf_clear(&text);
    lun_host_control_ready("ab", &text);
    assert_string_equal(lun_buf_str(&text),
                        "{\"event\":\"ready\",\"id\":\"ab\"}\n");
    lun_buf_release(&text);
}

static void a_long_error_is_cut_not_lost(void **state)
{
    (void)state;
    char error[5000];
    struct lun_buf text;
    struct lun_host_control message;
    memset(error, 'e', sizeof(error));
    error[sizeof(error) - 1] = '\0';
    lun_buf_init(&text);
    lun_host_control_reply("ab", error, &text);
    assert_true(text.len < LUN_HOST_CONTROL_LINE);
    assert_int_equal(
        lun_host_control_parse(text.data, text.len - 1, &message, NULL), 0);
    assert_int_equal(strlen(message.error), sizeof(message.error) - 1);
    lun_buf_release(&text);
}

static void count_message(void *context, const struct lun_host_control *message)
{
    (void)message;
    (*(int *)context)++;
}

static void a_stream_is_cut_into_lines(void **state)
{
    (void)state;
    static struct lun_host_control_reader reader;
    const char *stream = "{\"do\":\"commit\",\"id\":\"a\"}\n"
                         "{\"do\":\"abort\",\"id\":\"b\"}\n{\"do\":\"dr";
    int count = 0;
    for (size_t i = 0; stream[i]; i++)
        assert_int_equal(lun_host_control_feed(&reader, stream + i, 1,
                                               count_message, &count, NULL),
                         0);
    assert_int_equal(count, 2);
    assert_int_equal(lun_host_control_feed(&reader, "ain\"}\n", 6,
                                           count_message, &count, NULL),
                     0);
    assert_int_equal(count, 3);
    assert_int_equal(lun_host_control_feed(&reader, "what\n", 5, count_message,
                                           &count, NULL),
                     LUN_EBAD_INPUT);
}

static void an_endless_line_is_given_up(void **state)
{
    (void)state;
    static struct lun_host_control_reader reader;
    char part[1024];
    int count = 0;
    int code = 0;
    memset(part, 'x', sizeof(part));
    for (int i = 0; i < 20 && code == 0; i++)
        code = lun_host_control_feed(&reader, part, sizeof(part), count_message,
                                     &count, NULL);
    assert_int_equal(code, LUN_ELIMIT);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_understood),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(replies_survive_the_way),
        cmocka_unit_test(a_long_error_is_cut_not_lost),
        cmocka_unit_test(a_stream_is_cut_into_lines),
        cmocka_unit_test(an_endless_line_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
