/* Changes to a JSON5 text that leave all else as its writer left it. One small change at a time,
 * and the text is read again after each: places move, and a file is small. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/json5.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { EDITS_MAX = 100000 }; /* more than any patch has; a loop would be our own mistake */

struct edit {
    struct sc_buf *text;
    const struct sc_json5 *tree;
    bool done; /* the one change of this round */
};

static void splice(struct edit *e, size_t from, size_t to, const char *with)
{
    struct sc_buf out = SC_BUF_INIT;
    sc_buf_add(&out, e->text->p, from);
    sc_buf_adds(&out, with);
    sc_buf_add(&out, e->text->p + to, e->text->n - to);
    sc_buf_fini(e->text);
    *e->text = out;
    e->done = true;
}

/* ---- layout ---- */

static bool is_blank(char c)
{
    return c && strchr(" \t\r\n", c);
}

/* The first byte of the white space that ends at `at`. */
static size_t before_blanks(const struct edit *e, size_t at)
{
    while (at > 0 && is_blank(e->text->p[at - 1]))
        at--;
    return at;
}

static bool has_newline(const struct edit *e, size_t from, size_t to)
{
    return memchr(e->text->p + from, '\n', to - from) || memchr(e->text->p + from, '\r', to - from);
}

static bool ends_line(const struct edit *e, size_t at)
{
    const char *p = e->text->p;
    while (at < e->text->n && (p[at] == ' ' || p[at] == '\t'))
        at++;
    return at == e->text->n || p[at] == '\n' || p[at] == '\r';
}

/* The blanks a line begins with; the caller's. */
static char *indent_of(const struct edit *e, size_t at)
{
    const char *p = e->text->p;
    size_t begin = at;
    while (begin > 0 && p[begin - 1] != '\n' && p[begin - 1] != '\r')
        begin--;
    return sc_xstrndup(p + begin, strspn(p + begin, " \t"));
}

/* What stands in `node` is indented like its first item, when that has a line of its own. */
static char *inner_indent(const struct edit *e, const struct sc_json5_node *node)
{
    if (node->first != SC_JSON5_NONE) {
        size_t from = e->tree->v[node->first].from;
        if (has_newline(e, before_blanks(e, from), from))
            return indent_of(e, from);
    }
    sc_auto_free char *outer = indent_of(e, node->end - 1);
    return sc_xasprintf("%s  ", outer);
}

/* A value as it stands in a text that is indented by `indent`. */
static void add_value(struct sc_buf *out, const struct sc_value *v, const char *indent)
{
    sc_auto_buf struct sc_buf pretty = SC_BUF_INIT;
    if (indent)
        sc_value_dump_pretty(v, &pretty);
    else
        sc_value_dump(v, &pretty);
    for (const char *p = sc_buf_str(&pretty); *p; p++) {
        sc_buf_addc(out, *p);
        if (*p == '\n')
            sc_buf_adds(out, indent); /* a newline within a text is escaped */
    }
}

/* Bare where the file's own names are bare. */
static void add_name(const struct edit *e, struct sc_buf *out, const char *name)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$0123456789";
    int first = e->tree->v[0].first;
    const char *style = first == SC_JSON5_NONE ? "\"" : e->text->p + e->tree->v[first].from;
    bool quoted = *style == '"' || *style == '\'' || !*name || name[strspn(name, bare)] ||
                  strchr("0123456789", *name);
    if (quoted) {
        sc_auto_value struct sc_value *v = sc_value_str(name);
        sc_value_dump(v, out);
    } else {
        sc_buf_adds(out, name);
    }
    sc_buf_adds(out, ": ");
}

/* ---- the two changes ---- */

static const struct sc_json5_node *last_of(const struct edit *e, const struct sc_json5_node *node)
{
    int i = node->first;
    while (i != SC_JSON5_NONE && e->tree->v[i].next != SC_JSON5_NONE)
        i = e->tree->v[i].next;
    return i == SC_JSON5_NONE ? NULL : &e->tree->v[i];
}

/* A new last item of `node`; name NULL: an element. */
static void append(struct edit *e, const struct sc_json5_node *node, const char *name,
                   const struct sc_value *v)
{
    const struct sc_json5_node *last = last_of(e, node);
    size_t close = node->end - 1, at = before_blanks(e, close);
    bool trailing = last && last->comma, is_empty = at == node->begin + 1;
    bool lines = has_newline(e, at, close) || (is_empty && node->kind == SC_JSON5_OBJECT);
    sc_auto_free char *indent = inner_indent(e, node), *outer = indent_of(e, close);
    sc_auto_buf struct sc_buf add = SC_BUF_INIT;
    if (last && !trailing) { /* the comma goes to the value, which a comment may follow */
        sc_buf_addc(&add, ',');
        sc_buf_add(&add, e->text->p + last->end, at - last->end);
    }
    if (lines)
        sc_buf_addf(&add, "\n%s", indent);
    else if (!is_empty || node->kind == SC_JSON5_OBJECT)
        sc_buf_addc(&add, ' ');
    if (name)
        add_name(e, &add, name);
    add_value(&add, v, lines ? indent : NULL);
    if (trailing)
        sc_buf_addc(&add, ',');
    if (lines && !has_newline(e, at, close))
        sc_buf_addf(&add, "\n%s", outer);
    splice(e, last && !trailing ? last->end : at, at, sc_buf_str(&add));
}

