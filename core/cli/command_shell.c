/*
 * core/cli/command_shell.c - `lunette shell APP`: a console in an app's
 * sandbox. SPDX-License-Identifier: Apache-2.0
 *
 * Lines run in this process (core/serve/trial.h), in a VM like that of workers.
 * Each is a transaction of its own that is rolled back, unless writing is on.
 */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/cli/command.h"
#include "core/config/datadir.h"
#include "core/config/excerpt.h"
#include "core/cli/line_editor.h"
#include "core/serve/trial.h"
#include "core/os/file.h"
#include "core/os/harden.h"
#include "core/telemetry/log.h"

#define LINE_MS 60000 /* policy's own limits are shorter */
#define ANSWER_MEMORY ((size_t)64 * 1024 * 1024)
#define NODES ((size_t)1000000)

#define RED "\033[31m"
#define PLAIN "\033[0m"

struct shell {
    struct lun_config config; /* of the host on the data folder */
    char set[PATH_MAX];
    struct stat opened; /* the set as it was when it was opened */
    const char *app;
    char login[256]; /* "": nobody, with all rights */
    bool write;
    bool colored;
    bool over;
    bool failed; /* the last line */
    struct lun_trial *trial;
    struct lun_line_editor *editor;
    struct lun_buf code; /* lines that are not complete yet */
};

static const char help[] =
    "An expression prints its value; find(), one(), create() and all other\n"
    "words of the language work, and what the app's files define. Variables\n"
    "without 'local' stay from line to line. Ctrl-C stops what runs.\n\n"
    "  :as LOGIN      act as that user; :as alone: as nobody, with all rights\n"
    "  :write on|off  keep what lines change, or roll each back (off)\n"
    "  :help          this text\n"
    "  :quit          the end, like Ctrl-D\n";

/* --- telling ------------------------------------------------------------ */

static void say(const char *text)
{
    struct lun_buf out;
    lun_buf_init(&out);
    lun_excerpt_push_plain(text, "", &out);
    (void)printf("%.*s\n", (int)out.len, out.data != NULL ? out.data : "");
    lun_buf_release(&out);
}

static void say_error(struct shell *shell, const char *text)
{
    struct lun_buf out;
    lun_buf_init(&out);
    lun_excerpt_push_plain(text, "  ", &out);
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s%.*s%s\n", shell->colored ? RED : "", (int)out.len,
                  out.data != NULL ? out.data : "",
                  shell->colored ? PLAIN : "");
    lun_buf_release(&out);
    shell->failed = true;
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

/* --- the app ------------------------------------------------------------ */

static int open_trial(struct shell *shell, struct lun_err *err)
{
    const struct lun_trial_options options = {.config = &shell->config,
                                              .set = shell->set};
    if (stat(shell->set, &shell->opened) != 0) {
        return lun_error_set(err, LUN_EIO, "no release is served yet");
    }
    return lun_trial_open(&options, &shell->trial, err);
}

/* A new release takes the place of the old one, and of all variables. */
static void follow_releases(struct shell *shell)
{
    struct stat now;
    struct lun_err err;
    if (stat(shell->set, &now) != 0 ||
        (now.st_ino == shell->opened.st_ino &&
         now.st_mtime == shell->opened.st_mtime)) {
        return;
    }
    struct lun_trial *old = shell->trial;
    if (open_trial(shell, &err) != 0) {
        say_error(shell, err.message);
        shell->trial = old;
        return;
    }
    lun_trial_close(old);
    (void)printf("(a new release is served; variables are gone)\n");
}

/* What was kept is known afterwards, as that of requests is. */
static void record(const struct shell *shell)
{
    const struct passwd *account = getpwuid(getuid());
    const struct lun_log_field fields[] = {
        {"app", shell->app},
        {"account", account != NULL ? account->pw_name : "?"},
        {"user", shell->login},
        {"code", lun_buf_str((struct lun_buf *)&shell->code)},
    };
    lun_log_write(LUN_LOG_WARN, "shell", fields, 4);
    (void)lun_log_flush();
}

