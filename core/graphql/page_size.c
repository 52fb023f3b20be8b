/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/page_size.h"

#include <stdbool.h>
#include <string.h>

#include "core/graphql/lexer.h"

#define DIGITS_MAX 4

static const unsigned short usual[] = {
    1,  2,   3,   4,   5,   6,   7,   8,   9,   10,  12,  15,  16,  18, 20,
    24, 25,  30,  32,  36,  40,  48,  50,  60,  64,  70,  75,  80,  90, 96,
    99, 100, 120, 128, 150, 200, 250, 256, 300, 400, 500, 512, 1000};

unsigned lun_graphql_page_size(const char *text, size_t len)
{
    unsigned number = 0;
    if (!len || len > DIGITS_MAX)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        if (usual[i] == number)
            return number;
    return 0;
}

static bool is_limit(const struct lun_graphql_tokens *tokens, size_t at)
{
    const struct lun_graphql_token *token = &tokens->items[at];
    if (at < 2 || token->kind != LUN_GRAPHQL_INT ||
        token[-1].kind != LUN_GRAPHQL_COLON ||
        token[-2].kind != LUN_GRAPHQL_NAME)
        return false;
    const char *name = tokens->text + token[-2].start;
    size_t len = token[-2].end - token[-2].start;
    return (len == 5 && !memcmp(name, "first", 5)) ||
           (len == 4 && !memcmp(name, "last", 4));
}

uint64_t lun_graphql_page_sizes(const struct lun_graphql_tokens *tokens)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < tokens->literal_count; i++) {
        size_t at = tokens->literals[i];
        const struct lun_graphql_token *token = &tokens->items[at];
        if (is_limit(tokens, at))
            hash = (hash + 1 +
                    lun_graphql_page_size(tokens->text + token->start,
                                          token->end - token->start)) *
                   UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}
