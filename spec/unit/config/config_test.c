/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/suggest.h"
#include "core/os/file.h"

static char path[] = "/tmp/lunette-config-XXXXXX";
static struct lun_config config;
static struct lun_err err;

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static int fill(void **state)
{
    (void)state;
    return lun_config_init(&config, &err);
}

static int empty(void **state)
{
    (void)state;
    lun_config_release(&config);
    return 0;
}

static int read_text(const char *text)
{
    assert_int_equal(
        lun_file_write(path, 0600, text, strlen(text), false, NULL), 0);
    err.message[0] = '\0';
    return lun_config_read_file(&config, path, &err);
}

static int set(const char *key, const char *value)
{
    return lun_config_set(&config, lun_config_key_find(key), value, &err);
}

static void defaults_are_those_of_the_interface(void **state)
{
    (void)state;
    assert_string_equal(config.host, "127.0.0.1");
    assert_string_equal(config.data, ".lunette");
    assert_string_equal(config.apps, "apps");
    assert_int_equal(config.port, 8080);
    assert_int_equal(config.ops_port, -1);
    assert_int_equal(config.http_body_bytes, 1024 * 1024);
    assert_int_equal(config.http_idle_ms, 75000);
    assert_true(config.watch);
    assert_false(config.strict);
    assert_int_equal(lun_config_check(&config, &err), 0);
}

static void a_file_sets_values(void **state)
{
    (void)state;
    assert_int_equal(read_text("# a comment\n"
                               "port = 9000  # another\n"
                               "\n"
                               "  host=localhost\r\n"
                               "http_body_bytes = 2m\n"
                               "request-ms = 3s\n"
                               "watch = no\n"
                               "database = postgresql://u:p#1@h/d?x=1#frag\n"
                               "apps = \" a # b \" # blanks kept\n"
                               "anonymous_role ="),
                     0);
    assert_int_equal(config.port, 9000);
    assert_string_equal(config.host, "localhost");
    assert_int_equal(config.http_body_bytes, 2 * 1024 * 1024);
    assert_int_equal(config.request_ms, 3000);
    assert_false(config.watch);
    assert_string_equal(config.database, "postgresql://u:p#1@h/d?x=1#frag");
    assert_string_equal(config.apps, " a # b ");
    assert_string_equal(config.anonymous_role, "");
}

static void a_wrong_line_is_told_with_its_place(void **state)
{
    (void)state;
    char wanted[256];
    assert_int_equal(read_text("\nprot = 1\n"), LUN_ECONFIG);
    snprintf(wanted, sizeof(wanted),
             "%s:2: unknown setting 'prot'; did you mean 'port'?", path);
    assert_string_equal(err.message, wanted);
    assert_int_equal(read_text("port 1\n"), LUN_ECONFIG);
    snprintf(wanted, sizeof(wanted),
             "%s:1: 'port 1' is not of the form 'key = value'", path);
    assert_string_equal(err.message, wanted);
    assert_int_equal(read_text("port = 70000"), LUN_ECONFIG);
    assert_non_null(strstr(err.message, "from 0 to 65535"));
    assert_int_equal(read_text("# \"x\" = 1\nhost = \"a"), 0);
    assert_int_equal(lun_config_read_file(&config, "/nowhere", &err),
                     LUN_ENOT_FOUND);
}

