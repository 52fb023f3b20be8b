/*
 * core/supervise/running.c - what a command learns of the host on its data
 * folder. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/running.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/config/config.h"
#include "core/config/datadir.h"
#include "core/os/file.h"

#define STATUS_BYTES ((size_t)16 * 1024 * 1024)
#define STATUS_MEMORY ((size_t)64 * 1024 * 1024)
#define SET_BYTES ((size_t)64 * 1024 * 1024)

/* A file of the data folder, when a host runs on it. */
static bool read_of_running(const struct lun_config *config, const char *name,
                            size_t max, struct lun_buf *out)
{
    struct lun_datadir dir;
    char path[PATH_MAX];
    return lun_datadir_open(config->data, false, &dir, NULL) == 0 &&
           lun_datadir_owner(&dir) != 0 &&
           lun_datadir_join(&dir, name, path, NULL) == 0 &&
           lun_file_read(path, max, out, NULL) == 0;
}

char *lun_running_text(const struct lun_config *config, const char *name)
{
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *status;
    char *found = NULL;
    lun_buf_init(&text);
    lun_arena_init(&arena, STATUS_MEMORY);
    if (read_of_running(config, "status.json", STATUS_BYTES, &text) &&
        lun_json_parse(&arena, text.data, text.len, 32, 1000000, &status,
                       NULL) == 0) {
        const struct lun_json *node = lun_json_get(status, name);
        found = node != NULL && node->text != NULL ? strdup(node->text) : NULL;
    }
    lun_arena_release(&arena);
    lun_buf_release(&text);
    return found;
}

bool lun_running_status(const struct lun_config *config, struct lun_buf *out)
{
    return read_of_running(config, "status.json", STATUS_BYTES, out);
}

bool lun_running_set(const struct lun_config *config, struct lun_buf *out)
{
    return read_of_running(config, "sets/current.json", SET_BYTES, out);
}
