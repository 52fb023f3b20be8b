/*
 * core/cli/command_test.c - `lunette test APP`: the tests in the files of
 * apps. SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/serve/app_tests.h"
#include "core/cli/command.h"
#include "core/config/excerpt.h"
#include "core/serve/lua_call.h"
#include "core/supervise/running.h"
#include "core/cli/test_server.h"
#include "core/os/file.h"

#define REPORT_MEMORY ((size_t)256 * 1024 * 1024)
#define NODES ((size_t)1000000)

#define GREEN "\033[32m"
#define RED "\033[1;31m"
#define PLAIN "\033[0m"

static int fail(const char *message)
{
    (void)fprintf(stderr, "lunette test: %s\n", message);
    return LUN_EXIT_FAILED;
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

static bool is_true(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->type == LUN_JSON_TRUE;
}

/* --- which apps --------------------------------------------------------- */

/* "apps/sales", "apps/sales/" and "sales" are the app sales. */
static void app_name(const char *given, char out[256])
{
    size_t len = strlen(given);
    while (len > 1 && given[len - 1] == '/') {
        len--;
    }
    size_t from = len;
    while (from > 0 && given[from - 1] != '/') {
        from--;
    }
    (void)snprintf(out, 256, "%.*s", (int)(len - from), given + from);
}

/* The folder above a given path, when it is one. */
static char *folder_of(const struct lun_command_line *line)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < line->arg_count && !line->apps_given; i++) {
        const char *given = line->args[i];
        if (strchr(given, '/') != NULL && lun_file_is_dir(given)) {
            (void)snprintf(path, sizeof path, "%s/..", given);
            return lun_file_absolute(path);
        }
    }
    char *folder = lun_command_find_apps(line);
    char *absolute = folder != NULL ? lun_file_absolute(folder) : NULL;
    if (absolute == NULL) {
        return folder;
    }
    free(folder);
    return absolute;
}

static bool push_names(const struct lun_command_line *line, const char *folder,
                       struct lun_buf *options)
{
    lun_buf_push_str(options, ",\"names\":[");
    for (size_t i = 0; i < line->arg_count; i++) {
        char name[256];
        char path[PATH_MAX + 300];
        app_name(line->args[i], name);
        (void)snprintf(path, sizeof path, "%s/%s/app.lua", folder, name);
        if (!lun_file_exists(path)) {
            (void)fprintf(stderr,
                          "lunette test: there is no app '%s' in '%s'\n", name,
                          folder);
            return false;
        }
        lun_buf_push_str(options, i > 0 ? "," : "");
        lun_buf_push_json_string(options, name, strlen(name));
    }
    lun_buf_push_byte(options, ']');
    return true;
}

/* --- telling ------------------------------------------------------------ */

static void print_text(const char *lead, const char *text)
{
    struct lun_buf out;
    lun_buf_init(&out);
    lun_buf_push_str(&out, lead);
    lun_excerpt_push_plain(text, "          ", &out);
    lun_buf_push_byte(&out, '\n');
    lun_excerpt_print(&out, stdout);
}

static void print_failure(const struct lun_json *result,
                          const struct lun_json *entry, bool colored)
{
    struct lun_buf out;
    lun_buf_init(&out);
    lun_excerpt_push(entry, "", colored, &out);
    for (size_t from = 0; from < out.len;) {
        const char *end = memchr(out.data + from, '\n', out.len - from);
        size_t len =
            end != NULL ? (size_t)(end - out.data) - from : out.len - from;
        (void)printf("        %.*s\n", (int)len, out.data + from);
        from += len + 1;
    }
    lun_buf_release(&out);
    if (text_of(entry, "stack")[0] != '\0') {
        print_text("          ", text_of(entry, "stack"));
    }
    if (lun_json_get(result, "got") != NULL) {
        print_text("        got      ", text_of(result, "got"));
        print_text("        expected ", text_of(result, "expected"));
    }
}

static void print_result(const struct lun_json *test,
                         const struct lun_json *result,
                         const struct lun_json *entry, bool colored)
{
    bool ok = is_true(result, "ok");
    const char *color = !colored ? "" : ok ? GREEN : RED;
    (void)printf("  %s%s%s ", color, ok ? "ok  " : "FAIL",
                 colored ? PLAIN : "");
    print_text("", text_of(test, "name"));
    if (!ok) {
        print_failure(result, entry, colored);
    }
}

/* The messages with their lines of code; NULL when that fails. */
static struct lun_json *find_excerpts(const struct lun_command_line *line,
                                      const char *folder,
                                      const struct lun_json *results,
                                      struct lun_arena *arena)
{
    struct lun_buf options;
    struct lun_buf text;
    struct lun_json *found = NULL;
    lun_buf_init(&options);
    lun_buf_init(&text);
    lun_lua_push_option(&options, "apps", folder);
    lun_buf_push_str(&options, ",\"messages\":[");
    const struct lun_json *at = results->child;
    for (; at != NULL; at = at->next) {
        const char *message = text_of(at, "message");
        lun_buf_push_json_string(&options, message, strlen(message));
        lun_buf_push_str(&options, at->next != NULL ? "," : "");
    }
    lun_buf_push_str(&options, "]}");
    if (lun_lua_call(&line->config, "excerpts", &options, &text, NULL) != 0 ||
        lun_json_parse(arena, text.data, text.len, 16, NODES, &found, NULL) !=
            0) {
        found = NULL;
    }
    lun_buf_release(&options);
    lun_buf_release(&text);
    return found;
}

