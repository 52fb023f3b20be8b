/*
 * core/cli/command_release.c - push, releases and rollback.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cli/client.h"
#include "core/cli/command.h"
#include "core/config/excerpt.h"
#include "core/serve/lua_call.h"

#define ANSWER_MEMORY ((size_t)256 * 1024 * 1024)
#define CONFLICT 409

/* An answer of the server, with the memory that it lives in. */
struct reply {
    long status;
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *json;
};

static int fail(const struct lun_err *err)
{
    (void)fprintf(stderr, "lunette: %s\n", err->message);
    return LUN_EXIT_FAILED;
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node =
        object != NULL ? lun_json_get(object, name) : NULL;
    return node != NULL && node->text != NULL ? node->text : "";
}

static const struct lun_json *first_of(const struct lun_json *object,
                                       const char *name)
{
    const struct lun_json *list =
        object != NULL ? lun_json_get(object, name) : NULL;
    return list != NULL && list->type == LUN_JSON_ARRAY ? list->child : NULL;
}

static void release_reply(struct reply *reply)
{
    lun_arena_release(&reply->arena);
    lun_buf_release(&reply->text);
}

static int ask(const struct lun_command_line *line, const char *server,
               const char *path, const struct lun_buf *body,
               struct reply *reply, struct lun_err *err)
{
    const struct lun_client client = {
        .config = &line->config,
        .server = server,
        .token_file = lun_command_option(line, "token"),
        .ca_file = lun_command_option(line, "ca"),
    };
    memset(reply, 0, sizeof *reply);
    lun_arena_init(&reply->arena, ANSWER_MEMORY);
    int code =
        lun_client_ask(&client, path, body, &reply->status, &reply->text, err);
    if (code == 0) {
        code = lun_json_parse(&reply->arena, reply->text.data, reply->text.len,
                              32, 1000000, &reply->json, err);
    }
    if (code == LUN_EBAD_INPUT) {
        code = lun_error_set(err, LUN_EUNAVAILABLE,
                             "the answer (%ld) is not that of a server's ops "
                             "port",
                             reply->status);
    }
    return code;
}

/* --- showing ------------------------------------------------------------ */

static int show_errors(const struct reply *reply)
{
    struct lun_buf lines;
    lun_buf_init(&lines);
    const struct lun_json *error = first_of(reply->json, "errors");
    for (; error != NULL; error = error->next) {
        bool placed = text_of(error, "file")[0] != '\0';
        lun_excerpt_push(
            error, placed ? "" : "lunette: ", lun_excerpt_colored(2), &lines);
    }
    if (lines.len == 0) {
        lun_buf_printf(&lines, "lunette: %s\n",
                       text_of(reply->json, "message"));
    }
    (void)fwrite(lines.data, 1, lines.len, stderr);
    lun_buf_release(&lines);
    return LUN_EXIT_FAILED;
}

static void show_lines(const char *before, const char *lines)
{
    while (*lines != '\0') {
        int len = (int)strcspn(lines, "\n");
        (void)printf("%s%.*s\n", before, len, lines);
        lines += len + (lines[len] == '\n');
    }
}

static int show_success(const char *verb, const struct reply *reply)
{
    const char *release = text_of(reply->json, "release");
    const struct lun_json *sql = first_of(reply->json, "sql");
    show_lines("warning: ", text_of(reply->json, "warnings"));
    show_lines("", text_of(reply->json, "tests"));
    show_lines("database: ", text_of(reply->json, "steps"));
    for (; sql != NULL; sql = sql->next) {
        (void)printf("  %s\n", sql->text);
    }
    if (release[0] == '\0') {
        (void)printf("nothing has changed (%s ms)\n",
                     text_of(reply->json, "ms"));
    } else {
        (void)printf("%s %s in %s ms\n", verb, release,
                     text_of(reply->json, "ms"));
    }
    return LUN_EXIT_OK;
}

/* --- push --------------------------------------------------------------- */

/* The files of the app, as the server wants them, without the last brace. */
static int pack(const struct lun_command_line *line, struct lun_buf *out,
                struct lun_err *err)
{
    struct lun_buf options;
    const char *note = lun_command_option(line, "note");
    lun_buf_init(&options);
    lun_lua_push_option(&options, "apps", line->config.apps);
    lun_lua_push_option(&options, "app", line->args[0]);
    lun_lua_push_option(&options, "note", note != NULL ? note : "");
    lun_buf_push_byte(&options, '}');
    int code = lun_lua_call(&line->config, "pack", &options, out, err);
    lun_buf_release(&options);
    if (code == 0 && (out->len == 0 || out->data[0] != '{')) {
        code = lun_error_set(err, LUN_ENOT_FOUND, "%.*s", (int)out->len,
                             out->data != NULL ? out->data : "");
    }
    if (code == 0) {
        out->len--;
    }
    return code;
}

static void show_question(const struct lun_json *confirm)
{
    const struct lun_json *item = first_of(confirm, "steps");
    (void)printf("this release changes more than it adds:\n");
    for (; item != NULL; item = item->next) {
        (void)printf("  %s\n", item->text);
    }
    for (item = first_of(confirm, "losses"); item != NULL; item = item->next) {
        (void)printf("the values of %s are lost\n", item->text);
    }
}

