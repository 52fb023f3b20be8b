/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lua's patterns, with a stack of their own in place of recursion: matching can
 * be left after any step and taken up again, so that a pattern that takes years
 * is suspended and stopped like all other code of an app.
 */

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "core/vm/internal.h"

#define CAPTURES 32
#define ESCAPE '%'
#define SPECIALS "^$*+?.([%-"
#define UNFINISHED (-1)
#define POSITION (-2)
#define INLINE_CHOICES 24
/* About a tenth of a millisecond. */
#define STEPS 20000

/* What to do when matching fails from here on. */
enum choice_kind {
    CHOICE_GO,    /* go on at `s` with `p` */
    CHOICE_FEWER, /* one repetition less: `count` of them behind `s` */
    CHOICE_MORE,  /* one repetition more, of the item at `p` */
    CHOICE_OPEN,  /* undo: a capture was opened */
    CHOICE_CLOSE  /* undo: capture `count` was closed */
};

struct choice {
    enum choice_kind kind;
    size_t count;
    const char *s;
    const char *p;
    const char *end; /* of the item at `p` */
};

struct matcher {
    const char *text, *text_end;
    const char *pattern, *pattern_end;
    const char *start; /* where the match is tried */
    const char *s, *p; /* where it is */
    bool anchored;
    bool expanding; /* the topmost choice still counts repetitions */
    int level;
    struct {
        const char *init;
        ptrdiff_t len;
    } capture[CAPTURES];
    int64_t steps; /* left in this run */
    struct choice *choices;
    size_t count, room;
    lua_State *L;
    int holder; /* stack index of the memory of `choices`, when not in here */
    struct choice inline_choices[INLINE_CHOICES];
};

enum result { MATCHED, FAILED, AGAIN };

/* Choices ----------------------------------------------------------------- */

static struct choice *push(struct matcher *m, enum choice_kind kind)
{
    if (m->count == m->room) {
        size_t size = m->room * sizeof(*m->choices);
        struct choice *more = lua_newuserdata(m->L, 2 * size);
        memcpy(more, m->choices, size);
        lua_replace(m->L, m->holder);
        m->choices = more;
        m->room *= 2;
    }
    struct choice *choice = &m->choices[m->count++];
    choice->kind = kind;
    return choice;
}

static void push_go(struct matcher *m, const char *s, const char *p)
{
    struct choice *choice = push(m, CHOICE_GO);
    choice->s = s;
    choice->p = p;
}

/* Classes ----------------------------------------------------------------- */

static bool in_class(int c, int class)
{
    bool in;
    switch (tolower(class)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z':
        in = c == 0;
        break;
    default:
        return class == c;
    }
    return isupper(class) ? !in : in;
}

/* `end` is the closing bracket of the set at `p`. */
static bool in_set(int c, const char *p, const char *end)
{
    bool in = true;
    if (p[1] == '^') {
        in = false;
        p++;
    }
    while (++p < end) {
        if (*p == ESCAPE) {
            p++;
            if (in_class(c, (unsigned char)*p))
                return in;
        } else if (p[1] == '-' && p + 2 < end) {
            p += 2;
            if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p)
                return in;
        } else if ((unsigned char)*p == c) {
            return in;
        }
    }
    return !in;
}

/* End of the single-character item at `p`. */
static const char *item_end(struct matcher *m, const char *p)
{
    char first = *p++;
    if (first == ESCAPE) {
        if (p == m->pattern_end)
            lun_vm_host_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do {
        if (p == m->pattern_end)
            lun_vm_host_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == ESCAPE && p < m->pattern_end)
            p++;
    } while (p == m->pattern_end || *p != ']');
    m->steps -= p - m->p;
    return p + 1;
}

static bool matches_one(struct matcher *m, const char *s, const char *p,
                        const char *end)
{
    if (s >= m->text_end)
        return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return in_class(c, (unsigned char)p[1]);
    case '[':
        m->steps -= (end - p) / 8;
        return in_set(c, p, end - 1);
    default:
        return (unsigned char)*p == c;
    }
}

