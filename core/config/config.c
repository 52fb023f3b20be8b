/*
 * core/config/config.c - the settings of a host.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/config/suggest.h"
#include "core/os/file.h"

#define FILE_MAX ((size_t)1024 * 1024)

static const struct lun_config_key keys[] = {
#define LUN_CONFIG(type, key, value, min, max, help)                           \
    {                                                                          \
        #key,                                                                  \
        LUN_CONFIG_##type,                                                     \
        offsetof(struct lun_config, key),                                      \
        value,                                                                 \
        min,                                                                   \
        max,                                                                   \
        help},
#include "core/config/config.def"
#undef LUN_CONFIG
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {{"", 1},
                                         {"k", 1024},
                                         {"m", 1024 * 1024},
                                         {"g", 1024 * 1024 * 1024},
                                         {NULL, 0}};
static const struct unit time_units[] = {
    {"", 1},        {"ms", 1},       {"s", 1000}, {"m", 60000},
    {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

const struct lun_config_key *lun_config_keys(size_t *count)
{
    *count = KEY_COUNT;
    return keys;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a != '\0' || *b != '\0'; a++, b++) {
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b)) {
            return false;
        }
    }
    return true;
}

const struct lun_config_key *lun_config_key_find(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (same_name(keys[i].name, name)) {
            return &keys[i];
        }
    }
    return NULL;
}

void lun_config_suggest(struct lun_suggest *suggest)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        lun_suggest_offer(suggest, keys[i].name);
    }
}

static void *field_of(struct lun_config *config,
                      const struct lun_config_key *key)
{
    return (char *)config + key->offset;
}

static const void *field_in(const struct lun_config *config,
                            const struct lun_config_key *key)
{
    return (const char *)config + key->offset;
}

static const struct unit *units_of(const struct lun_config_key *key)
{
    switch (key->kind) {
    case LUN_CONFIG_SIZE:
        return size_units;
    case LUN_CONFIG_TIME:
        return time_units;
    default:
        return no_units;
    }
}

static const char *wanted(const struct lun_config_key *key)
{
    switch (key->kind) {
    case LUN_CONFIG_SIZE:
        return "a size such as 64k or 1m";
    case LUN_CONFIG_TIME:
        return "a time such as 500ms or 10s";
    case LUN_CONFIG_FLAG:
        return "true or false";
    default:
        return "a whole number";
    }
}

static int bad_value(const struct lun_config_key *key, const char *value,
                     struct lun_err *err)
{
    return lun_error_set(err, LUN_ECONFIG, "%s: '%s' is not %s", key->name,
                         value, wanted(key));
}

static bool parse_amount(const char *text, const struct unit *units,
                         int64_t *out)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || errno != 0 || isspace((unsigned char)text[0])) {
        return false;
    }
    for (; units->name != NULL; units++) {
        if (strcasecmp(end, units->name) == 0) {
            return !__builtin_mul_overflow(number, units->factor, out);
        }
    }
    return false;
}

static int set_amount(struct lun_config *config,
                      const struct lun_config_key *key, const char *value,
                      struct lun_err *err)
{
    int64_t amount;
    if (!parse_amount(value, units_of(key), &amount)) {
        return bad_value(key, value, err);
    }
    if (amount < key->min || amount > key->max) {
        return lun_error_set(err, LUN_ECONFIG,
                             "%s: %s is out of range, it must be from %" PRId64
                             " to %" PRId64,
                             key->name, value, key->min, key->max);
    }
    if (key->kind == LUN_CONFIG_NUMBER) {
        *(int *)field_of(config, key) = (int)amount;
    } else if (key->kind == LUN_CONFIG_SIZE) {
        *(size_t *)field_of(config, key) = (size_t)amount;
    } else {
        *(int64_t *)field_of(config, key) = amount;
    }
    return 0;
}

static int set_flag(struct lun_config *config, const struct lun_config_key *key,
                    const char *value, struct lun_err *err)
{
    static const char *const words[] = {"false", "true", "no", "yes",
                                        "off",   "on",   "0",  "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *(bool *)field_of(config, key) = i % 2 == 1;
            return 0;
        }
    }
    return bad_value(key, value, err);
}

static int set_text(struct lun_config *config, const struct lun_config_key *key,
                    const char *value, struct lun_err *err)
{
    char *copy = strdup(value);
    if (copy == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    char **field = field_of(config, key);
    free(*field);
    *field = copy;
    return 0;
}

int lun_config_set(struct lun_config *config, const struct lun_config_key *key,
                   const char *value, struct lun_err *err)
{
    if (strpbrk(value, "\n\r") != NULL) {
        return lun_error_set(err, LUN_ECONFIG, "%s: a value is one line",
                             key->name);
    }
    switch (key->kind) {
    case LUN_CONFIG_TEXT:
        return set_text(config, key, value, err);
    case LUN_CONFIG_FLAG:
        return set_flag(config, key, value, err);
    default:
        return set_amount(config, key, value, err);
    }
}

int lun_config_init(struct lun_config *config, struct lun_err *err)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        int code = lun_config_set(config, &keys[i], keys[i].value, err);
        if (code != 0) {
            lun_config_release(config);
            return code;
        }
    }
    return 0;
}

void lun_config_release(struct lun_config *config)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].kind == LUN_CONFIG_TEXT) {
            char **field = field_of(config, &keys[i]);
            free(*field);
            *field = NULL;
        }
    }
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    return text;
}

/* A '#' after a blank ends the value; one inside (a URL's) does not. */
static void cut_comment(char *line)
{
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '#' && (at == line || at[-1] == ' ' || at[-1] == '\t')) {
            *at = '\0';
            return;
        }
    }
}

