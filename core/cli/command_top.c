/*
 * core/cli/command_top.c - `lunette top`: what apps use, live.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cli/app_usage.h"
#include "core/cli/client.h"
#include "core/cli/command.h"
#include "core/config/excerpt.h"
#include "core/supervise/running.h"

#define HEAD_LINES 5 /* of the screen, that are no apps */
#define STATUS_MEMORY ((size_t)16 * 1024 * 1024)

#define SCREEN_BEGIN "\033[?1049h\033[?25l"
#define SCREEN_END "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H\033[J"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

/* Apps without functions are no rows of the metrics. */
static void add_served(const struct lun_command_line *line,
                       struct lun_usage *usage)
{
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *status;
    lun_buf_init(&text);
    lun_arena_init(&arena, STATUS_MEMORY);
    if (lun_running_status(&line->config, &text) &&
        lun_json_parse(&arena, text.data, text.len, 32, 100000, &status,
                       NULL) == 0) {
        const struct lun_json *list = lun_json_get(status, "releases");
        for (const struct lun_json *at = list != NULL ? list->child : NULL;
             at != NULL; at = at->next) {
            (void)lun_usage_add(usage, text_of(at, "app"),
                                text_of(at, "release"));
        }
    }
    lun_arena_release(&arena);
    lun_buf_release(&text);
}

static int sample(const struct lun_command_line *line, struct lun_usage *out,
                  struct lun_err *err)
{
    const struct lun_client client = {.config = &line->config};
    struct lun_buf text;
    long status = 0;
    lun_buf_init(&text);
    int code = lun_client_ask(&client, "/metrics", NULL, &status, &text, err);
    if (code == 0 && status != 200) {
        code = lun_error_set(err, LUN_EUNAVAILABLE, "/metrics answers %ld",
                             status);
    }
    if (code == 0 && !lun_usage_read(text.data, text.len, out)) {
        code = lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    lun_buf_release(&text);
    if (code == 0) {
        add_served(line, out);
    }
    return code;
}

static size_t screen_rows(void)
{
    struct winsize size;
    if (ioctl(1, TIOCGWINSZ, &size) != 0 || size.ws_row <= HEAD_LINES) {
        return 0;
    }
    return size.ws_row - (size_t)HEAD_LINES;
}

static void show(const struct lun_command_line *line,
                 const struct lun_usage *rates, bool screen)
{
    struct lun_buf out;
    lun_buf_init(&out);
    if (lun_command_option(line, "json") != NULL) {
        lun_usage_push_json(rates, &out);
    } else {
        lun_buf_push_str(&out, screen ? SCREEN_HOME : "");
        lun_usage_push_table(rates, screen ? screen_rows() : 0,
                             lun_excerpt_colored(1), &out);
    }
    (void)fwrite(out.data, 1, out.len, stdout);
    (void)fflush(stdout);
    lun_buf_release(&out);
}

/* Shows a sample a second, as rates since the one before. */
static int run(const struct lun_command_line *line, bool screen,
               struct lun_err *err)
{
    const struct timespec pause = {.tv_sec = 1};
    bool once = lun_command_option(line, "once") != NULL;
    struct lun_usage before;
    struct lun_usage now;
    struct lun_usage rates;
    int code = sample(line, &before, err);
    if (code != 0) {
        return code;
    }
    while (!ended && ferror(stdout) == 0) {
        (void)nanosleep(&pause, NULL);
        code = ended ? LUN_EIO : sample(line, &now, err);
        if (code != 0) {
            break;
        }
        rates = now;
        rates.apps = calloc(now.count + 1, sizeof *rates.apps);
        if (rates.apps != NULL) {
            memcpy(rates.apps, now.apps, now.count * sizeof *rates.apps);
            lun_usage_rates(&rates, &before);
            lun_usage_sort(&rates);
            show(line, &rates, screen);
            free(rates.apps);
        }
        lun_usage_release(&before);
        before = now;
        if (once) {
            break;
        }
    }
    lun_usage_release(&before);
    return ended ? 0 : code;
}

int lun_command_top(struct lun_command_line *line)
{
    struct lun_err err;
    const struct sigaction action = {.sa_handler = on_signal};
    bool screen = isatty(1) == 1 && lun_command_option(line, "once") == NULL &&
                  lun_command_option(line, "json") == NULL;
    char *running = lun_running_text(&line->config, "ops_url");
    if (running == NULL) {
        (void)fprintf(stderr, "lunette top: no host runs on the data folder; "
                              "'lunette up' starts one\n");
        return LUN_EXIT_NOT_RUNNING;
    }
    free(running);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)printf("%s", screen ? SCREEN_BEGIN SCREEN_HOME : "");
    (void)fflush(stdout);
    int code = run(line, screen, &err);
    (void)printf("%s", screen ? SCREEN_END : "");
    if (code != 0) {
        (void)fprintf(stderr, "lunette top: %s\n", err.message);
    }
    return code != 0 ? LUN_EXIT_FAILED : LUN_EXIT_OK;
}