/* Items ------------------------------------------------------------------- */

/* Each returns false when matching fails here; else m->s and m->p moved on. */

static bool open_capture(struct matcher *m, ptrdiff_t what, size_t len)
{
    if (m->level >= CAPTURES)
        lun_vm_host_error(m->L, "too many captures");
    m->capture[m->level].init = m->s;
    m->capture[m->level].len = what;
    m->level++;
    push(m, CHOICE_OPEN);
    m->p += len;
    return true;
}

static bool close_capture(struct matcher *m)
{
    int level = m->level;
    while (--level >= 0 && m->capture[level].len != UNFINISHED)
        ;
    if (level < 0)
        lun_vm_host_error(m->L, "invalid pattern capture");
    m->capture[level].len = m->s - m->capture[level].init;
    push(m, CHOICE_CLOSE)->count = (size_t)level;
    m->p++;
    return true;
}

static bool balance(struct matcher *m)
{
    const char *p = m->p + 2, *s = m->s;
    if (m->pattern_end - p < 2)
        lun_vm_host_error(m->L, "unbalanced pattern");
    if (s >= m->text_end || *s != *p)
        return false;
    for (int depth = 1; ++s < m->text_end;) {
        if (*s == p[1]) {
            if (!--depth) {
                m->steps -= s - m->s;
                m->s = s + 1;
                m->p = p + 2;
                return true;
            }
        } else if (*s == *p) {
            depth++;
        }
    }
    m->steps -= s - m->s;
    return false;
}

static bool frontier(struct matcher *m)
{
    const char *p = m->p + 2;
    if (p >= m->pattern_end || *p != '[')
        lun_vm_host_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = item_end(m, p);
    int before = m->s == m->text ? 0 : (unsigned char)m->s[-1];
    int here = m->s == m->text_end ? 0 : (unsigned char)*m->s;
    if (in_set(before, p, end - 1) || !in_set(here, p, end - 1))
        return false;
    m->p = end;
    return true;
}

static bool same_as_capture(struct matcher *m)
{
    int level = m->p[1] - '1';
    if (level < 0 || level >= m->level || m->capture[level].len == UNFINISHED)
        lun_vm_host_error(m->L, "invalid capture index");
    ptrdiff_t len = m->capture[level].len;
    m->steps -= len / 16;
    if (len == POSITION || m->text_end - m->s < len ||
        memcmp(m->capture[level].init, m->s, (size_t)len) != 0)
        return false;
    m->s += len;
    m->p += 2;
    return true;
}

/* Counts repetitions of the topmost choice, as far as the steps reach. */
static bool expand(struct matcher *m)
{
    struct choice *choice = &m->choices[m->count - 1];
    const char *s = choice->s + choice->count;
    m->expanding = true;
    while (matches_one(m, s, m->p, choice->end)) {
        s++;
        if (--m->steps < 0) {
            choice->count = (size_t)(s - choice->s);
            return false;
        }
    }
    m->expanding = false;
    choice->count = (size_t)(s - choice->s);
    m->s = s;
    m->p = choice->p;
    return true;
}

/* One character or class, and how often. */
static bool single(struct matcher *m)
{
    const char *p = m->p, *end = item_end(m, p);
    char repeat = end < m->pattern_end ? *end : 0;
    if (repeat == '-') {
        struct choice *choice = push(m, CHOICE_MORE);
        choice->s = m->s;
        choice->p = p;
        choice->end = end;
        m->p = end + 1;
        return true;
    }
    if (repeat != '*' && !matches_one(m, m->s, p, end)) {
        m->p = end + 1;
        return repeat == '?';
    }
    if (repeat == '?') {
        push_go(m, m->s, end + 1);
        m->s++;
        m->p = end + 1;
    } else if (repeat == '*' || repeat == '+') {
        struct choice *choice = push(m, CHOICE_FEWER);
        choice->s = m->s + (repeat == '+');
        choice->count = 0;
        choice->p = end + 1;
        choice->end = end;
        expand(m);
    } else {
        m->s++;
        m->p = end;
    }
    return true;
}

