/*
 * core/supervise/watch.c - notices that something below a folder was saved.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"

#define DEEPEST 16       /* levels of folders; ends loops of links, too */
#define MOUNTED "..data" /* a link that Kubernetes swaps for a new volume */
#define EVENTS                                                                 \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |    \
     IN_DELETE_SELF | IN_MOVE_SELF)

/* A descriptor of inotify says which folder an event belongs to; only links
 * made there need the name. */
struct folder {
    int descriptor;
    char *path;
};

struct lun_watch {
    int fd;
    uv_poll_t poll;
    uv_timer_t quiet;
    uint64_t first_ns; /* of the changes not reported yet, 0 when none */
    char *root;
    char *second;    /* NULL, or another folder with all below it */
    char *file;      /* NULL, or the one file that counts in its folder */
    int file_folder; /* descriptor of that folder */
    struct folder *folders;
    size_t count;
    size_t cap;
    lun_watch_cb cb;
    void *context;
    int handles;
};

static bool is_noise(const char *name)
{
    size_t len = strlen(name);
    return len == 0 || name[0] == '.' || name[0] == '#' ||
           name[len - 1] == '~' || strcmp(name, "4913") == 0 ||
           strcmp(name, "node_modules") == 0 ||
           (len > 4 && strcmp(name + len - 4, ".tmp") == 0);
}

/* inotify gives one descriptor a folder: adding it again is harmless. */
static void remember(struct lun_watch *watch, int descriptor, const char *path)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->folders[i].descriptor == descriptor) {
            return;
        }
    }
    if (watch->count == watch->cap) {
        size_t cap = watch->cap == 0 ? 16 : watch->cap * 2;
        struct folder *more =
            realloc(watch->folders, cap * sizeof *watch->folders);
        if (more == NULL) {
            return;
        }
        watch->folders = more;
        watch->cap = cap;
    }
    char *copy = strdup(path);
    if (copy != NULL) {
        watch->folders[watch->count].descriptor = descriptor;
        watch->folders[watch->count++].path = copy;
    }
}

static void forget(struct lun_watch *watch, int descriptor)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->folders[i].descriptor == descriptor) {
            free(watch->folders[i].path);
            watch->folders[i] = watch->folders[--watch->count];
            return;
        }
    }
}

static const char *path_of(const struct lun_watch *watch, int descriptor)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->folders[i].descriptor == descriptor) {
            return watch->folders[i].path;
        }
    }
    return NULL;
}

