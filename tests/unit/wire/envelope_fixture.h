/* envelope_fixture.h: one full envelope, and equality of messages field by field. */
#ifndef SIDECLAW_TESTS_ENVELOPE_FIXTURE_H
#define SIDECLAW_TESTS_ENVELOPE_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"

#define ID_A "0197f3a0-0000-7abc-8def-0123456789ab"
#define ID_B "0197f3a0-0001-7abc-8def-0123456789ab"

static inline struct sc_message full_message(void)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    sc_message_init(&m);
    cr_assert_eq(sc_id_parse(ID_A, &m.id, &err), SC_OK);
    cr_assert_eq(sc_id_parse(ID_B, &m.in_reply_to, &err), SC_OK);
    m.prev = m.in_reply_to;
    m.prev.b[15] ^= 1;
    m.kind = SC_KIND_REPLY;
    m.from_agent = sc_xstrdup("bobby");
    m.from_gateway = sc_xstrdup("gw-b");
    m.to_agent = sc_xstrdup("jerry");
    m.to_gateway = sc_xstrdup("gw-a");
    m.thread = sc_xstrdup("t 1");
    m.body = sc_xstrdup("caf\xc3\xa9 \"\\ \x01\n");
    m.body_len = strlen(m.body);
    m.content_type = sc_xstrdup("text/markdown");
    m.timestamp.ms = 1771243200120;
    m.ttl_s = 3600;
    m.seq = 42;
    m.hops = 2;
    m.visited = sc_xstrdup("gw-b,gw-c");
    m.privacy = SC_PRIVACY_LOCAL;
    m.ask = true;
    m.traceparent = sc_xstrdup("00-abc-01");
    m.sig = sc_xstrdup("ab12");
    m.extra = sc_xstrdup("{\"a\":[1,1.5],\"z\":{\"k\":null}}");
    return m;
}

static inline void assert_same(const struct sc_message *a, const struct sc_message *b)
{
    cr_assert(sc_id_eq(&a->id, &b->id));
    cr_assert(sc_id_eq(&a->in_reply_to, &b->in_reply_to));
    cr_assert(sc_id_eq(&a->prev, &b->prev));
    cr_assert_eq(a->kind, b->kind);
    cr_assert(sc_streq(a->from_agent, b->from_agent));
    cr_assert(sc_streq(a->from_gateway, b->from_gateway));
    cr_assert(sc_streq(a->to_agent, b->to_agent));
    cr_assert(sc_streq(a->to_gateway, b->to_gateway));
    cr_assert(sc_streq(a->thread, b->thread));
    cr_assert(sc_streq(a->body, b->body));
    cr_assert_eq(a->body_len, b->body_len);
    cr_assert(sc_streq(a->content_type, b->content_type));
    cr_assert_eq(a->timestamp.ms, b->timestamp.ms);
    cr_assert_eq(a->ttl_s, b->ttl_s);
    cr_assert_eq(a->seq, b->seq);
    cr_assert_eq(a->hops, b->hops);
    cr_assert(sc_streq(a->visited, b->visited));
    cr_assert_eq(a->privacy, b->privacy);
    cr_assert_eq(a->ask, b->ask);
    cr_assert(sc_streq(a->traceparent, b->traceparent));
    cr_assert(sc_streq(a->sig, b->sig));
    cr_assert(sc_streq(a->extra, b->extra), "%s / %s", a->extra ? a->extra : "-",
              b->extra ? b->extra : "-");
}

#endif
