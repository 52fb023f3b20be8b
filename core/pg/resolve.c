/*
 * core/pg/resolve.c - the connection string, with names turned into addresses.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libpq resolves names with a blocking call, so it is always given addresses
 * (`hostaddr`): unix sockets and numeric hosts are direct, names go through
 * uv_getaddrinfo at each attempt. A host of several addresses becomes several
 * hosts.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/pg/internal.h"

#define HOSTS_MAX 16
#define EXTRA 8 /* keywords that are always given */

struct host {
    char *name;
    char *addr;
    char *port;
};

struct lun_pg_target {
    struct host hosts[HOSTS_MAX];
    unsigned host_count; /* 0: libpq's own default */
    unsigned first;      /* host to begin with */
    char **keywords;     /* of the rest; NULL-terminated */
    char **values;
    size_t count;
    size_t room;
};

struct lun_pg_resolve {
    uv_getaddrinfo_t request;
    uv_loop_t *loop;
    struct lun_pg_target *target; /* lives as long as nobody abandons */
    lun_pg_resolve_cb done;       /* NULL once abandoned */
    void *context;
    unsigned step;  /* hosts looked at */
    unsigned found; /* addresses in the lists below */
    bool starting;  /* inside lun_pg_resolve_start */
    bool ended;
    struct lun_buf hosts;
    struct lun_buf addrs;
    struct lun_buf ports;
    char why[256];
};

/* --- the connection string --- */

static bool set(struct lun_pg_target *target, const char *keyword,
                const char *value)
{
    if (target->count + 1 >= target->room)
        return false;
    char *k = strdup(keyword);
    char *v = strdup(value);
    if (!k || !v) {
        free(k);
        free(v);
        return false;
    }
    target->keywords[target->count] = k;
    target->values[target->count++] = v;
    return true;
}

static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (; options && options->keyword; options++)
        if (!strcmp(options->keyword, keyword))
            return options->val && *options->val ? options->val : NULL;
    return NULL;
}

/* Item `index` of a list separated by commas, as a copy; "" past its end. A
 * single port stands for all hosts. */
static char *item(const char *list, unsigned index, bool repeat)
{
    if (!list)
        return strdup("");
    if (repeat && !strchr(list, ','))
        return strdup(list);
    for (; index > 0; index--) {
        list = strchr(list, ',');
        if (!list)
            return strdup("");
        list++;
    }
    return strndup(list, strcspn(list, ","));
}

static unsigned items(const char *list)
{
    unsigned count = list ? 1 : 0;
    for (; list && *list; list++)
        count += *list == ',';
    return count;
}

static int set_hosts(struct lun_pg_target *target,
                     const PQconninfoOption *options,
                     const PQconninfoOption *defaults, struct lun_err *err)
{
    const char *host = option(options, "host");
    const char *addr = option(options, "hostaddr");
    const char *port = option(options, "port");
    if (!host && !addr) {
        host = option(defaults, "host");
        addr = option(defaults, "hostaddr");
    }
    if (!port)
        port = option(defaults, "port");
    unsigned count = items(addr ? addr : host);
    if (count > HOSTS_MAX)
        return lun_error_set(err, LUN_ECONFIG,
                             "the database has more than %d hosts", HOSTS_MAX);
    if (count == 0 && port && !set(target, "port", port))
        return LUN_EMEMORY;
    for (unsigned i = 0; i < count; i++) {
        struct host *h = &target->hosts[target->host_count++];
        h->name = item(host, i, false);
        h->addr = item(addr, i, false);
        h->port = item(port, i, true);
        if (!h->name || !h->addr || !h->port)
            return LUN_EMEMORY;
    }
    return 0;
}

/* What holds for each session: the server ends what runs too long, times are
 * UTC, no statement of a web request is worth compiling or starting a process
 * for. Statements are planned once, not for each value: the cost of a LIMIT
 * that is a parameter looks so high to the server that it would plan every page
 * anew (50 rows with a join: 64 us instead of 100). */
static bool set_session_options(struct lun_pg_target *target,
                                const PQconninfoOption *options,
                                unsigned statement_ms)
{
    const char *own = option(options, "options");
    struct lun_buf text;
    lun_buf_init(&text);
    lun_buf_printf(&text,
                   "-c statement_timeout=%u -c TimeZone=UTC -c jit=off"
                   " -c plan_cache_mode=force_generic_plan"
                   " -c max_parallel_workers_per_gather=0%s%s",
                   statement_ms, own ? " " : "", own ? own : "");
    const char *value = lun_buf_str(&text);
    bool done = value && set(target, "options", value);
    lun_buf_release(&text);
    return done;
}

