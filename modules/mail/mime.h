/*
 * modules/mail/mime.h - a message as RFC 5322 and MIME have it.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <curl/curl.h>

struct lun_json;

/* Gives `easy` headers, body and sender of `message` (JSON); the id of the row
 * becomes the Message-ID. What it allocates is in `*headers` and `*mime`, to be
 * freed by the caller in either case. 0, LUN_EBAD_INPUT or LUN_EMEMORY. */
int lun_mail_mime_set(CURL *easy, const struct lun_json *message,
                      const char *id, struct curl_slist **headers,
                      curl_mime **mime);