static bool step(struct matcher *m)
{
    switch (*m->p) {
    case '(':
        if (m->p + 1 < m->pattern_end && m->p[1] == ')')
            return open_capture(m, POSITION, 2);
        return open_capture(m, UNFINISHED, 1);
    case ')':
        return close_capture(m);
    case '$':
        if (m->p + 1 != m->pattern_end)
            return single(m);
        m->p++;
        return m->s == m->text_end;
    case ESCAPE:
        if (m->p + 1 < m->pattern_end) {
            if (m->p[1] == 'b')
                return balance(m);
            if (m->p[1] == 'f')
                return frontier(m);
            if (isdigit((unsigned char)m->p[1]))
                return same_as_capture(m);
        }
        return single(m);
    default:
        return single(m);
    }
}

/* Matching ---------------------------------------------------------------- */

/* Back to the last choice; false when there is none. */
static bool back(struct matcher *m)
{
    while (m->count) {
        struct choice *choice = &m->choices[m->count - 1];
        m->steps--;
        switch (choice->kind) {
        case CHOICE_OPEN:
            m->level--;
            break;
        case CHOICE_CLOSE:
            m->capture[choice->count].len = UNFINISHED;
            break;
        case CHOICE_GO:
            m->s = choice->s;
            m->p = choice->p;
            m->count--;
            return true;
        case CHOICE_FEWER:
            if (!choice->count)
                break;
            m->s = choice->s + --choice->count;
            m->p = choice->p;
            return true;
        case CHOICE_MORE:
            if (!matches_one(m, choice->s, choice->p, choice->end))
                break;
            m->s = ++choice->s;
            m->p = choice->end + 1;
            return true;
        }
        m->count--;
    }
    return false;
}

/* Whether the pattern matches at m->start. */
static enum result match_here(struct matcher *m)
{
    if (m->expanding)
        expand(m);
    while (m->steps > 0) {
        m->steps--;
        if (m->expanding)
            break;
        if (m->p == m->pattern_end)
            return MATCHED;
        if (!step(m) && !back(m))
            return FAILED;
    }
    return AGAIN;
}

static void begin_at(struct matcher *m, const char *start)
{
    m->start = m->s = start;
    m->p = m->pattern;
    m->level = 0;
    m->count = 0;
}

/* Nothing but the next `first` can begin a match. */
static bool skip(struct matcher *m)
{
    char first = m->pattern < m->pattern_end ? *m->pattern : ESCAPE;
    if (strchr(SPECIALS ")", first) ||
        (m->pattern + 1 < m->pattern_end && strchr("*?-", m->pattern[1])))
        return true;
    size_t left = (size_t)(m->text_end - m->start);
    const char *at = left ? memchr(m->start, first, left) : NULL;
    if (at)
        begin_at(m, at);
    return at != NULL;
}

static enum result search(struct matcher *m)
{
    while (true) {
        enum result result = match_here(m);
        if (result != FAILED)
            return result;
        if (m->anchored || m->start == m->text_end)
            return FAILED;
        begin_at(m, m->start + 1);
        if (!skip(m))
            return FAILED;
    }
}

/* For Lua ----------------------------------------------------------------- */

static void push_capture(struct matcher *m, int index)
{
    ptrdiff_t len = m->capture[index].len;
    if (len == UNFINISHED)
        lun_vm_host_error(m->L, "unfinished capture");
    if (len == POSITION)
        lua_pushinteger(m->L, m->capture[index].init - m->text + 1);
    else
        lua_pushlstring(m->L, m->capture[index].init, (size_t)len);
}

