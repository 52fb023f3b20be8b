/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/grant.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/error.h"
#include "core/base/json.h"

#define ARENA_MAX ((size_t)1024 * 1024)
#define MS 1000000.0

/* Options ------------------------------------------------------------------ */

struct reader {
    struct lun_fetch_grant *grant;
    struct lun_json *options; /* NULL: all by default */
    struct lun_err *err;
};

static int wrong(const struct reader *r, const char *name, const char *right)
{
    return lun_error_set(r->err, LUN_ECONFIG,
                         "the option '%s' of module http must be %s", name,
                         right);
}

static int no_memory(const struct reader *r)
{
    return lun_error_set(r->err, LUN_EMEMORY, "out of memory");
}

static const struct lun_json *option(const struct reader *r, const char *name)
{
    const struct lun_json *node =
        r->options ? lun_json_get(r->options, name) : NULL;
    return node && node->type != LUN_JSON_NULL ? node : NULL;
}

static int read_bool(const struct reader *r, const char *name, bool *out)
{
    const struct lun_json *node = option(r, name);
    if (!node)
        return 0;
    if (node->type != LUN_JSON_TRUE && node->type != LUN_JSON_FALSE)
        return wrong(r, name, "true or false");
    *out = node->type == LUN_JSON_TRUE;
    return 0;
}

static int read_number(const struct reader *r, const char *name, double min,
                       double max, const char *right, double *out)
{
    const struct lun_json *node = option(r, name);
    if (!node)
        return 0;
    double value =
        node->type == LUN_JSON_NUMBER ? strtod(node->text, NULL) : min - 1;
    if (!(value >= min && value <= max))
        return wrong(r, name, right);
    *out = value;
    return 0;
}

/* Text items of a list: their count in `*count`. */
static int check_list(const struct reader *r, const char *name,
                      const struct lun_json *list, size_t *count)
{
    const char *right = "a list of texts";
    if (list->type == LUN_JSON_OBJECT && !list->count) {
        *count = 0; /* how an empty Lua table may come */
        return 0;
    }
    if (list->type != LUN_JSON_ARRAY)
        return wrong(r, name, right);
    for (const struct lun_json *at = list->child; at; at = at->next)
        if (at->type != LUN_JSON_STRING || strlen(at->text) != at->len)
            return wrong(r, name, right);
    *count = list->count;
    return 0;
}

/* Hosts -------------------------------------------------------------------- */

static bool cut_scheme(char **text, const char **scheme)
{
    static const char *const KNOWN[] = {"http", "https"};
    char *mark = strstr(*text, "://");
    if (!mark)
        return true;
    *mark = '\0';
    for (size_t i = 0; i < 2; i++)
        if (!strcmp(*text, KNOWN[i]))
            *scheme = KNOWN[i];
    *text = mark + 3;
    return *scheme;
}

static bool cut_port(char *text, unsigned *port)
{
    char *bracket = strrchr(text, ']');
    char *colon = strchr(bracket ? bracket : text, ':');
    if (!colon || (!bracket && strchr(colon + 1, ':')))
        return true; /* none, or an IPv6 address without brackets */
    char *end;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (!isdigit((unsigned char)colon[1]) || *end || !number || number > 65535)
        return false;
    *colon = '\0';
    *port = (unsigned)number;
    return true;
}

static bool cut_name(char *text, struct lun_fetch_host *out)
{
    size_t len = strlen(text);
    if (!strcmp(text, "*")) {
        out->any = true;
        return true;
    }
    if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
    } else if (text[0] == '*' && text[1] == '.') {
        out->below = true;
        text += 2;
    }
    out->name = text;
    return text[0] && !strpbrk(text, "*/@[] ?#%");
}