/* A value in double quotes is taken as it stands, blanks and '#' included. */
static bool take_quoted(char *line, char **value)
{
    char *equals = strchr(line, '=');
    char *from = equals != NULL ? equals + 1 + strspn(equals + 1, " \t") : line;
    char *to = strrchr(line, '"');
    if (equals == NULL || line[strspn(line, " \t")] == '#' || *from != '"' ||
        to == from) {
        return false;
    }
    const char *rest = to + 1 + strspn(to + 1, " \t\r");
    if (*rest != '\0' && *rest != '#') {
        return false;
    }
    *to = '\0';
    *equals = '\0';
    *value = from + 1;
    return true;
}

static int unknown_key(const char *name, struct lun_err *err)
{
    struct lun_suggest suggest;
    lun_suggest_init(&suggest, name);
    lun_config_suggest(&suggest);
    if (suggest.best != NULL) {
        return lun_error_set(err, LUN_ECONFIG,
                             "unknown setting '%s'; did you mean '%s'?", name,
                             suggest.best);
    }
    return lun_error_set(err, LUN_ECONFIG,
                         "unknown setting '%s'; 'lunette help config' lists "
                         "them",
                         name);
}

static int read_line(struct lun_config *config, char *line, struct lun_err *err)
{
    char *value;
    if (!take_quoted(line, &value)) {
        cut_comment(line);
        line = trim(line);
        if (line[0] == '\0') {
            return 0;
        }
        char *equals = strchr(line, '=');
        if (equals == NULL) {
            return lun_error_set(err, LUN_ECONFIG,
                                 "'%s' is not of the form 'key = value'", line);
        }
        *equals = '\0';
        value = trim(equals + 1);
    }
    const char *name = trim(line);
    const struct lun_config_key *key = lun_config_key_find(name);
    if (key == NULL) {
        return unknown_key(name, err);
    }
    return lun_config_set(config, key, value, err);
}

static int read_text(struct lun_config *config, char *text, const char *path,
                     struct lun_err *err)
{
    int number = 0;
    while (text != NULL) {
        char *line = strsep(&text, "\n");
        struct lun_err inner;
        number++;
        if (read_line(config, line, &inner) != 0) {
            return lun_error_set(err, inner.code, "%s:%d: %s", path, number,
                                 inner.message);
        }
    }
    return 0;
}

int lun_config_read_file(struct lun_config *config, const char *path,
                         struct lun_err *err)
{
    struct lun_buf text;
    lun_buf_init(&text);
    int code = lun_file_read(path, FILE_MAX, &text, err);
    if (code == 0 && memchr(text.data, '\0', text.len) != NULL) {
        code = lun_error_set(err, LUN_ECONFIG, "'%s' is not a text file", path);
    }
    if (code == 0 && lun_buf_str(&text) == NULL) {
        code = lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    if (code == 0) {
        code = read_text(config, text.data, path, err);
    }
    lun_buf_release(&text);
    return code;
}

/* Kubernetes gives every pod LUNETTE_PORT=tcp://... when a service is called
 * "lunette"; that is not meant for us. */
static bool is_service_link(const char *value)
{
    return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "udp://", 6) == 0;
}

