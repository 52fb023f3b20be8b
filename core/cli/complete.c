/*
 * core/cli/complete.c - what may come next on the command line, for shells.
 * SPDX-License-Identifier: Apache-2.0
 *
 * `lunette __complete WORD...` prints what the last word can become, one a line
 * with its meaning behind a tab; or ":files", ":folders". The scripts of
 * command_completion.c call it, so that a shell knows what this program knows.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/supervise/running.h"
#include "core/os/file.h"

#define WORDS_MAX 256
#define DEFAULT_FILE "lunette.conf"

struct completion {
    const char *words[WORDS_MAX]; /* "--apps=x" is two words */
    size_t count;
    const char *last; /* what is being typed; part of no word before */
};

static void offer(const struct completion *at, const char *word,
                  const char *meaning)
{
    if (strncmp(word, at->last, strlen(at->last)) == 0) {
        (void)printf("%s\t%s\n", word, meaning);
    }
}

/* --- the apps ----------------------------------------------------------- */

static const char *value_of(const struct completion *at, const char *option)
{
    for (size_t i = at->count; i > 1; i--) {
        if (strcmp(at->words[i - 2], option) == 0) {
            return at->words[i - 1];
        }
    }
    return NULL;
}

static bool set(struct lun_config *config, const char *name, const char *value)
{
    return value == NULL ||
           lun_config_set(config, lun_config_key_find(name), value, NULL) == 0;
}

/* As command.c would read the line; what is wrong with it is told later. */
static char *apps_folder(const struct completion *at)
{
    struct lun_command_line line;
    memset(&line, 0, sizeof line);
    if (lun_config_init(&line.config, NULL) != 0) {
        return NULL;
    }
    const char *before = line.config.apps;
    const char *file = value_of(at, "--config");
    file = file != NULL ? file : getenv("LUNETTE_CONFIG");
    file = file != NULL ? file : DEFAULT_FILE;
    (void)lun_config_read_file(&line.config, file, NULL);
    (void)lun_config_read_env(&line.config, NULL);
    bool ok = set(&line.config, "apps", value_of(at, "--apps")) &&
              set(&line.config, "data", value_of(at, "--data"));
    line.apps_given = line.config.apps != before;
    char *folder = ok ? lun_command_find_apps(&line) : NULL;
    lun_config_release(&line.config);
    return folder;
}

static int is_app(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void offer_apps(const struct completion *at)
{
    struct dirent **entries = NULL;
    char *folder = apps_folder(at);
    int count =
        folder != NULL ? scandir(folder, &entries, is_app, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        int len = snprintf(path, sizeof path, "%s/%s/app.lua", folder,
                           entries[i]->d_name);
        if (len < PATH_MAX && lun_file_exists(path)) {
            offer(at, entries[i]->d_name, "app");
        }
        free(entries[i]);
    }
    free(entries);
    free(folder);
}

/* --- values ------------------------------------------------------------- */

static void offer_commands(const struct completion *at)
{
    for (const struct lun_command *c = lun_commands; c->name != NULL; c++) {
        offer(at, c->name, c->summary);
    }
}

static void offer_list(const struct completion *at, const char *const *list)
{
    for (; *list != NULL; list++) {
        offer(at, *list, "");
    }
}

/* Words that are written as they are: "check" and "explain" of
 * "check | explain APP". False when there are none. */
static bool offer_words(const struct completion *at, const char *kind)
{
    bool any = false;
    while (*kind != '\0') {
        size_t len = strspn(kind, "abcdefghijklmnopqrstuvwxyz-");
        char word[32];
        if (len > 0 && len < sizeof word) {
            (void)snprintf(word, sizeof word, "%.*s", (int)len, kind);
            offer(at, word, "");
            any = true;
        }
        kind += len > 0 ? len : 1;
    }
    return any;
}

/* How many arguments stand before the word that is typed. */
static size_t argument_count(const struct completion *at)
{
    size_t count = 0;
    for (size_t i = 1; i < at->count; i++) {
        count += at->words[i][0] != '-' ? 1 : 0;
    }
    return count;
}

/* What an argument or a value is, by the name that help gives it. */
static void offer_kind(const struct completion *at, const char *kind)
{
    static const char *const levels[] = {"debug", "info", "warn", "error",
                                         NULL};
    static const char *const shells[] = {"bash", "zsh", NULL};
    if (strstr(kind, "APP") != NULL) {
        offer_apps(at);
    } else if (strstr(kind, "COMMAND") != NULL) {
        offer_commands(at);
        offer(at, "config", "all settings");
    } else if (strstr(kind, "LEVEL") != NULL) {
        offer_list(at, levels);
    } else if (strstr(kind, "SHELL") != NULL) {
        offer_list(at, shells);
    } else if (strstr(kind, "DIR") != NULL) {
        (void)printf(":folders\n");
    } else if (strstr(kind, "FILE") != NULL) {
        (void)printf(":files\n");
    }
}

static void offer_setting(const struct completion *at,
                          const struct lun_config_key *key)
{
    static const char *const folders[] = {"apps",  "data",         "lua",
                                          "pages", "postgres_bin", NULL};
    static const char *const files[] = {"tls_certificate", "tls_key",
                                        "graphql_allow_list", NULL};
    if (strcmp(key->name, "log_level") == 0) {
        offer_kind(at, "LEVEL");
    }
    for (const char *const *name = folders; *name != NULL; name++) {
        offer_kind(at, strcmp(*name, key->name) == 0 ? "DIR" : "");
    }
    for (const char *const *name = files; *name != NULL; name++) {
        offer_kind(at, strcmp(*name, key->name) == 0 ? "FILE" : "");
    }
}

/* --- options ------------------------------------------------------------ */

static const struct lun_option *option_of(const struct lun_command *command,
                                          const char *name)
{
    const struct lun_option *option = command->options;
    while (option != NULL && option->name != NULL &&
           strcmp(option->name, name) != 0) {
        option++;
    }
    return option != NULL && option->name != NULL ? option : NULL;
}

/* Offers what may stand behind "--name"; false when nothing may. */
static bool offer_value(const struct completion *at,
                        const struct lun_command *command, const char *word)
{
    if (strncmp(word, "--", 2) != 0) {
        return false;
    }
    const struct lun_option *option = option_of(command, word + 2);
    const struct lun_config_key *key = lun_config_key_find(word + 2);
    if (strcmp(word, "--config") == 0) {
        offer_kind(at, "FILE");
        return true;
    }
    if (option != NULL) {
        offer_kind(at, option->value != NULL ? option->value : "");
        return option->value != NULL;
    }
    if (key == NULL || key->kind == LUN_CONFIG_FLAG) {
        return false;
    }
    offer_setting(at, key);
    return true;
}

static void offer_key(const struct completion *at,
                      const struct lun_config_key *key)
{
    char name[64];
    bool on = key->kind == LUN_CONFIG_FLAG && strcmp(key->value, "true") == 0;
    (void)snprintf(name, sizeof name, "--%s%s", on ? "no-" : "", key->name);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '_' ? '-' : *c;
    }
    offer(at, name, key->help);
}

