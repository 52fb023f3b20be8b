/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "core/base/clock.h"
#include "core/vm/internal.h"

/* LuaJIT never collects because memory is short, and its steps may come too
 * late for large blocks: so the cap is divided. The pause lets a cycle end
 * before it is reached, and an alarm interrupts the call, whose next slices
 * then go into collecting. */
#define PAUSE_DEFAULT 200
#define PAUSE_OF_CAP 90
#define STEP_KIB 64

static void *count(void *data, void *block, size_t old_size, size_t new_size)
{
    struct lun_vm_heap *heap = data;
    if (new_size > old_size && heap->used + (new_size - old_size) > heap->cap) {
        heap->refused = true;
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
    heap->alarm = free > heap->cap / 8 ? heap->cap - free / 4 : SIZE_MAX;
}

void lun_vm_heap_wrap(struct lun_vm_heap *heap, lua_State *L, size_t cap)
{
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
