/*
 * modules/http/grant.h - what policy lets an app reach.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/arena.h"
#include "modules/http/address.h"

struct lun_err;

/* "*.example.com", "https://api.example.com:8443": each part but the name is
 * optional. */
struct lun_fetch_host {
    const char *scheme; /* NULL: any that is allowed */
    const char *name;   /* lower case, without brackets or the leading "*." */
    bool below;         /* "*.name" */
    bool any;           /* "*" */
    unsigned port;      /* 0: any */
};

struct lun_fetch_grant {
    struct lun_arena arena;
    const struct lun_fetch_host *hosts;
    size_t host_count;
    const char *const *methods; /* NULL: all that there are */
    size_t method_count;
    const struct lun_fetch_network *networks; /* reachable, whatever they are */
    size_t network_count;
    bool private;   /* private addresses are reachable */
    bool plain;     /* http without TLS, also where a host says no scheme */
    const char *ca; /* file of further authorities, or NULL */
    size_t max_response;
    uint64_t timeout_ns; /* most that one try may take */
    uint64_t connect_ns;
    unsigned retries;
    unsigned redirects;
    unsigned connections;
};

/* Reads the options of a grant ("" for none). LUN_ECONFIG and what is wrong
 * with which option. lun_fetch_grant_release in either case. */
int lun_fetch_grant_read(struct lun_fetch_grant *grant, const char *options,
                         struct lun_err *err);
void lun_fetch_grant_release(struct lun_fetch_grant *grant);

/* 0, or LUN_EFORBIDDEN with the missing grant ("policy must grant app 'crm':
 * ..."). `host` without brackets, in lower case. */
int lun_fetch_grant_method(const struct lun_fetch_grant *grant, const char *app,
                           const char *method, struct lun_err *err);
int lun_fetch_grant_host(const struct lun_fetch_grant *grant, const char *app,
                         const char *scheme, const char *host, unsigned port,
                         struct lun_err *err);
int lun_fetch_grant_address(const struct lun_fetch_grant *grant,
                            const char *app, const char *host,
                            const struct sockaddr *address,
                            struct lun_err *err);
