/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/turn.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/bind/apps.h"
#include "core/bind/task.h"
#include "core/vm/app.h"

#define MS 1000000

static struct lun_bind_app *find(const struct lun_bind_apps *apps,
                                 const char *name)
{
    for (size_t i = 0; name && apps && i < apps->count; i++)
        if (!strcmp(lun_vm_app_name(apps->items[i]->vm), name))
            return apps->items[i];
    return NULL;
}

/* The app of the planned write `reference`. */
static struct lun_bind_app *app_of(const struct lun_bind_task *task,
                                   int reference)
{
    lua_State *L = task->writer->L;
    int top = lua_gettop(L);
    struct lun_bind_app *app = NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
    lua_getfield(L, -1, "call");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "app");
        app = find(task->request->apps, lua_tostring(L, -1));
    }
    lua_settop(L, top);
    return app;
}

struct lun_bind_app *lun_bind_turn_app(struct lun_bind_task *task)
{
    const struct lun_plan *plan = lun_exec_config_of(task->exec)->plan;
    if (!task->all)
        return app_of(task, plan->fields[task->index].write);
    for (size_t i = 0; i < plan->field_count; i++) {
        struct lun_bind_app *app = NULL;
        if (plan->fields[i].kind == LUN_PLAN_WRITE)
            app = app_of(task, plan->fields[i].write);
        if (app)
            return app;
    }
    return NULL;
}

static void take_out(struct lun_bind_task *task)
{
    struct lun_bind_app *app = task->app;
    struct lun_bind_task *before = NULL, *at = app->first;
    while (at != task) {
        before = at;
        at = at->next_turn;
    }
    if (before)
        before->next_turn = task->next_turn;
    else
        app->first = task->next_turn;
    if (app->last == task)
        app->last = before;
    task->next_turn = NULL;
    task->go = NULL;
}

static void on_deadline(uv_timer_t *timer)
{
    struct lun_bind_task *task = timer->data;
    const struct lun_plan_error error = {
        .code = LUN_EDEADLINE,
        .message = lun_error_info(LUN_EDEADLINE)->message};
    lun_bind_task_end(task, &error);
}

static void enqueue(struct lun_bind_task *task,
                    void (*go)(struct lun_bind_task *task))
{
    struct lun_bind_app *app = task->app;
    uint64_t now = lun_clock_monotonic_ns();
    uint64_t deadline = lun_exec_config_of(task->exec)->deadline_ns;
    task->go = go;
    if (app->last)
        app->last->next_turn = task;
    else
        app->first = task;
    app->last = task;
    uv_timer_start(&task->timer, on_deadline,
                   deadline > now ? (deadline - now) / MS : 0, 0);
}

bool lun_bind_turn_enter(struct lun_bind_task *task,
                         void (*go)(struct lun_bind_task *task))
{
    struct lun_bind_app *app = task->app;
    if (!app)
        return true;
    if (app->at_work >= task->writer->sessions_of_app) {
        enqueue(task, go);
        return false;
    }
    app->at_work++;
    task->at_work = true;
    return true;
}

void lun_bind_turn_leave(struct lun_bind_task *task)
{
    struct lun_bind_app *app = task->app;
    if (task->go)
        take_out(task);
    if (!task->at_work)
        return;
    task->at_work = false;
    app->at_work--;
    struct lun_bind_task *next = app->first;
    if (!next)
        return;
    void (*go)(struct lun_bind_task *) = next->go;
    take_out(next);
    uv_timer_stop(&next->timer);
    app->at_work++;
    next->at_work = true;
    go(next);
}
