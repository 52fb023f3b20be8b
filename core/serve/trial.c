/*
 * core/serve/trial.c - functions of apps, run for a developer at a terminal.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/bind/framework.h"
#include "core/bind/modules.h"
#include "core/bind/trial.h"
#include "core/bind/write.h"
#include "core/graphql/exec.h"
#include "core/graphql/merge.h"
#include "core/graphql/plan.h"
#include "core/config/config.h"
#include "core/config/limits.h"
#include "core/config/program.h"
#include "core/serve/release.h"
#include "core/pg/pool.h"
#include "core/vm/app.h"
#include "core/vm/call.h"
#include "core/vm/module.h"

#define MEMORY ((size_t)64 * 1024 * 1024)
#define CPU_SPENT (UINT64_MAX / 4) /* more than any limit */

struct lun_trial {
    uv_loop_t loop;
    const struct lun_config *config;
    struct lun_framework *framework;
    struct lun_pg_pool *pool;
    struct lun_release *release;
    struct lun_merge *merge;
    struct lun_bind_writer *writer;
    struct lun_bind_modules modules;
    uv_signal_t interrupt;
    bool alone;
    bool closed;
};

/* One run. */
struct run {
    struct lun_trial *trial;
    struct lun_arena arena;
    struct lun_bind_request request;
    struct lun_vm_spent *spent;
    char detail[256]; /* why the framework failed */
    struct lun_buf *body;
    bool interrupted;
    bool done;
};

/* --- opening ------------------------------------------------------------ */

/* The first grant of a module, or that of one app. */
static const char *find_grant(void *context, const char *module,
                              const char *app)
{
    const struct lun_trial *trial = context;
    const struct lun_bind_apps *apps = &trial->release->apps;
    for (size_t i = 0; i < apps->count; i++) {
        const struct lun_bind_app *each = apps->items[i];
        if (app != NULL && strcmp(lun_vm_app_name(each->vm), app) != 0) {
            continue;
        }
        for (size_t j = 0; j < each->grant_count; j++) {
            if (strcmp(each->grants[j].name, module) == 0) {
                return each->grants[j].options;
            }
        }
    }
    return NULL;
}

static void start_modules(struct lun_trial *trial)
{
    const struct lun_module_host host = {.loop = &trial->loop,
                                         .pool = trial->pool,
                                         .grant = find_grant,
                                         .context = trial};
    lun_bind_modules_init(&trial->modules, &host);
    if (!trial->alone) {
        lun_bind_modules_start(&trial->modules, &trial->release->apps);
    }
}

static int open_parts(struct lun_trial *trial, const char *set,
                      struct lun_err *err)
{
    struct lun_pg_config pg = {0};
    char lua[PATH_MAX];
    int code = lun_program_lua_dir(trial->config, lua, err);
    if (code == 0) {
        code = lun_framework_open(lua, &trial->framework, err);
    }
    if (code == 0) {
        const struct lun_release_place place = {.framework = trial->framework,
                                                .config = trial->config,
                                                .loop = &trial->loop};
        code = lun_release_open(&place, set, &trial->release, err);
    }
    if (code == 0) {
        lun_limits_pg(trial->config, &pg);
        pg.size = 2;
        code = lun_pg_pool_open(&trial->loop, &pg, &trial->pool, err);
    }
    if (code != 0) {
        return code;
    }
    start_modules(trial);
    trial->writer =
        lun_bind_writer_new(trial->framework, &trial->loop, pg.size);
    trial->merge = lun_merge_new(&trial->loop, trial->pool);
    return trial->writer != NULL && trial->merge != NULL
               ? 0
               : lun_error_set(err, LUN_EMEMORY, "out of memory");
}

