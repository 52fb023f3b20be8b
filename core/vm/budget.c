/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU slices with the JIT compiler on.
 *
 * A count hook does not fire in compiled code. But in a state where the
 * profiler was started in line mode, compiled code looks at the profiler's bit
 * of the hook mask, at each line and at the start of each trace, and goes back
 * to the interpreter when it is set. So a timer signal sets that bit together
 * with a hook for the very next instruction, which suspends the coroutine. The
 * profiler itself never runs: its one timer is stopped as soon as it was
 * started.
 *
 * Where the byte of the mask is, is read from the code of lua_gethookmask, and
 * proved at the start of the process with a loop that has an end. Where that
 * fails, apps run interpreted, with a count hook.
 */
#include "core/vm/budget.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/vm/internal.h"

#define HOOK_PROFILE 0x80 /* of LuaJIT's lj_obj.h */
#define HOOK_COUNT 1000   /* instructions, where the compiler is off */
#define TICK_NS 1000000
#define IDLE_TICKS 20 /* then the timer is stopped */
#define TICK_SIGNAL SIGVTALRM
/* Ends within half a second where nothing stops it. */
#define TEST_LOOP "local n = 0 for i = 1, 3e8 do n = n + 1 end return n"
#define TEST_SLICE_NS UINT64_C(5000000)

/* What runs on this thread; the signal handler looks at it. */
struct running {
    lua_State *volatile L; /* NULL: no app */
    volatile uint64_t begin_ns;
    volatile uint64_t end_ns; /* of the slice */
    volatile uint64_t stuck_ns;
    volatile sig_atomic_t fired; /* the hook is set */
    volatile sig_atomic_t armed; /* the timer ticks */
    volatile sig_atomic_t idle;  /* ticks without an app */
    uint64_t cpu_ns;             /* of the thread, at begin_ns */
    bool made;                   /* the timer exists */
    timer_t timer;
    struct lun_vm_app *app;
};

static _Thread_local struct running running;

/* Offsets; 0: the compiler is off for apps. */
static size_t global_at; /* in lua_State: of the pointer to global_State */
static size_t mask_at;   /* in global_State */

uint64_t lun_vm_budget_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t lun_vm_budget_slice_cpu_ns(void)
{
    return lun_vm_budget_cpu_ns() - running.cpu_ns;
}

bool lun_vm_budget_due(void)
{
    return running.L && lun_clock_monotonic_ns() >= running.end_ns;
}

/* The hook ---------------------------------------------------------------- */

char *lun_vm_budget_global(lua_State *L)
{
    char *global;
    if (!global_at)
        return NULL;
    memcpy(&global, (char *)L + global_at, sizeof(global));
    return global;
}

static volatile uint8_t *mask_of(lua_State *L)
{
    return (volatile uint8_t *)lun_vm_budget_global(L) + mask_at;
}

/* Again when a tick came in between. */
static void clear_hook(lua_State *L)
{
    while (running.fired) {
        running.fired = 0;
        *mask_of(L) &= (uint8_t)~HOOK_PROFILE;
        lua_sethook(L, NULL, 0, 0);
    }
}

static void on_instruction(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    /* Inside of a C function that calls Lua (only the host's own do) the hook
     * stays and comes again. */
    if (!lun_vm_budget_due() || !lua_isyieldable(L))
        return;
    if (mask_at)
        clear_hook(L);
    lua_yield(L, 0);
}

/* Signals ----------------------------------------------------------------- */

