/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/telemetry/metrics.h"

static void numbers_of_another_process_are_seen(void **state)
{
    (void)state;
    struct lun_metrics *metrics;
    int fd;
    assert_int_equal(lun_metrics_create(2, &fd, &metrics, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        int failed = lun_metrics_attach(fd, 1, NULL);
        lun_metrics_add(LUN_METRIC_HTTP_2XX, 2);
        lun_metrics_add(LUN_METRIC_HTTP_2XX, 3);
        lun_metrics_set(LUN_METRIC_DB_UP, 1);
        _exit(failed);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(lun_metrics_read(metrics, 1, LUN_METRIC_HTTP_2XX), 5);
    assert_int_equal(lun_metrics_read(metrics, 1, LUN_METRIC_DB_UP), 1);
    assert_int_equal(lun_metrics_read(metrics, 0, LUN_METRIC_HTTP_2XX), 0);
    assert_int_equal(lun_metrics_read(metrics, 2, LUN_METRIC_HTTP_2XX), 0);
    /* A successor goes on counting, its gauges begin again. */
    assert_int_equal(lun_metrics_attach(fd, 1, NULL), 0);
    assert_int_equal(lun_metrics_get(LUN_METRIC_HTTP_2XX), 5);
    assert_int_equal(lun_metrics_get(LUN_METRIC_DB_UP), 0);
    close(fd);
}

static void a_foreign_descriptor_is_refused(void **state)
{
    (void)state;
    struct lun_err err;
    struct lun_metrics *metrics;
    int fd;
    assert_int_equal(lun_metrics_attach(-1, 0, &err), LUN_EIO);
    assert_int_equal(lun_metrics_attach(0, 0, &err), LUN_EIO);
    assert_int_equal(lun_metrics_create(1, &fd, &metrics, NULL), 0);
    assert_int_equal(lun_metrics_attach(fd, 2, &err), LUN_EIO);
    lun_metrics_free(metrics);
    close(fd);
}

static int count(const char *text, const char *part)
{
    int found = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        found++;
    }
    return found;
}

static void the_text_form_has_each_family_once(void **state)
{
    (void)state;
    struct lun_metrics *metrics;
    struct lun_buf text;
    int fd;
    assert_int_equal(lun_metrics_create(2, &fd, &metrics, NULL), 0);
    assert_int_equal(lun_metrics_attach(fd, 0, NULL), 0);
    lun_metrics_observe_request(200, 700000);
    lun_metrics_observe_request(503, 20000000000u);
    lun_buf_init(&text);
    lun_metrics_render(metrics, &text);
    const char *out = lun_buf_str(&text);
    assert_int_equal(
        count(out, "# TYPE lunette_http_responses_total counter\n"), 1);
    assert_non_null(strstr(
        out, "lunette_http_responses_total{worker=\"0\",class=\"2xx\"} 1\n"));
    assert_non_null(strstr(
        out, "lunette_http_responses_total{worker=\"0\",class=\"5xx\"} 1\n"));
    assert_non_null(strstr(out, "{worker=\"0\",le=\"0.0005\"} 0\n"));
    assert_non_null(strstr(out, "{worker=\"0\",le=\"0.001\"} 1\n"));
    assert_non_null(strstr(out, "{worker=\"0\",le=\"5\"} 1\n"));
    assert_non_null(strstr(out, "{worker=\"0\",le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(out, "_seconds_count{worker=\"0\"} 2\n"));
    assert_non_null(strstr(out, "_seconds_sum{worker=\"0\"} 20.000700000\n"));
    assert_int_equal(out[text.len - 1], '\n');
    lun_buf_release(&text);
    close(fd);
}

static void a_worker_and_its_successor_are_shown_as_one(void **state)
{
    (void)state;
    struct lun_metrics *metrics;
    struct lun_buf text;
    int fd;
    assert_int_equal(lun_metrics_create(2, &fd, &metrics, NULL), 0);
    assert_int_equal(lun_metrics_attach(fd, 1, NULL), 0);
    lun_metrics_add(LUN_METRIC_DB_STATEMENTS, 3);
    lun_metrics_set(LUN_METRIC_DB_UP, 1);
    lun_metrics_observe_request(200, 700000);
    assert_int_equal(lun_metrics_attach(fd, 3, NULL), 0);
    lun_metrics_add(LUN_METRIC_DB_STATEMENTS, 4);
    lun_metrics_set(LUN_METRIC_DB_UP, 1);
    lun_metrics_observe_request(200, 700000);
    lun_metrics_clear_gauges(metrics, 1);
    lun_buf_init(&text);
    lun_metrics_render(metrics, &text);
    const char *out = lun_buf_str(&text);
    assert_non_null(
        strstr(out, "lunette_database_statements_total{worker=\"1\"} 7\n"));
    assert_non_null(strstr(out, "lunette_database_up{worker=\"1\"} 1\n"));
    assert_non_null(strstr(out, "_seconds_count{worker=\"1\"} 2\n"));
    assert_null(strstr(out, "worker=\"3\""));
    lun_buf_release(&text);
    lun_metrics_free(metrics);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_another_process_are_seen),
        cmocka_unit_test(a_foreign_descriptor_is_refused),
        cmocka_unit_test(the_text_form_has_each_family_once),
        cmocka_unit_test(a_worker_and_its_successor_are_shown_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
