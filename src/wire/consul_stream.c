/* A KV answer cut into its entries while it arrives. The scanner only knows strings and brackets;
 * what lies between two commas of the top array goes to jansson. */
#include <stdlib.h>
#include <string.h>

#include "consul_entry.h"
#include "json_fast.h"
#include "sideclaw/consul_json.h"
#include "sideclaw/mem.h"

enum place { BEFORE, FIRST, ELEMENT, BETWEEN, NEXT, AFTER };

struct sc_kv_stream {
    sc_kv_entry_fn *fn;
    void *ctx;
    enum place place;
    unsigned depth; /* of brackets inside the element */
    bool in_string, escaped;
    bool skipping;       /* this element is over the limit: run to its end, keep nothing */
    struct sc_buf part;  /* an element that began in an earlier piece */
    struct sc_buf value; /* decoded, reused */
    size_t skipped;
};

struct sc_kv_stream *sc_kv_stream_new(sc_kv_entry_fn *fn, void *ctx)
{
    struct sc_kv_stream *s = sc_xcalloc(1, sizeof *s);
    s->fn = fn;
    s->ctx = ctx;
    return s;
}

void sc_kv_stream_free(struct sc_kv_stream *s)
{
    if (!s)
        return;
    sc_buf_fini(&s->part);
    sc_buf_fini(&s->value);
    free(s);
}

size_t sc_kv_stream_skipped(const struct sc_kv_stream *s)
{
    return s->skipped;
}

/* Index just past the element's end, or n when it goes on in the next piece. */
static size_t scan(struct sc_kv_stream *s, const char *data, size_t i, size_t n)
{
    for (; i < n; i++) {
        char c = data[i];
        if (s->in_string) {
            if (s->escaped)
                s->escaped = false;
            else if (c == '\\')
                s->escaped = true;
            else if (c == '"')
                s->in_string = false;
        } else if (c == '"') {
            s->in_string = true;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if ((c == '}' || c == ']') && --s->depth == 0) {
            s->place = BETWEEN;
            return i + 1;
        }
    }
    return n;
}

static int element(struct sc_kv_stream *s, const char *text, size_t n)
{
    struct sc_kv_entry e;
    json_auto_t *root = sc_json_fast(text, n);
    if (!root)
        root = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
    if (sc_kv_entry_from_json(root, &s->value, &e) < 0) {
        s->skipped++;
        return SC_OK;
    }
    return s->fn(s->ctx, &e);
}

static int piece(struct sc_kv_stream *s, const char *data, size_t n)
{
    if (!s->skipping && n > SC_KV_ENTRY_MAX - s->part.n) {
        s->skipping = true;
        sc_buf_fini(&s->part); /* not only cleared: one giant must not stay resident */
    }
    bool whole = s->place == BETWEEN;
    int r = SC_OK;
    if (s->skipping) {
        s->skipped += whole;
    } else if (whole && s->part.n == 0) {
        r = element(s, data, n); /* the usual case: no copy */
    } else {
        sc_buf_add(&s->part, data, n);
        if (whole)
            r = element(s, s->part.p, s->part.n);
    }
    if (whole) {
        s->skipping = false;
        sc_buf_clear(&s->part);
    }
    return r;
}

/* One byte outside of any element. */
static int outside(struct sc_kv_stream *s, char c, struct sc_err *err)
{
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        return SC_OK;
    if (s->place == BEFORE && c == '[')
        s->place = FIRST;
    else if ((s->place == FIRST || s->place == NEXT) && c == '{')
        s->place = ELEMENT;
    else if ((s->place == FIRST || s->place == BETWEEN) && c == ']')
        s->place = AFTER;
    else if (s->place == BETWEEN && c == ',')
        s->place = NEXT;
    else
        return sc_fail(err, SC_EPROTO, "KV answer is not an array of objects");
    return SC_OK;
}

int sc_kv_stream_feed(struct sc_kv_stream *s, const char *data, size_t n, struct sc_err *err)
{
    size_t i = 0;
    while (i < n) {
        if (s->place != ELEMENT) {
            int r = outside(s, data[i], err);
            if (r < 0)
                return r;
            if (s->place != ELEMENT) {
                i++;
                continue;
            }
        }
        size_t end = scan(s, data, i, n);
        int r = piece(s, data + i, end - i);
        if (r < 0)
            return sc_fail(err, (enum sc_code)r, "KV answer: an entry was refused");
        i = end;
    }
    return SC_OK;
}

int sc_kv_stream_end(const struct sc_kv_stream *s, struct sc_err *err)
{
    if (s->place != AFTER)
        return sc_fail(err, SC_EPROTO, "KV answer ends too early");
    return SC_OK;
}
