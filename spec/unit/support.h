/*
 * spec/unit/support.h - what every cmocka program includes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
