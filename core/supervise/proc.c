/*
 * core/supervise/proc.c - CPU and memory of a process as metrics.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/proc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/os/file.h"

#define CPU "lunette_process_cpu_seconds_total"
#define MEMORY "lunette_process_resident_memory_bytes"

void lun_proc_heads(struct lun_buf *out)
{
    lun_buf_push_str(out, "# HELP " CPU " CPU time, user and system.\n"
                          "# TYPE " CPU " counter\n"
                          "# HELP " MEMORY " Memory in use.\n"
                          "# TYPE " MEMORY " gauge\n");
}

/* Fields 14, 15 and 24 of /proc/PID/stat; the name in field 2 may hold blanks,
 * so counting starts behind its last bracket. */
static bool read_stat(pid_t pid, unsigned long *ticks, long *pages)
{
    char path[64];
    struct lun_buf text;
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    lun_buf_init(&text);
    bool ok = false;
    if (lun_file_read(path, 4096, &text, NULL) == 0 &&
        lun_buf_str(&text) != NULL) {
        const char *rest = strrchr(text.data, ')');
        ok = rest != NULL &&
             sscanf(rest,
                    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
                    "%*d %*d %*d %*d %*d %*d %*u %*u %ld",
                    &user, &system, pages) == 3;
    }
    lun_buf_release(&text);
    *ticks = user + system;
    return ok;
}

void lun_proc_render(const char *name, pid_t pid, struct lun_buf *out)
{
    unsigned long ticks;
    long pages;
    if (pid == 0 || !read_stat(pid, &ticks, &pages)) {
        return;
    }
    double seconds = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    lun_buf_printf(out, CPU "{process=\"%s\"} %.2f\n", name, seconds);
    lun_buf_printf(out, MEMORY "{process=\"%s\"} %ld\n", name,
                   pages * sysconf(_SC_PAGESIZE));
}
