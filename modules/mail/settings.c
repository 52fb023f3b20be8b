/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"

#define ARENA_MAX ((size_t)1024 * 1024)
#define DEFAULT_TRIES 60

static int wrong(struct lun_err *err, const char *what)
{
    return lun_error_set(err, LUN_ECONFIG, "%s", what);
}

static int copy_option(const struct lun_json *options, const char *name,
                       char *out, size_t size, struct lun_err *err)
{
    const struct lun_json *node = lun_json_get(options, name);
    out[0] = '\0';
    if (!node || node->type == LUN_JSON_NULL)
        return 0;
    if (node->type != LUN_JSON_STRING || node->len >= size ||
        strlen(node->text) != node->len)
        return lun_error_set(err, LUN_ECONFIG,
                             "the option '%s' of module mail is not usable",
                             name);
    memcpy(out, node->text, node->len + 1);
    return 0;
}

/* The server ----------------------------------------------------------------
 */

/* What EHLO says: the name of this machine, where it is one. */
static void own_name(char *out, size_t size)
{
    if (gethostname(out, size) || !out[0])
        snprintf(out, size, "localhost");
    out[size - 1] = '\0';
    for (char *at = out; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '-')
            *at = '-';
}

static int read_server(struct lun_mail_settings *settings,
                       const struct lun_json *options, struct lun_err *err)
{
    char server[200], name[65];
    int rc = copy_option(options, "server", server, sizeof(server), err);
    if (rc)
        return rc;
    const char *scheme = strstr(server, "://") ? "" : "smtp://";
    const char *host =
        strstr(server, "://") ? strstr(server, "://") + 3 : server;
    bool plain = !strncmp(server, "smtp://", 7) || scheme[0];
    if (!host[0] || (!plain && strncmp(server, "smtps://", 8)) ||
        strpbrk(host, "/@?# \r\n"))
        return wrong(err, "the option 'server' of module mail must be written"
                          " like 'smtp://mail.example.com:587'");
    const char *bracket = strchr(host, ']');
    bool has_port = strchr(bracket ? bracket : host, ':');
    own_name(name, sizeof(name));
    snprintf(settings->url, sizeof(settings->url), "%s%s%s/%s", scheme, server,
             has_port ? ""
             : plain  ? ":587"
                      : ":465",
             name);
    return 0;
}

/* The password --------------------------------------------------------------
 */

static int from_environment(const char *name, char *out, size_t size,
                            struct lun_err *err)
{
    const char *value = getenv(name);
    if (!value || strlen(value) >= size)
        return lun_error_set(err, LUN_ECONFIG,
                             "the environment of the server has no usable '%s'",
                             name);
    snprintf(out, size, "%s", value);
    return 0;
}

static int from_file(const char *path, char *out, size_t size,
                     struct lun_err *err)
{
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(out, (int)size, file);
    if (file)
        (void)fclose(file);
    if (!ok)
        return lun_error_set(err, LUN_ECONFIG,
                             "the password cannot be read from '%s'", path);
    out[strcspn(out, "\r\n")] = '\0';
    return 0;
}

static int read_password(struct lun_mail_settings *settings,
                         const struct lun_json *options, struct lun_err *err)
{
    char name[512], path[512];
    int rc = copy_option(options, "user", settings->user,
                         sizeof(settings->user), err);
    if (!rc)
        rc = copy_option(options, "password_env", name, sizeof(name), err);
    if (!rc)
        rc = copy_option(options, "password_file", path, sizeof(path), err);
    if (rc || !settings->user[0])
        return rc;
    if (!settings->tls)
        return wrong(err, "credentials are not sent without TLS");
    if (name[0])
        return from_environment(name, settings->password,
                                sizeof(settings->password), err);
    if (path[0])
        return from_file(path, settings->password, sizeof(settings->password),
                         err);
    return wrong(err, "the option 'user' of module mail needs 'password_env' or"
                      " 'password_file'");
}

/* All of it -----------------------------------------------------------------
 */

static int read_tries(const struct lun_json *options)
{
    const struct lun_json *node = lun_json_get(options, "tries");
    int tries = node && node->type == LUN_JSON_NUMBER ? atoi(node->text)
                                                      : DEFAULT_TRIES;
    return tries > 0 ? tries : DEFAULT_TRIES;
}

static int read_all(struct lun_mail_settings *settings,
                    const struct lun_json *options, struct lun_err *err)
{
    char tls[16];
    settings->tries = read_tries(options);
    int rc = copy_option(options, "tls", tls, sizeof(tls), err);
    settings->tls = strcmp(tls, "none") != 0;
    if (!rc)
        rc = read_server(settings, options, err);
    if (!rc)
        rc =
            copy_option(options, "ca", settings->ca, sizeof(settings->ca), err);
    return rc ? rc : read_password(settings, options, err);
}

static int parse(struct lun_arena *arena, const char *options,
                 struct lun_json **out, struct lun_err *err)
{
    int rc =
        lun_json_parse(arena, options, strlen(options), 8, 10000, out, err);
    if (!rc && (*out)->type != LUN_JSON_OBJECT)
        rc = wrong(err, "the options of module mail are no object");
    return rc;
}

int lun_mail_settings_read(struct lun_mail_settings *settings,
                           const char *options, struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *node;
    *settings = (struct lun_mail_settings){.tries = DEFAULT_TRIES};
    lun_arena_init(&arena, ARENA_MAX);
    int rc = parse(&arena, options, &node, err);
    if (!rc)
        rc = read_all(settings, node, err);
    lun_arena_release(&arena);
    return rc;
}

int lun_mail_settings_tries(const char *options)
{
    struct lun_arena arena;
    struct lun_json *node;
    lun_arena_init(&arena, ARENA_MAX);
    int tries = options && !parse(&arena, options, &node, NULL)
                    ? read_tries(node)
                    : DEFAULT_TRIES;
    lun_arena_release(&arena);
    return tries;
}