static void push_job(const struct shell *shell, struct lun_buf *job)
{
    lun_buf_push_str(job, "{\"kind\":\"line\",\"app\":");
    lun_buf_push_json_string(job, shell->app, strlen(shell->app));
    lun_buf_push_str(job, ",\"code\":");
    lun_buf_push_json_string(job, shell->code.data, shell->code.len);
    if (shell->login[0] != '\0') {
        lun_buf_push_str(job, ",\"login\":");
        lun_buf_push_json_string(job, shell->login, strlen(shell->login));
    }
    lun_buf_push_str(job, shell->write ? ",\"write\":true}" : "}");
}

/* True when the code is done with: more lines may be needed. */
static bool show_answer(struct shell *shell, const struct lun_json *answer)
{
    const struct lun_json *lines = lun_json_get(answer, "lines");
    if (is_true(answer, "incomplete")) {
        return false;
    }
    for (const struct lun_json *at = lines != NULL ? lines->child : NULL;
         at != NULL; at = at->next) {
        say(at->text != NULL ? at->text : "");
    }
    if (!is_true(answer, "ok")) {
        say_error(shell, text_of(answer, "message"));
    } else if (shell->write) {
        record(shell);
    }
    return true;
}

static bool run_code(struct shell *shell)
{
    struct lun_buf job;
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *answer;
    struct lun_err err;
    bool done = true;
    lun_buf_init(&job);
    lun_buf_init(&text);
    lun_arena_init(&arena, ANSWER_MEMORY);
    push_job(shell, &job);
    shell->failed = false;
    if (lun_trial_run(shell->trial, job.data, job.len, LINE_MS, &text, &err) !=
            0 ||
        lun_json_parse(&arena, text.data, text.len, 32, NODES, &answer, &err) !=
            0) {
        say_error(shell, err.message);
    } else {
        done = show_answer(shell, answer);
    }
    /* libuv has given the signal back to its default: the end. */
    (void)signal(SIGINT, SIG_IGN);
    lun_arena_release(&arena);
    lun_buf_release(&job);
    lun_buf_release(&text);
    return done;
}

/* --- lines -------------------------------------------------------------- */

static void command_write(struct shell *shell, const char *word)
{
    if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
        shell->write = strcmp(word, "on") == 0;
    }
    (void)printf(shell->write ? "what lines change is kept\n"
                              : "what lines change is rolled back\n");
}

static void run_command(struct shell *shell, const char *line)
{
    char name[32];
    char word[256] = "";
    int read = sscanf(line, ":%31s %255s", name, word);
    if (read >= 1 && strcmp(name, "as") == 0) {
        (void)snprintf(shell->login, sizeof shell->login, "%s", word);
    } else if (read >= 1 && strcmp(name, "write") == 0) {
        command_write(shell, word);
    } else if (read >= 1 && strcmp(name, "help") == 0) {
        (void)printf("%s", help);
    } else if (read >= 1 &&
               (strcmp(name, "quit") == 0 || strcmp(name, "q") == 0)) {
        shell->over = true;
    } else {
        say_error(shell, "there is no such command; :help lists them");
    }
}

static void take_line(struct shell *shell, const char *line, size_t len)
{
    if (shell->code.len == 0 && line[0] == ':') {
        run_command(shell, line);
        return;
    }
    if (shell->code.len == 0 && line[strspn(line, " \t")] == '\0') {
        return;
    }
    lun_buf_push_str(&shell->code, shell->code.len > 0 ? "\n" : "");
    lun_buf_push(&shell->code, line, len);
    follow_releases(shell);
    /* An empty line ends what will never be complete. */
    if (run_code(shell) || len == 0) {
        lun_buf_clear(&shell->code);
    }
}

static void show_prompt(const struct shell *shell, char out[320])
{
    (void)snprintf(out, 320, "%s%s%s%s%s ", shell->app,
                   shell->login[0] != '\0' ? " as " : "", shell->login,
                   shell->write ? " (writes)" : "",
                   shell->code.len > 0 ? "..." : ">");
}

static void run_lines(struct shell *shell)
{
    char prompt[320];
    while (!shell->over) {
        size_t len;
        show_prompt(shell, prompt);
        (void)fflush(stdout);
        const char *line = lun_line_editor_read(shell->editor, prompt, &len);
        if (line == NULL) {
            break;
        }
        if (lun_line_editor_was_interrupted(shell->editor)) {
            lun_buf_clear(&shell->code);
            continue;
        }
        take_line(shell, line, len);
    }
}

