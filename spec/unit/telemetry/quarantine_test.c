/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/telemetry/metrics.h"
#include "core/telemetry/quarantine.h"

static struct lun_metrics *metrics;
static int fd;

static int make_memory(void **state)
{
    (void)state;
    return lun_metrics_create(2, &fd, &metrics, NULL) ||
           lun_metrics_attach(fd, 0, NULL);
}

static int give_memory(void **state)
{
    (void)state;
    lun_metrics_free(metrics);
    return close(fd);
}

static struct lun_quarantine_entry entry(const char *app, const char *release)
{
    struct lun_quarantine_entry made = {.reason = "3 crashes"};
    (void)snprintf(made.app, sizeof made.app, "%s", app);
    (void)snprintf(made.release, sizeof made.release, "%s", release);
    return made;
}

static void holds_for_one_release_of_one_app(void **state)
{
    (void)state;
    char reason[LUN_QUARANTINE_REASON];
    struct lun_quarantine_entry bad = entry("sales", "sales@1+a");
    assert_false(lun_quarantine_find("sales", "sales@1+a", reason));
    lun_quarantine_publish(metrics, &bad, 1);
    assert_true(lun_quarantine_find("sales", "sales@1+a", reason));
    assert_string_equal(reason, "3 crashes");
    assert_false(lun_quarantine_find("sales", "sales@1+b", reason));
    assert_false(lun_quarantine_find("crm", "crm@1+a", reason));
}

static void ends_when_it_is_taken_out(void **state)
{
    (void)state;
    char reason[LUN_QUARANTINE_REASON];
    struct lun_quarantine_entry bad[2] = {entry("a", "a@1"), entry("b", "b@1")};
    lun_quarantine_publish(metrics, bad, 2);
    lun_quarantine_publish(metrics, &bad[1], 1);
    assert_false(lun_quarantine_find("a", "a@1", reason));
    assert_true(lun_quarantine_find("b", "b@1", reason));
    lun_quarantine_publish(metrics, bad, 0);
    assert_false(lun_quarantine_find("b", "b@1", reason));
}

static void holds_for_a_successor_from_its_first_moment(void **state)
{
    (void)state;
    char reason[LUN_QUARANTINE_REASON];
    struct lun_quarantine_entry bad = entry("sales", "sales@1+a");
    lun_quarantine_publish(metrics, &bad, 1);
    assert_int_equal(lun_metrics_attach(fd, 1, NULL), 0);
    assert_true(lun_quarantine_find("sales", "sales@1+a", reason));
}

static void more_than_there_is_room_for_is_cut(void **state)
{
    (void)state;
    char reason[LUN_QUARANTINE_REASON];
    char name[32];
    struct lun_quarantine_entry bad[LUN_QUARANTINE_MAX + 5];
    for (int i = 0; i < LUN_QUARANTINE_MAX + 5; i++) {
        (void)snprintf(name, sizeof name, "app%d", i);
        bad[i] = entry(name, name);
    }
    lun_quarantine_publish(metrics, bad, LUN_QUARANTINE_MAX + 5);
    assert_true(lun_quarantine_find("app63", "app63", reason));
    assert_false(lun_quarantine_find("app64", "app64", reason));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_memory, give_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(holds_for_one_release_of_one_app),
        TEST(ends_when_it_is_taken_out),
        TEST(holds_for_a_successor_from_its_first_moment),
        TEST(more_than_there_is_room_for_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
