/*
 * core/serve/app_spawner.h - starts processes of apps for a worker.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker may start no program once it has given up its rights. So before, it
 * leaves behind a small process that can do one thing: run this program as the
 * process of an app, with the socket that the worker sends it.
 */
#pragma once

struct lun_config;
struct lun_err;

/* Forks; to be called before any thread is there. Becomes the account of the
 * worker, and ends with it. From then on apps can be isolated
 * (core/vm/remote.h); `ended` is told of processes that end by themselves. */
int lun_app_spawner_start(const struct lun_config *config,
                          void (*ended)(const char *app, const char *release,
                                        int pid, const char *request),
                          struct lun_err *err);
