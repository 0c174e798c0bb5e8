#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/peer_wire.h"

/* The text up to the next line's end, and *rest behind it; NULL at the end of the n bytes. Empty
 * lines are none. */
static bool next_line(const char **rest, const char *end, struct sc_str *ret)
{
    while (*rest < end && **rest == '\n')
        (*rest)++;
    if (*rest >= end)
        return false;
    const char *stop = memchr(*rest, '\n', (size_t)(end - *rest));
    stop = stop ? stop : end;
    *ret = (struct sc_str){ .p = *rest, .n = (size_t)(stop - *rest) };
    *rest = stop;
    return true;
}

static size_t count_lines(const char *body, size_t n)
{
    size_t lines = 0;
    struct sc_str line;
    for (const char *p = body; next_line(&p, body + n, &line);)
        lines++;
    return lines;
}

int sc_peer_batch_each(const char *body, size_t n, sc_peer_line_fn *fn, void *ctx,
                       struct sc_err *err)
{
    struct sc_str line;
    if (n == 0)
        return SC_OK;
    if (count_lines(body, n) > SC_PEER_BATCH_MAX)
        return sc_fail(err, SC_ETOOBIG, "more than %d envelopes in one request", SC_PEER_BATCH_MAX);
    size_t i = 0;
    for (const char *p = body; next_line(&p, body + n, &line); i++) {
        struct sc_err why = SC_ERR_INIT;
        struct sc_envelope e;
        if (sc_envelope_from_json(line.p, line.n, &e, &why) < 0) {
            fn(ctx, i, NULL, &why);
            continue;
        }
        fn(ctx, i, &e, NULL);
        sc_envelope_fini(&e);
    }
    return SC_OK;
}

void sc_peer_refusal_to_json(size_t line, const char *reason, struct sc_buf *out)
{
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_value_set_int(v, "v", 1);
    sc_value_set_str(v, "kind", "refused");
    sc_value_set_int(v, "line", (int64_t)line);
    sc_value_set_str(v, "reason", reason);
    sc_value_dump(v, out);
}

static void read_answer(struct sc_str line, const struct sc_peer_answer_fns *fns)
{
    struct sc_receipts r = { 0 };
    char *sig = NULL;
    if (sc_receipts_from_json(line.p, line.n, &r, &sig, NULL) == SC_OK) {
        if (fns->receipts)
            fns->receipts(fns->ctx, &r, sig);
        sc_receipts_fini(&r);
        sc_free_ptr(&sig);
        return;
    }
    sc_auto_value struct sc_value *v = sc_value_parse(line.p, line.n, NULL);
    int64_t i = sc_value_get_int(v, "line", -1);
    const char *reason = sc_value_get_str(v, "reason");
    if (fns->refused && sc_streq(sc_value_get_str(v, "kind"), "refused") && i >= 0 &&
        i < SC_PEER_BATCH_MAX)
        fns->refused(fns->ctx, (size_t)i, reason ? reason : "");
}

void sc_peer_answer_each(const char *body, size_t n, const struct sc_peer_answer_fns *fns)
{
    struct sc_str line;
    for (const char *p = body; n && next_line(&p, body + n, &line);)
        read_answer(line, fns);
}

/* The codes are the wire's own: a status that a proxy made up must not pass for one of ours. */
static enum sc_code code_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return SC_EAUTH;
    case 409:
        return SC_EEXIST;
    case 413:
        return SC_ETOOBIG;
    case 421:
        return SC_ENOENT;
    case 429:
        return SC_EBUSY;
    default:
        return status / 100 == 5 ? SC_EAWAY : SC_EPROTO;
    }
}

void sc_peer_problem(int status, const char *body, size_t n, struct sc_err *ret)
{
    sc_auto_value struct sc_value *v = n ? sc_value_parse(body, n, NULL) : NULL;
    const char *detail = sc_value_get_str(v, "detail"), *remedy = sc_value_get_str(v, "remedy");
    if (detail && sc_value_get_int(v, "status", 0) == status)
        (void)sc_fail(ret, code_of(status), "%.200s", detail);
    else
        (void)sc_fail(ret, code_of(status), "it answers HTTP %d", status);
    (void)sc_err_remedy(ret, "%.200s", detail && remedy ? remedy : "");
}
