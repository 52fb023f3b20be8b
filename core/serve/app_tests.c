/*
 * core/serve/app_tests.c - runs the tests that apps bring.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/app_tests.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/config/config.h"
#include "core/serve/trial.h"
#include "core/os/harden.h"

#define READ_SIZE ((size_t)64 * 1024)
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

/* Whoever breaks out of a VM is in a process that may do little, and that is
 * gone afterwards. */
static void harden(void)
{
    lun_harden_process();
    (void)lun_harden_filter_calls(LUN_HARDEN_WORKER, NULL, NULL);
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
    harden();
    const struct lun_json *at = tests->child;
    for (; at != NULL; at = at->next) {
        run_one(trial, at, out);
        lun_buf_push_str(out, at->next != NULL ? "," : "");
    }
    lun_trial_close(trial);
    return 0;
}

/* --- the process -------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, data, len);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        data += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* In the child: the results, or "!" and what went wrong. */
static void run_child(const struct lun_trial_options *options,
                      const struct lun_json *tests, int fd)
{
    struct lun_buf out;
    struct lun_err err;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    lun_buf_init(&out);
    lun_buf_push_byte(&out, '[');
    if (run_all(options, tests, &out, &err) != 0) {
        lun_buf_clear(&out);
        lun_buf_printf(&out, "!%s", err.message);
    } else {
        lun_buf_push_byte(&out, ']');
    }
    /* What the parent has open is not ended in its name. */
    _exit(write_all(fd, out.data, out.len) ? 0 : 1);
}

static int read_results(int fd, pid_t child, struct lun_buf *out,
                        struct lun_err *err)
{
    int status = 0;
    ssize_t got = 1;
    while (got != 0 && lun_buf_reserve(out, READ_SIZE)) {
        got = read(fd, out->data + out->len, READ_SIZE);
        if (got < 0 && errno != EINTR) {
            break;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        return lun_error_set(err, LUN_EINTERNAL, "the tests ended by signal %d",
                             WTERMSIG(status));
    }
    if (out->failed || out->len == 0 || out->data[0] == '!') {
        return lun_error_set(err, LUN_EINTERNAL, "%.*s",
                             out->len > 0 ? (int)out->len - 1 : 0,
                             out->len > 0 ? out->data + 1 : "");
    }
    return 0;
}

int lun_app_tests_run(const struct lun_config *config, const char *conninfo,
                      const char *set, const struct lun_json *tests,
                      struct lun_buf *out, struct lun_err *err)
{
    struct lun_config own = *config; /* its texts stay those of `config` */
    const struct lun_trial_options options = {
        .config = &own, .set = set, .alone = true};
    struct lun_buf results;
    int pair[2];
    own.database = (char *)conninfo;
    if (tests->child == NULL) {
        lun_buf_push_str(out, "[]");
        return 0;
    }
    if (pipe2(pair, O_CLOEXEC) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot make a pipe: %s",
                             strerror(errno));
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(pair[0]);
        run_child(&options, tests, pair[1]);
    }
    (void)close(pair[1]);
    lun_buf_init(&results);
    int code = child > 0 ? read_results(pair[0], child, &results, err)
                         : lun_error_set(err, LUN_EIO, "cannot fork: %s",
                                         strerror(errno));
    (void)close(pair[0]);
    if (code == 0) {
        lun_buf_push(out, results.data, results.len);
    }
    lun_buf_release(&results);
    return code;
}
