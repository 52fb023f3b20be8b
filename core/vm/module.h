/*
 * core/vm/module.h - the C part of a core module (modules/<name>/<name>.c).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A module's Lua (modules/<name>/<name>.lua) runs in the VM of each app that was
 * granted it, between the app and the functions below; the app sees only the
 * table that the Lua returns. What the grant says is enforced here, with the
 * options that the host kept, not with what comes out of the VM.
 */
#pragma once

#include <lua.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct lun_module_ask;
struct lun_pg_pool;

/* What a worker gives to the module's C part; lives until `stop` has closed. */
struct lun_module_host {
    uv_loop_t *loop;
    struct lun_pg_pool *pool; /* NULL where there is no database */
    /* The options (JSON) that the release set at work grants `app` for
     * `module`, "" for a grant without options, NULL for no grant; `app` NULL:
     * not NULL when any app has it. May be NULL. Valid until the loop turns. */
    const char *(*grant)(void *context, const char *module, const char *app);
    void *context; /* for grant */
};

/* The VM in which a module's functions run; lives as long as it, so that it can
 * be an upvalue (light userdata) of them. */
struct lun_module_home {
    const char *app;
    const char *release;
    const char *options; /* of the grant, JSON with the defaults filled in */
    char request[64];    /* at work now; "" while files are loaded */
};

/* A module that another one works with, whether or not the app has it. */
struct lun_module_need {
    const char *name;
    const char *options; /* JSON, all of them */
};

struct lun_module {
    const char *name; /* as its folder */
    /* NULL, or the modules that its Lua gets as its fourth argument, by name;
     * the last one has no name. They may not need others that lead back. */
    const struct lun_module_need *needs;
    /* NULL, or adds functions that end at once to the table on top of the
     * stack: `native` of the module's Lua. Functions bound what they are given
     * before they work on it: nothing stops C code but its own end. */
    void (*open)(lua_State *L, const struct lun_module_home *home);
    /* NULL, or begins work that takes time; leads to one answer or refusal,
     * at the latest at ask->deadline_ns. */
    void (*ask)(struct lun_module_ask *ask);
    /* NULL, or ends an ask that nobody waits for any more: refuses it at once. */
    void (*cancel)(struct lun_module_ask *ask);
    /* NULL, or what a worker keeps for the module, and its end; `closed` is
     * called once everything is off the loop. */
    void *(*start)(const struct lun_module_host *host);
    void (*stop)(void *state, void (*closed)(void *context), void *context);
};

struct lun_module_ask {
    const struct lun_module *module;
    void *state; /* of module->start */
    uv_loop_t *loop;
    const char *app;
    const char *release;
    const char *traceparent; /* "" for none */
    const char *options; /* of the grant, JSON */
    const char *data;    /* what the module's Lua asks: core/vm/data.h */
    size_t len;
    uint64_t deadline_ns;
    uint64_t *outgoing_bytes; /* to add to; over max_outgoing: refuse */
    uint64_t max_outgoing;
    /* Set by who asks: takes the answer, or the refusal (`data` is NULL). May be
     * called before `ask` returns. The ask and what it points to stay until
     * then. */
    void (*done)(struct lun_module_ask *ask, const char *data, size_t len,
                 const char *refusal);
    void *context; /* for done */
    void *work;    /* the module's own */
};

/* All modules with a C part, NULL-ended. CMake makes the list: each file
 * modules/NAME/NAME.c defines `const struct lun_module lun_module_NAME`. */
const struct lun_module *const *lun_modules(void);
const struct lun_module *lun_module_find(const char *name);

/* `data` is a value as of core/vm/data.h; the ask is gone after it. */
void lun_module_answer(struct lun_module_ask *ask, const char *data,
                       size_t len);
/* `message` becomes the error of the module's function in the app. */
void lun_module_refuse(struct lun_module_ask *ask, const char *message);