static void set_timer(struct running *self, long tick_ns)
{
    struct itimerspec every = {{0, tick_ns}, {0, tick_ns}};
    timer_settime(self->timer, 0, &every, NULL);
    self->armed = tick_ns != 0;
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* In a C function that does not end: nothing of this process can be trusted to
 * go on. The supervisor knows from the table of apps which one it was. */
static void give_up(const struct running *self)
{
    say("a call of the app '");
    say(self->app ? self->app->release : "");
    say("' could not be stopped: the worker ends\n");
    _exit(LUN_VM_STUCK_STATUS);
}

static void interrupt(struct running *self)
{
    if (!mask_at)
        return;
    volatile uint8_t *mask = mask_of(self->L);
    *mask &= (uint8_t)~HOOK_PROFILE;
    /* Both ways, so that LuaJIT writes its dispatch tables even when it was
     * interrupted in doing so. */
    if (self->fired)
        lua_sethook(self->L, NULL, 0, 0);
    self->fired = 1;
    lua_sethook(self->L, on_instruction, LUA_MASKCOUNT, 1);
    *mask |= HOOK_PROFILE;
}

static void on_tick(int number, siginfo_t *info, void *context)
{
    struct running *self = info->si_value.sival_ptr;
    (void)number;
    (void)context;
    if (info->si_code != SI_TIMER || !self)
        return;
    if (!self->L) {
        if (++self->idle >= IDLE_TICKS)
            set_timer(self, 0);
        return;
    }
    uint64_t now = lun_clock_monotonic_ns();
    if (now < self->end_ns)
        return;
    /* A worker that others keep from running is not stuck. */
    if (now - self->begin_ns > self->stuck_ns &&
        lun_vm_budget_slice_cpu_ns() > self->stuck_ns / 2)
        give_up(self);
    interrupt(self);
}

static bool make_timer(struct running *self)
{
    struct sigaction action = {.sa_sigaction = on_tick,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = TICK_SIGNAL};
    sigset_t set;
    sigemptyset(&action.sa_mask);
    event._sigev_un._tid = gettid();
    event.sigev_value.sival_ptr = self;
    sigemptyset(&set);
    sigaddset(&set, TICK_SIGNAL);
    self->made = !sigaction(TICK_SIGNAL, &action, NULL) &&
                 !pthread_sigmask(SIG_UNBLOCK, &set, NULL) &&
                 !timer_create(CLOCK_MONOTONIC, &event, &self->timer);
    return self->made;
}

/* Slices ------------------------------------------------------------------ */

static void enter(lua_State *L, uint64_t slice_ns, uint64_t stuck_ns)
{
    running.idle = 0;
    if (running.made && !running.armed)
        set_timer(&running, TICK_NS);
    running.cpu_ns = lun_vm_budget_cpu_ns();
    running.begin_ns = lun_clock_monotonic_ns();
    running.end_ns = running.begin_ns + slice_ns;
    running.stuck_ns = stuck_ns;
    running.fired = 0;
    running.L = L;
}

void lun_vm_budget_enter(struct lun_vm_app *app, uint64_t slice_ns)
{
    running.app = app;
    enter(app->L, slice_ns, app->limits.stuck_ns);
}

void lun_vm_budget_leave(void)
{
    lua_State *L = running.L;
    running.L = NULL;
    clear_hook(L);
}

uint64_t lun_vm_budget_end_ns(void)
{
    return running.end_ns;
}

void lun_vm_budget_end_slice(void)
{
    if (!running.L)
        return;
    running.end_ns = 0;
    interrupt(&running);
}

/* Start ------------------------------------------------------------------- */

/* mov rax, [rdi + a]; movzx eax, byte [rax + b]; and eax, 15 */
static bool read_offsets(void)
{
#if defined(__x86_64__)
    const uint8_t *code = dlsym(RTLD_DEFAULT, "lua_gethookmask");
    int32_t wide;
    if (!code)
        return false;
    if (!memcmp(code, "\xf3\x0f\x1e\xfa", 4))
        code += 4;
    if (memcmp(code, "\x48\x8b\x47", 3))
        return false;
    size_t global = code[3], mask;
    code += 4;
    if (!memcmp(code, "\x0f\xb6\x80", 3)) {
        memcpy(&wide, code + 3, sizeof(wide));
        mask = (size_t)wide;
        code += 7;
    } else if (!memcmp(code, "\x0f\xb6\x40", 3)) {
        mask = code[3];
        code += 4;
    } else {
        return false;
    }
    if (memcmp(code, "\x83\xe0\x0f", 3) || mask > 4096)
        return false;
    global_at = global;
    mask_at = mask;
    return true;
#else
    return false;
#endif
}

static void on_sample(void *data, lua_State *L, int samples, int state)
{
    (void)data;
    (void)L;
    (void)samples;
    (void)state;
}

/* The profiler is one for the process; a state that lives as long owns it, so
 * that a start for another state only makes that one's code look at the bit. */
static bool hold_profiler(void)
{
    static lua_State *holder;
    struct itimerval never = {{0, 0}, {0, 0}};
    holder = luaL_newstate();
    if (!holder)
        return false;
    luaJIT_profile_start(holder, "li1000000", on_sample, NULL);
    return !setitimer(ITIMER_PROF, &never, NULL);
}

static void compile(lua_State *L)
{
    lua_pushcfunction(L, luaopen_jit);
    lua_pushliteral(L, LUA_JITLIBNAME);
    lua_call(L, 1, 0);
    lua_pushnil(L);
    lua_setglobal(L, LUA_JITLIBNAME);
    luaJIT_profile_start(L, "l", on_sample, NULL);
}

/* Stops a compiled loop, lets it go on, and stops it again. */
static bool test(void)
{
    lua_State *L = luaL_newstate();
    bool passed = false;
    if (!L)
        return false;
    compile(L);
    lua_State *co = lua_newthread(L);
    if (!luaL_loadstring(co, TEST_LOOP)) {
        int stops = 0, status = LUA_YIELD;
        while (status == LUA_YIELD && stops < 3) {
            enter(L, TEST_SLICE_NS, UINT64_MAX);
            status = lua_resume(co, 0);
            lun_vm_budget_leave();
            stops += status == LUA_YIELD;
        }
        passed = stops == 3;
    }
    lua_close(L);
    return passed;
}

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start_process(void)
{
    if (read_offsets() && hold_profiler() && running.made && test())
        return;
    mask_at = 0;
    lun_log_printf(LUN_LOG_WARN,
                   "the compiler of LuaJIT cannot be interrupted here: code of "
                   "apps is interpreted");
}

void lun_vm_budget_install(lua_State *L)
{
    if (!running.made)
        make_timer(&running);
    pthread_once(&started, start_process);
    if (mask_at && running.made) {
        lun_metrics_set(LUN_METRIC_APP_CODE_COMPILED, 1);
        compile(L);
        return;
    }
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_sethook(L, on_instruction, LUA_MASKCOUNT, HOOK_COUNT);
}

void lun_vm_budget_forked(void)
{
    running.armed = 0;
    make_timer(&running);
}

bool lun_vm_budget_compiles(void)
{
    return mask_at != 0;
}