static bool only_blanks(const struct edit *e, size_t from, size_t to)
{
    return before_blanks(e, to) <= from;
}

/* Takes its comma along; the last of a list without a trailing comma takes the one before it. */
static void cut(struct edit *e, const struct sc_json5_node *parent, int i,
                const struct sc_json5_node *before)
{
    const struct sc_json5_node *item = &e->tree->v[i];
    size_t from = item->from, to = item->comma ? item->comma + 1 : item->end;
    size_t blanks = before_blanks(e, from);
    if (blanks == parent->begin + 1 && only_blanks(e, to, parent->end - 1)) {
        splice(e, blanks, parent->end - 1, ""); /* it was alone */
        return;
    }
    /* Only where the rest of the line is empty may its beginning go: a comment may end above. */
    if (ends_line(e, to) || !has_newline(e, blanks, from))
        from = blanks;
    bool last_comma = !item->comma && before && before->comma;
    size_t comma = last_comma ? before->comma : 0;
    splice(e, from, to, "");
    if (last_comma)
        splice(e, comma, comma + 1, "");
}

/* ---- a list of texts ---- */

static bool has_text(const struct sc_value *list, const char *text)
{
    for (size_t i = 0; i < sc_value_count(list); i++)
        if (sc_streq(sc_value_text(sc_value_at(list, i)), text))
            return true;
    return false;
}

/* NULL for what is no text: there all of these are alike, and stay. */
static const char *text_of(const struct sc_json5_node *node)
{
    return node->kind == SC_JSON5_TEXT ? node->value : NULL;
}

static bool has_element(const struct edit *e, const struct sc_json5_node *list, const char *text)
{
    for (int i = list->first; i != SC_JSON5_NONE; i = e->tree->v[i].next)
        if (sc_streq(text_of(&e->tree->v[i]), text))
            return true;
    return false;
}

static void patch_list(struct edit *e, const struct sc_json5_node *list,
                       const struct sc_value *want)
{
    const struct sc_json5_node *before = NULL;
    for (int i = list->first; i != SC_JSON5_NONE && !e->done; i = e->tree->v[i].next) {
        if (!has_text(want, text_of(&e->tree->v[i]))) {
            cut(e, list, i, before);
            return;
        }
        before = &e->tree->v[i];
    }
    for (size_t i = 0; i < sc_value_count(want) && !e->done; i++)
        if (!has_element(e, list, sc_value_text(sc_value_at(want, i))))
            append(e, list, NULL, sc_value_at(want, i));
}

/* ---- an object ---- */

struct patching {
    struct edit *e;
    int object;
};

static void replace(struct edit *e, int i, const struct sc_value *v)
{
    const struct sc_json5_node old = e->tree->v[i];
    sc_auto_free char *indent = indent_of(e, old.begin);
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    add_value(&out, v, indent);
    splice(e, old.begin, old.end, sc_buf_str(&out));
}

static void drop_member(struct edit *e, int object, int member)
{
    const struct sc_json5_node *before = NULL;
    for (int i = e->tree->v[object].first; i != member; i = e->tree->v[i].next)
        before = &e->tree->v[i];
    cut(e, &e->tree->v[object], member, before);
}

static bool patch_member(void *ctx, const char *name, const struct sc_value *want);

static void patch_value(struct edit *e, int i, const struct sc_value *want)
{
    const struct sc_json5_node *node = &e->tree->v[i];
    struct patching inner = { .e = e, .object = i };
    sc_auto_value struct sc_value *is = sc_json5_value(e->tree, i);
    bool same_kind = (sc_value_is_object(want) && node->kind == SC_JSON5_OBJECT) ||
                     (sc_value_is_array(want) && node->kind == SC_JSON5_ARRAY);
    if (sc_value_equal(is, want))
        return;
    if (same_kind && sc_value_is_object(want))
        sc_value_each(want, patch_member, &inner);
    else if (same_kind)
        patch_list(e, node, want);
    else
        replace(e, i, want);
}

static bool patch_member(void *ctx, const char *name, const struct sc_value *want)
{
    const struct patching *p = ctx;
    int i = sc_json5_member(p->e->tree, p->object, name);
    if (i != SC_JSON5_NONE && sc_value_is_null(want))
        drop_member(p->e, p->object, i);
    else if (i != SC_JSON5_NONE)
        patch_value(p->e, i, want);
    else if (!sc_value_is_null(want))
        append(p->e, &p->e->tree->v[p->object], name, want);
    return !p->e->done;
}

int sc_json5_patch(struct sc_buf *text, const struct sc_value *patch, struct sc_err *err)
{
    sc_auto_buf struct sc_buf work = SC_BUF_INIT;
    sc_buf_add(&work, sc_buf_str(text), text->n);
    for (int i = 0; i < EDITS_MAX; i++) {
        struct sc_json5 tree;
        int r = sc_json5_parse(sc_buf_str(&work), work.n, &tree, err);
        if (r < 0)
            return r;
        struct edit e = { .text = &work, .tree = &tree };
        struct patching root = { .e = &e, .object = 0 };
        if (tree.v[0].kind == SC_JSON5_OBJECT)
            sc_value_each(patch, patch_member, &root);
        sc_json5_fini(&tree);
        if (e.done)
            continue;
        sc_buf_fini(text);
        *text = work;
        work = (struct sc_buf)SC_BUF_INIT;
        return SC_OK;
    }
    return sc_fail(err, SC_EPROTO, "the changes have no end");
}