int lun_trial_open(const struct lun_trial_options *options,
                   struct lun_trial **out, struct lun_err *err)
{
    struct lun_trial *trial = calloc(1, sizeof *trial);
    if (trial == NULL || uv_loop_init(&trial->loop) != 0) {
        free(trial);
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    trial->config = options->config;
    trial->alone = options->alone;
    (void)uv_signal_init(&trial->loop, &trial->interrupt);
    int code = open_parts(trial, options->set, err);
    if (code != 0) {
        lun_trial_close(trial);
        return code;
    }
    *out = trial;
    return 0;
}

/* --- closing ------------------------------------------------------------ */

static void on_closed(void *context)
{
    struct lun_trial *trial = context;
    trial->closed = true;
}

static void on_modules_stopped(void *context)
{
    struct lun_trial *trial = context;
    lun_pg_pool_close(trial->pool, on_closed, trial);
}

void lun_trial_close(struct lun_trial *trial)
{
    uv_close((uv_handle_t *)&trial->interrupt, NULL);
    if (trial->pool != NULL) {
        lun_bind_modules_stop(&trial->modules, on_modules_stopped, trial);
        while (!trial->closed) {
            (void)uv_run(&trial->loop, UV_RUN_ONCE);
        }
    }
    lun_release_unref(trial->release);
    if (trial->merge != NULL) {
        lun_merge_close(trial->merge);
    }
    lun_bind_writer_free(trial->writer);
    if (trial->framework != NULL) {
        lun_framework_close(trial->framework);
    }
    /* What is left are handles on their way out. */
    for (int turns = 0; turns < 100 && uv_loop_close(&trial->loop) != 0;
         turns++) {
        (void)uv_run(&trial->loop, UV_RUN_NOWAIT);
    }
    free(trial);
}

/* --- running ------------------------------------------------------------ */

/* The function at work is stopped at the end of its slice, as when its CPU time
 * is spent. */
static void on_interrupt(uv_signal_t *signal, int number)
{
    struct run *run = signal->data;
    (void)number;
    run->interrupted = true;
    for (size_t i = 0; i < run->trial->release->apps.count; i++) {
        run->spent[i].cpu_ns = CPU_SPENT;
    }
}

static void write_field(struct lun_exec *exec, size_t field, void *context)
{
    struct run *run = context;
    lun_bind_write_start(run->trial->writer, &run->request, exec, field);
}

static void report(const struct lun_pg_error *pg, struct lun_plan_error *error,
                   void *context)
{
    struct run *run = context;
    (void)snprintf(run->detail, sizeof run->detail, "%s",
                   error->detail != NULL ? error->detail : pg->message);
}

static void on_done(struct lun_exec *exec, int status,
                    const struct lun_plan_error *error, struct lun_buf *body,
                    void *context)
{
    struct run *run = context;
    (void)exec;
    (void)status;
    if (error == NULL) {
        lun_buf_push(run->body, body->data, body->len);
    } else if (run->detail[0] == '\0') {
        (void)snprintf(run->detail, sizeof run->detail, "%s", error->message);
    }
    run->done = true;
}

static bool prepare(struct run *run, uint64_t deadline)
{
    const struct lun_trial *trial = run->trial;
    const struct lun_bind_apps *apps = &trial->release->apps;
    run->spent =
        lun_arena_calloc(&run->arena, apps->count + 1, sizeof *run->spent);
    for (size_t i = 0; run->spent != NULL && i < apps->count; i++) {
        run->spent[i].deadline_ns = deadline;
        (void)snprintf(run->spent[i].request, sizeof run->spent[i].request,
                       "trial");
    }
    run->request = (struct lun_bind_request){
        .service = trial->release->service,
        .apps = apps,
        .spent = run->spent,
        .modules = trial->alone ? NULL : &trial->modules,
        .traceparent = "",
    };
    return run->spent != NULL;
}

static int execute(struct run *run, struct lun_plan *plan, uint64_t deadline,
                   struct lun_err *err)
{
    struct lun_trial *trial = run->trial;
    struct lun_plan_error error;
    const struct lun_exec_config config = {
        .pool = trial->pool,
        .merge = trial->merge,
        .arena = &run->arena,
        .plan = plan,
        .input = {.arena = &run->arena},
        .deadline_ns = deadline,
        .write = write_field,
        .report = report,
        .done = on_done,
        .context = run,
    };
    int code = lun_exec_start(&config, &error);
    if (code != 0) {
        return lun_error_set(err, code, "%s", error.message);
    }
    while (!run->done) {
        (void)uv_run(&trial->loop, UV_RUN_ONCE);
    }
    return run->detail[0] == '\0'
               ? 0
               : lun_error_set(err, LUN_EINTERNAL, "%s", run->detail);
}

/* {"data":{"result":ANSWER}} */
static int take_answer(struct run *run, struct lun_buf *out,
                       struct lun_err *err)
{
    static const char before[] = "{\"data\":{\"result\":";
    size_t len = sizeof before - 1;
    if (run->body->failed || run->body->len < len + 2 ||
        memcmp(run->body->data, before, len) != 0) {
        return lun_error_set(err, LUN_EINTERNAL, "there is no answer");
    }
    lun_buf_push(out, run->body->data + len, run->body->len - len - 2);
    return 0;
}

int lun_trial_run(struct lun_trial *trial, const char *json, size_t len,
                  unsigned ms, struct lun_buf *out, struct lun_err *err)
{
    struct lun_buf body;
    struct run run = {.trial = trial, .body = &body};
    uint64_t deadline =
        lun_clock_monotonic_ns() + (uint64_t)ms * UINT64_C(1000000);
    struct lun_plan *plan =
        lun_bind_trial_plan(trial->framework, json, len, err);
    if (plan == NULL) {
        return err->code;
    }
    lun_buf_init(&body);
    lun_arena_init(&run.arena, MEMORY);
    trial->interrupt.data = &run;
    int code = prepare(&run, deadline)
                   ? 0
                   : lun_error_set(err, LUN_EMEMORY, "out of memory");
    if (code == 0) {
        (void)uv_signal_start(&trial->interrupt, on_interrupt, SIGINT);
        code = execute(&run, plan, deadline, err);
        (void)uv_signal_stop(&trial->interrupt);
    }
    if (code == 0) {
        code = take_answer(&run, out, err);
    }
    if (run.interrupted) {
        code = lun_error_set(err, LUN_EDEADLINE, "interrupted");
    }
    lun_plan_unref(plan);
    lun_arena_release(&run.arena);
    lun_buf_release(&body);
    return code;
}