static int add_tree(struct lun_watch *watch, const char *path, int depth)
{
    int descriptor = inotify_add_watch(watch->fd, path, EVENTS | IN_ONLYDIR);
    if (descriptor < 0) {
        return -1;
    }
    remember(watch, descriptor, path);
    DIR *list = depth < DEEPEST ? opendir(path) : NULL;
    for (struct dirent *entry; list != NULL && (entry = readdir(list));) {
        char below[PATH_MAX];
        int len = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        struct stat info;
        if (!is_noise(entry->d_name) && len > 0 && (size_t)len < sizeof below &&
            stat(below, &info) == 0 && S_ISDIR(info.st_mode)) {
            (void)add_tree(watch, below, depth + 1);
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    return 0;
}

/* All of it again: files may stand in a new folder already. */
static void add_again(struct lun_watch *watch)
{
    (void)add_tree(watch, watch->root, 0);
    if (watch->second != NULL) {
        (void)add_tree(watch, watch->second, 0);
    }
}

/* --- from events to one call -------------------------------------------- */

static void on_quiet(uv_timer_t *timer)
{
    struct lun_watch *watch = timer->data;
    uint64_t since_ns = watch->first_ns;
    watch->first_ns = 0;
    watch->cb(watch->context, since_ns);
}

static void note_change(struct lun_watch *watch)
{
    uint64_t now = lun_clock_monotonic_ns();
    if (watch->first_ns == 0) {
        watch->first_ns = now;
    }
    if (now - watch->first_ns < LUN_WATCH_LONGEST_MS * 1000000u) {
        uv_update_time(watch->quiet.loop);
        (void)uv_timer_start(&watch->quiet, on_quiet, LUN_WATCH_QUIET_MS, 0);
    }
}

/* A file that was only made has no content yet: its closing will tell. A link
 * is whole at once. */
static bool is_link(const struct lun_watch *watch,
                    const struct inotify_event *event)
{
    const char *folder = path_of(watch, event->wd);
    char path[PATH_MAX];
    struct stat info;
    return folder != NULL &&
           snprintf(path, sizeof path, "%s/%s", folder, event->name) <
               (int)sizeof path &&
           lstat(path, &info) == 0 &&
           (S_ISLNK(info.st_mode) || info.st_nlink > 1);
}

/* In the folder of the one file. */
static void handle_file_event(struct lun_watch *watch,
                              const struct inotify_event *event)
{
    const char *name = event->len > 0 ? event->name : "";
    struct stat info;
    bool made = (event->mask & IN_CREATE) != 0;
    if (strcmp(name, MOUNTED) == 0 ||
        (strcmp(name, strrchr(watch->file, '/') + 1) == 0 &&
         (!made || (lstat(watch->file, &info) == 0 &&
                    (S_ISLNK(info.st_mode) || info.st_nlink > 1))))) {
        note_change(watch);
    }
}

static void handle_event(struct lun_watch *watch,
                         const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        add_again(watch);
        note_change(watch);
        return;
    }
    if ((event->mask & IN_IGNORED) != 0) {
        forget(watch, event->wd);
        return;
    }
    if (watch->file != NULL && event->wd == watch->file_folder &&
        path_of(watch, event->wd) == NULL) {
        handle_file_event(watch, event);
        return;
    }
    if (event->len > 0 && is_noise(event->name)) {
        return;
    }
    bool made = (event->mask & IN_CREATE) != 0;
    bool folder = (event->mask & IN_ISDIR) != 0;
    if (folder || (made && is_link(watch, event))) {
        add_again(watch);
        note_change(watch);
    } else if (!made) {
        note_change(watch);
    }
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    struct lun_watch *watch = poll->data;
    _Alignas(struct inotify_event) char bytes[16384];
    (void)status;
    (void)events;
    ssize_t got;
    while ((got = read(watch->fd, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + got;) {
            const struct inotify_event *event = (void *)at;
            handle_event(watch, event);
            at += sizeof *event + event->len;
        }
    }
}

/* --- open and close ----------------------------------------------------- */

static void release(struct lun_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        free(watch->folders[i].path);
    }
    if (watch->fd >= 0) {
        (void)close(watch->fd);
    }
    free(watch->folders);
    free(watch->file);
    free(watch->second);
    free(watch->root);
    free(watch);
}

int lun_watch_open(uv_loop_t *loop, const char *folder, lun_watch_cb cb,
                   void *context, struct lun_watch **out, struct lun_err *err)
{
    struct lun_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    watch->cb = cb;
    watch->context = context;
    watch->root = strdup(folder);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->root == NULL || watch->fd < 0 ||
        add_tree(watch, folder, 0) != 0) {
        int code = lun_error_set(err, LUN_EIO, "cannot watch '%s': %s", folder,
                                 strerror(errno));
        release(watch);
        return code;
    }
    (void)uv_poll_init(loop, &watch->poll, watch->fd);
    (void)uv_timer_init(loop, &watch->quiet);
    watch->poll.data = watch;
    watch->quiet.data = watch;
    watch->handles = 2;
    (void)uv_poll_start(&watch->poll, UV_READABLE, on_events);
    *out = watch;
    return 0;
}

int lun_watch_add_folder(struct lun_watch *watch, const char *folder,
                         struct lun_err *err)
{
    watch->second = strdup(folder);
    if (watch->second == NULL || add_tree(watch, folder, 0) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot watch '%s': %s", folder,
                             strerror(errno));
    }
    return 0;
}

int lun_watch_add_file(struct lun_watch *watch, const char *path,
                       struct lun_err *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? -1
                            : snprintf(folder, sizeof folder, "%.*s/",
                                       (int)(slash - path), path);
    if (len < 0 || (size_t)len >= sizeof folder) {
        return lun_error_set(err, LUN_ECONFIG, "cannot watch '%s'", path);
    }
    int descriptor = inotify_add_watch(watch->fd, folder, EVENTS | IN_ONLYDIR);
    if (descriptor < 0) {
        return lun_error_set(err, LUN_EIO, "cannot watch '%s': %s", folder,
                             strerror(errno));
    }
    watch->file = strdup(path);
    watch->file_folder = descriptor;
    return watch->file != NULL
               ? 0
               : lun_error_set(err, LUN_EMEMORY, "out of memory");
}

static void on_closed(uv_handle_t *handle)
{
    struct lun_watch *watch = handle->data;
    if (--watch->handles == 0) {
        release(watch);
    }
}

void lun_watch_close(struct lun_watch *watch)
{
    uv_close((uv_handle_t *)&watch->poll, on_closed);
    uv_close((uv_handle_t *)&watch->quiet, on_closed);
}
