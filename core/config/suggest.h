/*
 * core/config/suggest.h - "did you mean" for words of the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

/* Remembers the nearest of the words offered one by one. */
struct lun_suggest {
    const char *word; /* what was given */
    const char *best; /* NULL while nothing is near enough */
    size_t distance;
};

void lun_suggest_init(struct lun_suggest *suggest, const char *word);
/* `candidate` must live as long as `suggest`. */
void lun_suggest_offer(struct lun_suggest *suggest, const char *candidate);
