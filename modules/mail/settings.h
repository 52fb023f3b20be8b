/*
 * modules/mail/settings.h - the server that policy names for an app.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

struct lun_err;

struct lun_mail_settings {
    char url[320]; /* "smtp://mail.example.com:587/host.example.com" */
    bool tls;      /* required */
    char ca[512];  /* "" for none */
    char user[256];
    char password[512]; /* read from where policy says */
    int tries;
};

/* Reads the options of a grant, and the password from the environment or the
 * file they name. LUN_ECONFIG and what is wrong. */
int lun_mail_settings_read(struct lun_mail_settings *settings,
                           const char *options, struct lun_err *err);
/* The most tries that `options` give a message. */
int lun_mail_settings_tries(const char *options);
