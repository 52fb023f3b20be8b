/*
 * core/host/command_new.c - `lunette new APP`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/host/command.h"
#include "core/os/file.h"

#define NAME_MAX_LEN 40

static const char sample[] =
    "-- The app %s: save this file, and the running server has what it says.\n"
    "app \"%s\" { version = \"1.0.0\", title = \"%s\" }\n"
    "\n"
    "role \"user\"    { title = \"Employee\" }\n"
    "role \"manager\" { title = \"Manager\", implies = { \"user\" } }\n"
    "\n"
    "model \"%sNote\" {\n"
    "  title = \"Note\", label = \"{title}\", order = \"-written\",\n"
    "  fields = {\n"
    "    title   = text { required = true, size = 200 },\n"
    "    body    = text {},\n"
    "    done    = bool { default = false },\n"
    "    written = created {},\n"
    "  },\n"
    "}\n"
    "\n"
    "access \"%sNote\" {\n"
    "  user    = { \"read\", \"create\", \"write\" },\n"
    "  manager = { \"delete\" },\n"
    "}\n";

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

/* "my_stock" -> "MyStock" and "My stock". */
static void spell(const char *name, char *camel, char *title)
{
    bool upper = true;
    for (; *name != '\0'; name++) {
        bool gap = *name == '_';
        *title++ = gap ? ' ' : *name;
        if (!gap) {
            *camel++ = upper ? (char)toupper((unsigned char)*name) : *name;
        }
        upper = gap;
    }
    *camel = '\0';
    *title = '\0';
}

static int write_app(const char *folder, const char *name, struct lun_err *err)
{
    char path[PATH_MAX];
    char camel[NAME_MAX_LEN + 1];
    char title[NAME_MAX_LEN + 1];
    struct lun_buf text;
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len + 9 >= sizeof path) {
        return lun_error_set(err, LUN_EIO, "path is too long: '%s'", folder);
    }
    if (lun_file_exists(path)) {
        return lun_error_set(err, LUN_ECONFLICT, "'%s' is there already", path);
    }
    int code = lun_file_mkdirs(path, 0755, err);
    spell(name, camel, title);
    title[0] = (char)toupper((unsigned char)title[0]);
    lun_buf_init(&text);
    lun_buf_printf(&text, sample, name, name, title, camel, camel);
    (void)strcat(path, "/app.lua");
    if (code == 0) {
        code = text.failed
                   ? lun_error_set(err, LUN_EMEMORY, "out of memory")
                   : lun_file_write(path, 0644, text.data, text.len, false,
                                    err);
    }
    lun_buf_release(&text);
    if (code == 0) {
        (void)printf("made %s; 'lunette check %s' checks it\n", path, name);
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
    if (write_app(line->config.apps, line->args[0], &err) != 0) {
        (void)fprintf(stderr, "lunette new: %s\n", err.message);
        return LUN_EXIT_FAILED;
    }
    return LUN_EXIT_OK;
}
