/* JSON5 into a tree of places. What a number means is never asked, only where it ends. */
#include "sideclaw/json5.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

struct scan {
    const char *text;
    size_t n, at;
    int depth;
    struct sc_json5 *tree;
    struct sc_err *err;
};

static int fail(struct scan *s, size_t at, const char *what)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < s->n; i++) {
        bool ends = s->text[i] == '\n';
        line += ends;
        column = ends ? 1 : column + 1;
    }
    return sc_fail(s->err, SC_EINVAL, "line %zu, column %zu: %s", line, column, what);
}

static char peek(const struct scan *s)
{
    if (s->at < s->n)
        return s->text[s->at];
    return '\0';
}

static bool starts(const struct scan *s, const char *with)
{
    size_t n = strlen(with);
    return s->n - s->at >= n && memcmp(s->text + s->at, with, n) == 0;
}

/* ---- blanks and comments ---- */

/* How many bytes of white space stand here: JSON5 adds a few of Unicode's to JSON's. */
static size_t blank(const struct scan *s)
{
    static const char *const wide[] = { "\xc2\xa0", "\xef\xbb\xbf", "\xe2\x80\xa8",
                                        "\xe2\x80\xa9" };
    char c = peek(s);
    if (c && strchr(" \t\n\r\v\f", c))
        return 1;
    for (size_t i = 0; i < SC_ARRAY_LEN(wide); i++)
        if (starts(s, wide[i]))
            return strlen(wide[i]);
    return 0;
}

static int skip_comment(struct scan *s)
{
    size_t begin = s->at;
    bool is_line = starts(s, "//");
    s->at += 2;
    while (s->at < s->n && !(is_line ? peek(s) == '\n' || peek(s) == '\r' : starts(s, "*/")))
        s->at++;
    /* These end a line, too, and not every reader knows it. */
    if (is_line && (memmem(s->text + begin, s->at - begin, "\xe2\x80\xa8", 3) ||
                    memmem(s->text + begin, s->at - begin, "\xe2\x80\xa9", 3)))
        return fail(s, begin, "a comment with a line separator of Unicode in it");
    if (is_line)
        return SC_OK;
    if (s->at == s->n)
        return fail(s, begin, "a comment without end");
    s->at += 2;
    return SC_OK;
}

static int skip(struct scan *s)
{
    for (;;) {
        size_t n = blank(s);
        s->at += n;
        if (n)
            continue;
        if (!starts(s, "//") && !starts(s, "/*"))
            return SC_OK;
        int r = skip_comment(s);
        if (r < 0)
            return r;
    }
}

/* ---- texts ---- */

static int hex(struct scan *s, int digits, uint32_t *ret)
{
    static const char all[] = "0123456789abcdef";
    uint32_t v = 0;
    for (int i = 0; i < digits; i++) {
        char c = peek(s);
        const char *d = isxdigit((unsigned char)c) ? strchr(all, tolower((unsigned char)c)) : NULL;
        if (!d)
            return fail(s, s->at, "a hexadecimal digit is expected");
        v = v * 16 + (uint32_t)(d - all);
        s->at++;
    }
    *ret = v;
    return SC_OK;
}

