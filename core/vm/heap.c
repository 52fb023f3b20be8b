/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/vm/internal.h"

/* LuaJIT never collects because memory is short, and its steps may come too
 * late for large blocks: so the cap is divided. The pause lets a cycle end
 * before it is reached, and an alarm interrupts the call, whose next slices
 * then go into collecting. */
#define PAUSE_DEFAULT 200
#define PAUSE_OF_CAP 90
#define STEP_KIB 64
/* Refusing memory raises an error wherever the app is, and Debian's LuaJIT does
 * not survive all of these in compiled code. So more than the cap is given
 * until the next instruction that can be interrupted, where the call is
 * stopped; a statement that takes more than this many times the cap meets the
 * error. */
#define BURST 4

/* Where `top` of a lua_State is; `maxstack` and `stack` follow. 0: unknown. */
static size_t top_at;

/* LuaJIT writes the text of an error of memory to `top`, which code in Lua does
 * not keep up to date: it may be the middle of the frames, above all when the
 * coroutine was suspended by a hook before. So `top` goes where nothing is. */
static void move_top(lua_State *L)
{
    char *max;
    if (!top_at)
        return;
    memcpy(&max, (char *)L + top_at + sizeof(max), sizeof(max));
    memcpy((char *)L + top_at, &max, sizeof(max));
}

/* lua_gettop: mov rax, [rdi + top]; sub rax, [rdi + base]; sar rax, 3 */
static void find_top(lua_State *L)
{
#if defined(__x86_64__)
    const uint8_t *code = dlsym(RTLD_DEFAULT, "lua_gettop");
    char *at[4]; /* base, top, maxstack, stack */
    if (!code)
        return;
    if (!memcmp(code, "\xf3\x0f\x1e\xfa", 4))
        code += 4;
    if (memcmp(code, "\x48\x8b\x47", 3) ||
        memcmp(code + 4, "\x48\x2b\x47", 3) || code[7] + 8 != code[3])
        return;
    memcpy(at, (char *)L + code[7], sizeof(at));
    if (at[3] < at[0] && at[0] <= at[1] && at[1] < at[2] &&
        at[2] - at[3] < 65536)
        top_at = code[3];
#else
    (void)L;
#endif
}

static void *count(void *data, void *block, size_t old_size, size_t new_size)
{
    struct lun_vm_heap *heap = data;
    size_t more = new_size > old_size ? new_size - old_size : 0;
    if (more && heap->used + more > heap->cap * BURST) {
        heap->refused = true;
        if (heap->thread)
            move_top(heap->thread);
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
    find_top(L);
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