/* --- the command -------------------------------------------------------- */

static int fail(const char *message)
{
    (void)fprintf(stderr, "lunette shell: %s\n", message);
    return LUN_EXIT_FAILED;
}

/* Settings, set and history of the host that runs on the data folder. */
static int find_host(const struct lun_command_line *line, struct shell *shell,
                     char history[PATH_MAX])
{
    struct lun_datadir dir;
    struct lun_err err;
    char path[PATH_MAX];
    if (lun_datadir_open(line->config.data, false, &dir, &err) != 0 ||
        lun_datadir_owner(&dir) == 0) {
        (void)fail("no host runs on the data folder; 'lunette up' starts one");
        return LUN_EXIT_NOT_RUNNING;
    }
    if (lun_datadir_join(&dir, "worker.conf", path, &err) != 0 ||
        lun_datadir_join(&dir, "sets/current.json", shell->set, &err) != 0 ||
        lun_datadir_join(&dir, "shell.history", history, &err) != 0 ||
        lun_config_read_file(&shell->config, path, &err) != 0) {
        return fail(err.message);
    }
    if (shell->config.log[0] == '/') {
        (void)lun_log_open(shell->config.log, LUN_LOG_INFO, 0, NULL);
    }
    return 0;
}

static int check_app(const struct shell *shell)
{
    struct lun_buf text;
    char wanted[300];
    struct lun_err err;
    lun_buf_init(&text);
    (void)snprintf(wanted, sizeof wanted, "\"%s:app.lua\"", shell->app);
    int code = lun_file_read(shell->set, (size_t)256 << 20, &text, &err);
    bool has = code == 0 &&
               memmem(text.data, text.len, wanted, strlen(wanted)) != NULL;
    lun_buf_release(&text);
    if (code != 0) {
        return fail(err.message);
    }
    if (!has) {
        (void)fprintf(stderr,
                      "lunette shell: the app '%s' is not served, or has no "
                      "functions\n",
                      shell->app);
        return LUN_EXIT_USAGE;
    }
    return 0;
}

static int run(struct shell *shell, const char *history)
{
    struct lun_err err;
    if (open_trial(shell, &err) != 0) {
        return fail(err.message);
    }
    shell->editor = lun_line_editor_open(history);
    if (shell->editor == NULL) {
        lun_trial_close(shell->trial);
        return fail("out of memory");
    }
    (void)signal(SIGINT, SIG_IGN);
    /* Code of an app runs here: no more than a worker may do. */
    lun_harden_process();
    (void)lun_harden_filter_calls(LUN_HARDEN_WORKER, NULL, NULL);
    if (lun_line_editor_is_terminal(shell->editor)) {
        (void)printf("lunette %s; :help explains. %s\n", LUNETTE_VERSION,
                     shell->write ? "What lines change is kept."
                                  : "What lines change is rolled back.");
    }
    run_lines(shell);
    bool failed = shell->failed && !lun_line_editor_is_terminal(shell->editor);
    lun_line_editor_close(shell->editor);
    lun_trial_close(shell->trial);
    return failed ? LUN_EXIT_FAILED : LUN_EXIT_OK;
}

int lun_command_shell(struct lun_command_line *line)
{
    struct shell shell = {.write = lun_command_option(line, "write") != NULL,
                          .colored = lun_excerpt_colored(2)};
    char history[PATH_MAX];
    struct lun_err err;
    const char *login = lun_command_option(line, "user");
    if (line->arg_count == 0) {
        (void)fail("name the app");
        return LUN_EXIT_USAGE;
    }
    shell.app = line->args[0];
    (void)snprintf(shell.login, sizeof shell.login, "%s",
                   login != NULL ? login : "");
    if (lun_config_init(&shell.config, &err) != 0) {
        return fail(err.message);
    }
    lun_buf_init(&shell.code);
    int code = find_host(line, &shell, history);
    if (code == 0) {
        code = check_app(&shell);
    }
    if (code == 0) {
        code = run(&shell, history);
    }
    lun_buf_release(&shell.code);
    lun_config_release(&shell.config);
    lun_log_close();
    return code;
}