/* Nothing is applied without a yes. */
static bool is_confirmed(const struct lun_command_line *line)
{
    char text[16];
    if (lun_command_option(line, "yes") != NULL) {
        return true;
    }
    if (!isatty(STDIN_FILENO)) {
        (void)fprintf(stderr, "lunette: nothing was done; --yes confirms it\n");
        return false;
    }
    (void)printf("go on? [y/N] ");
    (void)fflush(stdout);
    return fgets(text, sizeof text, stdin) != NULL &&
           (text[0] == 'y' || text[0] == 'Y');
}

static int push(const struct lun_command_line *line, struct lun_buf *body,
                const char *digest, struct lun_err *err)
{
    struct reply reply;
    size_t len = body->len;
    if (digest != NULL) {
        lun_buf_push_str(body, ",\"confirm\":");
        lun_buf_push_json_string(body, digest, strlen(digest));
    }
    lun_buf_push_byte(body, '}');
    int code =
        ask(line, lun_command_option(line, "to"), "/push", body, &reply, err);
    const struct lun_json *confirm =
        code == 0 ? lun_json_get(reply.json, "confirm") : NULL;
    body->len = len;
    if (code != 0) {
        code = fail(err);
    } else if (reply.status == 200) {
        code = show_success("released", &reply);
    } else if (reply.status == CONFLICT && confirm != NULL) {
        show_question(confirm);
        code = is_confirmed(line)
                   ? push(line, body, text_of(confirm, "digest"), err)
                   : LUN_EXIT_FAILED;
    } else {
        code = show_errors(&reply);
    }
    release_reply(&reply);
    return code;
}

static int need_app(const struct lun_command_line *line, const char *command)
{
    if (line->arg_count > 0) {
        return 0;
    }
    (void)fprintf(stderr,
                  "lunette %s: name the app, for example 'lunette %s "
                  "sales'\n",
                  command, command);
    return LUN_EXIT_USAGE;
}

int lun_command_push(struct lun_command_line *line)
{
    struct lun_buf body;
    struct lun_err err;
    if (need_app(line, "push") != 0) {
        return LUN_EXIT_USAGE;
    }
    lun_buf_init(&body);
    int code = pack(line, &body, &err) != 0 ? fail(&err)
                                            : push(line, &body, NULL, &err);
    lun_buf_release(&body);
    return code;
}

/* --- rollback ----------------------------------------------------------- */

int lun_command_rollback(struct lun_command_line *line)
{
    const char *to = lun_command_option(line, "to");
    struct lun_buf body;
    struct reply reply;
    struct lun_err err;
    if (need_app(line, "rollback") != 0) {
        return LUN_EXIT_USAGE;
    }
    lun_buf_init(&body);
    lun_lua_push_option(&body, "app", line->args[0]);
    if (to != NULL) {
        lun_lua_push_option(&body, "to", to);
    }
    lun_buf_push_byte(&body, '}');
    int code = ask(line, lun_command_option(line, "server"), "/rollback", &body,
                   &reply, &err);
    if (code != 0) {
        code = fail(&err);
    } else if (reply.status == 200) {
        code = show_success("rolled back to", &reply);
    } else {
        code = show_errors(&reply);
    }
    release_reply(&reply);
    lun_buf_release(&body);
    return code;
}

/* --- releases ----------------------------------------------------------- */

static void show_release(const struct lun_json *release)
{
    const struct lun_json *current = lun_json_get(release, "current");
    bool is_current = current != NULL && current->type == LUN_JSON_TRUE;
    const char *served = text_of(release, "switched_at");
    const char *notes = text_of(release, "notes");
    const char *why = text_of(release, "why");
    (void)printf("%s %-32s pushed %s by %s", is_current ? "*" : " ",
                 text_of(release, "release"), text_of(release, "pushed_at"),
                 text_of(release, "pushed_by"));
    if (served[0] == '\0') {
        (void)printf(", never served");
    } else if (why[0] != '\0' && strcmp(why, notes) != 0) {
        (void)printf("; %s by %s, %s", served, text_of(release, "switched_by"),
                     why);
    }
    (void)printf("%s%s\n", notes[0] != '\0' ? ": " : "", notes);
}

static int show_releases(const struct lun_command_line *line,
                         const struct reply *reply)
{
    const struct lun_json *release = first_of(reply->json, "releases");
    if (lun_command_option(line, "json") != NULL) {
        (void)printf("%.*s\n", (int)reply->text.len, reply->text.data);
        return LUN_EXIT_OK;
    }
    if (release == NULL) {
        (void)fprintf(stderr, "lunette: there are no releases%s%s\n",
                      line->arg_count > 0 ? " of " : "",
                      line->arg_count > 0 ? line->args[0] : "");
        return LUN_EXIT_FAILED;
    }
    for (; release != NULL; release = release->next) {
        show_release(release);
    }
    return LUN_EXIT_OK;
}

int lun_command_releases(struct lun_command_line *line)
{
    char path[200];
    struct reply reply;
    struct lun_err err;
    (void)snprintf(path, sizeof path, "/releases?app=%s",
                   line->arg_count > 0 ? line->args[0] : "");
    int code =
        ask(line, lun_command_option(line, "server"), path, NULL, &reply, &err);
    if (code != 0) {
        code = fail(&err);
    } else if (reply.status == 200) {
        code = show_releases(line, &reply);
    } else {
        code = show_errors(&reply);
    }
    release_reply(&reply);
    return code;
}
