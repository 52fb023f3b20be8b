/*
 * core/serve/app_tests.h - runs the tests that apps bring.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "core/base/buf.h"

struct lun_config;
struct lun_err;
struct lun_json;

/*
 * Runs `tests`, a list of {"app","number"}, of the release set in file `set` on
 * the database `conninfo`, whose tables fit the set: each in a transaction that
 * is rolled back. Appends the list of results, {"ok":true} or {"message","got",
 * "expected"}, as JSON. Blocks, while a process of its own runs them.
 */
int lun_app_tests_run(const struct lun_config *config, const char *conninfo,
                      const char *set, const struct lun_json *tests,
                      struct lun_buf *out, struct lun_err *err);
