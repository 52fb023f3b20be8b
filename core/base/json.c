/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/utf8.h"

/* Objects with more members look for duplicate keys by hash. */
#define FEW_MEMBERS 16

struct parser {
    struct lun_arena *arena;
    const char *start;
    const char *at;
    const char *end;
    unsigned depth; /* containers that may still be opened */
    size_t nodes;   /* values that may still be made */
    struct lun_err *err;
};

static int parse_value(struct parser *p, struct lun_json **out);

static int bad(struct parser *p, const char *what)
{
    return lun_error_set(p->err, LUN_EBAD_INPUT,
                         "JSON is not valid: %s at byte %zu", what,
                         (size_t)(p->at - p->start));
}

static int no_memory(struct parser *p)
{
    return lun_error_set(p->err, LUN_EMEMORY, "out of memory");
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' ||
                              *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

static int hex4(struct parser *p, unsigned *out)
{
    unsigned value = 0;
    if (p->end - p->at < 4)
        return bad(p, "cut escape");
    for (int i = 0; i < 4; i++) {
        char c = p->at[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (unsigned)((c | 32) - 'a') + 10;
        else
            return bad(p, "bad escape");
        value = value * 16 + digit;
    }
    p->at += 4;
    *out = value;
    return 0;
}

static char *push_utf8(char *to, unsigned point)
{
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xc0 | point >> 6);
        *to++ = (char)(0x80 | (point & 63));
    } else if (point < 0x10000) {
        *to++ = (char)(0xe0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 63));
        *to++ = (char)(0x80 | (point & 63));
    } else {
        *to++ = (char)(0xf0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 63));
        *to++ = (char)(0x80 | (point >> 6 & 63));
        *to++ = (char)(0x80 | (point & 63));
    }
    return to;
}

/* After "\u". */
static int unicode_escape(struct parser *p, char **to)
{
    unsigned point;
    int rc = hex4(p, &point);
    if (rc)
        return rc;
    if (point >= 0xdc00 && point <= 0xdfff)
        return bad(p, "lone surrogate");
    if (point >= 0xd800 && point <= 0xdbff) {
        unsigned low;
        if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
            return bad(p, "lone surrogate");
        p->at += 2;
        rc = hex4(p, &low);
        if (rc)
            return rc;
        if (low < 0xdc00 || low > 0xdfff)
            return bad(p, "lone surrogate");
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = push_utf8(*to, point);
    return 0;
}

static int escape(struct parser *p, char **to)
{
    static const char from[] = "\"\\/bfnrt";
    static const char into[] = "\"\\/\b\f\n\r\t";
    if (++p->at == p->end)
        return bad(p, "cut escape");
    char c = *p->at;
    if (c == 'u') {
        p->at++;
        return unicode_escape(p, to);
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found)
        return bad(p, "bad escape");
    *(*to)++ = into[found - from];
    p->at++;
    return 0;
}

/* At the opening quote. No escape makes text longer, so the distance to the
 * closing quote bounds the copy. */
static int parse_string(struct parser *p, const char **text, size_t *len)
{
    const char *close = ++p->at;
    close += lun_utf8_plain(close, (size_t)(p->end - close));
    if (close < p->end && *close == '"') {
        *len = (size_t)(close - p->at);
        *text = lun_arena_strndup(p->arena, p->at, *len);
        p->at = close + 1;
        return *text ? 0 : no_memory(p);
    }
    while (close < p->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= p->end) {
        p->at = p->end;
        return bad(p, "string without end");
    }
    if (!lun_utf8_valid(p->at, (size_t)(close - p->at)))
        return bad(p, "invalid UTF-8 in a string");
    char *copy = lun_arena_alloc(p->arena, (size_t)(close - p->at) + 1);
    if (!copy)
        return no_memory(p);
    char *to = copy;
    while (p->at < close) {
        if ((unsigned char)*p->at < 0x20)
            return bad(p, "control character in a string");
        if (*p->at != '\\') {
            *to++ = *p->at++;
            continue;
        }
        int rc = escape(p, &to);
        if (rc)
            return rc;
    }
    p->at++;
    *to = '\0';
    *text = copy;
    *len = (size_t)(to - copy);
    return 0;
}

static bool digits(struct parser *p)
{
    const char *start = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return p->at > start;
}

static int parse_number(struct parser *p, struct lun_json *node)
{
    const char *start = p->at;
    if (*p->at == '-')
        p->at++;
    const char *first = p->at;
    if (!digits(p) || (*first == '0' && p->at - first > 1))
        return bad(p, "bad number");
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        if (!digits(p))
            return bad(p, "bad number");
    }
    if (p->at < p->end && (*p->at | 32) == 'e') {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        if (!digits(p))
            return bad(p, "bad number");
    }
    node->type = LUN_JSON_NUMBER;
    node->len = (size_t)(p->at - start);
    node->text = lun_arena_strndup(p->arena, start, node->len);
    return node->text ? 0 : no_memory(p);
}

