/*
 * core/base/clock.h - time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

/* Nanoseconds of a clock that never jumps; only differences mean something. */
uint64_t lun_clock_monotonic_ns(void);
/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t lun_clock_unix_ms(void);
/* Nanoseconds since 1970-01-01T00:00:00Z. */
int64_t lun_clock_unix_ns(void);
/* CPU nanoseconds of the process, user and system. */
uint64_t lun_clock_cpu_ns(void);
