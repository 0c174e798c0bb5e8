#include <stdlib.h>

#include "envelope_fixture.h"
#include "sideclaw/parse.h"

static struct sc_receipts sample(size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_receipts r = { .from_gateway = sc_xstrdup("gw-b"),
                             .to_gateway = sc_xstrdup("gw-a"),
                             .v = sc_xcalloc(n, sizeof(struct sc_receipt)),
                             .n = n };
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(sc_id_parse(i % 2 ? ID_B : ID_A, &r.v[i].id, &err), SC_OK);
        r.v[i].stage = SC_STAGE_STORED;
        r.v[i].at.ms = 1771243200120;
    }
    return r;
}

static int parse(const struct sc_buf *b, struct sc_receipts *ret, char **ret_sig)
{
    struct sc_err err = SC_ERR_INIT;
    int r = sc_receipts_from_json(b->p, b->n, ret, ret_sig, &err);
    if (r < 0)
        cr_assert_gt(strlen(err.text), 0);
    return r;
}

Test(receipts, round_trip)
{
    struct sc_receipts r = sample(3), back;
    char *sig = NULL;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    r.v[1].stage = SC_STAGE_DEAD;
    (void)snprintf(r.v[1].reason, SC_REASON_MAX, "loop: \"too\" many\n");
    r.v[2].stage = SC_STAGE_REPLIED;
    sc_receipts_to_json(&r, "ab12", &text);
    cr_assert_eq(parse(&text, &back, &sig), SC_OK);
    cr_assert_str_eq(sig, "ab12");
    cr_assert_str_eq(back.from_gateway, "gw-b");
    cr_assert_str_eq(back.to_gateway, "gw-a");
    cr_assert_eq(back.n, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(sc_id_eq(&back.v[i].id, &r.v[i].id));
        cr_assert_eq(back.v[i].stage, r.v[i].stage);
        cr_assert_eq(back.v[i].at.ms, r.v[i].at.ms);
        cr_assert_str_eq(back.v[i].reason, r.v[i].reason);
    }
    free(sig);
    sc_receipts_fini(&r);
    sc_receipts_fini(&back);
}

Test(receipts, an_unsigned_batch_has_no_sig)
{
    struct sc_receipts r = sample(1), back;
    char *sig = NULL;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_receipts_to_json(&r, NULL, &text);
    cr_assert_eq(parse(&text, &back, &sig), SC_OK);
    cr_assert_null(sig);
    sc_receipts_fini(&r);
    sc_receipts_fini(&back);
}

/* A whole batch of the worst reasons must fit into one envelope, or it is lost for ever. */
Test(receipts, a_full_batch_with_long_reasons_fits_the_wire)
{
    struct sc_receipts r = sample(SC_RECEIPTS_MAX), back;
    char *sig = NULL;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    for (size_t i = 0; i < r.n; i++) {
        r.v[i].stage = SC_STAGE_DEAD;
        memset(r.v[i].reason, 0x01, SC_REASON_MAX - 1);
    }
    sc_receipts_to_json(&r, NULL, &text);
    cr_assert_leq(text.n, SC_ENVELOPE_MAX);
    cr_assert_eq(parse(&text, &back, &sig), SC_OK);
    cr_assert_eq(back.n, SC_RECEIPTS_MAX);
    sc_receipts_fini(&r);
    sc_receipts_fini(&back);
}

/* JSON has no word for half a character; the reason must not vanish, or the signature would not
 * match what is left. */
Test(receipts, a_reason_that_was_cut_still_travels_and_verifies)
{
    static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
    const struct sc_mesh_key key = { .key = secret, .key_len = 32 };
    struct sc_err err = SC_ERR_INIT;
    struct sc_receipts r = sample(1), back;
    char *have = NULL;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    char reason[2 * SC_REASON_MAX] = "x";
    for (size_t i = 1; i + 3 < sizeof reason; i += 3)
        memcpy(reason + i, "\xe2\x82\xac", 4);
    r.v[0].stage = SC_STAGE_DEAD;
    sc_reason_copy(r.v[0].reason, reason);
    sc_auto_free char *sig = sc_receipts_sig(&r, &key);
    sc_receipts_to_json(&r, sig, &text);
    cr_assert_eq(parse(&text, &back, &have), SC_OK);
    cr_assert_gt(strlen(back.v[0].reason), 200);
    cr_assert(sc_utf8_valid(back.v[0].reason, strlen(back.v[0].reason)));
    cr_assert_eq(sc_receipts_verify(&back, have, &key, &err), SC_OK, "%s", err.text);
    free(have);
    sc_receipts_fini(&r);
    sc_receipts_fini(&back);
}

