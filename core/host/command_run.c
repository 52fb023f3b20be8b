/*
 * core/host/command_run.c - down, status and token.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/host/command.h"
#include "core/host/datadir.h"
#include "core/host/postgres.h"
#include "core/host/status.h"
#include "core/host/token.h"
#include "core/os/file.h"

#define DOWN_S 90
#define STATUS_MAX ((size_t)16 * 1024 * 1024)

static int fail(const struct lun_err *err)
{
    (void)fprintf(stderr, "lunette: %s\n", err->message);
    return LUN_EXIT_FAILED;
}

static void pause_ms(long ms)
{
    const struct timespec time = {.tv_sec = 0, .tv_nsec = ms * 1000000};
    (void)nanosleep(&time, NULL);
}

/* --- down --------------------------------------------------------------- */

static int not_running(const struct lun_datadir *dir)
{
    lun_postgres_stop_orphan(dir); /* of a supervisor that was killed */
    (void)printf("not running\n");
    return LUN_EXIT_OK;
}

int lun_command_down(struct lun_command_line *line)
{
    struct lun_datadir dir;
    struct lun_err err;
    if (lun_datadir_open(line->config.data, false, &dir, &err) != 0) {
        (void)printf("not running\n");
        return LUN_EXIT_OK;
    }
    pid_t pid = lun_datadir_owner(&dir);
    if (pid == 0) {
        return not_running(&dir);
    }
    if (kill(pid, SIGTERM) != 0 && errno != ESRCH) {
        (void)fprintf(stderr, "lunette: cannot stop pid %d: %s\n", (int)pid,
                      strerror(errno));
        return LUN_EXIT_FAILED;
    }
    for (int waited = 0; waited < DOWN_S * 50; waited++) {
        if (lun_datadir_owner(&dir) != pid) {
            (void)printf("stopped\n");
            return LUN_EXIT_OK;
        }
        pause_ms(20);
    }
    (void)fprintf(stderr, "lunette: pid %d has not ended within %d s\n",
                  (int)pid, DOWN_S);
    return LUN_EXIT_FAILED;
}

/* --- status ------------------------------------------------------------- */

static int show_not_running(bool json)
{
    (void)printf(json ? "{\"running\":false}\n" : "not running\n");
    return LUN_EXIT_NOT_RUNNING;
}

static int show_status(const struct lun_datadir *dir, bool json)
{
    char path[PATH_MAX];
    struct lun_buf text;
    struct lun_err err;
    lun_buf_init(&text);
    if (lun_datadir_join(dir, "status.json", path, &err) != 0) {
        return fail(&err);
    }
    if (lun_file_read(path, STATUS_MAX, &text, &err) != 0) {
        (void)printf(json ? "{\"running\":true,\"starting\":true}\n"
                          : "starting\n");
    } else if (json) {
        (void)fwrite(text.data, 1, text.len, stdout);
    } else {
        lun_status_print(text.data, text.len);
    }
    lun_buf_release(&text);
    return LUN_EXIT_OK;
}

int lun_command_status(struct lun_command_line *line)
{
    struct lun_datadir dir;
    bool json = lun_command_option(line, "json") != NULL;
    if (lun_datadir_open(line->config.data, false, &dir, NULL) != 0 ||
        lun_datadir_owner(&dir) == 0) {
        return show_not_running(json);
    }
    return show_status(&dir, json);
}

/* --- token -------------------------------------------------------------- */

static int fill_token(const struct lun_command_line *line,
                      struct lun_token *token)
{
    const char *user = lun_command_option(line, "user");
    if (user == NULL || user[0] == '\0' || strlen(user) >= LUN_TOKEN_SUBJECT) {
        (void)fprintf(stderr, "lunette token: give --user NAME, for example "
                              "'lunette token --user admin'\n");
        return LUN_EXIT_USAGE;
    }
    (void)snprintf(token->subject, sizeof token->subject, "%s", user);
    for (size_t i = 0; i < line->option_count; i++) {
        const char *role = line->options[i].value;
        if (strcmp(line->options[i].option->name, "role") != 0) {
            continue;
        }
        if (role[0] == '\0' || strlen(role) >= LUN_TOKEN_ROLE ||
            token->role_count == LUN_TOKEN_ROLES_MAX) {
            (void)fprintf(stderr,
                          "lunette token: '%s' is no role, or there "
                          "are more than %d\n",
                          role, LUN_TOKEN_ROLES_MAX);
            return LUN_EXIT_USAGE;
        }
        (void)snprintf(token->roles[token->role_count++], LUN_TOKEN_ROLE, "%s",
                       role);
    }
    return 0;
}

/* Without a unit, 3600 would be 3.6 seconds to us and an hour to others. */
static int read_ttl(struct lun_command_line *line)
{
    const char *ttl = lun_command_option(line, "ttl");
    struct lun_err err;
    if (ttl == NULL) {
        return 0;
    }
    size_t len = strlen(ttl);
    if (len == 0 || isdigit((unsigned char)ttl[len - 1])) {
        (void)fprintf(stderr,
                      "lunette token: --ttl: '%s' needs a unit, as in 90s, "
                      "30m, 24h or 7d\n",
                      ttl);
        return LUN_EXIT_USAGE;
    }
    if (lun_config_set(&line->config, lun_config_key_find("token_ttl"), ttl,
                       &err) != 0) {
        (void)fprintf(stderr, "lunette token: --ttl: %s\n", err.message);
        return LUN_EXIT_USAGE;
    }
    return 0;
}

static int print_token(const struct lun_command_line *line,
                       const struct lun_token *token, struct lun_err *err)
{
    struct lun_datadir dir;
    struct lun_token_keys *keys;
    struct lun_buf text;
    char folder[PATH_MAX];
    /* A folder made here would sign with a key that no server knows. */
    if (!lun_file_is_dir(line->config.data)) {
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "there is no data folder '%s'; 'lunette up' makes "
                             "it, or give --data DIR",
                             line->config.data);
    }
    int code = lun_datadir_open(line->config.data, true, &dir, err);
    if (code == 0) {
        code = lun_datadir_join(&dir, "keys", folder, err);
    }
    if (code == 0) {
        code = lun_token_keys_open(folder, line->config.token_audience, &keys,
                                   err);
    }
    if (code != 0) {
        return code;
    }
    lun_buf_init(&text);
    code = lun_token_sign(keys, token, lun_clock_unix_ms(),
                          line->config.token_ttl, &text, err);
    if (code == 0) {
        (void)printf("%.*s\n", (int)text.len, text.data);
    }
    lun_buf_release(&text);
    lun_token_keys_close(keys);
    return code;
}

int lun_command_token(struct lun_command_line *line)
{
    struct lun_token token;
    struct lun_err err;
    memset(&token, 0, sizeof token);
    int code = fill_token(line, &token);
    if (code == 0) {
        code = read_ttl(line);
    }
    if (code != 0) {
        return code;
    }
    return print_token(line, &token, &err) == 0 ? LUN_EXIT_OK : fail(&err);
}
