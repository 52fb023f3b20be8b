/*
 * core/config/datadir.c - the folder with everything that lunette keeps.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/os/file.h"

static const char *const folders[] = {"keys", "sets", "log"};

int lun_datadir_join(const struct lun_datadir *dir, const char *name,
                     char out[PATH_MAX], struct lun_err *err)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", dir->path, name);
    if (len < 0 || len >= PATH_MAX) {
        return lun_error_set(err, LUN_EIO, "path is too long: '%s/%s'",
                             dir->path, name);
    }
    return 0;
}

static int make_folders(const struct lun_datadir *dir, struct lun_err *err)
{
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        int code = lun_datadir_join(dir, folders[i], path, err);
        if (code == 0) {
            code = lun_file_mkdirs(path, 0700, err);
        }
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

/* A folder that others may list would show keys and logs of an earlier,
 * careless umask. Passing through stays allowed: as root, PostgreSQL runs under
 * an account of its own. */
static int check_owner(const char *path, struct lun_err *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot read '%s': %s", path,
                             strerror(errno));
    }
    if (info.st_uid != geteuid()) {
        return lun_error_set(err, LUN_EFORBIDDEN,
                             "data folder '%s' belongs to another user", path);
    }
    if ((info.st_mode & 067) != 0 && chmod(path, info.st_mode & 0710) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot protect '%s': %s", path,
                             strerror(errno));
    }
    return 0;
}

int lun_datadir_open(const char *path, bool create, struct lun_datadir *out,
                     struct lun_err *err)
{
    int code = create ? lun_file_mkdirs(path, 0700, err) : 0;
    if (code != 0) {
        return code;
    }
    char *absolute = lun_file_absolute(path);
    if (absolute == NULL || !lun_file_is_dir(absolute)) {
        free(absolute);
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "there is no data folder '%s'", path);
    }
    struct lun_datadir dir = {.lock = -1};
    (void)snprintf(dir.path, sizeof dir.path, "%s", absolute);
    free(absolute);
    if (create) {
        code = check_owner(dir.path, err);
        if (code == 0) {
            code = make_folders(&dir, err);
        }
    }
    if (code == 0) {
        *out = dir;
    }
    return code;
}

void lun_datadir_close(struct lun_datadir *dir)
{
    if (dir->lock >= 0) {
        (void)close(dir->lock);
        dir->lock = -1;
    }
}

static pid_t read_pid(int fd)
{
    char text[32];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    if (len <= 0) {
        return 0;
    }
    text[len] = '\0';
    return (pid_t)strtol(text, NULL, 10);
}

int lun_datadir_lock(struct lun_datadir *dir, struct lun_err *err)
{
    char path[PATH_MAX];
    int code = lun_datadir_join(dir, "lunette.pid", path, err);
    if (code != 0) {
        return code;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return lun_error_set(err, LUN_EIO, "cannot open '%s': %s", path,
                             strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        code = lun_error_set(err, LUN_ECONFLICT,
                             "another lunette (pid %d) is running on '%s'; "
                             "'lunette down --data %s' stops it",
                             (int)read_pid(fd), dir->path, dir->path);
        (void)close(fd);
        return code;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        code = lun_error_set(err, LUN_EIO, "cannot write '%s': %s", path,
                             strerror(errno));
        (void)close(fd);
        return code;
    }
    dir->lock = fd;
    return 0;
}

pid_t lun_datadir_owner(const struct lun_datadir *dir)
{
    char path[PATH_MAX];
    if (lun_datadir_join(dir, "lunette.pid", path, NULL) != 0) {
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    pid_t pid = flock(fd, LOCK_SH | LOCK_NB) != 0 ? read_pid(fd) : 0;
    (void)close(fd);
    return pid;
}
