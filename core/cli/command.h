/*
 * core/cli/command.h - the command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * `lunette COMMAND [OPTION]... [ARGUMENT]...`; command.c has the table. Every
 * setting of config.def is an option of `up`; the other commands take those
 * they use, and all take --data, --config and --help.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/config/config.h"

/* Exit codes of the program. */
enum {
    LUN_EXIT_OK = 0,
    LUN_EXIT_FAILED = 1,
    LUN_EXIT_USAGE = 2,       /* an option or a setting is wrong */
    LUN_EXIT_NOT_RUNNING = 3, /* status: no host runs on the data folder */
    LUN_EXIT_PACKAGES = 69    /* the script: packages are missing */
};

#define LUN_COMMAND_ARGS 8
#define LUN_COMMAND_OPTIONS 64

/* An option of one command that is no setting. */
struct lun_option {
    const char *name;  /* without "--" */
    const char *value; /* what its value is called; NULL: it has none */
    const char *help;
};

/* A parsed command line; texts are those of argv. */
struct lun_command_line {
    struct lun_config config;
    const char *args[LUN_COMMAND_ARGS];
    size_t arg_count;
    struct {
        const struct lun_option *option;
        const char *value;
    } options[LUN_COMMAND_OPTIONS];
    size_t option_count;
    bool apps_given; /* `apps` was set by option, environment or file */
};

struct lun_command {
    const char *name;
    const char *args; /* "[APP]" */
    size_t max_args;
    const char *summary;
    const char *example;
    const char *const *keys; /* settings it takes; NULL-ended, or NULL: all */
    const struct lun_option *options; /* ends with a NULL name; may be NULL */
    int (*run)(struct lun_command_line *line);
};

/* The whole program. */
int lun_command_main(int argc, char **argv);

/* Value of an option ("" for one without), the last one given; NULL: absent. */
const char *lun_command_option(const struct lun_command_line *line,
                               const char *name);

/* All commands, ended by a NULL name; for help. */
extern const struct lun_command lun_commands[];

/* What the table runs, by file. */
int lun_command_up(struct lun_command_line *line);   /* command_up.c */
int lun_command_down(struct lun_command_line *line); /* command_run.c */
int lun_command_status(struct lun_command_line *line);
int lun_command_quarantine(struct lun_command_line *line); /* _quarantine.c */
int lun_command_upgrade(struct lun_command_line *line);    /* _upgrade.c */
int lun_command_token(struct lun_command_line *line);
int lun_command_check(struct lun_command_line *line); /* command_apps.c */
int lun_command_schema(struct lun_command_line *line);
int lun_command_push(struct lun_command_line *line); /* command_release.c */
int lun_command_releases(struct lun_command_line *line);
int lun_command_rollback(struct lun_command_line *line);
int lun_command_policy(struct lun_command_line *line); /* command_policy.c */
int lun_command_new(struct lun_command_line *line);    /* command_new.c */
int lun_command_help(struct lun_command_line *line);   /* command_help.c */
int lun_command_version(struct lun_command_line *line);
int lun_command_test(struct lun_command_line *line);
int lun_command_completion(struct lun_command_line *line);
int lun_command_annotations(struct lun_command_line *line);
int lun_command_logs(struct lun_command_line *line);
int lun_command_shell(struct lun_command_line *line);
int lun_command_top(struct lun_command_line *line);

/* Prints the help of one command, or of all. */
void lun_command_print_help(const struct lun_command *command);

/* The processes that the supervisor starts: `__worker`, `__load`. */
int lun_command_check_self(int argc, char **argv); /* command_upgrade.c */
int lun_command_resume(int argc, char **argv);
int lun_command_worker(int argc, char **argv); /* command_child.c */
int lun_command_load(int argc, char **argv);
/* `__complete`, called by the completion of shells: complete.c */
int lun_command_complete(int argc, char **argv);

/* command_running.c */
/* Where the apps are: of --apps, else of the running host, else the default.
 * NULL when memory ran out; free() it. */
char *lun_command_find_apps(const struct lun_command_line *line);
/* Takes the policy of the running host where neither it nor apps were given. */
void lun_command_find_policy(struct lun_command_line *line);