static size_t count_failed(const struct lun_json *results)
{
    size_t failed = 0;
    const struct lun_json *at = results->child;
    for (; at != NULL; at = at->next) {
        failed += is_true(at, "ok") ? 0 : 1;
    }
    return failed;
}

static void print_results(const struct lun_command_line *line,
                          const char *folder, const struct lun_json *tests,
                          const struct lun_json *results,
                          struct lun_arena *arena)
{
    bool colored = lun_excerpt_colored(1);
    const struct lun_json *entries =
        count_failed(results) > 0 ? find_excerpts(line, folder, results, arena)
                                  : NULL;
    const struct lun_json *entry = entries != NULL ? entries->child : NULL;
    const struct lun_json *result = results->child;
    const char *app = "";
    for (const struct lun_json *at = tests->child; at != NULL && result != NULL;
         at = at->next, result = result->next) {
        if (strcmp(app, text_of(at, "app")) != 0) {
            app = text_of(at, "app");
            (void)printf("%s\n", app);
        }
        print_result(at, result, entry != NULL ? entry : result, colored);
        entry = entry != NULL ? entry->next : NULL;
    }
}

static void print_json(const struct lun_json *tests,
                       const struct lun_json *results)
{
    struct lun_buf out;
    size_t failed = count_failed(results);
    lun_buf_init(&out);
    lun_buf_printf(&out, "{\"passed\":%zu,\"failed\":%zu,\"tests\":",
                   results->count - failed, failed);
    lun_json_write(tests, &out);
    lun_buf_push_str(&out, ",\"results\":");
    lun_json_write(results, &out);
    (void)printf("%.*s}\n", (int)out.len, out.data);
    lun_buf_release(&out);
}

/* --- running ------------------------------------------------------------ */

static void print_errors(const struct lun_json *report)
{
    const struct lun_json *errors = lun_json_get(report, "errors");
    struct lun_buf out;
    lun_buf_init(&out);
    for (const struct lun_json *at = errors != NULL ? errors->child : NULL;
         at != NULL; at = at->next) {
        bool placed = text_of(at, "file")[0] != '\0';
        lun_excerpt_push(
            at, placed ? "" : "lunette test: ", lun_excerpt_colored(2), &out);
    }
    lun_excerpt_print(&out, stderr);
}

static int show(const struct lun_command_line *line, const char *folder,
                const struct lun_json *report, struct lun_arena *arena)
{
    const struct lun_json *tests = lun_json_get(report, "tests");
    struct lun_json *results = NULL;
    struct lun_buf text;
    struct lun_err err;
    if (!is_true(report, "ok") || tests == NULL) {
        print_errors(report);
        return LUN_EXIT_FAILED;
    }
    lun_buf_init(&text);
    int code = lun_app_tests_run(&line->config, text_of(report, "database"),
                                 text_of(report, "set"), tests, &text, &err);
    if (code == 0) {
        code = lun_json_parse(arena, text.data, text.len, 64, NODES, &results,
                              &err);
    }
    lun_buf_release(&text);
    if (code != 0) {
        return fail(err.message);
    }
    size_t failed = count_failed(results);
    if (lun_command_option(line, "json") != NULL) {
        print_json(tests, results);
    } else {
        print_results(line, folder, tests, results, arena);
        (void)printf("%s%zu passed, %zu failed\n",
                     results->count > 0 ? "\n" : "", results->count - failed,
                     failed);
    }
    return failed > 0 ? LUN_EXIT_FAILED : LUN_EXIT_OK;
}

static int run_tests(struct lun_command_line *line, const char *folder,
                     const struct lun_test_server *server)
{
    struct lun_buf options;
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *report;
    struct lun_err err;
    char file[] = "/tmp/lunette-test-XXXXXX";
    int fd = mkstemp(file);
    if (fd < 0) {
        return fail("cannot make a file in /tmp");
    }
    (void)close(fd);
    lun_buf_init(&options);
    lun_buf_init(&text);
    lun_arena_init(&arena, REPORT_MEMORY);
    lun_lua_push_option(&options, "apps", folder);
    lun_lua_push_option(&options, "file", file);
    lun_lua_push_option(&options, server->own ? "database" : "server",
                        server->conninfo);
    int code = LUN_EXIT_USAGE;
    if (push_names(line, folder, &options)) {
        lun_buf_push_byte(&options, '}');
        code = lun_lua_call(&line->config, "test", &options, &text, &err);
        if (code == 0) {
            code = lun_json_parse(&arena, text.data, text.len, 32, NODES,
                                  &report, &err);
        }
        code =
            code != 0 ? fail(err.message) : show(line, folder, report, &arena);
    }
    (void)unlink(file);
    lun_arena_release(&arena);
    lun_buf_release(&options);
    lun_buf_release(&text);
    return code;
}

int lun_command_test(struct lun_command_line *line)
{
    struct lun_test_server server;
    struct lun_err err;
    char *folder = folder_of(line);
    if (folder == NULL) {
        return fail("out of memory");
    }
    int code = LUN_EXIT_FAILED;
    if (lun_test_server_open(&line->config, &server, &err) != 0) {
        (void)fail(err.message);
    } else {
        code = run_tests(line, folder, &server);
        lun_test_server_close(&server);
    }
    free(folder);
    return code;
}
