/*
 * spec/unit/modules/support.h - asks a module as an app does, and waits.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

/* clang-format off */
#include "spec/unit/support.h"
/* clang-format on */

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/clock.h"
#include "core/vm/data.h"
#include "core/vm/module.h"

/* A worker with one module, and a Lua state in place of an app's VM. */
struct asker {
    uv_loop_t loop;
    lua_State *L;
    const struct lun_module *module;
    struct lun_module_host host;
    void *state;
    uint64_t outgoing;
    uint64_t max_outgoing;
    uint64_t deadline_ms; /* of an ask */
    unsigned open;        /* asks that wait */
};

/* The answer is left on top of asker->L, or `refusal` is set. */
struct outcome {
    struct lun_module_ask ask;
    struct asker *asker;
    struct lun_buf data; /* of the ask */
    struct lun_buf answer;
    char refusal[1024];
    bool over;
};

static inline void asker_done(struct lun_module_ask *ask, const char *data,
                              size_t len, const char *refusal)
{
    struct outcome *outcome = ask->context;
    assert_false(outcome->over);
    outcome->over = true;
    outcome->asker->open--;
    if (data)
        lun_buf_push(&outcome->answer, data, len);
    else
        snprintf(outcome->refusal, sizeof(outcome->refusal), "%s", refusal);
}

static inline void asker_open(struct asker *asker, const char *module)
{
    memset(asker, 0, sizeof(*asker));
    assert_int_equal(uv_loop_init(&asker->loop), 0);
    asker->L = luaL_newstate();
    luaL_openlibs(asker->L);
    asker->module = lun_module_find(module);
    assert_non_null(asker->module);
    asker->host.loop = &asker->loop;
    asker->state = asker->module->start(&asker->host);
    assert_non_null(asker->state);
    asker->max_outgoing = 1 << 20;
    asker->deadline_ms = 10000;
}

static inline void asker_closed(void *context)
{
    *(bool *)context = true;
}

static inline void asker_stop(struct asker *asker)
{
    bool closed = false;
    asker->module->stop(asker->state, asker_closed, &closed);
    while (!closed)
        uv_run(&asker->loop, UV_RUN_ONCE);
    assert_int_equal(asker->open, 0);
}

static inline void asker_close(struct asker *asker)
{
    asker_stop(asker);
    uv_run(&asker->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&asker->loop), 0);
    lua_close(asker->L);
}

/* Begins to ask what the Lua expression `lua` is. */
static inline void asker_begin(struct asker *asker, struct outcome *outcome,
                               const char *app, const char *options,
                               const char *lua)
{
    char chunk[8192];
    memset(outcome, 0, sizeof(*outcome));
    snprintf(chunk, sizeof(chunk), "return %s", lua);
    if (luaL_dostring(asker->L, chunk))
        fail_msg("%s", lua_tostring(asker->L, -1));
    assert_int_equal(
        lun_vm_data_write(asker->L, -1, SIZE_MAX, &outcome->data, NULL), 0);
    lua_pop(asker->L, 1);
    outcome->asker = asker;
    outcome->ask = (struct lun_module_ask){
        .module = asker->module,
        .state = asker->state,
        .loop = &asker->loop,
        .app = app,
        .release = "crm@1.0.0+1a2b3c4d",
        .traceparent =
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        .options = options,
        .data = outcome->data.data,
        .len = outcome->data.len,
        .deadline_ns =
            lun_clock_monotonic_ns() + asker->deadline_ms * 1000000ULL,
        .outgoing_bytes = &asker->outgoing,
        .max_outgoing = asker->max_outgoing,
        .done = asker_done,
        .context = outcome,
    };
    asker->open++;
    asker->module->ask(&outcome->ask);
}

static inline void asker_wait(struct asker *asker)
{
    while (asker->open)
        uv_run(&asker->loop, UV_RUN_ONCE);
}

static inline void outcome_release(struct outcome *outcome)
{
    lun_buf_release(&outcome->data);
    lun_buf_release(&outcome->answer);
}

/* Pushes the answer; fails when it was refused. */
static inline void outcome_push(struct outcome *outcome)
{
    if (outcome->refusal[0])
        fail_msg("refused: %s", outcome->refusal);
    assert_int_equal(lun_vm_data_read(outcome->asker->L, outcome->answer.data,
                                      outcome->answer.len, NULL),
                     0);
}

/* Asks, waits, and expects a refusal that holds `text`. */
static inline void refuses(struct asker *asker, const char *options,
                           const char *lua, const char *text)
{
    struct outcome outcome;
    asker_begin(asker, &outcome, "crm", options, lua);
    asker_wait(asker);
    if (!strstr(outcome.refusal, text))
        fail_msg("%s: expected '%s', got '%s'", lua, text, outcome.refusal);
    outcome_release(&outcome);
}

/* Asks, waits, and expects that the Lua expression `check` of the answer `r` is
 * true. */
static inline void answers(struct asker *asker, const char *options,
                           const char *lua, const char *check)
{
    struct outcome outcome;
    char chunk[2048];
    asker_begin(asker, &outcome, "crm", options, lua);
    asker_wait(asker);
    snprintf(chunk, sizeof(chunk), "local r = ... return %s", check);
    assert_int_equal(luaL_loadstring(asker->L, chunk), 0);
    outcome_push(&outcome);
    if (lua_pcall(asker->L, 1, 1, 0))
        fail_msg("%s", lua_tostring(asker->L, -1));
    if (!lua_toboolean(asker->L, -1))
        fail_msg("not true of the answer: %s", check);
    lua_pop(asker->L, 1);
    outcome_release(&outcome);
}
