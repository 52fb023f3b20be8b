/*
 * core/config/program.h - folders that come with the program.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <limits.h>

struct lun_config;
struct lun_err;

/* The folder that holds lunette/...: the setting `lua` (LUNETTE_LUA), else the
 * one of the source tree that the program was built in. */
int lun_program_lua_dir(const struct lun_config *config, char out[PATH_MAX],
                        struct lun_err *err);
/* The folder with the core modules: the setting `modules`, else the one beside
 * `lua`. */
int lun_program_modules_dir(const struct lun_config *config, char out[PATH_MAX],
                            struct lun_err *err);
/* The policy file: the setting `policy`, else policy.lua beside the folder of
 * the apps; it need not be there. */
void lun_program_policy_file(const struct lun_config *config,
                             char out[PATH_MAX]);
/* The folder with the static pages: the setting `pages`, else build/pages. */
int lun_program_pages_dir(const struct lun_config *config, char out[PATH_MAX],
                          struct lun_err *err);