/* Dead peers are noticed; Kerberos, whose calls block, is not tried. */
static const struct {
    const char *keyword;
    const char *value;
} usual[] = {
    {"gssencmode", "disable"},     {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},  {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},
};

static bool is_ours(const char *keyword)
{
    static const char *const names[] = {
        "host",    "hostaddr",        "port",
        "options", "client_encoding", "connect_timeout"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(keyword, names[i]))
            return true;
    return false;
}

static bool set_rest(struct lun_pg_target *target,
                     const PQconninfoOption *options,
                     const struct lun_pg_config *config)
{
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && *o->val && !is_ours(o->keyword) &&
            !set(target, o->keyword, o->val))
            return false;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (!option(options, usual[i].keyword) &&
            !set(target, usual[i].keyword, usual[i].value))
            return false;
    if (config->application && !option(options, "application_name") &&
        !set(target, "application_name", config->application))
        return false;
    return set(target, "client_encoding", "UTF8") &&
           set_session_options(target, options, config->statement_ms);
}

static int fill(struct lun_pg_target *target, PQconninfoOption *options,
                const struct lun_pg_config *config, struct lun_err *err)
{
    size_t count = 0;
    while (options[count].keyword)
        count++;
    target->room = count + EXTRA + sizeof(usual) / sizeof(usual[0]);
    target->keywords = calloc(target->room, sizeof(char *));
    target->values = calloc(target->room, sizeof(char *));
    if (!target->keywords || !target->values ||
        !set_rest(target, options, config))
        return LUN_EMEMORY;
    PQconninfoOption *defaults = PQconndefaults();
    int code = set_hosts(target, options, defaults, err);
    PQconninfoFree(defaults);
    return code;
}

int lun_pg_target_new(const struct lun_pg_config *config,
                      struct lun_pg_target **out, struct lun_err *err)
{
    char *why = NULL;
    PQconninfoOption *options =
        PQconninfoParse(config->conninfo ? config->conninfo : "", &why);
    if (!options) {
        int code = lun_error_set(
            err, LUN_ECONFIG, "the database's address cannot be read: %.*s",
            why ? (int)strcspn(why, "\n") : 0, why ? why : "");
        PQfreemem(why);
        return code;
    }
    struct lun_pg_target *target = calloc(1, sizeof(*target));
    int code = target ? fill(target, options, config, err) : LUN_EMEMORY;
    PQconninfoFree(options);
    if (code) {
        if (target)
            lun_pg_target_free(target);
        return code == LUN_EMEMORY ? lun_error_set(err, code, "out of memory")
                                   : code;
    }
    *out = target;
    return 0;
}

void lun_pg_target_free(struct lun_pg_target *target)
{
    for (unsigned i = 0; i < target->host_count; i++) {
        free(target->hosts[i].name);
        free(target->hosts[i].addr);
        free(target->hosts[i].port);
    }
    for (size_t i = 0; i < target->count; i++) {
        free(target->keywords[i]);
        free(target->values[i]);
    }
    free(target->keywords);
    free(target->values);
    free(target);
}

void lun_pg_target_rotate(struct lun_pg_target *target)
{
    if (target->host_count > 1)
        target->first = (target->first + 1) % target->host_count;
}

/* --- names to addresses --- */

static void add(struct lun_pg_resolve *resolve, const struct host *host,
                const char *addr)
{
    const char *comma = resolve->found++ > 0 ? "," : "";
    lun_buf_printf(&resolve->hosts, "%s%s", comma, host->name);
    lun_buf_printf(&resolve->addrs, "%s%s", comma, addr);
    lun_buf_printf(&resolve->ports, "%s%s", comma, host->port);
}

static bool is_numeric(const char *name)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return false;
    freeaddrinfo(list);
    return true;
}

/* True when libpq needs no help with this host. */
static bool add_direct(struct lun_pg_resolve *resolve, const struct host *host)
{
    if (*host->addr)
        add(resolve, host, host->addr);
    else if (!*host->name || *host->name == '/' || *host->name == '@')
        add(resolve, host, "");
    else if (is_numeric(host->name))
        add(resolve, host, host->name);
    else
        return false;
    return true;
}

