/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/telemetry/log.h"
#include "core/vm/internal.h"

/* LuaJIT never collects because memory is short, and its steps may come too
 * late for large blocks: so the cap is divided. The pause lets a cycle end
 * before it is reached, and an alarm interrupts the call, whose next slices
 * then go into collecting. */
#define PAUSE_DEFAULT 200
#define PAUSE_OF_CAP 90
#define STEP_KIB 64
/* Where an error of memory is not safe, this many times the cap is given until
 * the next instruction at which the call can be stopped. */
#define BURST 4

/* Errors of memory --------------------------------------------------------- */

/*
 * Debian's LuaJIT writes the text of an error of memory to where it believes
 * the top of the stack is, by `base` or `top` of the lua_State. Compiled code
 * keeps neither up to date, above all after the coroutine was suspended by a
 * hook, so the text ends up in the middle of the frames. Before memory is
 * refused, `base` becomes what compiled code has as its base (`jit_base`, NULL
 * in the interpreter), and `top` the end of the stack.
 */
static size_t top_at;      /* in lua_State; `maxstack` and `stack` follow */
static size_t base_at;     /* in lua_State */
static size_t jit_base_at; /* in global_State; 0: not known */

static char *read_pointer(const char *at)
{
    char *pointer;
    memcpy(&pointer, at, sizeof(pointer));
    return pointer;
}

static void settle_stack(lua_State *L)
{
    char *state = (char *)L, *max, *base;
    if (!jit_base_at)
        return;
    base = read_pointer(lun_vm_budget_global(L) + jit_base_at);
    max = read_pointer(state + top_at + sizeof(max));
    if (base)
        memcpy(state + base_at, &base, sizeof(base));
    memcpy(state + top_at, &max, sizeof(max));
}

/* lua_gettop: mov rax, [rdi + top]; sub rax, [rdi + base]; sar rax, 3 */
static bool find_top(void)
{
#if defined(__x86_64__)
    const uint8_t *code = dlsym(RTLD_DEFAULT, "lua_gettop");
    if (code && !memcmp(code, "\xf3\x0f\x1e\xfa", 4))
        code += 4;
    if (!code || memcmp(code, "\x48\x8b\x47", 3) ||
        memcmp(code + 4, "\x48\x2b\x47", 3) || code[7] + 8 != code[3])
        return false;
    top_at = code[3];
    base_at = code[7];
    return true;
#else
    return false;
#endif
}

#define WORDS 128
/* Concatenation takes memory in the interpreter, and then in compiled code. */
#define PROBE "local s for i = 1, 2000 do s = 'x' .. i end return s"

struct probe {
    lua_Alloc alloc;
    void *data;
    lua_State *co;
    uint8_t seen[WORDS]; /* of global_State, by allocations */
};

enum { SEEN_NULL = 1, SEEN_STACK = 2, SEEN_OTHER = 4 };

static void *probe_alloc(void *data, void *block, size_t old_size,
                         size_t new_size)
{
    struct probe *probe = data;
    char *state = (char *)probe->co;
    const char *global = lun_vm_budget_global(probe->co);
    const char *max = read_pointer(state + top_at + sizeof(max));
    const char *stack = read_pointer(state + top_at + 2 * sizeof(max));
    for (size_t i = 0; i < WORDS; i++) {
        const char *word = read_pointer(global + i * sizeof(word));
        probe->seen[i] |= !word                        ? SEEN_NULL
                          : word > stack && word < max ? SEEN_STACK
                                                       : SEEN_OTHER;
    }
    return probe->alloc(probe->data, block, old_size, new_size);
}

/* The word that is sometimes NULL and sometimes in the stack of who runs. */
static void find_jit_base(void)
{
    lua_State *L = luaL_newstate();
    struct probe probe = {0};
    size_t found = 0, count = 0;
    if (!L)
        return;
    lun_vm_budget_install(L);
    probe.co = lua_newthread(L);
    if (find_top() && lun_vm_budget_global(L) &&
        !luaL_loadstring(probe.co, PROBE)) {
        probe.alloc = lua_getallocf(L, &probe.data);
        lua_setallocf(L, probe_alloc, &probe);
        (void)lua_resume(probe.co, 0);
        lua_setallocf(L, probe.alloc, probe.data);
    }
    for (size_t i = 1; i < WORDS; i++) {
        if (probe.seen[i] != (SEEN_NULL | SEEN_STACK))
            continue;
        found = i;
        count++;
    }
    if (count == 1)
        jit_base_at = found * sizeof(char *);
    else
        lun_log_printf(LUN_LOG_WARN, "the stack of compiled code was not "
                                     "found: memory is refused late");
    lua_close(L);
}

/* Counting ----------------------------------------------------------------- */

static void *count(void *data, void *block, size_t old_size, size_t new_size)
{
    struct lun_vm_heap *heap = data;
    size_t more = new_size > old_size ? new_size - old_size : 0;
    if (more &&
        heap->used + more > (jit_base_at ? heap->cap : heap->cap * BURST)) {
        heap->refused = true;
        if (heap->thread)
            settle_stack(heap->thread);
        return NULL;
    }
    void *moved = heap->alloc(heap->alloc_data, block, old_size, new_size);
    if (moved || !new_size)
        heap->used += new_size - old_size;
    if (heap->used > heap->alarm && !heap->pressed) {
        heap->pressed = true;
        lun_vm_budget_end_slice();
    }
    return moved;
}

/* A quarter of what is free stays in reserve. Where nearly nothing is free,
 * more collections would not help. */
static void set_alarm(struct lun_vm_heap *heap)
{
    size_t free = heap->used < heap->cap ? heap->cap - heap->used : 0;
    heap->pressed = false;
    heap->alarm = free > heap->cap / 8 ? heap->cap - free / 4 : heap->cap;
}

void lun_vm_heap_wrap(struct lun_vm_heap *heap, lua_State *L, size_t cap)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_jit_base);
    heap->alloc = lua_getallocf(L, &heap->alloc_data);
    heap->used = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 +
                 (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    heap->cap = cap > heap->used ? cap : heap->used;
    heap->refused = false;
    set_alarm(heap);
    lua_setallocf(L, count, heap);
}

void lun_vm_heap_tune(struct lun_vm_heap *heap, lua_State *L)
{
    size_t pause =
        heap->used ? PAUSE_OF_CAP * (heap->cap / 1024) / (heap->used / 1024 + 1)
                   : PAUSE_DEFAULT;
    lua_gc(L, LUA_GCSETPAUSE,
           pause < PAUSE_DEFAULT ? (int)pause : PAUSE_DEFAULT);
}

bool lun_vm_heap_collect(struct lun_vm_heap *heap, lua_State *L,
                         uint64_t end_ns)
{
    if (!heap->cycles) {
        heap->cycles = 1;
        heap->used_before = heap->used;
    }
    while (true) {
        while (!lua_gc(L, LUA_GCSTEP, STEP_KIB))
            if (lun_clock_monotonic_ns() >= end_ns)
                return false;
        /* The first may have been under way, and have seen as alive what was
         * dropped since. */
        if (heap->cycles++ == 2 || heap->used < heap->used_before / 2)
            break;
    }
    heap->cycles = 0;
    set_alarm(heap);
    lun_vm_heap_tune(heap, L);
    return true;
}

void lun_vm_heap_unwrap(struct lun_vm_heap *heap, lua_State *L)
{
    lua_setallocf(L, heap->alloc, heap->alloc_data);
}
