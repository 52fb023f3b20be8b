/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/random.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/clock.h"

/* One process runs one loop on one thread, so the state needs no lock; a fork
 * must not repeat its parent's bytes, so it begins with none. Asking for the
 * pid instead would be a system call each time. */
static struct {
    uint8_t bytes[512];
    size_t left;
    bool watches_forks;
    uint64_t last; /* newest time stamp of a UUID, in 1/4096 ms */
} pool;

static void refill(void)
{
    size_t have = 0;
    while (have < sizeof(pool.bytes)) {
        ssize_t got =
            getrandom(pool.bytes + have, sizeof(pool.bytes) - have, 0);
        if (got < 0)
            abort();
        have += (size_t)got;
    }
    pool.left = sizeof(pool.bytes);
}

static void on_fork(void)
{
    pool.left = 0;
}

void lun_random_bytes(void *out, size_t len)
{
    uint8_t *to = out;
    if (!pool.watches_forks) {
        if (pthread_atfork(NULL, NULL, on_fork) != 0)
            abort();
        pool.watches_forks = true;
    }
    while (len) {
        if (!pool.left)
            refill();
        size_t take = len < pool.left ? len : pool.left;
        uint8_t *from = pool.bytes + sizeof(pool.bytes) - pool.left;
        memcpy(to, from, take);
        memset(from, 0, take);
        pool.left -= take;
        to += take;
        len -= take;
    }
}

void lun_random_uuid7(uint8_t out[16])
{
    uint64_t ns = (uint64_t)lun_clock_unix_ns();
    uint64_t ms = ns / 1000000;
    /* 12 bits of fraction: 1/4096 ms is 244 ns. */
    uint64_t stamp = ms << 12 | (ns % 1000000) * 4096 / 1000000;
    if (stamp <= pool.last)
        stamp = pool.last + 1;
    pool.last = stamp;
    ms = stamp >> 12;
    lun_random_bytes(out + 8, 8);
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)(ms >> (40 - 8 * i));
    out[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f));
    out[7] = (uint8_t)stamp;
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}

static void push_hex(char *out, const uint8_t *bytes, size_t count)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
}

void lun_random_uuid_text(const uint8_t uuid[16], char out[37])
{
    static const struct {
        size_t at, from, count;
    } part[] = {{0, 0, 4}, {9, 4, 2}, {14, 6, 2}, {19, 8, 2}, {24, 10, 6}};
    for (size_t i = 0; i < 5; i++)
        push_hex(out + part[i].at, uuid + part[i].from, part[i].count);
    out[8] = out[13] = out[18] = out[23] = '-';
    out[36] = '\0';
}

void lun_random_id25(char out[26])
{
    uint8_t uuid[16];
    __extension__ unsigned __int128 number = 0;
    lun_random_uuid7(uuid);
    for (int i = 0; i < 16; i++)
        number = number << 8 | uuid[i];
    for (int i = 24; i >= 0; i--) {
        out[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
        number /= 36;
    }
    out[25] = '\0';
}

void lun_random_hex(char *out, size_t bytes)
{
    uint8_t some[32];
    while (bytes) {
        size_t take = bytes < sizeof(some) ? bytes : sizeof(some);
        lun_random_bytes(some, take);
        push_hex(out, some, take);
        out += 2 * take;
        bytes -= take;
    }
    *out = '\0';
}
