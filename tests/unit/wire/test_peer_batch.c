#include <stdlib.h>

#include "envelope_fixture.h"
#include "sideclaw/peer_wire.h"

static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
static const struct sc_mesh_key key = { .key = secret, .key_len = 32 };

struct seen {
    size_t messages, receipts, bad, last;
    char ids[8][SC_ID_TEXT_SIZE];
    char reason[SC_ERR_TEXT_MAX];
};

static void on_line(void *ctx, size_t line, struct sc_envelope *e, const struct sc_err *err)
{
    struct seen *s = ctx;
    s->last = line;
    if (!e) {
        s->bad++;
        (void)snprintf(s->reason, sizeof s->reason, "%s", err->text);
    } else if (e->is_receipts) {
        s->receipts++;
    } else {
        sc_id_format(&e->msg.id, s->ids[s->messages++]);
    }
}

static int each(const char *body, size_t n, struct seen *s)
{
    struct sc_err err = SC_ERR_INIT;
    *s = (struct seen){ .messages = 0 };
    return sc_peer_batch_each(body, n, on_line, s, &err);
}

static void add_receipts(struct sc_buf *b)
{
    char from[] = "bobby-gateway", to[] = "jerry-gateway";
    struct sc_receipt one = { .id = sc_id_new((sc_wall){ 1771243200000 }),
                              .stage = SC_STAGE_STORED,
                              .at = { 1771243200120 } };
    const struct sc_receipts r = { .from_gateway = from, .to_gateway = to, .v = &one, .n = 1 };
    sc_auto_free char *sig = sc_receipts_sig(&r, &key);
    sc_receipts_to_json(&r, sig, b);
}

Test(peer_batch, messages_and_receipts_come_in_their_order)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_auto_message struct sc_message m = full_message(), n = full_message();
    char first[SC_ID_TEXT_SIZE], second[SC_ID_TEXT_SIZE];
    struct seen s;
    n.id = sc_id_new((sc_wall){ 1771243200001 });
    sc_id_format(&m.id, first);
    sc_id_format(&n.id, second);
    sc_message_to_json(&m, &b);
    sc_buf_addc(&b, '\n');
    add_receipts(&b);
    sc_buf_addc(&b, '\n');
    sc_message_to_json(&n, &b);
    cr_assert_eq(each(b.p, b.n, &s), SC_OK);
    cr_assert_eq(s.messages, 2);
    cr_assert_eq(s.receipts, 1);
    cr_assert_str_eq(s.ids[0], first);
    cr_assert_str_eq(s.ids[1], second);
    cr_assert_eq(s.last, 2);
}

Test(peer_batch, a_bad_line_spoils_no_other)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_auto_message struct sc_message m = full_message();
    struct seen s;
    sc_buf_adds(&b, "{\"v\":1\n\n");
    sc_message_to_json(&m, &b);
    sc_buf_addc(&b, '\n');
    cr_assert_eq(each(b.p, b.n, &s), SC_OK);
    cr_assert_eq(s.bad, 1);
    cr_assert_eq(s.messages, 1);
    cr_assert_eq(s.last, 1, "an empty line is none");
    cr_assert(s.reason[0]);
}

Test(peer_batch, an_empty_body_has_no_line)
{
    struct seen s;
    cr_assert_eq(each("", 0, &s), SC_OK);
    cr_assert_eq(each("\n\n\n", 3, &s), SC_OK);
    cr_assert_eq(s.messages + s.bad + s.receipts, 0);
}

Test(peer_batch, too_many_lines_are_refused_before_the_first_is_read)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    struct seen s;
    for (int i = 0; i < SC_PEER_BATCH_MAX; i++)
        sc_buf_adds(&b, "{}\n");
    cr_assert_eq(each(b.p, b.n, &s), SC_OK);
    cr_assert_eq(s.bad, SC_PEER_BATCH_MAX);
    sc_buf_adds(&b, "{}");
    cr_assert_eq(each(b.p, b.n, &s), SC_ETOOBIG);
    cr_assert_eq(s.bad, 0);
}

/* --- answers --- */

struct answer {
    size_t receipts, refused, line;
    char reason[64];
};

static void on_receipts(void *ctx, const struct sc_receipts *r, const char *sig)
{
    struct answer *a = ctx;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_receipts_verify(r, sig, &key, &err), SC_OK);
    a->receipts++;
}

static void on_refused(void *ctx, size_t line, const char *reason)
{
    struct answer *a = ctx;
    a->refused++;
    a->line = line;
    (void)snprintf(a->reason, sizeof a->reason, "%s", reason);
}

static struct answer read_answer(const char *text, size_t n)
{
    struct answer a = { .receipts = 0 };
    const struct sc_peer_answer_fns fns = { .ctx = &a,
                                            .receipts = on_receipts,
                                            .refused = on_refused };
    sc_peer_answer_each(text, n, &fns);
    return a;
}

Test(peer_answer, receipts_and_refusals_come_back)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_peer_refusal_to_json(3, "no room", &b);
    sc_buf_addc(&b, '\n');
    add_receipts(&b);
    struct answer a = read_answer(b.p, b.n);
    cr_assert_eq(a.receipts, 1);
    cr_assert_eq(a.refused, 1);
    cr_assert_eq(a.line, 3);
    cr_assert_str_eq(a.reason, "no room");
}

Test(peer_answer, what_cannot_be_read_is_skipped)
{
    static const char text[] = "garbage\n{\"kind\":\"refused\",\"line\":-1}\n[]\n"
                               "{\"kind\":\"refused\",\"line\":256}\n{\"kind\":\"newer\"}\n"
                               "{\"kind\":\"refused\",\"line\":0}\n{\"kind\":\"refused\"}";
    struct answer a = read_answer(text, sizeof text - 1);
    cr_assert_eq(a.receipts, 0);
    cr_assert_eq(a.refused, 1);
    cr_assert_eq(a.line, 0);
}

Test(peer_answer, a_problem_is_told_in_its_own_words)
{
    static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Not authorized\","
                               "\"status\":401,\"detail\":\"your clock is 412 s off\","
                               "\"remedy\":\"set it\"}";
    struct sc_err err = SC_ERR_INIT;
    sc_peer_problem(401, body, sizeof body - 1, &err);
    cr_assert_eq(err.code, SC_EAUTH);
    cr_assert_str_eq(err.text, "your clock is 412 s off");
    cr_assert_str_eq(err.remedy, "set it");
}

Test(peer_answer, anything_else_is_told_by_its_status)
{
    static const char *const bodies[] = { "", "<html>", "[]", "{\"detail\":5}",
                                          "{\"status\":200,\"detail\":\"x\"}" };
    for (size_t i = 0; i < SC_ARRAY_LEN(bodies); i++) {
        struct sc_err err = SC_ERR_INIT;
        sc_peer_problem(502, bodies[i], strlen(bodies[i]), &err);
        cr_assert_eq(err.code, SC_EAWAY);
        cr_assert_str_eq(err.text, "it answers HTTP 502");
        cr_assert_str_eq(err.remedy, "");
    }
}
