/*
 * core/cli/command_help.c - help and version.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/config/suggest.h"

static const char exit_codes[] =
    "Exit codes: 0 done, 1 failed, 2 wrong option or setting,\n"
    "            3 not running (status), 69 packages are missing\n";

/* The settings that `up --help` shows; the others are for 'help config'. */
static const char *const common[] = {
    "apps", "policy",      "data",    "database",       "host",
    "port", "ops_port",    "workers", "anonymous_role", "strict",
    "demo", "accept_loss", "watch",   "detach",         NULL};

static void print_key(const struct lun_config_key *key)
{
    static const char *const kinds[] = {
        [LUN_CONFIG_TEXT] = "TEXT", [LUN_CONFIG_NUMBER] = "N",
        [LUN_CONFIG_SIZE] = "SIZE", [LUN_CONFIG_TIME] = "TIME",
        [LUN_CONFIG_FLAG] = "",
    };
    char name[64];
    /* What is on already is there to be turned off. */
    bool on = key->kind == LUN_CONFIG_FLAG && strcmp(key->value, "true") == 0;
    (void)snprintf(name, sizeof name, "--%s%s %s", on ? "[no-]" : "", key->name,
                   kinds[key->kind]);
    for (char *c = name; *c != '\0' && *c != ' '; c++) {
        *c = *c == '_' ? '-' : *c;
    }
    (void)printf("  %-26s %s", name, key->help);
    if (key->value[0] != '\0') {
        (void)printf(" (%s)", key->value);
    }
    (void)printf("\n");
}

static void print_keys(const char *const *names)
{
    for (; *names != NULL; names++) {
        print_key(lun_config_key_find(*names));
    }
    (void)printf("  %-26s read settings from this file (lunette.conf)\n",
                 "--config FILE");
    (void)printf("  %-26s this text\n", "--help");
}

static void print_options(const struct lun_option *option)
{
    for (; option != NULL && option->name != NULL; option++) {
        char name[64];
        (void)snprintf(name, sizeof name, "--%s %s", option->name,
                       option->value != NULL ? option->value : "");
        (void)printf("  %-26s %s\n", name, option->help);
    }
}

static void print_command(const struct lun_command *command)
{
    (void)printf("lunette %s%s%s [OPTION]... - %s\n\nOptions:\n", command->name,
                 command->args[0] != '\0' ? " " : "", command->args,
                 command->summary);
    print_options(command->options);
    print_keys(command->keys != NULL ? command->keys : common);
    if (command->keys == NULL) {
        (void)printf("  and every other setting of 'lunette help config'\n");
    }
    (void)printf("\nExample: %s\n\n%s", command->example, exit_codes);
}

static void print_all(void)
{
    (void)printf("lunette %s - serves the apps of departments\n\n"
                 "lunette COMMAND [OPTION]...\n\nCommands:\n",
                 LUNETTE_VERSION);
    for (const struct lun_command *at = lun_commands; at->name != NULL; at++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s %s", at->name, at->args);
        (void)printf("  %-16s %s\n", name, at->summary);
    }
    (void)printf("\n'lunette COMMAND --help' explains one, 'lunette help "
                 "config' lists all settings.\n\nExample: lunette up --detach "
                 "&& lunette status\n\n%s",
                 exit_codes);
}

/* A file that can be kept as lunette.conf. */
static void print_config(void)
{
    size_t count;
    const struct lun_config_key *keys = lun_config_keys(&count);
    (void)printf("# Settings of lunette with their defaults: key = value in "
                 "lunette.conf (or\n# --config FILE), LUNETTE_KEY in the "
                 "environment, --key on the command line of\n# 'lunette up'. "
                 "Sizes take k, m, g; times take ms, s, m, h, d.\n");
    for (size_t i = 0; i < count; i++) {
        (void)printf("\n# %s", keys[i].help);
        if (keys[i].max != 0 && keys[i].kind == LUN_CONFIG_NUMBER) {
            (void)printf(" (%" PRId64 " to %" PRId64 ")", keys[i].min,
                         keys[i].max);
        }
        (void)printf("\n#%s = %s\n", keys[i].name, keys[i].value);
    }
}

void lun_command_print_help(const struct lun_command *command)
{
    if (command == NULL) {
        print_all();
    } else {
        print_command(command);
    }
}

int lun_command_help(struct lun_command_line *line)
{
    const char *topic = line->arg_count > 0 ? line->args[0] : NULL;
    struct lun_suggest suggest;
    if (topic == NULL) {
        print_all();
        return LUN_EXIT_OK;
    }
    if (strcmp(topic, "config") == 0) {
        print_config();
        return LUN_EXIT_OK;
    }
    lun_suggest_init(&suggest, topic);
    lun_suggest_offer(&suggest, "config");
    for (const struct lun_command *at = lun_commands; at->name != NULL; at++) {
        if (strcmp(at->name, topic) == 0) {
            print_command(at);
            return LUN_EXIT_OK;
        }
        lun_suggest_offer(&suggest, at->name);
    }
    (void)fprintf(stderr, "lunette: there is no command '%s'", topic);
    if (suggest.best != NULL) {
        (void)fprintf(stderr, "; did you mean '%s'?", suggest.best);
    }
    (void)fprintf(stderr, "\n");
    return LUN_EXIT_USAGE;
}

int lun_command_version(struct lun_command_line *line)
{
    (void)line;
    (void)printf("lunette %s\n", LUNETTE_VERSION);
    return LUN_EXIT_OK;
}
