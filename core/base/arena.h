/*
 * core/base/arena.h - memory that lives as long as one request.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Allocations are bumped out of blocks and freed together. Every function that
 * allocates returns NULL when memory ran out or `limit` was reached; the caller
 * fails the request (503), never the process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lun_arena_block;

struct lun_arena {
    struct lun_arena_block *head; /* newest block; NULL when empty */
    size_t used;                  /* bytes handed out since the last clear */
    size_t limit;                 /* most bytes to hand out; 0 = no limit */
};

/* Makes `arena` empty; takes no memory yet. */
void lun_arena_init(struct lun_arena *arena, size_t limit);
/* Forgets all allocations; keeps one block for reuse. */
void lun_arena_clear(struct lun_arena *arena);
/* Gives all memory back. */
void lun_arena_release(struct lun_arena *arena);

/* `size` bytes, aligned for any type, not zeroed. */
void *lun_arena_alloc(struct lun_arena *arena, size_t size);
/* `count * size` zeroed bytes; NULL also on overflow. */
void *lun_arena_calloc(struct lun_arena *arena, size_t count, size_t size);
/* A NUL-terminated copy of `len` bytes. */
char *lun_arena_strndup(struct lun_arena *arena, const char *text, size_t len);
