/* json5.h: a JSON5 text as a tree that knows where everything stands, and changes to the text that
 * leave every other byte alone: comments, order and layout are their writer's.
 * Source: spec.json5.org; OpenClaw reads its configuration as JSON5 (OPENCLAW.md 2). */
#ifndef SIDECLAW_JSON5_H
#define SIDECLAW_JSON5_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"
#include "sideclaw/value.h"

enum sc_json5_kind { SC_JSON5_OBJECT, SC_JSON5_ARRAY, SC_JSON5_TEXT, SC_JSON5_NULL, SC_JSON5_WORD };

enum { SC_JSON5_NONE = -1 };

/* Offsets into the text; `next` and `first` are places in the tree, SC_JSON5_NONE ends a chain. */
struct sc_json5_node {
    enum sc_json5_kind kind;
    char *text;        /* a member's name or NULL */
    char *value;       /* what a TEXT says; a WORD as it is written */
    size_t from;       /* where the member's name begins, else its value */
    size_t begin, end; /* of the value */
    size_t comma;      /* of the comma behind it; 0: there is none */
    int first, next;
};

struct sc_json5 {
    struct sc_json5_node *v; /* v[0] is the root */
    size_t n;
    size_t cap;
};

/* sc_json5_parse: SC_EINVAL with line and column; a name twice in one object is refused, too, for
 * readers differ in which one they take. SC_ETOOBIG above SC_OPENCLAW_FILE_MAX. */
int sc_json5_parse(const char *text, size_t n, struct sc_json5 *ret,
                   struct sc_err *err) SC_MUST_CHECK;
void sc_json5_fini(struct sc_json5 *t);
int sc_json5_member(const struct sc_json5 *t, int object, const char *name);
/* As a value; a number that is no plain decimal integer becomes `true`: nobody asks what it says.
 */
struct sc_value *sc_json5_value(const struct sc_json5 *t, int node);

/* sc_json5_patch: apply an RFC 7396 merge patch to the text itself. Lists of texts change by
 * element. On failure the text is untouched. */
int sc_json5_patch(struct sc_buf *text, const struct sc_value *patch,
                   struct sc_err *err) SC_MUST_CHECK;

#endif
