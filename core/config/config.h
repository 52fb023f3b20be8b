/*
 * core/config/config.h - the settings of a host.
 * SPDX-License-Identifier: Apache-2.0
 *
 * config.def lists every setting with its default and bounds. A value from the
 * command line wins over the environment, that over the file, that over the
 * default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lun_err;
struct lun_suggest;

#define LUN_CONFIG_TYPE_TEXT char *
#define LUN_CONFIG_TYPE_NUMBER int
#define LUN_CONFIG_TYPE_SIZE size_t
#define LUN_CONFIG_TYPE_TIME int64_t
#define LUN_CONFIG_TYPE_FLAG bool

/* One member a row of config.def: texts are owned and never NULL, sizes are
 * bytes, times are milliseconds. */
struct lun_config {
#define LUN_CONFIG(type, key, value, min, max, help) LUN_CONFIG_TYPE_##type key;
#include "core/config/config.def"
#undef LUN_CONFIG
};

enum lun_config_kind {
    LUN_CONFIG_TEXT,
    LUN_CONFIG_NUMBER,
    LUN_CONFIG_SIZE,
    LUN_CONFIG_TIME,
    LUN_CONFIG_FLAG
};

struct lun_config_key {
    const char *name;
    enum lun_config_kind kind;
    size_t offset;     /* in struct lun_config */
    const char *value; /* default, as one would write it */
    int64_t min;
    int64_t max;
    const char *help;
};

/* All rows, in the order of config.def. */
const struct lun_config_key *lun_config_keys(size_t *count);
/* The row of `name` ('-' and '_' are equal), or NULL. */
const struct lun_config_key *lun_config_key_find(const char *name);
/* Offers all names to a suggestion. */
void lun_config_suggest(struct lun_suggest *suggest);

/* Sets the defaults. */
int lun_config_init(struct lun_config *config, struct lun_err *err);
void lun_config_release(struct lun_config *config);

/* Sets one value from text; the error says what would be right. */
int lun_config_set(struct lun_config *config, const struct lun_config_key *key,
                   const char *value, struct lun_err *err);
/* Reads `key = value` lines; '#' starts a comment. Errors say file:line. */
int lun_config_read_file(struct lun_config *config, const char *path,
                         struct lun_err *err);
/* Reads LUNETTE_KEY for every key. */
int lun_config_read_env(struct lun_config *config, struct lun_err *err);
/* Writes all values as a file that lun_config_read_file takes, mode 0600. */
int lun_config_write(const struct lun_config *config, const char *path,
                     struct lun_err *err);
/* The file of the key of `tls_certificate`. */
const char *lun_config_tls_key(const struct lun_config *config);
/* Settings that exclude each other. */
int lun_config_check(const struct lun_config *config, struct lun_err *err);