static void release(struct lun_pg_resolve *resolve)
{
    lun_buf_release(&resolve->hosts);
    lun_buf_release(&resolve->addrs);
    lun_buf_release(&resolve->ports);
    free(resolve);
}

static void call_done(struct lun_pg_resolve *resolve)
{
    struct lun_pg_target *target = resolve->target;
    size_t n = target->count;
    const char **keywords = calloc(n + 4, sizeof(char *));
    const char **values = calloc(n + 4, sizeof(char *));
    const char *why = "out of memory";
    if (keywords && values) {
        why = NULL;
        memcpy(keywords, target->keywords, n * sizeof(char *));
        memcpy(values, target->values, n * sizeof(char *));
        if (target->host_count > 0 && resolve->found == 0) {
            why = resolve->why;
        } else if (target->host_count > 0) {
            keywords[n] = "host";
            values[n] = lun_buf_str(&resolve->hosts);
            keywords[n + 1] = "hostaddr";
            values[n + 1] = lun_buf_str(&resolve->addrs);
            keywords[n + 2] = "port";
            values[n + 2] = lun_buf_str(&resolve->ports);
            if (!values[n] || !values[n + 1] || !values[n + 2])
                why = "out of memory";
        }
    }
    resolve->done(resolve->context, why ? NULL : keywords, why ? NULL : values,
                  why);
    free(keywords);
    free(values);
}

static void end(struct lun_pg_resolve *resolve)
{
    resolve->ended = true;
    if (resolve->done)
        call_done(resolve);
    if (!resolve->starting)
        release(resolve);
}

static void step(struct lun_pg_resolve *resolve);

static void add_list(struct lun_pg_resolve *resolve, const struct host *host,
                     const struct addrinfo *list)
{
    char text[NI_MAXHOST];
    for (; list; list = list->ai_next)
        if (getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text),
                        NULL, 0, NI_NUMERICHOST) == 0)
            add(resolve, host, text);
}

static void on_addresses(uv_getaddrinfo_t *request, int status,
                         struct addrinfo *list)
{
    struct lun_pg_resolve *resolve = request->data;
    if (resolve->done) {
        const struct lun_pg_target *target = resolve->target;
        const struct host *host =
            &target
                 ->hosts[(target->first + resolve->step) % target->host_count];
        if (status == 0)
            add_list(resolve, host, list);
        else
            snprintf(resolve->why, sizeof(resolve->why),
                     "cannot resolve '%s': %s", host->name,
                     uv_strerror(status));
        resolve->step++;
    }
    uv_freeaddrinfo(list);
    if (resolve->done)
        step(resolve);
    else
        release(resolve);
}

/* Goes through the hosts until one has to be asked for. */
static void step(struct lun_pg_resolve *resolve)
{
    const struct lun_pg_target *target = resolve->target;
    for (; resolve->step < target->host_count; resolve->step++) {
        const struct host *host =
            &target
                 ->hosts[(target->first + resolve->step) % target->host_count];
        if (add_direct(resolve, host))
            continue;
        struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                 .ai_socktype = SOCK_STREAM};
        int code = uv_getaddrinfo(resolve->loop, &resolve->request,
                                  on_addresses, host->name, NULL, &hints);
        if (code == 0)
            return;
        snprintf(resolve->why, sizeof(resolve->why), "cannot resolve '%s': %s",
                 host->name, uv_strerror(code));
    }
    end(resolve);
}

void lun_pg_resolve_start(uv_loop_t *loop, struct lun_pg_target *target,
                          lun_pg_resolve_cb done, void *context,
                          struct lun_pg_resolve **out)
{
    struct lun_pg_resolve *resolve = calloc(1, sizeof(*resolve));
    *out = NULL;
    if (!resolve) {
        done(context, NULL, NULL, "out of memory");
        return;
    }
    resolve->request.data = resolve;
    resolve->loop = loop;
    resolve->target = target;
    resolve->done = done;
    resolve->context = context;
    lun_buf_init(&resolve->hosts);
    lun_buf_init(&resolve->addrs);
    lun_buf_init(&resolve->ports);
    resolve->starting = true;
    step(resolve);
    resolve->starting = false;
    if (resolve->ended)
        release(resolve);
    else
        *out = resolve;
}

void lun_pg_resolve_abandon(struct lun_pg_resolve *resolve)
{
    resolve->done = NULL;
    (void)uv_cancel((uv_req_t *)&resolve->request);
}
