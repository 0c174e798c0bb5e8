#include <stdlib.h>

#include "envelope_fixture.h"

static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
static const struct sc_mesh_key key = { .key = secret, .key_len = 32 };
static const struct sc_mesh_key other = { .key = secret + 1, .key_len = 31 };
static const struct sc_mesh_key none = { .key = NULL, .key_len = 0 };

static int verify(const struct sc_message *m, const struct sc_mesh_key *k)
{
    struct sc_err err = SC_ERR_INIT;
    return sc_message_verify(m, k, &err);
}

Test(sig, signed_verifies_and_survives_the_wire)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m = full_message();
    struct sc_message back;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_message_sign(&m, &key);
    cr_assert_eq(strlen(m.sig), 64);
    cr_assert_eq(verify(&m, &key), SC_OK);
    sc_message_to_json(&m, &text);
    cr_assert_eq(sc_message_from_json(text.p, text.n, &back, NULL, &err), SC_OK);
    cr_assert_eq(verify(&back, &key), SC_OK);
    sc_message_fini(&back);
}

Test(sig, another_key_none_or_a_broken_signature_is_refused)
{
    sc_auto_message struct sc_message m = full_message();
    sc_message_sign(&m, &other);
    cr_assert_eq(verify(&m, &key), SC_EAUTH);
    sc_message_sign(&m, &none);
    cr_assert_null(m.sig);
    cr_assert_eq(verify(&m, &key), SC_EAUTH);
    sc_set_str(&m.sig, "");
    cr_assert_eq(verify(&m, &key), SC_EAUTH);
    sc_message_sign(&m, &key);
    m.sig[63] = m.sig[63] == '0' ? '1' : '0';
    cr_assert_eq(verify(&m, &key), SC_EAUTH);
}

Test(sig, without_a_key_everything_passes)
{
    sc_auto_message struct sc_message m = full_message();
    cr_assert_eq(verify(&m, &none), SC_OK);
}

static void set_body(struct sc_message *m, const char *body)
{
    sc_set_str(&m->body, body);
    m->body_len = strlen(body);
}

/* One change each; all must break the signature. */
static void change(struct sc_message *m, int which)
{
    switch (which) {
    case 0:
        m->id.b[15] ^= 1;
        break;
    case 1:
        m->kind = SC_KIND_MESSAGE;
        break;
    case 2:
        sc_set_str(&m->from_agent, "mallory");
        break;
    case 3:
        sc_set_str(&m->from_gateway, "gw-x");
        break;
    case 4:
        sc_set_str(&m->to_agent, "mallory");
        break;
    case 5:
        sc_set_str(&m->thread, "t 2");
        break;
    case 6:
        m->in_reply_to.b[15] ^= 1;
        break;
    case 7:
        set_body(m, "pay");
        break;
    case 8:
        sc_set_str(&m->content_type, "text/html");
        break;
    case 9:
        m->timestamp.ms++;
        break;
    case 10:
        m->ttl_s++;
        break;
    case 11:
        m->seq++;
        break;
    case 12:
        m->privacy = SC_PRIVACY_PUBLIC;
        break;
    case 13:
        sc_set_str(&m->traceparent, "00-abd-01");
        break;
    case 14:
        sc_set_str(&m->extra, "{\"a\":2}");
        break;
    case 15:
        sc_set_str(&m->extra, NULL);
        break;
    /* Moved from one field into its neighbour. */
    case 16:
        sc_set_str(&m->from_agent, "bobbygw");
        sc_set_str(&m->from_gateway, "-b");
        break;
    case 17:
        m->ask = false;
        break;
    case 18:
        m->prev = (struct sc_id){ { 0 } };
        break;
    default:
        cr_assert(false, "no change %d", which);
    }
}

Test(sig, every_field_that_routing_leaves_alone_is_covered)
{
    for (int i = 0; i <= 18; i++) {
        sc_auto_message struct sc_message m = full_message();
        sc_message_sign(&m, &key);
        change(&m, i);
        cr_assert_eq(verify(&m, &key), SC_EAUTH, "change %d went unnoticed", i);
    }
}

Test(sig, routing_may_change_its_own_fields)
{
    sc_auto_message struct sc_message m = full_message();
    sc_message_sign(&m, &key);
    sc_set_str(&m.to_gateway, "gw-z");
    sc_set_str(&m.visited, "gw-b,gw-c,gw-d");
    m.hops++;
    cr_assert_eq(verify(&m, &key), SC_OK);
}

static struct sc_receipts receipts(void)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_receipts r = { .from_gateway = sc_xstrdup("gw-b"),
                             .to_gateway = sc_xstrdup("gw-a"),
                             .v = sc_xcalloc(2, sizeof(struct sc_receipt)),
                             .n = 2 };
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(sc_id_parse(i ? ID_B : ID_A, &r.v[i].id, &err), SC_OK);
        r.v[i].stage = SC_STAGE_DEAD;
        r.v[i].at.ms = 5;
        (void)snprintf(r.v[i].reason, SC_REASON_MAX, "r%zu", i);
    }
    return r;
}

Test(sig, receipts_are_covered_whole)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_receipts r = receipts();
    sc_auto_free char *sig = sc_receipts_sig(&r, &key);
    cr_assert_eq(sc_receipts_verify(&r, sig, &key, &err), SC_OK);
    cr_assert_eq(sc_receipts_verify(&r, NULL, &key, &err), SC_EAUTH);
    cr_assert_eq(sc_receipts_verify(&r, sig, &other, &err), SC_EAUTH);
    cr_assert_eq(sc_receipts_verify(&r, NULL, &none, &err), SC_OK);
    cr_assert_null(sc_receipts_sig(&r, &none));
    r.n = 1;
    cr_assert_eq(sc_receipts_verify(&r, sig, &key, &err), SC_EAUTH);
    r.n = 2;
    r.v[1].stage = SC_STAGE_REPLIED;
    cr_assert_eq(sc_receipts_verify(&r, sig, &key, &err), SC_EAUTH);
    r.v[1].stage = SC_STAGE_DEAD;
    r.v[0].at.ms++;
    cr_assert_eq(sc_receipts_verify(&r, sig, &key, &err), SC_EAUTH);
    r.v[0].at.ms--;
    sc_set_str(&r.to_gateway, "gw-x");
    cr_assert_eq(sc_receipts_verify(&r, sig, &key, &err), SC_EAUTH);
    sc_receipts_fini(&r);
}

/* A message's signature must not do for a batch of receipts, nor the other way round. */
Test(sig, the_two_kinds_are_told_apart)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m = full_message();
    struct sc_receipts r = receipts();
    sc_message_sign(&m, &key);
    cr_assert_eq(sc_receipts_verify(&r, m.sig, &key, &err), SC_EAUTH);
    sc_receipts_fini(&r);
}
