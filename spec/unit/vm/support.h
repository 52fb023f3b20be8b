/*
 * spec/unit/vm/support.h - an app of one file, and calls of its functions.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/vm/app.h"
#include "core/vm/call.h"
#include "core/vm/data.h"
#include "core/vm/state.h"
#include "spec/unit/support.h"

/* What came of a call. */
struct outcome {
    bool over;
    int asks;
    int code; /* 0: it returned */
    char limit[32];
    uint64_t max;
    char text[16384]; /* what it returned, when that is a text; its message */
    double number;    /* what it returned, when that is a number */
    struct lun_vm_spent spent;
    struct lun_vm_call *call;
    bool silent; /* does not answer asks: the test does */
    lua_State *reader;
};

static uv_loop_t loop;

/* Folder of this file, from how the compiler was told of it. */
static inline const char *lua_dir(void)
{
    static char path[1024];
    const char *at = strstr(__FILE__, "spec/unit/vm/support.h");
    snprintf(path, sizeof(path), "%.*slua", (int)(at - __FILE__), __FILE__);
    return path;
}

static inline struct lun_vm_limits usual_limits(void)
{
    return (struct lun_vm_limits){
        .memory_bytes = (size_t)32 << 20,
        .cpu_ns = UINT64_C(100000000),
        .slice_ns = UINT64_C(5000000),
        .stuck_ns = UINT64_C(2000000000),
        .wall_ns = UINT64_C(20000000000),
        .statements = 100,
        .rows = 1000,
        .outgoing_bytes = 1000,
        .crossing_bytes = (size_t)1 << 20,
    };
}

/* {}: a table without list and members. */
static inline struct lun_buf empty_table(void)
{
    struct lun_buf buf;
    uint32_t none[2] = {0, 0};
    lun_buf_init(&buf);
    lun_buf_push(&buf, "a", 1);
    lun_buf_push(&buf, none, sizeof(none));
    return buf;
}

/* What the guest is told: the app has one model. */
#define SETUP                                                                  \
    "return { app = 'sales', models = { ['sales.Lead'] = { name = 'Lead',\n"   \
    "  app = 'sales', fields = {\n"                                            \
    "    { name = 'id', kind = 'scalar', type = 'uuid', stored_at = true },\n" \
    "    { name = 'n', kind = 'scalar', type = 'int', stored_at = true },\n"   \
    "  } } } }"

static inline struct lun_buf make_setup(void)
{
    struct lun_buf buf;
    lua_State *L = lun_vm_system_new("/nowhere", NULL);
    lun_buf_init(&buf);
    assert_int_equal(luaL_dostring(L, SETUP), 0);
    assert_int_equal(lun_vm_data_write(L, -1, 10000, &buf, NULL), 0);
    lua_close(L);
    return buf;
}

static inline int open_named(const char *name, const char *text,
                             struct lun_vm_limits limits,
                             struct lun_vm_app **out, struct lun_err *err)
{
    char chunk[64], release[64];
    struct lun_buf setup = make_setup();
    snprintf(chunk, sizeof(chunk), "%s:app.lua", name);
    snprintf(release, sizeof(release), "%s@1.0.0+0", name);
    struct lun_vm_source source = {chunk, text, strlen(text)};
    struct lun_vm_app_config config = {
        .loop = &loop,
        .name = name,
        .release = release,
        .lua_dir = lua_dir(),
        .modules_dir = "/nowhere",
        .limits = limits,
        .sources = &source,
        .source_count = 1,
        .setup = setup.data,
        .setup_len = setup.len,
    };
    int rc = lun_vm_app_open(&config, out, err);
    lun_buf_release(&setup);
    return rc;
}

static inline struct lun_vm_app *open_app(const char *text)
{
    struct lun_vm_app *app = NULL;
    struct lun_err err = {0};
    if (open_named("sales", text, usual_limits(), &app, &err))
        fail_msg("%s", err.message);
    return app;
}