static void add_rune(struct sc_buf *out, uint32_t c)
{
    if (c < 0x80) {
        sc_buf_addc(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    sc_buf_addc(out, (char)(lead[more] | (c >> (6 * more))));
    while (more--)
        sc_buf_addc(out, (char)(0x80 | ((c >> (6 * more)) & 0x3f)));
}

/* \uXXXX, with its other half when it is one of two. */
static int read_unicode(struct scan *s, struct sc_buf *out)
{
    size_t begin = s->at;
    uint32_t c = 0, low = 0;
    int r = hex(s, 4, &c);
    if (r == SC_OK && c >= 0xd800 && c <= 0xdbff && starts(s, "\\u")) {
        s->at += 2;
        r = hex(s, 4, &low);
        if (r == SC_OK && (low < 0xdc00 || low > 0xdfff))
            return fail(s, begin, "half a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    if (r < 0)
        return r;
    if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
        return fail(s, begin, "a character that no text of a configuration holds");
    add_rune(out, c);
    return SC_OK;
}

static int read_escape(struct scan *s, struct sc_buf *out)
{
    static const char names[] = "bfnrtv", means[] = "\b\f\n\r\t\v";
    char c = peek(s);
    const char *named = c ? strchr(names, c) : NULL;
    uint32_t code = 0;
    s->at++;
    if (named) {
        sc_buf_addc(out, means[named - names]);
        return SC_OK;
    }
    if (c == 'u')
        return read_unicode(s, out);
    if (c == 'x') {
        int r = hex(s, 2, &code);
        if (r < 0)
            return r;
        if (code == 0)
            return fail(s, s->at, "a NUL");
        add_rune(out, code);
        return SC_OK;
    }
    if (c == '\r' && peek(s) == '\n')
        s->at++;
    if (c == '\n' || c == '\r')
        return SC_OK; /* the text goes on in the next line */
    if (c >= '0' && c <= '9')
        return fail(s, s->at - 1, "an escape that JSON5 does not have");
    if (c)
        sc_buf_addc(out, c);
    return SC_OK;
}

static int read_text(struct scan *s, char **ret)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    size_t begin = s->at;
    char quote = peek(s);
    s->at++;
    while (s->at < s->n && peek(s) != quote) {
        char c = peek(s);
        if (c == '\0' || c == '\n' || c == '\r')
            break;
        s->at++;
        int r = SC_OK;
        if (c == '\\')
            r = read_escape(s, &out);
        else
            sc_buf_addc(&out, c);
        if (r < 0)
            return r;
    }
    if (peek(s) != quote)
        return fail(s, begin, "a text without end");
    s->at++;
    *ret = sc_buf_steal(&out);
    return SC_OK;
}

/* ---- words and numbers ---- */

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_$", c)) || (unsigned char)c >= 0x80;
}

static int read_word(struct scan *s, const char *also, struct sc_str *ret)
{
    size_t begin = s->at;
    while (s->at < s->n && !blank(s) && (in_word(peek(s)) || (peek(s) && strchr(also, peek(s)))))
        s->at++;
    if (s->at == begin)
        return fail(s, begin, "this is no JSON5");
    *ret = (struct sc_str){ s->text + begin, s->at - begin };
    return SC_OK;
}

static bool is(struct sc_str w, const char *word)
{
    return w.n == strlen(word) && memcmp(w.p, word, w.n) == 0;
}

static int read_plain(struct scan *s, enum sc_json5_kind *ret, char **ret_word)
{
    size_t begin = s->at;
    struct sc_str w = { .p = "" };
    int r = read_word(s, "+-.", &w);
    if (r < 0)
        return r;
    *ret = is(w, "null") ? SC_JSON5_NULL : SC_JSON5_WORD;
    bool number = (w.p[0] && strchr("+-.0123456789", w.p[0])) || is(w, "Infinity") || is(w, "NaN");
    if (number || is(w, "true") || is(w, "false") || is(w, "null")) {
        *ret_word = *ret == SC_JSON5_NULL ? NULL : sc_xstrndup(w.p, w.n);
        return SC_OK;
    }
    return fail(s, begin, "a word that JSON5 does not know");
}

/* ---- the tree ---- */

static int new_node(struct sc_json5 *t, size_t from)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->v = sc_xrealloc(t->v, t->cap * sizeof *t->v);
    }
    t->v[t->n] =
        (struct sc_json5_node){ .from = from, .first = SC_JSON5_NONE, .next = SC_JSON5_NONE };
    return (int)t->n++;
}

static int read_value(struct scan *s, int node);

static int read_name(struct scan *s, int object, int node)
{
    struct sc_str w = { .p = "" };
    char *name = NULL;
    size_t begin = s->at;
    int r = peek(s) == '"' || peek(s) == '\'' ? read_text(s, &name) : read_word(s, "", &w);
    if (r < 0)
        return r;
    if (!name)
        name = sc_xstrndup(w.p, w.n);
    if (sc_json5_member(s->tree, object, name) != SC_JSON5_NONE) {
        free(name);
        return fail(s, begin, "the same name twice in one object");
    }
    s->tree->v[node].text = name;
    r = skip(s);
    if (r == SC_OK && peek(s) != ':')
        return fail(s, s->at, "a colon is expected");
    s->at++;
    return r == SC_OK ? skip(s) : r;
}

