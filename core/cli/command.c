/*
 * core/cli/command.c - the table of commands and the reading of their line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/serve/app_process.h"
#include "core/supervise/spawn.h"
#include "core/config/suggest.h"
#include "core/os/file.h"

#define DEFAULT_FILE "lunette.conf"

static const char *const data_keys[] = {"data", NULL};
static const char *const apps_keys[] = {"data", "apps",    "policy",
                                        "lua",  "modules", NULL};
static const char *const test_keys[] = {"data",    "apps", "database", "policy",
                                        "modules", "lua",  NULL};
static const char *const logs_keys[] = {"data", "apps", NULL};
static const char *const schema_keys[] = {"data", "apps",    "policy", "strict",
                                          "lua",  "modules", NULL};
static const char *const token_keys[] = {"data", "token_audience", "lua", NULL};

static const struct lun_option status_options[] = {
    {"json", NULL, "print one JSON object"}, {NULL, NULL, NULL}};
static const struct lun_option check_options[] = {
    {"json", NULL, "print one JSON object"}, {NULL, NULL, NULL}};
static const struct lun_option policy_options[] = {
    {"json", NULL, "print one JSON object"}, {NULL, NULL, NULL}};
static const struct lun_option test_options[] = {
    {"json", NULL, "print one JSON object"}, {NULL, NULL, NULL}};
static const struct lun_option schema_options[] = {
    {"role", "ROLE", "as a caller with this role sees it; may be repeated"},
    {NULL, NULL, NULL}};
static const struct lun_option token_options[] = {
    {"user", "NAME", "who the token is for: a login, or admin (required)"},
    {"role", "ROLE", "narrow the token to this role; may be repeated"},
    {"ttl", "TIME", "how long it is good (default 24h)"},
    {NULL, NULL, NULL}};

static const struct lun_option shell_options[] = {
    {"user", "LOGIN", "act as this user (default: nobody, with all rights)"},
    {"write", NULL, "keep what lines change"},
    {NULL, NULL, NULL}};
static const struct lun_option top_options[] = {
    {"once", NULL, "one table, of the next second"},
    {"json", NULL, "one JSON object a second"},
    {NULL, NULL, NULL}};
static const struct lun_option logs_options[] = {
    {"follow", NULL, "go on with the lines that come"},
    {"level", "LEVEL", "of at least this level: debug, info, warn or error"},
    {"release", "RELEASE", "of this release, its version or its hash"},
    {"since", "TIME", "from then on: 90s, 10m, 2h, 1d or 2026-01-31T12:00"},
    {"lines", "N", "at most so many old lines (100; with --since, all)"},
    {"json", NULL, "print the lines as they are in the log"},
    {NULL, NULL, NULL}};

#define SERVER_OPTIONS                                                         \
    {"token", "FILE", "the token to come with (LUNETTE_TOKEN, too)"},          \
    {                                                                          \
        "ca", "FILE", "certificates to trust, beside the system's"             \
    }
static const struct lun_option push_options[] = {
    {"to", "URL", "ops port of the server; without it the one on --data"},
    SERVER_OPTIONS,
    {"yes", NULL, "confirm a change that does not only add"},
    {"note", "TEXT", "what 'lunette releases' shows"},
    {NULL, NULL, NULL}};
static const struct lun_option releases_options[] = {
    {"server", "URL", "ops port of the server; without it the one on --data"},
    SERVER_OPTIONS,
    {"json", NULL, "print one JSON object"},
    {NULL, NULL, NULL}};
static const struct lun_option rollback_options[] = {
    {"to", "RELEASE", "version or hash; without it the one before"},
    {"server", "URL", "ops port of the server; without it the one on --data"},
    SERVER_OPTIONS,
    {NULL, NULL, NULL}};

const struct lun_command lun_commands[] = {
    {"up", "", 0, "start the server and load the apps",
     "lunette up --port 8080 --detach", NULL, NULL, lun_command_up},
    {"down", "", 0, "stop the server", "lunette down --data .lunette",
     data_keys, NULL, lun_command_down},
    {"status", "", 0, "show what runs, what is served and the last error",
     "lunette status --json", data_keys, status_options, lun_command_status},
    {"upgrade", "", 0, "go on as the program that is on the disk now",
     "lunette upgrade --data .lunette", data_keys, NULL, lun_command_upgrade},
    {"quarantine", "[free APP]", 2,
     "list the apps that are in quarantine, or let one out",
     "lunette quarantine free sales", data_keys, status_options,
     lun_command_quarantine},
    {"policy", "check | explain APP", 2,
     "check the policy, or explain what an app gets",
     "lunette policy explain sales", apps_keys, policy_options,
     lun_command_policy},
    {"check", "[APP]", 1, "check the apps without changing anything",
     "lunette check sales", apps_keys, check_options, lun_command_check},
    {"test", "[APP]...", LUN_COMMAND_ARGS, "run the tests of apps",
     "lunette test sales", test_keys, test_options, lun_command_test},
    {"token", "", 0, "print a signed token for a user",
     "lunette token --user admin --ttl 1h", token_keys, token_options,
     lun_command_token},
    {"schema", "", 0, "print the GraphQL schema, sorted",
     "lunette schema --role sales.seller", schema_keys, schema_options,
     lun_command_schema},
    {"push", "APP", 1, "release an app on a running server",
     "lunette push sales --to https://erp.example.com:8081 --token deploy.jwt",
     apps_keys, push_options, lun_command_push},
    {"releases", "[APP]", 1, "list the releases of an app, or of all",
     "lunette releases sales", data_keys, releases_options,
     lun_command_releases},
    {"rollback", "APP", 1, "go back to an older release of an app",
     "lunette rollback sales --to 1.2.0", data_keys, rollback_options,
     lun_command_rollback},
    {"new", "APP", 1, "make a small app to begin with", "lunette new stock",
     apps_keys, NULL, lun_command_new},
    {"logs", "[APP]", 1, "show the log, of one app or all",
     "lunette logs sales --follow --level warn", logs_keys, logs_options,
     lun_command_logs},
    {"annotations", "[DIR]", 1,
     "write what editors complete and check apps with", "lunette annotations",
     apps_keys, NULL, lun_command_annotations},
    {"shell", "APP", 1, "work in an app by hand, in its sandbox",
     "lunette shell sales --user bob", data_keys, shell_options,
     lun_command_shell},
    {"top", "", 0, "show live what apps use", "lunette top --once --json",
     data_keys, top_options, lun_command_top},
    {"completion", "SHELL", 1, "print the completion script of bash or zsh",
     "lunette completion bash", data_keys, NULL, lun_command_completion},
    {"version", "", 0, "print the version", "lunette version", data_keys, NULL,
     lun_command_version},
    {"help", "[COMMAND]", 1, "explain a command, or all settings (config)",
     "lunette help up", data_keys, NULL, lun_command_help},
    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL},
};

/* --- reading ------------------------------------------------------------ */

