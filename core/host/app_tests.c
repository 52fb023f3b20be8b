/*
 * core/host/app_tests.c - runs the tests that apps bring.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/host/app_tests.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/host/config.h"
#include "core/host/trial.h"

#define TEST_MS 60000 /* policy's own limits are shorter */

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

/* What one test could not even begin is its failure. */
static void push_error(struct lun_buf *out, const struct lun_err *err)
{
    lun_buf_push_str(out, "{\"message\":");
    lun_buf_push_json_string(out, err->message, strlen(err->message));
    lun_buf_push_byte(out, '}');
}

static void run_one(struct lun_trial *trial, const struct lun_json *test,
                    struct lun_buf *out)
{
    struct lun_buf job;
    struct lun_err err;
    size_t before = out->len;
    const char *app = text_of(test, "app");
    lun_buf_init(&job);
    lun_buf_push_str(&job, "{\"kind\":\"test\",\"app\":");
    lun_buf_push_json_string(&job, app, strlen(app));
    lun_buf_printf(&job, ",\"number\":%s}", text_of(test, "number"));
    if (lun_trial_run(trial, job.data, job.len, TEST_MS, out, &err) != 0) {
        out->len = before;
        push_error(out, &err);
    }
    lun_buf_release(&job);
}

static int run_all(const struct lun_trial_options *options,
                   const struct lun_json *tests, struct lun_buf *out,
                   struct lun_err *err)
{
    struct lun_trial *trial;
    int code = lun_trial_open(options, &trial, err);
    if (code != 0) {
        return code;
    }
    const struct lun_json *at = tests->child;
    for (; at != NULL; at = at->next) {
        run_one(trial, at, out);
        lun_buf_push_str(out, at->next != NULL ? "," : "");
    }
    lun_trial_close(trial);
    return 0;
}

int lun_app_tests_run(const struct lun_config *config, const char *conninfo,
                      const char *set, const struct lun_json *tests,
                      struct lun_buf *out, struct lun_err *err)
{
    struct lun_config own = *config; /* its texts stay those of `config` */
    struct lun_trial_options options = {
        .config = &own, .set = set, .alone = true};
    int code = 0;
    own.database = (char *)conninfo;
    lun_buf_push_byte(out, '[');
    if (tests->child != NULL) {
        code = run_all(&options, tests, out, err);
    }
    lun_buf_push_byte(out, ']');
    return code;
}