/* An app whose query `main` runs `body`, a function of `args`. */
static inline struct lun_vm_app *
open_body_with(const char *name, const char *body, struct lun_vm_limits limits)
{
    struct lun_vm_app *app = NULL;
    struct lun_err err = {0};
    struct lun_buf text;
    lun_buf_init(&text);
    lun_buf_printf(&text,
                   "query \"main\" { run = function(args)\n%s\nend }\n"
                   "query \"probe\" { run = function() return 'alive' end }\n",
                   body);
    if (open_named(name, lun_buf_str(&text), limits, &app, &err))
        fail_msg("%s", err.message);
    lun_buf_release(&text);
    return app;
}

static inline struct lun_vm_app *open_body(const char *body)
{
    return open_body_with("sales", body, usual_limits());
}

static inline void take_value(struct outcome *outcome, const char *data,
                              size_t len)
{
    lua_State *L =
        outcome->reader ? outcome->reader : lun_vm_system_new("/nowhere", NULL);
    outcome->reader = L;
    assert_int_equal(lun_vm_data_read(L, data, len, NULL), 0);
    const char *text = lua_tostring(L, -1);
    snprintf(outcome->text, sizeof(outcome->text), "%s", text ? text : "");
    outcome->number = lua_tonumber(L, -1);
    lua_settop(L, 0);
}

static inline void answer_nothing(struct lun_vm_call *call)
{
    struct lun_buf none = empty_table();
    lun_vm_call_answer(call, none.data, none.len);
    lun_buf_release(&none);
}

static inline void on_outcome(void *context, struct lun_vm_call *call,
                              enum lun_vm_event event, const char *data,
                              size_t len, const struct lun_vm_fault *fault)
{
    struct outcome *outcome = context;
    if (event == LUN_VM_ASKS) {
        outcome->asks++;
        if (!outcome->silent)
            answer_nothing(call);
        return;
    }
    outcome->over = true;
    outcome->call = NULL;
    if (event == LUN_VM_RETURNED) {
        take_value(outcome, data, len);
        return;
    }
    outcome->code = fault->code;
    outcome->max = fault->max;
    snprintf(outcome->limit, sizeof(outcome->limit), "%s",
             fault->limit ? fault->limit : "");
    snprintf(outcome->text, sizeof(outcome->text), "%s", fault->message);
}

static inline void start(struct outcome *outcome, struct lun_vm_app *app,
                         const char *entry)
{
    struct lun_buf none = empty_table();
    outcome->over = false;
    outcome->call = lun_vm_call_start(app, &outcome->spent, entry, none.data,
                                      none.len, on_outcome, outcome);
    assert_non_null(outcome->call);
    lun_buf_release(&none);
}

static inline void wait_for(struct outcome *outcome)
{
    while (!outcome->over)
        uv_run(&loop, UV_RUN_NOWAIT);
    if (outcome->reader)
        lua_close(outcome->reader);
    outcome->reader = NULL;
}

static inline struct outcome call_entry(struct lun_vm_app *app,
                                        const char *entry)
{
    struct outcome outcome = {0};
    start(&outcome, app, entry);
    wait_for(&outcome);
    return outcome;
}

/* Opens, calls `main`, proves that the VM is still good, and closes. */
static inline struct outcome run_body_with(const char *body,
                                           struct lun_vm_limits limits)
{
    struct lun_vm_app *app = open_body_with("sales", body, limits);
    struct outcome outcome = call_entry(app, "query:main");
    struct outcome probe = call_entry(app, "query:probe");
    assert_string_equal(probe.text, "alive");
    assert_int_equal(probe.code, 0);
    lun_vm_app_unref(app);
    return outcome;
}

static inline struct outcome run_body(const char *body)
{
    return run_body_with(body, usual_limits());
}

static inline int open_loop(void **state)
{
    (void)state;
    return uv_loop_init(&loop);
}

static inline int close_loop(void **state)
{
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}
