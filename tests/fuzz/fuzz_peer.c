/* What stands in a request to /peer, in its answer and in the directory: any bytes. The first byte
 * chooses the parser. */
#include <stdint.h>
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "sideclaw/peer_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
static const struct sc_mesh_key key = { .key = secret, .key_len = 32 };

/* What was read can be said again, and is then believed. */
static void header(const char *text)
{
    struct sc_peer_auth a, again;
    struct sc_err err = SC_ERR_INIT;
    const struct sc_peer_post post = { .method = "POST", .path = "/peer", .body = "" };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    if (sc_peer_auth_parse(text, &a, &err) < 0) {
        sc_assert(err.text[0] && err.remedy[0]);
        return;
    }
    sc_peer_auth_sign(&a, &post, &key, &out);
    sc_assert(sc_peer_auth_parse(out.p, &again, &err) == SC_OK);
    sc_assert(sc_peer_auth_verify(&again, &post, &key, &err) == SC_OK);
    sc_assert(sc_streq(a.from, again.from) && sc_streq(a.to, again.to) &&
              a.number == again.number && a.at.ms == again.at.ms);
}

static void on_line(void *ctx, size_t line, struct sc_envelope *e, const struct sc_err *err)
{
    size_t *lines = ctx;
    sc_assert(line == *lines && line < SC_PEER_BATCH_MAX);
    sc_assert((e == NULL) == (err != NULL));
    (*lines)++;
}

static void on_receipts(void *ctx, const struct sc_receipts *r, const char *sig)
{
    struct sc_err err = SC_ERR_INIT;
    (void)ctx;
    sc_assert(r->n > 0 && r->n <= SC_RECEIPTS_MAX);
    int rc = sc_receipts_verify(r, sig, &key, &err);
    sc_assert(rc == SC_OK || rc == SC_EAUTH);
}

static void on_refused(void *ctx, size_t line, const char *reason)
{
    (void)ctx;
    sc_assert(line < SC_PEER_BATCH_MAX && reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sc_peer_answer_fns fns = { .receipts = on_receipts, .refused = on_refused };
    struct sc_err err = SC_ERR_INIT;
    size_t lines = 0;
    if (size == 0)
        return 0;
    sc_auto_free char *text = sc_xstrndup((const char *)data + 1, size - 1);
    switch (data[0]) {
    case 'h':
        header(text);
        break;
    case 'b':
        (void)!sc_peer_batch_each((const char *)data + 1, size - 1, on_line, &lines, &err);
        break;
    case 'a':
        sc_peer_answer_each((const char *)data + 1, size - 1, &fns);
        break;
    case 'u':
        sc_assert(sc_peer_url_check(text, &err) == SC_OK || err.text[0]);
        break;
    case 'p':
        sc_peer_problem(401, (const char *)data + 1, size - 1, &err);
        sc_assert(err.text[0]);
        break;
    default:
        break;
    }
    return 0;
}
