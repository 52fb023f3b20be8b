/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/internal.h"

/* LuaJIT never collects because memory is short: the collector must be done
 * before the cap is reached. */
#define PAUSE_DEFAULT 200
#define PAUSE_OF_CAP 90

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
    return moved;
}

void lun_vm_heap_wrap(struct lun_vm_heap *heap, lua_State *L, size_t cap)
{
    heap->alloc = lua_getallocf(L, &heap->alloc_data);
    heap->used = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 +
                 (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    heap->cap = cap > heap->used ? cap : heap->used;
    heap->refused = false;
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

void lun_vm_heap_unwrap(struct lun_vm_heap *heap, lua_State *L)
{
    lua_setallocf(L, heap->alloc, heap->alloc_data);
}
