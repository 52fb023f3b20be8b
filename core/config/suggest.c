/*
 * core/config/suggest.c - "did you mean" for words of the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/suggest.h"

#include <string.h>

#define LONGEST 63

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* '-' and '_' count as equal: options and keys of the file differ only so. */
static int same(char a, char b)
{
    return a == b || ((a == '-' || a == '_') && (b == '-' || b == '_'));
}

/* Edit distance by rows; SIZE_MAX-like when a word is too long to care. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[2][LONGEST + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > LONGEST || b_len > LONGEST) {
        return LONGEST;
    }
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = rows[i % 2];
        size_t *before = rows[(i + 1) % 2];
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = before[j - 1] + !same(a[i - 1], b[j - 1]);
            now[j] = min3(before[j] + 1, now[j - 1] + 1, change);
        }
    }
    return rows[a_len % 2][b_len];
}

void lun_suggest_init(struct lun_suggest *suggest, const char *word)
{
    suggest->word = word;
    suggest->best = NULL;
    /* One slip in a short word, one in three letters of a long one. */
    suggest->distance = strlen(word) / 3 + 2;
}

void lun_suggest_offer(struct lun_suggest *suggest, const char *candidate)
{
    size_t length = strlen(suggest->word);
    size_t steps = distance(suggest->word, candidate);
    if (length >= 3 && strncmp(candidate, suggest->word, length) == 0) {
        steps = 1; /* the beginning of a word is a good hint */
    }
    if (steps < suggest->distance) {
        suggest->distance = steps;
        suggest->best = candidate;
    }
}
