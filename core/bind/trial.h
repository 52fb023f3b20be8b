/*
 * core/bind/trial.h - functions of apps that a developer tries out.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

struct lun_err;
struct lun_framework;
struct lun_plan;

/* The plan with one field, "result", that does what `json` asks of
 * lunette.runtime.trial; it is run as a mutation. NULL and `err` when `json` is
 * not right. */
struct lun_plan *lun_bind_trial_plan(struct lun_framework *framework,
                                     const char *json, size_t len,
                                     struct lun_err *err);