static int parse_word(struct parser *p, struct lun_json *node)
{
    static const struct {
        const char *text;
        size_t len;
        enum lun_json_type type;
    } words[] = {{"null", 4, LUN_JSON_NULL},
                 {"true", 4, LUN_JSON_TRUE},
                 {"false", 5, LUN_JSON_FALSE}};
    for (size_t i = 0; i < 3; i++)
        if ((size_t)(p->end - p->at) >= words[i].len &&
            !memcmp(p->at, words[i].text, words[i].len)) {
            p->at += words[i].len;
            node->type = words[i].type;
            return 0;
        }
    return bad(p, "a value was expected");
}

struct key_list {
    struct lun_map seen; /* used from FEW_MEMBERS on */
    struct lun_json *object;
};

static bool remember(struct key_list *keys, const struct lun_json *member)
{
    void *old;
    return lun_map_put(&keys->seen, member->key, member->key_len, keys, &old) &&
           !old;
}

static bool is_new_key(struct key_list *keys, const char *key, size_t len)
{
    const struct lun_json *member = keys->object->child;
    if (keys->object->count > FEW_MEMBERS)
        return !lun_map_get(&keys->seen, key, len);
    for (; member; member = member->next)
        if (member->key_len == len && !memcmp(member->key, key, len))
            return false;
    if (keys->object->count == FEW_MEMBERS)
        for (member = keys->object->child; member; member = member->next)
            if (!remember(keys, member))
                return false;
    return true;
}

static int parse_key(struct parser *p, struct key_list *keys, const char **key,
                     size_t *len)
{
    skip_space(p);
    if (p->at == p->end || *p->at != '"')
        return bad(p, "a member name was expected");
    int rc = parse_string(p, key, len);
    if (rc)
        return rc;
    if (!is_new_key(keys, *key, *len))
        return bad(p, "a member name comes twice");
    skip_space(p);
    if (p->at == p->end || *p->at != ':')
        return bad(p, "':' was expected");
    p->at++;
    return 0;
}

/* At the opening bracket. */
static int parse_items(struct parser *p, struct lun_json *node, char close,
                       struct key_list *keys)
{
    struct lun_json **tail = &node->child;
    p->at++;
    skip_space(p);
    if (p->at < p->end && *p->at == close) {
        p->at++;
        return 0;
    }
    for (;;) {
        const char *key = NULL;
        size_t key_len = 0;
        int rc = keys ? parse_key(p, keys, &key, &key_len) : 0;
        if (!rc)
            rc = parse_value(p, tail);
        if (rc)
            return rc;
        (*tail)->key = key;
        (*tail)->key_len = key_len;
        if (keys && node->count >= FEW_MEMBERS && !remember(keys, *tail))
            return no_memory(p);
        tail = &(*tail)->next;
        node->count++;
        skip_space(p);
        if (p->at == p->end)
            return bad(p, "cut text");
        if (*p->at == close)
            break;
        if (*p->at != ',')
            return bad(p, keys ? "',' or '}' was expected"
                               : "',' or ']' was expected");
        p->at++;
    }
    p->at++;
    return 0;
}

