/*
 * core/cli/command_apps.c - check and schema: what the apps say.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
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
#include "core/os/file.h"

#define REPORT_MEMORY ((size_t)256 * 1024 * 1024)

static int fail(const char *message)
{
    (void)fprintf(stderr, "lunette: %s\n", message);
    return LUN_EXIT_FAILED;
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

/* --- check -------------------------------------------------------------- */

static bool belongs(const struct lun_json *entry, const char *app)
{
    char prefix[256];
    /* What is not an app's own concerns everybody: the policy, a module. */
    if (app == NULL || strncmp(text_of(entry, "file"), "apps/", 5) != 0) {
        return true;
    }
    int len = snprintf(prefix, sizeof prefix, "apps/%s/", app);
    return strncmp(text_of(entry, "file"), prefix, (size_t)len) == 0;
}

/* Prints those of `app`; returns how many. */
static int print_entries(const struct lun_json *report, const char *name,
                         const char *kind, const char *app)
{
    const struct lun_json *list = lun_json_get(report, name);
    bool colored = lun_excerpt_colored(1);
    struct lun_buf out;
    int count = 0;
    lun_buf_init(&out);
    for (const struct lun_json *at = list != NULL ? list->child : NULL;
         at != NULL; at = at->next) {
        if (belongs(at, app)) {
            lun_excerpt_push(at, kind, colored, &out);
            count++;
        }
    }
    lun_excerpt_print(&out, stdout);
    return count;
}

static bool knows_app(const struct lun_command_line *line, const char *app,
                      const char *folder)
{
    char path[PATH_MAX];
    (void)line;
    return strchr(app, '/') == NULL &&
           snprintf(path, sizeof path, "%s/%s", folder, app) < PATH_MAX &&
           lun_file_is_dir(path);
}

static int print_check(const struct lun_json *report, const char *app)
{
    int warnings = print_entries(report, "warnings", "warning: ", app);
    int errors = print_entries(report, "errors", "", app);
    (void)printf("%d error%s, %d warning%s\n", errors, errors == 1 ? "" : "s",
                 warnings, warnings == 1 ? "" : "s");
    return errors > 0 ? LUN_EXIT_FAILED : LUN_EXIT_OK;
}

static int show_check(const struct lun_command_line *line,
                      const struct lun_buf *text)
{
    struct lun_arena arena;
    struct lun_json *report;
    struct lun_err err;
    const char *app = line->arg_count > 0 ? line->args[0] : NULL;
    lun_arena_init(&arena, REPORT_MEMORY);
    int code = lun_json_parse(&arena, text->data, text->len, 16, 1000000,
                              &report, &err);
    if (code != 0) {
        code = fail(err.message);
    } else if (lun_command_option(line, "json") != NULL) {
        (void)printf("%.*s\n", (int)text->len, text->data);
        const struct lun_json *ok = lun_json_get(report, "ok");
        code = ok != NULL && ok->type == LUN_JSON_TRUE ? LUN_EXIT_OK
                                                       : LUN_EXIT_FAILED;
    } else {
        code = print_check(report, app);
    }
    lun_arena_release(&arena);
    return code;
}

int lun_command_check(struct lun_command_line *line)
{
    struct lun_buf options;
    struct lun_buf text;
    struct lun_err err;
    lun_command_find_policy(line);
    char *folder = lun_command_find_apps(line);
    if (folder == NULL) {
        return fail("out of memory");
    }
    if (line->arg_count > 0 && !knows_app(line, line->args[0], folder)) {
        (void)fprintf(stderr, "lunette: there is no app '%s' in '%s'\n",
                      line->args[0], folder);
        free(folder);
        return LUN_EXIT_USAGE;
    }
    lun_buf_init(&options);
    lun_buf_init(&text);
    lun_lua_push_option(&options, "apps", folder);
    lun_buf_push_byte(&options, '}');
    free(folder);
    int code = lun_lua_call(&line->config, "check", &options, &text, &err) != 0
                   ? fail(err.message)
                   : show_check(line, &text);
    lun_buf_release(&options);
    lun_buf_release(&text);
    return code;
}

/* --- schema ------------------------------------------------------------- */

static void push_roles(const struct lun_command_line *line,
                       struct lun_buf *options)
{
    const char *before = ",\"roles\":[";
    for (size_t i = 0; i < line->option_count; i++) {
        if (strcmp(line->options[i].option->name, "role") == 0) {
            lun_buf_push_str(options, before);
            lun_buf_push_json_string(options, line->options[i].value,
                                     strlen(line->options[i].value));
            before = ",";
        }
    }
    if (before[1] == '\0') {
        lun_buf_push_byte(options, ']');
    }
}

static int show_schema(const struct lun_buf *text)
{
    struct lun_arena arena;
    struct lun_json *report;
    struct lun_err err;
    lun_arena_init(&arena, REPORT_MEMORY);
    int code = lun_json_parse(&arena, text->data, text->len, 16, 1000000,
                              &report, &err);
    const struct lun_json *sdl = code == 0 ? lun_json_get(report, "sdl") : NULL;
    if (code != 0) {
        code = fail(err.message);
    } else if (sdl != NULL) {
        (void)fwrite(sdl->text, 1, sdl->len, stdout);
        if (sdl->len > 0 && sdl->text[sdl->len - 1] != '\n') {
            (void)printf("\n");
        }
    } else {
        const struct lun_json *list = lun_json_get(report, "errors");
        struct lun_buf lines;
        lun_buf_init(&lines);
        for (const struct lun_json *at = list != NULL ? list->child : NULL;
             at != NULL; at = at->next) {
            const bool placed = text_of(at, "file")[0] != '\0';
            lun_excerpt_push(
                at, placed ? "" : "lunette: ", lun_excerpt_colored(2), &lines);
        }
        lun_excerpt_print(&lines, stderr);
        code = LUN_EXIT_FAILED;
    }
    lun_arena_release(&arena);
    return code;
}

int lun_command_schema(struct lun_command_line *line)
{
    struct lun_buf options;
    struct lun_buf set;
    struct lun_buf text;
    struct lun_err err;
    lun_command_find_policy(line);
    lun_buf_init(&options);
    lun_buf_init(&set);
    lun_buf_init(&text);
    char *folder = lun_command_find_apps(line);
    lun_lua_push_option(&options, "apps", folder != NULL ? folder : "");
    free(folder);
    if (!line->apps_given && lun_running_set(&line->config, &set)) {
        lun_buf_push_str(&options, ",\"set\":");
        lun_buf_push_json_string(&options, set.data, set.len);
    }
    lun_buf_push_str(&options, line->config.strict ? ",\"strict\":true" : "");
    push_roles(line, &options);
    lun_buf_push_byte(&options, '}');
    int code = lun_lua_call(&line->config, "schema", &options, &text, &err) != 0
                   ? fail(err.message)
                   : show_schema(&text);
    lun_buf_release(&options);
    lun_buf_release(&set);
    lun_buf_release(&text);
    return code;
}