static int push_match(struct matcher *m)
{
    luaL_checkstack(m->L, CAPTURES + 2, "captures");
    lua_pushinteger(m->L, m->start - m->text + 1);
    lua_pushinteger(m->L, m->s - m->text);
    for (int i = 0; i < m->level; i++)
        push_capture(m, i);
    return m->level + 2;
}

/* Moves a matcher that lives on the C stack to where it can wait. */
static int push_waiting(struct matcher *m)
{
    lua_State *L = m->L;
    lua_pushboolean(L, 0);
    struct matcher *kept = lua_newuserdata(L, sizeof(*kept));
    *kept = *m;
    if (m->choices == m->inline_choices)
        kept->choices = kept->inline_choices;
    lua_pushvalue(L, m->holder);
    return 3;
}

static int push_result(struct matcher *m, enum result result)
{
    if (result == MATCHED)
        return push_match(m);
    lua_pushnil(m->L);
    return 1;
}

/* The pattern has nothing special: linear in the length of the text. */
static int find_plain(lua_State *L, struct matcher *m)
{
    size_t len = (size_t)(m->pattern_end - m->pattern);
    const char *at =
        memmem(m->start, (size_t)(m->text_end - m->start), m->pattern, len);
    if (!at) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - m->text + 1);
    lua_pushinteger(L, at - m->text + (ptrdiff_t)len);
    return 2;
}

static bool is_plain(const struct matcher *m, const char *specials)
{
    for (const char *at = m->pattern; at < m->pattern_end; at++)
        if (strchr(specials, *at) && *at)
            return false;
    return true;
}

static void init(struct matcher *m, lua_State *L, bool literal)
{
    size_t text_len, pattern_len;
    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TSTRING);
    m->text = lua_tolstring(L, 1, &text_len);
    m->pattern = lua_tolstring(L, 2, &pattern_len);
    m->text_end = m->text + text_len;
    m->pattern_end = m->pattern + pattern_len;
    m->anchored = pattern_len && *m->pattern == '^' && !literal;
    m->pattern += m->anchored;
    m->L = L;
    m->holder = 4;
    m->choices = m->inline_choices;
    m->room = INLINE_CHOICES;
    m->expanding = false;
    m->steps = STEPS;
}

/* native.scan(text, pattern, from, literal, plain) → first, last, captures...
 * or nil; or false and two values for native.rescan(text, pattern, ...): it
 * needs more time. `literal`: '^' is a character; `plain`: everything is; nil
 * there for all but find. */
static int l_scan(lua_State *L)
{
    struct matcher m;
    double from = lua_tonumber(L, 3);
    bool literal = lua_toboolean(L, 4), plain = lua_toboolean(L, 5);
    /* To find, a lone ')' is no mistake. */
    const char *specials = lua_isboolean(L, 5) ? SPECIALS : SPECIALS ")";
    lua_settop(L, 3);
    lua_pushnil(L);
    init(&m, L, literal);
    if (!(from >= 1 && from <= (double)(m.text_end - m.text) + 1)) {
        lua_pushnil(L);
        return 1;
    }
    begin_at(&m, m.text + (size_t)from - 1);
    if (plain) {
        m.pattern -= m.anchored;
        return find_plain(L, &m);
    }
    if (!m.anchored && is_plain(&m, specials))
        return find_plain(L, &m);
    enum result result = m.anchored || skip(&m) ? search(&m) : FAILED;
    return result == AGAIN ? push_waiting(&m) : push_result(&m, result);
}

static int l_rescan(lua_State *L)
{
    struct matcher *m = lua_touserdata(L, 3);
    m->L = L;
    m->holder = 4;
    m->steps = STEPS;
    enum result result = search(m);
    if (result != AGAIN)
        return push_result(m, result);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 4);
    return 3;
}

void lun_vm_pattern_install(lua_State *L)
{
    lua_pushcfunction(L, l_scan);
    lua_setfield(L, -2, "scan");
    lua_pushcfunction(L, l_rescan);
    lua_setfield(L, -2, "rescan");
}
