/*
 * core/base/random.h - unpredictable bytes and ids.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `len` bytes of the kernel's generator, buffered; aborts when there is none.
 */
void lun_random_bytes(void *out, size_t len);

/* A UUIDv7 (RFC 9562, sub-millisecond fraction by section 6.2 method 3), strictly
 * increasing within the process. */
void lun_random_uuid7(uint8_t out[16]);
/* Text form, 36 characters and a NUL. */
void lun_random_uuid_text(const uint8_t uuid[16], char out[37]);
/* A UUIDv7 in base 36: 25 characters that sort as the UUID does, and a NUL. */
void lun_random_id25(char out[26]);
/* `bytes` random bytes as hex: 2 * bytes characters and a NUL. */
void lun_random_hex(char *out, size_t bytes);