static void values_are_checked_by_their_kind(void **state)
{
    (void)state;
    assert_int_equal(set("port", "12x"), LUN_ECONFIG);
    assert_int_equal(set("port", ""), LUN_ECONFIG);
    assert_int_equal(set("port", " 1"), LUN_ECONFIG);
    assert_int_equal(set("port", "1k"), LUN_ECONFIG);
    assert_int_equal(set("port", "99999999999999999999"), LUN_ECONFIG);
    assert_int_equal(set("http_body_bytes", "9999999999g"), LUN_ECONFIG);
    assert_int_equal(set("http_body_bytes", "64K"), 0);
    assert_int_equal(config.http_body_bytes, 65536);
    assert_int_equal(set("request_ms", "2m"), 0);
    assert_int_equal(config.request_ms, 120000);
    assert_int_equal(set("request_ms", "0"), LUN_ECONFIG);
    assert_int_equal(set("strict", "maybe"), LUN_ECONFIG);
    assert_string_equal(err.message, "strict: 'maybe' is not true or false");
    assert_int_equal(set("host", "a\nport = 1"), LUN_ECONFIG);
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    assert_int_equal(read_text("port = 9000\nworkers = 3\n"), 0);
    setenv("LUNETTE_PORT", "9001", 1);
    setenv("LUNETTE_OPS_PORT", "tcp://10.0.0.1:80", 1); /* Kubernetes' own */
    assert_int_equal(lun_config_read_env(&config, &err), 0);
    assert_int_equal(config.port, 9001);
    assert_int_equal(config.ops_port, -1);
    assert_int_equal(config.workers, 3);
    setenv("LUNETTE_PORT", "x", 1);
    assert_int_equal(lun_config_read_env(&config, &err), LUN_ECONFIG);
    assert_string_equal(
        err.message,
        "LUNETTE_PORT in the environment: port: 'x' is not a whole number");
    unsetenv("LUNETTE_PORT");
    unsetenv("LUNETTE_OPS_PORT");
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    struct lun_config again;
    assert_int_equal(set("database", "host='/a b/#c' password=\"x\\\" # 1"), 0);
    assert_int_equal(set("log_bytes", "1m"), 0);
    assert_int_equal(set("watch", "false"), 0);
    assert_int_equal(lun_config_write(&config, path, &err), 0);
    assert_int_equal(lun_config_init(&again, &err), 0);
    assert_int_equal(lun_config_read_file(&again, path, &err), 0);
    assert_string_equal(again.database, config.database);
    assert_int_equal(again.log_bytes, 1024 * 1024);
    assert_int_equal(again.ops_port, -1);
    assert_false(again.watch);
    lun_config_release(&again);
}

static void settings_that_exclude_each_other_are_refused(void **state)
{
    (void)state;
    assert_int_equal(set("anonymous_role", "admin"), 0);
    assert_int_equal(lun_config_check(&config, &err), 0);
    assert_int_equal(set("host", "0.0.0.0"), 0);
    assert_int_equal(lun_config_check(&config, &err), LUN_ECONFIG);
    assert_int_equal(set("host", "127.example.com"), 0);
    assert_int_equal(lun_config_check(&config, &err), LUN_ECONFIG);
    assert_int_equal(set("host", "::1"), 0);
    assert_int_equal(lun_config_check(&config, &err), 0);
    assert_int_equal(set("ops_port", "8080"), 0);
    assert_int_equal(lun_config_check(&config, &err), LUN_ECONFIG);
}

static const char *suggestion(const char *word)
{
    struct lun_suggest suggest;
    lun_suggest_init(&suggest, word);
    lun_config_suggest(&suggest);
    return suggest.best;
}

static void near_words_are_suggested(void **state)
{
    (void)state;
    assert_string_equal(suggestion("hots"), "host");
    assert_string_equal(suggestion("ops-prt"), "ops_port");
    assert_string_equal(suggestion("anonymous"), "anonymous_role");
    assert_null(suggestion("xyzzy"));
    assert_null(suggestion("a_word_that_is_much_longer_than_anything_that_the_"
                           "table_of_settings_has"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_interface,
                                        fill, empty),
        cmocka_unit_test_setup_teardown(a_file_sets_values, fill, empty),
        cmocka_unit_test_setup_teardown(a_wrong_line_is_told_with_its_place,
                                        fill, empty),
        cmocka_unit_test_setup_teardown(values_are_checked_by_their_kind, fill,
                                        empty),
        cmocka_unit_test_setup_teardown(the_environment_wins_over_the_file,
                                        fill, empty),
        cmocka_unit_test_setup_teardown(what_is_written_reads_the_same, fill,
                                        empty),
        cmocka_unit_test_setup_teardown(
            settings_that_exclude_each_other_are_refused, fill, empty),
        cmocka_unit_test(near_words_are_suggested),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
