/*
 * spec/unit/http/support/malloc.h - makes the n-th allocation fail.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stands in front of glibc's allocator in the program that includes it; absent
 * (FAIL_MALLOC 0) where a sanitizer stands there already.
 */
#pragma once

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define FAIL_MALLOC 0
#else
#define FAIL_MALLOC 1

static long fail_after = -1; /* allocations until one fails; -1: never */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

static int fails_now(void)
{
    return fail_after >= 0 && fail_after-- == 0;
}

void *malloc(size_t size)
{
    return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __libc_realloc(old, size);
}
#endif
