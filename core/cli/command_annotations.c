/*
 * core/cli/command_annotations.c - `lunette annotations`: for editors.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cli/command.h"
#include "core/config/excerpt.h"
#include "core/serve/lua_call.h"
#include "core/supervise/running.h"
#include "core/os/file.h"

#define REPORT_MEMORY ((size_t)64 * 1024 * 1024)

static void print_errors(const struct lun_json *report)
{
    const struct lun_json *errors = lun_json_get(report, "errors");
    struct lun_buf out;
    lun_buf_init(&out);
    for (const struct lun_json *at = errors != NULL ? errors->child : NULL;
         at != NULL; at = at->next) {
        lun_excerpt_push(at, "", lun_excerpt_colored(2), &out);
    }
    lun_excerpt_print(&out, stderr);
}

static int show(const struct lun_buf *text, const char *folder)
{
    struct lun_arena arena;
    struct lun_json *report;
    int code = LUN_EXIT_FAILED;
    lun_arena_init(&arena, REPORT_MEMORY);
    if (lun_json_parse(&arena, text->data, text->len, 16, 1000000, &report,
                       NULL) == 0) {
        const struct lun_json *ok = lun_json_get(report, "ok");
        const struct lun_json *files = lun_json_get(report, "files");
        const struct lun_json *library = lun_json_get(report, "library");
        print_errors(report);
        if (files != NULL && files->count > 0) {
            (void)printf("wrote %zu files to %s/.annotations\n", files->count,
                         folder);
        }
        if (library != NULL) {
            (void)printf("left %s/.luarc.json as it is; it needs "
                         "\"workspace.library\": [\"%s\"]\n",
                         folder, library->text);
        }
        code = ok != NULL && ok->type == LUN_JSON_TRUE ? LUN_EXIT_OK
                                                       : LUN_EXIT_FAILED;
    }
    lun_arena_release(&arena);
    return code;
}

static int write_files(struct lun_command_line *line, const char *apps,
                       const char *folder)
{
    struct lun_buf options;
    struct lun_buf text;
    struct lun_err err;
    char inside[PATH_MAX];
    lun_buf_init(&options);
    lun_buf_init(&text);
    lun_lua_push_option(&options, "apps", apps);
    lun_lua_push_option(&options, "folder", folder);
    lun_buf_push_byte(&options, '}');
    (void)snprintf(inside, sizeof inside, "%s/.annotations", folder);
    int code = lun_file_mkdirs(inside, 0755, &err);
    if (code == 0) {
        code =
            lun_lua_call(&line->config, "annotations", &options, &text, &err);
    }
    if (code != 0) {
        (void)fprintf(stderr, "lunette annotations: %s\n", err.message);
        code = LUN_EXIT_FAILED;
    } else {
        code = show(&text, folder);
    }
    lun_buf_release(&options);
    lun_buf_release(&text);
    return code;
}

int lun_command_annotations(struct lun_command_line *line)
{
    char *apps = lun_command_find_apps(line);
    if (apps == NULL) {
        return LUN_EXIT_FAILED;
    }
    int code =
        write_files(line, apps, line->arg_count > 0 ? line->args[0] : apps);
    free(apps);
    return code;
}