int lun_config_read_env(struct lun_config *config, struct lun_err *err)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        char name[64] = "LUNETTE_";
        size_t len = strlen(name);
        for (const char *c = keys[i].name; *c != '\0'; c++) {
            name[len++] = (char)toupper((unsigned char)*c);
        }
        name[len] = '\0';
        const char *value = getenv(name);
        if (value == NULL || is_service_link(value)) {
            continue;
        }
        struct lun_err inner;
        if (lun_config_set(config, &keys[i], value, &inner) != 0) {
            return lun_error_set(err, inner.code, "%s in the environment: %s",
                                 name, inner.message);
        }
    }
    return 0;
}

static void write_value(const struct lun_config *config,
                        const struct lun_config_key *key, struct lun_buf *out)
{
    const void *field = field_in(config, key);
    switch (key->kind) {
    case LUN_CONFIG_TEXT:
        lun_buf_printf(out, "\"%s\"", *(char *const *)field);
        break;
    case LUN_CONFIG_NUMBER:
        lun_buf_push_int(out, *(const int *)field);
        break;
    case LUN_CONFIG_SIZE:
        lun_buf_printf(out, "%zu", *(const size_t *)field);
        break;
    case LUN_CONFIG_TIME:
        lun_buf_push_int(out, *(const int64_t *)field);
        break;
    case LUN_CONFIG_FLAG:
        lun_buf_push_str(out, *(const bool *)field ? "true" : "false");
        break;
    }
}

int lun_config_write(const struct lun_config *config, const char *path,
                     struct lun_err *err)
{
    struct lun_buf text;
    lun_buf_init(&text);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        lun_buf_printf(&text, "%s = ", keys[i].name);
        write_value(config, &keys[i], &text);
        lun_buf_push_byte(&text, '\n');
    }
    int code = text.failed ? lun_error_set(err, LUN_EMEMORY, "out of memory")
                           : lun_file_write(path, 0600, text.data, text.len,
                                            false, err);
    lun_buf_release(&text);
    return code;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return strcmp(host, "localhost") == 0;
}

const char *lun_config_tls_key(const struct lun_config *config)
{
    return config->tls_key[0] != '\0' ? config->tls_key
                                      : config->tls_certificate;
}

static bool is_one_of(const char *value, const char *const *words)
{
    while (*words != NULL && strcmp(value, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

int lun_config_check(const struct lun_config *config, struct lun_err *err)
{
    static const char *const introspection[] = {"all", "authenticated", "admin",
                                                "off", NULL};
    static const char *const push_tests[] = {"auto", "require", "off", NULL};
    if (config->anonymous_role[0] != '\0' && !is_loopback(config->host)) {
        return lun_error_set(err, LUN_ECONFIG,
                             "anonymous_role is for development and works on "
                             "a loopback address only, not on '%s'",
                             config->host);
    }
    if (config->port != 0 && config->port == config->ops_port) {
        return lun_error_set(err, LUN_ECONFIG, "port and ops_port are both %d",
                             config->port);
    }
    if (!is_one_of(config->introspection, introspection)) {
        return lun_error_set(err, LUN_ECONFIG,
                             "introspection: '%s' is not all, authenticated, "
                             "admin or off",
                             config->introspection);
    }
    if (!is_one_of(config->push_tests, push_tests)) {
        return lun_error_set(err, LUN_ECONFIG,
                             "push_tests: '%s' is not auto, require or off",
                             config->push_tests);
    }
    if (strcmp(config->releases, "folder") != 0 &&
        strcmp(config->releases, "database") != 0) {
        return lun_error_set(err, LUN_ECONFIG,
                             "releases: '%s' is not folder or database",
                             config->releases);
    }
    if (config->ops_tls && config->tls_certificate[0] == '\0') {
        return lun_error_set(err, LUN_ECONFIG,
                             "ops_tls needs tls_certificate, too");
    }
    if (config->tls_key[0] != '\0' && config->tls_certificate[0] == '\0') {
        return lun_error_set(err, LUN_ECONFIG,
                             "tls_key needs tls_certificate, too");
    }
    if (strcmp(config->nats, "auto") != 0 && strcmp(config->nats, "off") != 0) {
        return lun_error_set(err, LUN_ECONFIG, "nats: '%s' is not auto or off",
                             config->nats);
    }
    return 0;
}
