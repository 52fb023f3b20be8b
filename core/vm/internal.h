/*
 * core/vm/internal.h - what the files of core/vm share; for no other folder.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/vm/app.h"
#include "core/vm/budget.h"
#include "core/vm/call.h"

enum {
    LUN_VM_NESTED = 100, /* coroutines that wait for each other, in a call */
    LUN_VM_MESSAGE_MAX = 8192
};

struct lun_app_metrics;
struct lun_vm_remote;
struct lun_vm_scheduler;

/* Memory ------------------------------------------------------------------ */

/* Counts what a state takes from LuaJIT's own allocator. */
struct lun_vm_heap {
    lua_Alloc alloc; /* of LuaJIT */
    void *alloc_data;
    size_t used;
    size_t cap;
    lua_State *thread;  /* that runs; NULL: none, or C of the host */
    size_t alarm;       /* more than this is a reason to collect */
    size_t used_before; /* the collection under way */
    int cycles;         /* of it: the one under way; 0: no collection is */
    bool pressed;       /* the alarm was reached */
    bool refused;       /* something was over the cap, in this call */
};

void lun_vm_heap_wrap(struct lun_vm_heap *heap, lua_State *L, size_t cap);
/* Lets the collector run often enough for the cap. */
void lun_vm_heap_tune(struct lun_vm_heap *heap, lua_State *L);
/* Collects until all was seen (true) or the time is over. */
bool lun_vm_heap_collect(struct lun_vm_heap *heap, lua_State *L,
                         uint64_t end_ns);
/* Before lua_close: LuaJIT gives all back only to its own allocator. */
void lun_vm_heap_unwrap(struct lun_vm_heap *heap, lua_State *L);

/* Calls that can go on, in their order. */
struct lun_vm_queue {
    struct lun_vm_call *first;
    struct lun_vm_call *last;
};

/* Apps -------------------------------------------------------------------- */

struct lun_vm_app {
    lua_State *L;
    struct lun_vm_heap heap;
    unsigned refs;
    char *name;
    char *release;
    char *lua_dir;
    struct lun_vm_limits limits;
    struct lun_app_metrics *metrics;
    struct lun_vm_scheduler *scheduler;
    struct lun_vm_remote *remote; /* its VM is in another process; or NULL */
    const struct lun_vm_app_config *config; /* while the files are loaded */
    struct lun_vm_app *next; /* of those with calls that can go on */
    bool listed;
    bool collecting;            /* before its next call */
    struct lun_vm_queue ready;  /* calls that begin or were answered */
    struct lun_vm_queue sliced; /* calls whose slice is over */
    struct lun_vm_call *running;
    int entry;       /* registry: lunette.guest.call */
    int environment; /* registry: of the app's files */
    int coroutines;  /* registry: coroutine -> enum lun_vm_coroutine */
    int refusals;    /* registry: metatable of what host.fail raises */
};

/* Calls ------------------------------------------------------------------- */

/* Why the coroutine of a call gave control back. */
enum lun_vm_pending {
    LUN_VM_PREEMPTED,
    LUN_VM_PENDING_ASK,
    LUN_VM_PENDING_RESUME, /* on the stack: the coroutine, its arguments */
    LUN_VM_PENDING_YIELD,  /* on the stack: what it yields */
    LUN_VM_PENDING_FAULT   /* fault_limit is set */
};

struct lun_vm_call {
    struct lun_vm_app *app;
    struct lun_vm_spent *spent;
    lun_vm_call_cb cb;
    void *context;
    uint32_t id;              /* in another process */
    struct lun_vm_call *next; /* in the queue of the app */
    bool queued;
    bool started;
    bool cancelled;
    bool delivering;
    bool asking;   /* waits for an answer */
    bool answered; /* `data` is to be pushed on resuming */
    bool refused;
    bool loading; /* runs the files: cannot ask */
    enum lun_vm_pending pending;
    int anchor;     /* registry: its coroutine */
    int state;      /* registry: table of host.state */
    int args;       /* values on the stack of the next resume */
    unsigned depth; /* of the coroutine that runs */
    lua_State *threads[LUN_VM_NESTED + 1];
    uint64_t deadline_ns; /* of the request */
    uint64_t wall_ns;     /* when the app's own time is over */
    const char *fault_limit;
    char *entry;
    struct lun_buf data; /* in: argument, answer; out: ask, result */
    struct lun_buf message;
    int code; /* 0 when it returned */
};

enum lun_vm_step {
    LUN_VM_STEP_SLICED,
    LUN_VM_STEP_ASKS,
    LUN_VM_STEP_RETURNED,
    LUN_VM_STEP_FAILED
};

/* Runs the call until its slice ends or it has something to tell. */
enum lun_vm_step lun_vm_call_run(struct lun_vm_call *call, uint64_t slice_ns);
void lun_vm_call_deliver(struct lun_vm_call *call, enum lun_vm_step step);
/* A call for running the files; lun_vm_call_drop frees it. */
struct lun_vm_call *lun_vm_call_new(struct lun_vm_app *app,
                                    struct lun_vm_spent *spent,
                                    const char *entry, const char *data,
                                    size_t len);
void lun_vm_call_drop(struct lun_vm_call *call);

/* Coroutines -------------------------------------------------------------- */

enum lun_vm_coroutine {
    LUN_VM_COROUTINE_SUSPENDED = 1,
    LUN_VM_COROUTINE_BUSY, /* running, or waiting for one that runs */
    LUN_VM_COROUTINE_DEAD
};

/* The trampoline: user coroutines never nest on the C stack; the call holds
 * them in `threads`. Both return the number of values for the next resume. */
int lun_vm_coroutine_enter(struct lun_vm_call *call);
/* `ok`: with what it yielded or returned, else with its error. */
int lun_vm_coroutine_leave(struct lun_vm_call *call, bool ok, bool dead);
/* Marks what a call leaves behind. */
void lun_vm_coroutine_abandon(struct lun_vm_call *call);
/* Pushes the table of native functions for lunette.guest.sandbox. */
void lun_vm_coroutine_push(lua_State *L, struct lun_vm_app *app);

/* Host functions ---------------------------------------------------------- */

/* Makes the global tables `host` and `native` of the trusted part. */
void lun_vm_host_install(lua_State *L, struct lun_vm_app *app);
struct lun_vm_app *lun_vm_host_app(lua_State *L);
/* True for chunks of the trusted part. */
bool lun_vm_host_is_guest(const char *chunk);
/* Raises a text that begins with the place in the app's files. */
int lun_vm_host_error(lua_State *L, const char *format, ...)
    __attribute__((noreturn));
/* Both add functions to the table on top of the stack, `native`. */
void lun_vm_pattern_install(lua_State *L);
void lun_vm_strings_install(lua_State *L);

/* Scheduler --------------------------------------------------------------- */

/* One for each loop, counted. NULL when memory ran out. */
struct lun_vm_scheduler *lun_vm_scheduler_take(uv_loop_t *loop);
void lun_vm_scheduler_give(struct lun_vm_scheduler *scheduler);
/* Lets the call go on in this turn of the loop or the next. */
void lun_vm_scheduler_add(struct lun_vm_call *call);
/* The same for what the app has to collect. */
void lun_vm_scheduler_collect(struct lun_vm_app *app);