static int read_host(const struct reader *r, const struct lun_json *node,
                     struct lun_fetch_host *out)
{
    char *text = lun_arena_strndup(&r->grant->arena, node->text, node->len);
    if (!text)
        return no_memory(r);
    for (char *at = text; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (!cut_scheme(&text, &out->scheme) || !cut_port(text, &out->port) ||
        !cut_name(text, out))
        return lun_error_set(r->err, LUN_ECONFIG,
                             "'%.100s' in the option 'hosts' of module http is"
                             " not a host: 'api.example.com', '*.example.com',"
                             " 'https://api.example.com:8443'",
                             node->text);
    return 0;
}

static int read_hosts(const struct reader *r)
{
    const struct lun_json *list = option(r, "hosts");
    size_t count = 0;
    if (!list)
        return 0;
    int rc = check_list(r, "hosts", list, &count);
    if (rc)
        return rc;
    struct lun_fetch_host *hosts =
        lun_arena_calloc(&r->grant->arena, count + 1, sizeof(*hosts));
    if (!hosts)
        return no_memory(r);
    struct lun_fetch_host *at = hosts;
    for (const struct lun_json *node = list->child; node; node = node->next) {
        rc = read_host(r, node, at++);
        if (rc)
            return rc;
    }
    r->grant->hosts = hosts;
    r->grant->host_count = count;
    return 0;
}

static int read_methods(const struct reader *r)
{
    const struct lun_json *list = option(r, "methods");
    size_t count = 0;
    if (!list)
        return 0;
    int rc = check_list(r, "methods", list, &count);
    if (rc)
        return rc;
    const char **methods =
        lun_arena_calloc(&r->grant->arena, count + 1, sizeof(*methods));
    if (!methods)
        return no_memory(r);
    const char **at = methods;
    for (const struct lun_json *node = list->child; node; node = node->next) {
        *at = lun_arena_strndup(&r->grant->arena, node->text, node->len);
        if (!*at++)
            return no_memory(r);
    }
    r->grant->methods = methods;
    r->grant->method_count = count;
    return 0;
}

/* `private`: true, or the networks that are reachable. */
static int read_private(const struct reader *r)
{
    const struct lun_json *node = option(r, "private");
    struct lun_fetch_grant *grant = r->grant;
    size_t count = 0;
    if (!node)
        return 0;
    if (node->type == LUN_JSON_TRUE || node->type == LUN_JSON_FALSE)
        return read_bool(r, "private", &grant->private);
    int rc = check_list(r, "private", node, &count);
    if (rc)
        return wrong(r, "private", "true or a list of networks");
    struct lun_fetch_network *networks =
        lun_arena_calloc(&grant->arena, count + 1, sizeof(*networks));
    if (!networks)
        return no_memory(r);
    struct lun_fetch_network *at = networks;
    for (node = node->child; node; node = node->next)
        if (!lun_fetch_network_parse(node->text, at++))
            return lun_error_set(r->err, LUN_ECONFIG,
                                 "'%.100s' in the option 'private' of module"
                                 " http is not a network: '10.1.0.0/16',"
                                 " '10.1.2.3', 'fd00::/8'",
                                 node->text);
    grant->networks = networks;
    grant->network_count = count;
    return 0;
}

static int read_ca(const struct reader *r)
{
    const struct lun_json *node = option(r, "ca");
    if (!node)
        return 0;
    if (node->type != LUN_JSON_STRING || node->text[0] != '/')
        return wrong(r, "ca", "the absolute path of a file of certificates");
    r->grant->ca = lun_arena_strndup(&r->grant->arena, node->text, node->len);
    return r->grant->ca ? 0 : no_memory(r);
}

/* Numbers ------------------------------------------------------------------ */

static int read_numbers(const struct reader *r)
{
    struct lun_fetch_grant *grant = r->grant;
    double bytes = 8 << 20, timeout = 10000, connect = 5000;
    double retries = 2, redirects = 5, connections = 16;
    int rc = read_number(r, "max_response", 1, 1 << 30,
                         "a number of bytes up to 1 GiB", &bytes);
    if (!rc)
        rc = read_number(r, "timeout", 1, 3600000, "milliseconds up to 3600000",
                         &timeout);
    if (!rc)
        rc = read_number(r, "connect_timeout", 1, 3600000,
                         "milliseconds up to 3600000", &connect);
    if (!rc)
        rc = read_number(r, "retries", 0, 10, "a number up to 10", &retries);
    if (!rc)
        rc =
            read_number(r, "redirects", 0, 20, "a number up to 20", &redirects);
    if (!rc)
        rc = read_number(r, "connections", 1, 1000, "a number from 1 to 1000",
                         &connections);
    if (rc)
        return rc;
    grant->max_response = (size_t)bytes;
    grant->timeout_ns = (uint64_t)(timeout * MS);
    grant->connect_ns = (uint64_t)(connect * MS);
    grant->retries = (unsigned)retries;
    grant->redirects = (unsigned)redirects;
    grant->connections = (unsigned)connections;
    return 0;
}

int lun_fetch_grant_read(struct lun_fetch_grant *grant, const char *options,
                         struct lun_err *err)
{
    struct lun_arena arena;
    struct reader reader = {.grant = grant, .err = err};
    int rc = 0;
    *grant = (struct lun_fetch_grant){0};
    lun_arena_init(&grant->arena, ARENA_MAX);
    lun_arena_init(&arena, ARENA_MAX);
    if (options[0])
        rc = lun_json_parse(&arena, options, strlen(options), 8, 10000,
                            &reader.options, err);
    if (!rc)
        rc = read_hosts(&reader);
    if (!rc)
        rc = read_methods(&reader);
    if (!rc)
        rc = read_private(&reader);
    if (!rc)
        rc = read_bool(&reader, "plain", &grant->plain);
    if (!rc)
        rc = read_ca(&reader);
    if (!rc)
        rc = read_numbers(&reader);
    lun_arena_release(&arena);
    return rc;
}

void lun_fetch_grant_release(struct lun_fetch_grant *grant)
{
    lun_arena_release(&grant->arena);
}

/* Asking ------------------------------------------------------------------- */

int lun_fetch_grant_method(const struct lun_fetch_grant *grant, const char *app,
                           const char *method, struct lun_err *err)
{
    if (!grant->methods)
        return 0;
    for (size_t i = 0; i < grant->method_count; i++)
        if (!strcasecmp(grant->methods[i], method))
            return 0;
    return lun_error_set(err, LUN_EFORBIDDEN,
                         "policy must grant app '%s': modules.http.methods"
                         " must include '%s'",
                         app, method);
}

static bool names_match(const struct lun_fetch_host *entry, const char *host)
{
    if (entry->any)
        return true;
    if (!entry->below)
        return !strcmp(entry->name, host);
    size_t len = strlen(host), tail = strlen(entry->name);
    return len > tail + 1 && host[len - tail - 1] == '.' &&
           !strcmp(host + len - tail, entry->name);
}

int lun_fetch_grant_host(const struct lun_fetch_grant *grant, const char *app,
                         const char *scheme, const char *host, unsigned port,
                         struct lun_err *err)
{
    bool without_scheme = false;
    bool plain = !strcmp(scheme, "http");
    for (size_t i = 0; i < grant->host_count; i++) {
        const struct lun_fetch_host *entry = &grant->hosts[i];
        if (!names_match(entry, host) || (entry->port && entry->port != port))
            continue;
        if (entry->scheme ? !strcmp(entry->scheme, scheme)
                          : !plain || grant->plain)
            return 0;
        without_scheme = without_scheme || !entry->scheme;
    }
    if (without_scheme)
        return lun_error_set(err, LUN_EFORBIDDEN,
                             "policy must grant app '%s': modules.http.plain"
                             " must be true for 'http://%s' (or use https)",
                             app, host);
    bool six = strchr(host, ':');
    return lun_error_set(err, LUN_EFORBIDDEN,
                         "policy must grant app '%s': modules.http.hosts must"
                         " include '%s%s%s%s'",
                         app, plain && !grant->plain ? "http://" : "",
                         six ? "[" : "", host, six ? "]" : "");
}

int lun_fetch_grant_address(const struct lun_fetch_grant *grant,
                            const char *app, const char *host,
                            const struct sockaddr *address, struct lun_err *err)
{
    char text[64];
    enum lun_fetch_reach reach = lun_fetch_address_reach(address);
    if (reach == LUN_FETCH_PUBLIC ||
        (reach == LUN_FETCH_PRIVATE && grant->private))
        return 0;
    for (size_t i = 0; i < grant->network_count; i++)
        if (lun_fetch_network_has(&grant->networks[i], address))
            return 0;
    lun_fetch_address_text(address, text);
    return lun_error_set(
        err, LUN_EFORBIDDEN,
        "policy must grant app '%s': modules.http.private must"
        " include '%s', a%s address of '%s'",
        app, text, reach == LUN_FETCH_PRIVATE ? " private" : " reserved", host);
}
