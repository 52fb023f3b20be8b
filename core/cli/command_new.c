/*
 * core/cli/command_new.c - `lunette new APP`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/command.h"
#include "core/serve/lua_call.h"
#include "core/os/file.h"

#define NAME_MAX_LEN 40

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_LEN || !islower((unsigned char)name[0])) {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
            *c != '_') {
            return false;
        }
    }
    return true;
}

/* lua/lunette/app/template.lua writes the text. */
static int make_text(const struct lun_config *config, const char *name,
                     struct lun_buf *text, struct lun_err *err)
{
    struct lun_buf options;
    lun_buf_init(&options);
    lun_lua_push_option(&options, "name", name);
    lun_buf_push_byte(&options, '}');
    int code = lun_lua_call(config, "new", &options, text, err);
    lun_buf_release(&options);
    return code;
}

static int write_app(const struct lun_config *config, const char *name,
                     struct lun_err *err)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    struct lun_buf text;
    int len = snprintf(folder, sizeof folder, "%s/%s", config->apps, name);
    if (len < 0 || (size_t)len + 9 >= sizeof folder) {
        return lun_error_set(err, LUN_EIO, "path is too long: '%s'",
                             config->apps);
    }
    if (lun_file_exists(folder)) {
        return lun_error_set(err, LUN_ECONFLICT, "'%s' is there already",
                             folder);
    }
    (void)snprintf(path, sizeof path, "%.*s/app.lua", len, folder);
    lun_buf_init(&text);
    int code = make_text(config, name, &text, err);
    if (code == 0) {
        code = lun_file_mkdirs(folder, 0755, err);
    }
    if (code == 0) {
        code = lun_file_write(path, 0644, text.data, text.len, false, err);
    }
    lun_buf_release(&text);
    if (code == 0) {
        (void)printf(
            "made %s; 'lunette check %s' checks it, 'lunette test %s' runs its "
            "tests\n",
            path, name, name);
    }
    return code;
}

int lun_command_new(struct lun_command_line *line)
{
    struct lun_err err;
    if (line->arg_count == 0) {
        (void)fprintf(stderr, "lunette new: give the app a name, for example "
                              "'lunette new stock'\n");
        return LUN_EXIT_USAGE;
    }
    if (!is_name(line->args[0])) {
        (void)fprintf(stderr,
                      "lunette new: '%s' is no name of an app; it begins with "
                      "a small letter and has small letters, digits and '_' "
                      "(at most %d)\n",
                      line->args[0], NAME_MAX_LEN);
        return LUN_EXIT_USAGE;
    }
    if (write_app(&line->config, line->args[0], &err) != 0) {
        (void)fprintf(stderr, "lunette new: %s\n", err.message);
        return LUN_EXIT_FAILED;
    }
    return LUN_EXIT_OK;
}
