/*
 * core/graphql/page_size.h - the usual sizes of pages.
 * SPDX-License-Identifier: Apache-2.0
 *
 * PostgreSQL chooses another index for ten rows than for ten thousand, and of a
 * parameter it does not know which it is. So a `first` or `last` of a usual
 * size stands in the statement as a constant and is part of the plan's key;
 * other numbers share the plan that has a parameter, lest they fill the cache.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lun_graphql_tokens;

/* The number that stands in a document or in JSON if it is a usual size, or 0.
 */
unsigned lun_graphql_page_size(const char *text, size_t len);

/* Stands for the usual sizes among the literals behind `first:` and `last:`; 0
 * when there are none. */
uint64_t lun_graphql_page_sizes(const struct lun_graphql_tokens *tokens);
