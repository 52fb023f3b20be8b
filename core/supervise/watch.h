/*
 * core/supervise/watch.h - notices that something below a folder was saved.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Editors save by writing in place, by renaming a new file over the old one, or
 * with a backup besides: whatever they do becomes one call once nothing has
 * happened for LUN_WATCH_QUIET_MS.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

struct lun_err;
struct lun_watch; /* opaque */

#define LUN_WATCH_QUIET_MS 10
#define LUN_WATCH_LONGEST_MS 500 /* a long copy is reported in between */

/* `since_ns`: monotonic time of the first of the changes. */
typedef void (*lun_watch_cb)(void *context, uint64_t since_ns);

/* Watches `folder` and all folders below it, new ones included. Hidden files
 * and the leavings of editors do not count. */
int lun_watch_open(uv_loop_t *loop, const char *folder, lun_watch_cb cb,
                   void *context, struct lun_watch **out, struct lun_err *err);
/* Watches another folder and all below it, too. One folder at most. */
int lun_watch_add_folder(struct lun_watch *watch, const char *folder,
                         struct lun_err *err);
/* Watches one more file (absolute path), which need not be there yet. One file
 * at most. */
int lun_watch_add_file(struct lun_watch *watch, const char *path,
                       struct lun_err *err);
/* Frees on a later turn of the loop; calls nothing from now on. */
void lun_watch_close(struct lun_watch *watch);
