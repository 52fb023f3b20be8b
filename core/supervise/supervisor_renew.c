/*
 * core/supervise/supervisor_renew.c - files that change while workers run.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Workers with an account of their own can read neither the key of the
 * certificate nor the signing keys. The certificate comes to them in memory
 * that they inherit and that is written anew; for the rest they get successors.
 */
#include "core/supervise/supervisor_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/datadir.h"
#include "core/supervise/workers.h"
#include "core/net/tls.h"
#include "core/os/file.h"

#define PEM_MAX ((size_t)1024 * 1024)

/* Names a state of a file or folder; 0: it is not there. */
static uint64_t stamp_of(const char *path)
{
    struct stat info;
    return stat(path, &info) != 0
               ? 0
               : (uint64_t)info.st_mtim.tv_sec * UINT64_C(1000000000) +
                     (uint64_t)info.st_mtim.tv_nsec + (uint64_t)info.st_ino +
                     (uint64_t)info.st_size;
}

static uint64_t stamp_of_certificate(const struct lun_config *config)
{
    return stamp_of(config->tls_certificate) +
           3 * stamp_of(lun_config_tls_key(config));
}

static uint64_t stamp_of_keys(const struct lun_supervisor *self)
{
    char keys[PATH_MAX];
    return lun_datadir_join(self->dir, "keys", keys, NULL) == 0 ? stamp_of(keys)
                                                                : 0;
}

/* Chain and key, one after the other, as in one file. */
static int copy_certificate(const struct lun_supervisor *self,
                            struct lun_err *err)
{
    const struct lun_config *config = self->config;
    const char *key = lun_config_tls_key(config);
    struct lun_buf text;
    lun_buf_init(&text);
    int code = lun_file_read(config->tls_certificate, PEM_MAX, &text, err);
    if (code == 0 && strcmp(key, config->tls_certificate) != 0) {
        lun_buf_push_byte(&text, '\n');
        code = lun_file_read(key, PEM_MAX, &text, err);
    }
    if (code == 0 &&
        (pwrite(self->tls_fd, text.data, text.len, 0) != (ssize_t)text.len ||
         ftruncate(self->tls_fd, (off_t)text.len) != 0)) {
        code = lun_error_set(err, LUN_EIO, "cannot copy the certificate: %s",
                             strerror(errno));
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.len);
    }
    lun_buf_release(&text);
    return code;
}

int lun_supervisor_renew_open(struct lun_supervisor *self, struct lun_err *err)
{
    if (self->config->tls_certificate[0] == '\0' ||
        self->config->user[0] == '\0') {
        return 0;
    }
    self->tls_fd = memfd_create("lunette-tls", MFD_CLOEXEC);
    if (self->tls_fd < 0) {
        return lun_error_set(err, LUN_EIO, "cannot make shared memory: %s",
                             strerror(errno));
    }
    self->tls_stamp = stamp_of_certificate(self->config);
    lun_workers_set_tls(self->workers, self->tls_fd);
    return copy_certificate(self, err);
}

void lun_supervisor_note_keys(struct lun_supervisor *self)
{
    self->keys_stamp = stamp_of_keys(self);
}

/* A pair of which only one file is new does not fit: it is looked at again. */
void lun_supervisor_follow_certificate(struct lun_supervisor *self)
{
    const struct lun_config *config = self->config;
    struct lun_net_tls *tls;
    uint64_t stamp = self->tls_fd >= 0 ? stamp_of_certificate(config) : 0;
    if (stamp == self->tls_stamp || self->tls_fd < 0 ||
        lun_net_tls_open(config->tls_certificate, lun_config_tls_key(config),
                         &tls, NULL) != 0) {
        return;
    }
    lun_net_tls_close(tls);
    if (copy_certificate(self, NULL) == 0) {
        self->tls_stamp = stamp;
        lun_workers_renew(self->workers);
    }
}

void lun_supervisor_renew(struct lun_supervisor *self)
{
    uint64_t keys = stamp_of_keys(self);
    bool lists = self->config->user[0] != '\0' &&
                 self->config->graphql_allow_list[0] != '\0';
    lun_supervisor_follow_certificate(self);
    lun_workers_renew(self->workers);
    if (self->ready && (lists || keys != self->keys_stamp)) {
        lun_workers_replace(self->workers);
    }
    lun_supervisor_note_keys(self);
}
