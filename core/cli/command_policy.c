/*
 * core/cli/command_policy.c - what the architects' policy says.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cli/command.h"
#include "core/config/excerpt.h"
#include "core/serve/lua_call.h"
#include "core/supervise/running.h"

#define REPORT_MEMORY ((size_t)64 * 1024 * 1024)

static int fail(const char *message)
{
    (void)fprintf(stderr, "lunette: %s\n", message);
    return LUN_EXIT_FAILED;
}

static int misused(const char *text, const char *word)
{
    (void)fprintf(stderr, text, word);
    return LUN_EXIT_USAGE;
}

static bool is_true(const struct lun_json *report, const char *name)
{
    const struct lun_json *node = lun_json_get(report, name);
    return node != NULL && node->type == LUN_JSON_TRUE;
}

/* Prints a list of messages; returns how many. */
static int print_entries(const struct lun_json *report, const char *name,
                         const char *kind, FILE *to)
{
    const struct lun_json *list = lun_json_get(report, name);
    struct lun_buf out;
    int count = 0;
    lun_buf_init(&out);
    for (const struct lun_json *at = list != NULL ? list->child : NULL;
         at != NULL; at = at->next) {
        lun_excerpt_push(at, kind, lun_excerpt_colored(fileno(to)), &out);
        count++;
    }
    lun_excerpt_print(&out, to);
    return count;
}

static int print_check(const struct lun_json *report)
{
    const struct lun_json *path = lun_json_get(report, "policy");
    int warnings = print_entries(report, "warnings", "warning: ", stdout);
    int errors = print_entries(report, "errors", "", stdout);
    if (path != NULL && !is_true(report, "exists")) {
        (void)printf("there is no %s: apps get no modules\n", path->text);
    }
    (void)printf("%d error%s, %d warning%s\n", errors, errors == 1 ? "" : "s",
                 warnings, warnings == 1 ? "" : "s");
    return errors > 0 ? LUN_EXIT_FAILED : LUN_EXIT_OK;
}

/* Errors elsewhere in the policy do not keep an app from being explained. */
static int print_explained(const struct lun_json *report)
{
    const struct lun_json *text = lun_json_get(report, "text");
    if (text != NULL) {
        (void)fwrite(text->text, 1, text->len, stdout);
        return LUN_EXIT_OK;
    }
    (void)print_entries(report, "errors", "", stderr);
    return LUN_EXIT_FAILED;
}

static int show(const struct lun_command_line *line, const char *app,
                const struct lun_buf *text)
{
    struct lun_arena arena;
    struct lun_json *report;
    struct lun_err err;
    lun_arena_init(&arena, REPORT_MEMORY);
    int code = lun_json_parse(&arena, text->data, text->len, 16, 1000000,
                              &report, &err);
    if (code != 0) {
        code = fail(err.message);
    } else if (lun_command_option(line, "json") != NULL) {
        (void)printf("%.*s\n", (int)text->len, text->data);
        code = is_true(report, "ok") ? LUN_EXIT_OK : LUN_EXIT_FAILED;
    } else {
        code = app != NULL ? print_explained(report) : print_check(report);
    }
    lun_arena_release(&arena);
    return code;
}

static int ask_loader(struct lun_command_line *line, const char *app)
{
    struct lun_buf options;
    struct lun_buf text;
    struct lun_err err;
    lun_command_find_policy(line);
    char *folder = lun_command_find_apps(line);
    if (folder == NULL) {
        return fail("out of memory");
    }
    lun_buf_init(&options);
    lun_buf_init(&text);
    lun_lua_push_option(&options, "apps", folder);
    if (app != NULL) {
        lun_lua_push_option(&options, "app", app);
    }
    lun_buf_push_byte(&options, '}');
    free(folder);
    int code = lun_lua_call(&line->config, "policy", &options, &text, &err) != 0
                   ? fail(err.message)
                   : show(line, app, &text);
    lun_buf_release(&options);
    lun_buf_release(&text);
    return code;
}

int lun_command_policy(struct lun_command_line *line)
{
    const char *what = line->arg_count > 0 ? line->args[0] : "";
    if (strcmp(what, "check") == 0) {
        return line->arg_count == 1
                   ? ask_loader(line, NULL)
                   : misused("lunette policy check: unexpected argument '%s'\n",
                             line->args[1]);
    }
    if (strcmp(what, "explain") != 0) {
        return misused("lunette policy takes check or explain, not '%s'\n",
                       what);
    }
    return line->arg_count == 2
               ? ask_loader(line, line->args[1])
               : misused("lunette policy %s needs the name of an app\n", what);
}
