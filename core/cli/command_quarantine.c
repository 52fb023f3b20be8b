/*
 * core/cli/command_quarantine.c - `lunette quarantine`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "core/base/error.h"
#include "core/cli/command.h"
#include "core/config/datadir.h"
#include "core/supervise/quarantine.h"

static int fail(const struct lun_err *err)
{
    (void)fprintf(stderr, "lunette: %s\n", err->message);
    return LUN_EXIT_FAILED;
}

static int list(const struct lun_datadir *dir, bool json)
{
    static struct lun_quarantine quarantine; /* too large for the stack */
    lun_quarantine_read(dir, &quarantine);
    if (json) {
        struct lun_buf text;
        lun_buf_init(&text);
        lun_quarantine_push_json(&quarantine, &text);
        (void)printf("%.*s\n", (int)text.len, text.data);
        lun_buf_release(&text);
        return LUN_EXIT_OK;
    }
    for (size_t i = 0; i < quarantine.count; i++) {
        const struct lun_quarantine_entry *entry = &quarantine.entry[i];
        (void)printf("%s  since %s: %s\n", entry->release, quarantine.since[i],
                     entry->reason);
    }
    if (quarantine.count == 0) {
        (void)printf("no app is in quarantine\n");
    }
    return LUN_EXIT_OK;
}

/* lunette quarantine [free APP] */
int lun_command_quarantine(struct lun_command_line *line)
{
    struct lun_datadir dir;
    struct lun_err err;
    if (lun_datadir_open(line->config.data, false, &dir, &err) != 0) {
        return fail(&err);
    }
    if (line->arg_count == 0) {
        return list(&dir, lun_command_option(line, "json") != NULL);
    }
    if (strcmp(line->args[0], "free") != 0 || line->arg_count != 2) {
        (void)fprintf(stderr,
                      "lunette quarantine: 'free APP' lets an app out\n");
        return LUN_EXIT_USAGE;
    }
    if (lun_quarantine_remove(&dir, line->args[1], &err) != 0) {
        return fail(&err);
    }
    (void)printf("%s is free\n", line->args[1]);
    return LUN_EXIT_OK;
}
