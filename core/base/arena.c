/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)8192)

struct lun_arena_block {
    struct lun_arena_block *next;
    size_t size; /* bytes of data */
    size_t used;
    alignas(max_align_t) char data[];
};

void lun_arena_init(struct lun_arena *arena, size_t limit)
{
    arena->head = NULL;
    arena->used = 0;
    arena->limit = limit;
}

static void free_blocks(struct lun_arena_block *block)
{
    while (block) {
        struct lun_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void lun_arena_clear(struct lun_arena *arena)
{
    arena->used = 0;
    if (!arena->head)
        return;
    /* A block made for one huge value is not worth keeping. */
    if (arena->head->size > BLOCK_SIZE) {
        lun_arena_release(arena);
        return;
    }
    free_blocks(arena->head->next);
    arena->head->next = NULL;
    arena->head->used = 0;
}

void lun_arena_release(struct lun_arena *arena)
{
    free_blocks(arena->head);
    arena->head = NULL;
    arena->used = 0;
}

static struct lun_arena_block *add_block(struct lun_arena *arena, size_t size)
{
    size_t data = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct lun_arena_block *block = malloc(sizeof(*block) + data);
    if (!block)
        return NULL;
    block->size = data;
    block->used = 0;
    /* A big block goes behind the head, so that the head's room is not lost. */
    if (arena->head && size > BLOCK_SIZE / 2) {
        block->next = arena->head->next;
        arena->head->next = block;
    } else {
        block->next = arena->head;
        arena->head = block;
    }
    return block;
}

void *lun_arena_alloc(struct lun_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) & ~(align - 1);
    if (size == 0)
        size = align;
    if (arena->limit && size > arena->limit - arena->used)
        return NULL;
    struct lun_arena_block *block = arena->head;
    if (!block || block->size - block->used < size) {
        block = add_block(arena, size);
        if (!block)
            return NULL;
    }
    void *out = block->data + block->used;
    block->used += size;
    arena->used += size;
    return out;
}

void *lun_arena_calloc(struct lun_arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    void *out = lun_arena_alloc(arena, count * size);
    if (out)
        memset(out, 0, count * size);
    return out;
}

char *lun_arena_strndup(struct lun_arena *arena, const char *text, size_t len)
{
    char *out = lun_arena_alloc(arena, len + 1);
    if (!out)
        return NULL;
    if (len)
        memcpy(out, text, len);
    out[len] = '\0';
    return out;
}
