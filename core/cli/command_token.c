/*
 * core/cli/command_token.c - a signed token for a user.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cli/command.h"
#include "core/config/datadir.h"
#include "core/serve/lua_call.h"
#include "core/serve/token.h"
#include "core/os/file.h"

#define SET_BYTES ((size_t)64 * 1024 * 1024)
#define REPORT_MEMORY ((size_t)1024 * 1024)

static int fail(const struct lun_err *err)
{
    (void)fprintf(stderr, "lunette: %s\n", err->message);
    return LUN_EXIT_FAILED;
}

/* --- what a host that runs knows ---------------------------------------- */

/* The set it serves and the database it uses, for loader.caller. */
static bool push_service(const struct lun_datadir *dir, struct lun_buf *options)
{
    char path[PATH_MAX];
    struct lun_buf set;
    struct lun_config running;
    bool ok = false;
    lun_buf_init(&set);
    if (lun_config_init(&running, NULL) == 0) {
        ok = lun_datadir_join(dir, "worker.conf", path, NULL) == 0 &&
             lun_config_read_file(&running, path, NULL) == 0 &&
             lun_datadir_join(dir, "sets/current.json", path, NULL) == 0 &&
             lun_file_read(path, SET_BYTES, &set, NULL) == 0;
    }
    if (ok) {
        lun_lua_push_option(options, "database", running.database);
        lun_buf_push_str(options, ",\"set\":");
        lun_buf_push_json_string(options, set.data, set.len);
    }
    lun_config_release(&running);
    lun_buf_release(&set);
    return ok;
}

static void push_token(const struct lun_token *token, struct lun_buf *options)
{
    lun_lua_push_option(options, "user", token->subject);
    lun_buf_push_str(options, ",\"roles\":[");
    for (size_t i = 0; i < token->role_count; i++) {
        lun_buf_push_str(options, i > 0 ? "," : "");
        lun_buf_push_json_string(options, token->roles[i],
                                 strlen(token->roles[i]));
    }
    lun_buf_push_str(options, "]}");
}

static int take_message(const struct lun_buf *report, struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *answer;
    lun_arena_init(&arena, REPORT_MEMORY);
    int code = lun_json_parse(&arena, report->data, report->len, 16, 1000,
                              &answer, err);
    const struct lun_json *message =
        code == 0 ? lun_json_get(answer, "message") : NULL;
    if (message != NULL && message->type == LUN_JSON_STRING) {
        code = lun_error_set(err, LUN_ENOT_FOUND, "%s", message->text);
    }
    lun_arena_release(&arena);
    return code;
}

/* A token that no running host would accept is refused here, where it can be
 * said why. Without a host everything is taken. */
static int check_names(const struct lun_config *config,
                       const struct lun_datadir *dir,
                       const struct lun_token *token, struct lun_err *err)
{
    struct lun_buf options;
    struct lun_buf report;
    int code = 0;
    lun_buf_init(&options);
    lun_buf_init(&report);
    if (lun_datadir_owner(dir) != 0 && push_service(dir, &options)) {
        push_token(token, &options);
        code = lun_lua_call(config, "caller", &options, &report, err);
        code = code != 0 ? code : take_message(&report, err);
    }
    lun_buf_release(&options);
    lun_buf_release(&report);
    return code;
}

/* --- the token ---------------------------------------------------------- */

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
        code = check_names(&line->config, &dir, token, err);
    }
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