#define HEAD "\"kind\":\"receipt\",\"from\":{\"gateway\":\"b\"},\"to\":{\"gateway\":\"a\"}"
#define ONE "{\"id\":\"" ID_A "\",\"stage\":\"stored\",\"at\":\"2026-02-16T12:00:00Z\"}"

Test(receipts, malformed_batches_are_refused)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"kind\":\"message\"}",
        "{" HEAD "}",
        "{" HEAD ",\"receipts\":[]}",
        "{" HEAD ",\"receipts\":{}}",
        "{" HEAD ",\"receipts\":[7]}",
        "{" HEAD ",\"receipts\":[" ONE ",null]}",
        "{" HEAD
        ",\"receipts\":[{\"id\":\"x\",\"stage\":\"stored\",\"at\":\"2026-02-16T12:00:00Z\"}]}",
        "{" HEAD ",\"receipts\":[{\"id\":\"" ID_A
        "\",\"stage\":\"sent\",\"at\":\"2026-02-16T12:00:00Z\"}]}",
        "{" HEAD ",\"receipts\":[{\"id\":\"" ID_A
        "\",\"stage\":\"accepted\",\"at\":\"2026-02-16T12:00:00Z\"}]}",
        "{" HEAD ",\"receipts\":[{\"id\":\"" ID_A
        "\",\"stage\":7,\"at\":\"2026-02-16T12:00:00Z\"}]}",
        "{" HEAD ",\"receipts\":[{\"id\":\"" ID_A "\",\"stage\":\"stored\"}]}",
        "{" HEAD ",\"receipts\":[{\"id\":\"" ID_A "\",\"stage\":\"stored\",\"at\":5}]}",
        "{" HEAD ",\"receipts\":[{\"id\":\"" ID_A
        "\",\"stage\":\"dead\",\"at\":\"2026-02-16T12:00:00Z\",\"reason\":5}]}",
        "{" HEAD ",\"receipts\":[" ONE "],\"sig\":5}",
        "{\"kind\":\"receipt\",\"to\":{\"gateway\":\"a\"},\"receipts\":[" ONE "]}",
        "{\"kind\":\"receipt\",\"from\":\"b\",\"to\":{\"gateway\":\"a\"},\"receipts\":[" ONE "]}",
        "{\"kind\":\"receipt\",\"from\":{\"gateway\":\"b/"
        "c\"},\"to\":{\"gateway\":\"a\"},\"receipts\":[" ONE "]}",
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_receipts r = { 0 };
        char *sig = NULL;
        sc_auto_buf struct sc_buf b = SC_BUF_INIT;
        sc_buf_adds(&b, bad[i]);
        cr_assert_lt(parse(&b, &r, &sig), 0, "taken: %s", bad[i]);
        cr_assert_null(r.v);
        cr_assert_null(sig);
    }
}

Test(receipts, more_than_a_batch_is_refused)
{
    struct sc_receipts r = sample(SC_RECEIPTS_MAX + 1), back;
    char *sig = NULL;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_receipts_to_json(&r, NULL, &text);
    cr_assert_lt(parse(&text, &back, &sig), 0);
    sc_receipts_fini(&r);
}

Test(receipts, a_text_over_the_bound_is_not_even_parsed)
{
    struct sc_receipts r;
    char *sig = NULL;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_buf_adds(&text, "{" HEAD ",\"receipts\":[" ONE "]}");
    for (size_t i = 0; i <= SC_ENVELOPE_MAX; i++)
        sc_buf_addc(&text, ' ');
    cr_assert_eq(parse(&text, &r, &sig), SC_ETOOBIG);
}
