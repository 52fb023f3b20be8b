/*
 * core/supervise/sets.c - the files of release sets in the data folder.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/sets.h"

#include <dirent.h>
#include <stdbool.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEPT 8
#define LISTED 1024

void lun_sets_point(const char *data, const char *id)
{
    char link[PATH_MAX];
    char fresh[PATH_MAX];
    char target[128];
    (void)snprintf(link, sizeof link, "%s/sets/current.json", data);
    (void)snprintf(fresh, sizeof fresh, "%s/sets/current.new", data);
    (void)snprintf(target, sizeof target, "%s.json", id);
    (void)unlink(fresh);
    if (symlink(target, fresh) == 0) {
        (void)rename(fresh, link);
    }
    (void)snprintf(fresh, sizeof fresh, "%s/folder.next", data);
    (void)snprintf(link, sizeof link, "%s/folder.json", data);
    (void)rename(fresh, link); /* only a load of the folder leaves one */
}

void lun_sets_forget_record(const char *data)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/folder.next", data);
    (void)unlink(path);
}

struct entry {
    char path[PATH_MAX];
    time_t time;
};

static bool read_entry(const char *folder, const char *name,
                       struct entry *entry)
{
    struct stat info;
    int len = snprintf(entry->path, sizeof entry->path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof entry->path ||
        lstat(entry->path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    entry->time = info.st_mtime;
    return true;
}

void lun_sets_prune(const char *data, const char *current, const char *warm)
{
    char folder[PATH_MAX];
    struct dirent **list;
    struct entry entry;
    time_t times[LISTED];
    int sets = 0;
    (void)snprintf(folder, sizeof folder, "%s/sets", data);
    int count = scandir(folder, &list, NULL, NULL);
    for (int i = 0; i < count && sets < LISTED; i++) {
        if (read_entry(folder, list[i]->d_name, &entry)) {
            times[sets++] = entry.time;
        }
    }
    for (int i = 0; i < count; i++) {
        int newer = 0;
        if (read_entry(folder, list[i]->d_name, &entry)) {
            for (int j = 0; j < sets; j++) {
                newer += times[j] > entry.time;
            }
        }
        if (newer >= KEPT && strcmp(entry.path, current) != 0 &&
            strcmp(entry.path, warm) != 0) {
            (void)unlink(entry.path);
        }
        free(list[i]);
    }
    if (count >= 0) {
        free(list);
    }
}
