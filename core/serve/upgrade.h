/*
 * core/serve/upgrade.h - what the apps of one release set know goes to the
 * next. SPDX-License-Identifier: Apache-2.0
 *
 * An app with on_upgrade is asked for its state in the VM of the release that
 * serves, and given that in the VM of the one that is prepared:
 *
 *   app "sales" { on_upgrade = function(state)
 *     if state then seen = state end
 *     return seen
 *   end }
 *
 * The state is data (core/vm/data.h), within the budgets of the app. A release
 * that cannot give its state leaves the next one without; one that cannot take
 * it is not served.
 */
#pragma once

struct lun_err;
struct lun_release;
struct lun_upgrade; /* opaque */

/* `err` is NULL when all went well. The upgrade is gone. */
typedef void (*lun_upgrade_cb)(void *context, const struct lun_err *err);

/* Leads to one `cb`, maybe before this returns, in which case it returns
 * NULL. Both releases are kept until then. */
struct lun_upgrade *lun_upgrade_start(struct lun_release *from,
                                      struct lun_release *to, lun_upgrade_cb cb,
                                      void *context);
/* Gives it up; `cb` is not called. NULL is fine. */
void lun_upgrade_cancel(struct lun_upgrade *upgrade);
