/*
 * core/serve/app_process.h - the process of an app with `isolation =
 * "process"`. SPDX-License-Identifier: Apache-2.0
 *
 * `lunette __app LOG LEVEL`, started by the spawner of a worker
 * (core/serve/app_spawner.h) with a socket as descriptor 3: it opens the app
 * that comes over it in a VM of its own (core/vm/frame.h), answers calls, and
 * ends with the socket. It has no other descriptor than the log, no network, no
 * way to write files, and limits of memory.
 */
#pragma once

enum { LUN_APP_PROCESS_FD = 3 };

int lun_app_process_main(int argc, char **argv);