static void offer_options(const struct completion *at,
                          const struct lun_command *command)
{
    size_t count;
    const struct lun_config_key *keys = lun_config_keys(&count);
    const struct lun_option *option = command->options;
    for (; option != NULL && option->name != NULL; option++) {
        char name[64];
        (void)snprintf(name, sizeof name, "--%s", option->name);
        offer(at, name, option->help);
    }
    for (size_t i = 0; command->keys == NULL && i < count; i++) {
        offer_key(at, &keys[i]);
    }
    for (size_t i = 0; command->keys != NULL && command->keys[i] != NULL; i++) {
        offer_key(at, lun_config_key_find(command->keys[i]));
    }
    offer(at, "--config", "read settings from this file");
    offer(at, "--help", "explain the command");
}

/* --- the line ----------------------------------------------------------- */

/* Shells give "--apps=x" as one word (zsh) or as "--apps", "=", "x" (bash). */
static bool read_words(int argc, char **argv, struct completion *at)
{
    at->last = "";
    for (int i = 2; i < argc && at->count < WORDS_MAX - 1; i++) {
        char *equals =
            strncmp(argv[i], "--", 2) == 0 ? strchr(argv[i], '=') : NULL;
        if (equals != NULL) {
            *equals = '\0';
            at->words[at->count++] = argv[i];
            at->words[at->count++] = equals + 1;
        } else if (strcmp(argv[i], "=") != 0) {
            at->words[at->count++] = argv[i];
        } else if (i + 1 == argc) {
            at->words[at->count++] = "";
        }
    }
    if (at->count == 0) {
        return false;
    }
    at->last = at->words[--at->count];
    return true;
}

int lun_command_complete(int argc, char **argv)
{
    struct completion at = {.count = 0};
    const struct lun_command *command = lun_commands;
    if (!read_words(argc, argv, &at) || at.count == 0) {
        offer_commands(&at);
        return LUN_EXIT_OK;
    }
    while (command->name != NULL && strcmp(command->name, at.words[0]) != 0) {
        command++;
    }
    if (command->name == NULL ||
        (at.count > 1 && offer_value(&at, command, at.words[at.count - 1]))) {
        return LUN_EXIT_OK;
    }
    if (at.last[0] == '-') {
        offer_options(&at, command);
    } else if (argument_count(&at) > 0 || !offer_words(&at, command->args)) {
        offer_kind(&at, command->args);
    }
    return LUN_EXIT_OK;
}