struct reading {
    const struct lun_command *command;
    struct lun_command_line *line;
    /* Settings wait until file and environment are read. */
    const struct lun_config_key *keys[LUN_COMMAND_OPTIONS];
    const char *values[LUN_COMMAND_OPTIONS];
    size_t count;
    const char *file; /* --config */
    bool help;
};

static int complain(const char *format, const char *word, const char *hint)
{
    (void)fprintf(stderr, format, word);
    if (hint != NULL) {
        (void)fprintf(stderr, "; did you mean '%s'?", hint);
    }
    (void)fprintf(stderr, "\n");
    return LUN_EXIT_USAGE;
}

static bool takes_key(const struct lun_command *command, const char *name)
{
    if (command->keys == NULL) {
        return true;
    }
    for (const char *const *key = command->keys; *key != NULL; key++) {
        if (strcmp(*key, name) == 0) {
            return true;
        }
    }
    return false;
}

static const struct lun_option *find_option(const struct lun_command *command,
                                            const char *name)
{
    const struct lun_option *option = command->options;
    for (; option != NULL && option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

static int unknown_option(const struct lun_command *command, const char *name)
{
    struct lun_suggest suggest;
    char text[160];
    size_t count;
    const struct lun_config_key *keys = lun_config_keys(&count);
    lun_suggest_init(&suggest, name);
    for (const struct lun_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        lun_suggest_offer(&suggest, option->name);
    }
    for (size_t i = 0; i < count; i++) {
        if (takes_key(command, keys[i].name)) {
            lun_suggest_offer(&suggest, keys[i].name);
        }
    }
    lun_suggest_offer(&suggest, "config");
    lun_suggest_offer(&suggest, "help");
    (void)snprintf(text, sizeof text, "lunette %s: unknown option '--%%s'",
                   command->name);
    char hint[80];
    if (suggest.best != NULL) {
        (void)snprintf(hint, sizeof hint, "--%s", suggest.best);
        for (char *c = hint; *c != '\0'; c++) {
            *c = *c == '_' ? '-' : *c;
        }
    }
    return complain(text, name, suggest.best != NULL ? hint : NULL);
}

/* The text after '=', or the next argument. */
static const char *take_value(const char *inside, int argc, char **argv,
                              int *index)
{
    if (inside != NULL) {
        return inside;
    }
    return *index + 1 < argc ? argv[++*index] : NULL;
}

static int keep_key(struct reading *reading, const struct lun_config_key *key,
                    const char *value)
{
    if (reading->count == LUN_COMMAND_OPTIONS) {
        return complain("lunette: too many options at '--%s'", key->name, NULL);
    }
    reading->keys[reading->count] = key;
    reading->values[reading->count++] = value;
    return 0;
}

static int keep_option(struct reading *reading, const struct lun_option *option,
                       const char *value)
{
    struct lun_command_line *line = reading->line;
    if (line->option_count == LUN_COMMAND_OPTIONS) {
        return complain("lunette: too many options at '--%s'", option->name,
                        NULL);
    }
    line->options[line->option_count].option = option;
    line->options[line->option_count++].value = value;
    return 0;
}

static int missing_value(const char *name)
{
    return complain("lunette: option '--%s' needs a value", name, NULL);
}

/* `name` is what stands between "--" and '='. */
static int read_named(struct reading *reading, const char *name,
                      const char *inside, int argc, char **argv, int *index)
{
    const struct lun_option *option = find_option(reading->command, name);
    const struct lun_config_key *key = lun_config_key_find(name);
    bool negated = strncmp(name, "no-", 3) == 0 && key == NULL;
    if (negated) {
        key = lun_config_key_find(name + 3);
        negated = key != NULL && key->kind == LUN_CONFIG_FLAG;
        key = negated ? key : NULL;
    }
    if (strcmp(name, "help") == 0) {
        reading->help = true;
        return 0;
    }
    if (strcmp(name, "config") == 0) {
        reading->file = take_value(inside, argc, argv, index);
        return reading->file != NULL ? 0 : missing_value(name);
    }
    if (option != NULL && option->value == NULL) {
        return inside == NULL ? keep_option(reading, option, "")
                              : complain("lunette: option '--%s' has no value",
                                         name, NULL);
    }
    if (option == NULL &&
        (key == NULL || !takes_key(reading->command, key->name))) {
        return unknown_option(reading->command, name);
    }
    if (option == NULL && key->kind == LUN_CONFIG_FLAG) {
        const char *value = inside != NULL ? inside : "true";
        return keep_key(reading, key, negated ? "false" : value);
    }
    const char *value = take_value(inside, argc, argv, index);
    if (value == NULL) {
        return missing_value(name);
    }
    return option != NULL ? keep_option(reading, option, value)
                          : keep_key(reading, key, value);
}

static int read_option(struct reading *reading, int argc, char **argv,
                       int *index)
{
    const char *text = argv[*index] + 2;
    const char *equals = strchr(text, '=');
    char name[64];
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    if (len >= sizeof name) {
        return complain("lunette: unknown option '%s'", argv[*index], NULL);
    }
    memcpy(name, text, len);
    name[len] = '\0';
    return read_named(reading, name, equals != NULL ? equals + 1 : NULL, argc,
                      argv, index);
}

static int read_args(struct reading *reading, int argc, char **argv)
{
    struct lun_command_line *line = reading->line;
    for (int i = 2; i < argc; i++) {
        int code = 0;
        if (strcmp(argv[i], "-h") == 0) {
            reading->help = true;
        } else if (argv[i][0] == '-' && argv[i][1] == '-' &&
                   argv[i][2] != '\0') {
            code = read_option(reading, argc, argv, &i);
        } else if (argv[i][0] == '-') {
            code = complain("lunette: unknown option '%s'", argv[i], NULL);
        } else if (line->arg_count >= reading->command->max_args) {
            code = complain("lunette: unexpected argument '%s'", argv[i], NULL);
        } else {
            line->args[line->arg_count++] = argv[i];
        }
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int read_settings(struct reading *reading, struct lun_err *err)
{
    struct lun_config *config = &reading->line->config;
    int code = lun_config_init(config, err);
    const char *file = reading->file;
    if (file == NULL) {
        file = getenv("LUNETTE_CONFIG");
    }
    if (file == NULL && lun_file_exists(DEFAULT_FILE)) {
        file = DEFAULT_FILE;
    }
    char *apps = config->apps; /* another pointer later: it was set */
    if (code == 0 && file != NULL) {
        code = lun_config_read_file(config, file, err);
    }
    if (code == 0) {
        code = lun_config_read_env(config, err);
    }
    for (size_t i = 0; i < reading->count && code == 0; i++) {
        code =
            lun_config_set(config, reading->keys[i], reading->values[i], err);
    }
    reading->line->apps_given = code == 0 && config->apps != apps;
    return code != 0 ? code : lun_config_check(config, err);
}

const char *lun_command_option(const struct lun_command_line *line,
                               const char *name)
{
    for (size_t i = line->option_count; i > 0; i--) {
        if (strcmp(line->options[i - 1].option->name, name) == 0) {
            return line->options[i - 1].value;
        }
    }
    return NULL;
}

static const struct lun_command *find_command(const char *name)
{
    const struct lun_command *command = lun_commands;
    while (command->name != NULL && strcmp(command->name, name) != 0) {
        command++;
    }
    return command->name != NULL ? command : NULL;
}

static int unknown_command(const char *name)
{
    struct lun_suggest suggest;
    lun_suggest_init(&suggest, name);
    for (const struct lun_command *at = lun_commands; at->name != NULL; at++) {
        lun_suggest_offer(&suggest, at->name);
    }
    (void)complain("lunette: unknown command '%s'", name, suggest.best);
    (void)fprintf(stderr, "'lunette help' lists the commands\n");
    return LUN_EXIT_USAGE;
}

static int run_command(const struct lun_command *command, int argc, char **argv)
{
    struct lun_command_line line;
    struct lun_err err;
    memset(&line, 0, sizeof line);
    struct reading reading = {.command = command, .line = &line};
    int code = read_args(&reading, argc, argv);
    if (code != 0) {
        return code;
    }
    if (reading.help) {
        lun_command_print_help(command);
        return LUN_EXIT_OK;
    }
    if (read_settings(&reading, &err) != 0) {
        (void)fprintf(stderr, "lunette: %s\n", err.message);
        code = LUN_EXIT_USAGE;
    } else {
        code = command->run(&line);
    }
    lun_config_release(&line.config);
    return code;
}

int lun_command_main(int argc, char **argv)
{
    if (argc < 2) {
        lun_command_print_help(NULL);
        return LUN_EXIT_USAGE;
    }
    if (strcmp(argv[1], "__run") == 0) {
        return lun_spawn_run(argc, argv);
    }
    if (strcmp(argv[1], "__check") == 0) {
        return lun_command_check_self(argc, argv);
    }
    if (strcmp(argv[1], "__resume") == 0) {
        return lun_command_resume(argc, argv);
    }
    if (strcmp(argv[1], "__app") == 0) {
        return lun_app_process_main(argc, argv);
    }
    if (strcmp(argv[1], "__worker") == 0) {
        return lun_command_worker(argc, argv);
    }
    if (strcmp(argv[1], "__load") == 0) {
        return lun_command_load(argc, argv);
    }
    if (strcmp(argv[1], "__complete") == 0) {
        return lun_command_complete(argc, argv);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        lun_command_print_help(NULL);
        return LUN_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        return lun_command_version(NULL);
    }
    const struct lun_command *command = find_command(argv[1]);
    return command != NULL ? run_command(command, argc, argv)
                           : unknown_command(argv[1]);
}
