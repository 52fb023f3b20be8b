/*
 * core/config/role_limits.c - limits of GraphQL requests by role.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/role_limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"

/* struct lun_graphql_limits is a row of these. */
#define VALUES (sizeof(struct lun_graphql_limits) / sizeof(size_t))

struct role {
    char *name;
    struct lun_graphql_limits limits;
    struct role *next;
};

struct lun_role_limits {
    const struct lun_graphql_limits *all;
    struct role *roles;
    char *text; /* that the names point into */
};

static int wrong(const char *part, const char *what, struct lun_err *err)
{
    return lun_error_set(err, LUN_ECONFIG, "role_limits: '%s' %s", part, what);
}

static bool read_number(const char *text, size_t *out)
{
    static const char units[] = "kmg";
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : "";
    if (end == text || !isdigit((unsigned char)*text) || errno || !unit ||
        (*end && end[1]))
        return false;
    unsigned shift = *end ? 10 * (unsigned)(unit - units + 1) : 0;
    if (number > SIZE_MAX >> shift)
        return false;
    *out = (size_t)number << shift;
    return true;
}

/* "depth=8" */
static int read_limit(struct role *role, char *word, struct lun_err *err)
{
    char *equals = strchr(word, '=');
    if (!equals)
        return wrong(word, "is not NAME=VALUE", err);
    *equals = '\0';
    size_t *limit = lun_graphql_limits_find(&role->limits, word);
    if (!limit || strcmp(word, "batch") == 0)
        return wrong(word, "is no limit that a role can have", err);
    if (!read_number(equals + 1, limit))
        return wrong(equals + 1, "is not a number", err);
    return 0;
}

/* "public depth=8 nodes=1000" */
static int read_role(struct lun_role_limits *limits, char *part,
                     struct lun_err *err)
{
    char *rest = NULL;
    char *name = strtok_r(part, " \t", &rest);
    if (!name)
        return 0;
    struct role *role = calloc(1, sizeof(*role));
    if (!role)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    role->name = name;
    role->limits = *limits->all;
    role->next = limits->roles;
    limits->roles = role;
    char *word = strtok_r(NULL, " \t", &rest);
    if (!word || strchr(name, '='))
        return wrong(name, "is not 'ROLE NAME=VALUE ...'", err);
    for (; word; word = strtok_r(NULL, " \t", &rest)) {
        int code = read_limit(role, word, err);
        if (code)
            return code;
    }
    return 0;
}

int lun_role_limits_open(const char *text, const struct lun_graphql_limits *all,
                         struct lun_role_limits **out, struct lun_err *err)
{
    char *rest = NULL;
    int code = 0;
    *out = NULL;
    if (!text[strspn(text, " \t,")])
        return 0;
    struct lun_role_limits *limits = calloc(1, sizeof(*limits));
    char *copy = strdup(text);
    if (!limits || !copy) {
        free(limits);
        free(copy);
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    limits->all = all;
    limits->text = copy;
    for (char *part = strtok_r(copy, ",", &rest); part && !code;
         part = strtok_r(NULL, ",", &rest))
        code = read_role(limits, part, err);
    if (code)
        lun_role_limits_close(limits);
    else
        *out = limits;
    return code;
}

void lun_role_limits_close(struct lun_role_limits *limits)
{
    if (!limits)
        return;
    while (limits->roles) {
        struct role *next = limits->roles->next;
        free(limits->roles);
        limits->roles = next;
    }
    free(limits->text);
    free(limits);
}

static const struct lun_graphql_limits *
limits_of(const struct lun_role_limits *limits, const char *name)
{
    for (const struct role *at = limits->roles; at; at = at->next) {
        if (strcmp(at->name, name) == 0)
            return &at->limits;
    }
    return limits->all;
}

void lun_role_limits_find(const struct lun_role_limits *limits,
                          const char *const *roles,
                          struct lun_graphql_limits *out)
{
    *out = roles[0] ? *limits_of(limits, roles[0]) : *limits->all;
    size_t *to = (size_t *)(void *)out;
    for (size_t i = 1; roles[0] && roles[i]; i++) {
        const size_t *from =
            (const size_t *)(const void *)limits_of(limits, roles[i]);
        for (size_t v = 0; v < VALUES; v++)
            to[v] = from[v] > to[v] ? from[v] : to[v];
    }
}