static int parse_container(struct parser *p, struct lun_json *node)
{
    if (!p->depth)
        return lun_error_set(p->err, LUN_ELIMIT,
                             "JSON is nested too deeply at byte %zu",
                             (size_t)(p->at - p->start));
    p->depth--;
    int rc;
    if (*p->at == '[') {
        node->type = LUN_JSON_ARRAY;
        rc = parse_items(p, node, ']', NULL);
    } else {
        struct key_list keys = {.object = node};
        node->type = LUN_JSON_OBJECT;
        rc = parse_items(p, node, '}', &keys);
        lun_map_release(&keys.seen, NULL);
    }
    p->depth++;
    return rc;
}

static int parse_value(struct parser *p, struct lun_json **out)
{
    skip_space(p);
    if (p->at == p->end)
        return bad(p, "a value was expected");
    if (!p->nodes)
        return lun_error_set(p->err, LUN_ELIMIT, "JSON has too many values");
    p->nodes--;
    struct lun_json *node = lun_arena_calloc(p->arena, 1, sizeof(*node));
    if (!node)
        return no_memory(p);
    *out = node;
    switch (*p->at) {
    case '"':
        node->type = LUN_JSON_STRING;
        return parse_string(p, &node->text, &node->len);
    case '[':
    case '{':
        return parse_container(p, node);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return parse_number(p, node);
    default:
        return parse_word(p, node);
    }
}

int lun_json_parse(struct lun_arena *arena, const char *text, size_t len,
                   unsigned max_depth, size_t max_nodes, struct lun_json **out,
                   struct lun_err *err)
{
    struct parser p = {.arena = arena,
                       .start = text,
                       .at = text,
                       .end = text + len,
                       .depth = max_depth,
                       .nodes = max_nodes,
                       .err = err};
    struct lun_json *root = NULL;
    int rc = parse_value(&p, &root);
    if (rc)
        return rc;
    skip_space(&p);
    if (p.at != p.end)
        return bad(&p, "text after the value");
    *out = root;
    return 0;
}

struct lun_json *lun_json_get(const struct lun_json *object, const char *key)
{
    size_t len = strlen(key);
    if (!object || object->type != LUN_JSON_OBJECT)
        return NULL;
    for (struct lun_json *member = object->child; member; member = member->next)
        if (member->key_len == len && !memcmp(member->key, key, len))
            return member;
    return NULL;
}

struct lun_json *lun_json_at(const struct lun_json *array, size_t index)
{
    if (!array || array->type != LUN_JSON_ARRAY)
        return NULL;
    struct lun_json *item = array->child;
    while (item && index--)
        item = item->next;
    return item;
}

bool lun_json_is_string(const struct lun_json *node, const char *text)
{
    return node && node->type == LUN_JSON_STRING && node->len == strlen(text) &&
           !memcmp(node->text, text, node->len);
}

static void write_items(const struct lun_json *node, struct lun_buf *out)
{
    for (const struct lun_json *item = node->child; item; item = item->next) {
        if (item->key) {
            lun_buf_push_json_string(out, item->key, item->key_len);
            lun_buf_push_byte(out, ':');
        }
        lun_json_write(item, out);
        if (item->next)
            lun_buf_push_byte(out, ',');
    }
}

void lun_json_write(const struct lun_json *node, struct lun_buf *out)
{
    switch (node->type) {
    case LUN_JSON_NULL:
        lun_buf_push_str(out, "null");
        break;
    case LUN_JSON_FALSE:
        lun_buf_push_str(out, "false");
        break;
    case LUN_JSON_TRUE:
        lun_buf_push_str(out, "true");
        break;
    case LUN_JSON_NUMBER:
        lun_buf_push(out, node->text, node->len);
        break;
    case LUN_JSON_STRING:
        lun_buf_push_json_string(out, node->text, node->len);
        break;
    case LUN_JSON_ARRAY:
        lun_buf_push_byte(out, '[');
        write_items(node, out);
        lun_buf_push_byte(out, ']');
        break;
    case LUN_JSON_OBJECT:
        lun_buf_push_byte(out, '{');
        write_items(node, out);
        lun_buf_push_byte(out, '}');
        break;
    }
}