/* One member or element of `parent`, and what ends it. */
static int read_item(struct scan *s, int parent, int *last)
{
    int node = new_node(s->tree, s->at);
    int r = s->tree->v[parent].kind == SC_JSON5_OBJECT ? read_name(s, parent, node) : SC_OK;
    if (r == SC_OK)
        r = read_value(s, node);
    if (r == SC_OK)
        r = skip(s);
    if (r < 0)
        return r;
    if (peek(s) == ',') {
        s->tree->v[node].comma = s->at++;
        r = skip(s);
    }
    /* Linked only now: read_name looks for an earlier member of the same name. */
    if (*last == SC_JSON5_NONE)
        s->tree->v[parent].first = node;
    else
        s->tree->v[*last].next = node;
    *last = node;
    return r;
}

static int read_items(struct scan *s, int node, char close)
{
    int last = SC_JSON5_NONE, n = 0;
    if (++s->depth > SC_JSON5_DEPTH_MAX)
        return fail(s, s->at, "too deep");
    s->at++;
    int r = skip(s);
    while (r == SC_OK && peek(s) != close) {
        if (last != SC_JSON5_NONE && !s->tree->v[last].comma)
            return fail(s, s->at,
                        close == '}' ? "a comma or } is expected" : "a comma or ] is expected");
        /* Looking for a name twice is quadratic. */
        if ((close == '}' && ++n > SC_JSON5_MEMBERS_MAX) || s->tree->n >= SC_JSON5_NODES_MAX)
            return fail(s, s->at, "too much in it");
        r = read_item(s, node, &last);
    }
    s->at++;
    s->depth--;
    return r;
}

static int read_value(struct scan *s, int node)
{
    enum sc_json5_kind kind = SC_JSON5_TEXT;
    char *text = NULL;
    char c = peek(s);
    int r;
    s->tree->v[node].begin = s->at;
    if (c == '{' || c == '[') {
        kind = c == '{' ? SC_JSON5_OBJECT : SC_JSON5_ARRAY;
        s->tree->v[node].kind = kind;
        r = read_items(s, node, c == '{' ? '}' : ']');
    } else if (c == '"' || c == '\'') {
        r = read_text(s, &text);
    } else {
        r = read_plain(s, &kind, &text);
    }
    struct sc_json5_node *v = &s->tree->v[node];
    v->kind = kind;
    v->value = text;
    v->end = s->at;
    return r;
}

int sc_json5_parse(const char *text, size_t n, struct sc_json5 *ret, struct sc_err *err)
{
    *ret = (struct sc_json5){ .v = NULL };
    if (n > SC_OPENCLAW_FILE_MAX)
        return sc_fail(err, SC_ETOOBIG, "it has %zu bytes; %d is the most", n,
                       SC_OPENCLAW_FILE_MAX);
    if (!sc_utf8_valid(text, n))
        return sc_fail(err, SC_EINVAL, "it is not UTF-8");
    struct scan s = { .text = text, .n = n, .tree = ret, .err = err };
    int r = skip(&s);
    if (r == SC_OK)
        r = read_value(&s, new_node(ret, s.at));
    if (r == SC_OK)
        r = skip(&s);
    if (r == SC_OK && s.at != n)
        r = fail(&s, s.at, "something behind the end");
    if (r < 0)
        sc_json5_fini(ret);
    return r;
}

void sc_json5_fini(struct sc_json5 *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].text);
        free(t->v[i].value);
    }
    free(t->v);
    *t = (struct sc_json5){ .v = NULL };
}

int sc_json5_member(const struct sc_json5 *t, int object, const char *name)
{
    int i = t->v[object].first;
    while (i != SC_JSON5_NONE && !sc_streq(t->v[i].text, name))
        i = t->v[i].next;
    return i;
}

static struct sc_value *word_value(const char *word)
{
    int64_t i;
    if (sc_parse_i64(word, INT64_MIN, INT64_MAX, &i, NULL) == SC_OK)
        return sc_value_int(i);
    return sc_value_bool(!sc_streq(word, "false"));
}

struct sc_value *sc_json5_value(const struct sc_json5 *t, int node)
{
    const struct sc_json5_node *v = &t->v[node];
    if (v->kind == SC_JSON5_TEXT || v->kind == SC_JSON5_NULL)
        return sc_value_str(v->value);
    if (v->kind == SC_JSON5_WORD)
        return word_value(v->value);
    bool is_object = v->kind == SC_JSON5_OBJECT;
    struct sc_value *out = is_object ? sc_value_object() : sc_value_array();
    for (int i = v->first; i != SC_JSON5_NONE; i = t->v[i].next)
        if (is_object)
            sc_value_set(out, t->v[i].text, sc_json5_value(t, i));
        else
            sc_value_add(out, sc_json5_value(t, i));
    return out;
}
