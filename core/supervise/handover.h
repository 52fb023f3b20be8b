/*
 * core/supervise/handover.h - what one supervisor leaves to the next.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A supervisor that becomes a newer program (execve) stays the same process:
 * its children stay its children, its open sockets stay open. What the next
 * program cannot see by itself goes as JSON through memory that it inherits.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lun_err;

enum { LUN_HANDOVER_WORKERS = 256, LUN_HANDOVER_PROCESSES = 2048 };

struct lun_handover_process {
    unsigned slot;
    pid_t pid;
    int control; /* descriptor */
    bool retiring;
};

struct lun_handover {
    char data[PATH_MAX];               /* data folder */
    char started[32];                  /* UTC, of the first supervisor */
    char from[64];                     /* version of the program before */
    int lock;                          /* of the data folder */
    int ops;                           /* listening socket of the ops port */
    int sockets[LUN_HANDOVER_WORKERS]; /* of the slots */
    unsigned socket_count;
    struct lun_handover_process processes[LUN_HANDOVER_PROCESSES];
    unsigned process_count;
    bool private_database; /* the settings name the cluster of the folder */
    pid_t postgres;        /* 0: it is down */
    pid_t nats;
    int nats_port;
    uint64_t upgrades; /* done, this one included */
    uint64_t refused;
};

/* Writes it to new memory; `*fd` is open over an execve, and so are from then
 * on all descriptors that it names. */
int lun_handover_write(const struct lun_handover *handover, int *fd,
                       struct lun_err *err);
/* When there was no execve after all. */
void lun_handover_take_back(const struct lun_handover *handover, int fd);
/* Reads and closes `fd`; the descriptors are closed by the next execve again.
 */
int lun_handover_read(int fd, struct lun_handover *out, struct lun_err *err);
