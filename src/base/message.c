#include "sideclaw/message.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

/* Later stages may overtake earlier ones (a reply before its `started` receipt), never the reverse.
 */
static const struct sc_fsm_state stages[] = {
    [SC_STAGE_ACCEPTED] = { "accepted", SC_NEXT(SC_STAGE_SENT) | SC_NEXT(SC_STAGE_STORED) |
                                            SC_NEXT(SC_STAGE_DELIVERED) |
                                            SC_NEXT(SC_STAGE_STARTED) | SC_NEXT(SC_STAGE_REPLIED) |
                                            SC_NEXT(SC_STAGE_DEAD) },
    [SC_STAGE_SENT] = { "sent", SC_NEXT(SC_STAGE_STORED) | SC_NEXT(SC_STAGE_DELIVERED) |
                                    SC_NEXT(SC_STAGE_STARTED) | SC_NEXT(SC_STAGE_REPLIED) |
                                    SC_NEXT(SC_STAGE_DEAD) },
    [SC_STAGE_STORED] = { "stored", SC_NEXT(SC_STAGE_DELIVERED) | SC_NEXT(SC_STAGE_STARTED) |
                                        SC_NEXT(SC_STAGE_REPLIED) | SC_NEXT(SC_STAGE_DEAD) },
    [SC_STAGE_DELIVERED] = { "delivered", SC_NEXT(SC_STAGE_STARTED) | SC_NEXT(SC_STAGE_REPLIED) |
                                              SC_NEXT(SC_STAGE_DEAD) },
    [SC_STAGE_STARTED] = { "started", SC_NEXT(SC_STAGE_REPLIED) | SC_NEXT(SC_STAGE_DEAD) },
    [SC_STAGE_REPLIED] = { "replied", SC_FINAL },
    [SC_STAGE_DEAD] = { "dead", SC_FINAL },
};
const struct sc_fsm sc_stage_fsm = { .what = "msg", .states = stages, .n = SC_STAGES };

static const char *const kind_names[] = {
    [SC_KIND_MESSAGE] = "message", [SC_KIND_REPLY] = "reply", [SC_KIND_EVENT] = "event"
};
static const char *const privacy_names[] = {
    [SC_PRIVACY_INTERNAL] = "internal", [SC_PRIVACY_PUBLIC] = "public", [SC_PRIVACY_LOCAL] = "local"
};

const char *sc_kind_name(enum sc_kind kind)
{
    return kind_names[kind];
}

const char *sc_privacy_name(enum sc_privacy p)
{
    return privacy_names[p];
}

static int find_name(const char *const *names, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++)
        if (sc_streq(names[i], s))
            return (int)i;
    return -1;
}

bool sc_kind_parse(const char *s, enum sc_kind *ret)
{
    int i = find_name(kind_names, SC_ARRAY_LEN(kind_names), s);
    if (i >= 0)
        *ret = (enum sc_kind)i;
    return i >= 0;
}

bool sc_privacy_parse(const char *s, enum sc_privacy *ret)
{
    int i = find_name(privacy_names, SC_ARRAY_LEN(privacy_names), s);
    if (i >= 0)
        *ret = (enum sc_privacy)i;
    return i >= 0;
}

bool sc_stage_settled(enum sc_kind kind, enum sc_stage stage)
{
    if (kind == SC_KIND_MESSAGE)
        return sc_fsm_final(&sc_stage_fsm, (int)stage);
    return stage >= SC_STAGE_DELIVERED; /* nobody answers a reply or an event */
}

bool sc_message_is_expired(const struct sc_message *m, sc_wall now)
{
    return m->ttl_s && m->timestamp.ms && now.ms > m->timestamp.ms + (int64_t)m->ttl_s * 1000;
}

void sc_message_init(struct sc_message *m)
{
    *m = (struct sc_message){ .kind = SC_KIND_MESSAGE };
}

void sc_message_fini(struct sc_message *m)
{
    free(m->from_agent);
    free(m->from_gateway);
    free(m->to_agent);
    free(m->to_gateway);
    free(m->thread);
    free(m->body);
    free(m->content_type);
    free(m->visited);
    free(m->traceparent);
    free(m->sig);
    free(m->extra);
    sc_message_init(m);
}

void sc_message_free(struct sc_message *m)
{
    if (!m)
        return;
    sc_message_fini(m);
    free(m);
}

struct sc_message *sc_message_copy(const struct sc_message *m)
{
    struct sc_message *c = sc_xmalloc(sizeof *c);
    *c = *m;
    c->from_agent = sc_xstrdup(m->from_agent);
    c->from_gateway = sc_xstrdup(m->from_gateway);
    c->to_agent = sc_xstrdup(m->to_agent);
    c->to_gateway = sc_xstrdup(m->to_gateway);
    c->thread = sc_xstrdup(m->thread);
    c->body = sc_xstrndup(m->body, m->body_len);
    c->content_type = sc_xstrdup(m->content_type);
    c->visited = sc_xstrdup(m->visited);
    c->traceparent = sc_xstrdup(m->traceparent);
    c->sig = sc_xstrdup(m->sig);
    c->extra = sc_xstrdup(m->extra);
    return c;
}

/* An external sender is a free word of somebody's shell; it never becomes a key. */
static int check_sender(const char *from, struct sc_err *err)
{
    static const char external[] = "external:";
    if (from && strncmp(from, external, sizeof external - 1) == 0)
        return sc_name_check("from", from + sizeof external - 1, err);
    return sc_name_check("from", from, err);
}

static int check_text(const char *what, const char *s, size_t max, struct sc_err *err)
{
    if (!s)
        return SC_OK;
    size_t n = strlen(s);
    if (n > max)
        return sc_fail(err, SC_EINVAL, "%s is longer than %zu bytes", what, max);
    if (!sc_utf8_valid(s, n))
        return sc_fail(err, SC_EINVAL, "%s is not valid UTF-8", what);
    return SC_OK;
}

static int check_body(const struct sc_message *m, struct sc_err *err)
{
    if (!m->body)
        return sc_fail(err, SC_EINVAL, "body is missing");
    if (m->body_len > SC_BODY_MAX)
        return sc_fail(err, SC_ETOOBIG, "body has %zu bytes, %d is the most", m->body_len,
                       SC_BODY_MAX);
    if (!sc_utf8_valid(m->body, m->body_len))
        return sc_fail(err, SC_EINVAL, "body is not valid UTF-8 without NUL bytes");
    return SC_OK;
}

int sc_message_check(const struct sc_message *m, struct sc_err *err)
{
    int r = check_sender(m->from_agent, err);
    if (r == SC_OK)
        r = sc_name_check("to", m->to_agent, err);
    if (r == SC_OK && m->from_gateway)
        r = sc_name_check("from.gateway", m->from_gateway, err);
    if (r == SC_OK && m->to_gateway)
        r = sc_name_check("to.gateway", m->to_gateway, err);
    if (r == SC_OK)
        r = check_body(m, err);
    if (r == SC_OK)
        r = check_text("thread", m->thread, SC_THREAD_MAX, err);
    if (r == SC_OK)
        r = check_text("content_type", m->content_type, SC_CONTENT_TYPE_MAX, err);
    if (r == SC_OK)
        r = check_text("traceparent", m->traceparent, SC_TRACEPARENT_MAX, err);
    if (r == SC_OK && m->ttl_s > SC_TTL_MAX_S)
        r = sc_fail(err, SC_EINVAL, "ttl_s is above %d", SC_TTL_MAX_S);
    return r;
}

void sc_reason_copy(char ret[SC_REASON_MAX], const char *reason)
{
    size_t n = 0, len;
    while (reason && (len = sc_utf8_next(reason + n, 4)) > 0 && n + len < SC_REASON_MAX)
        n += len;
    if (n)
        memcpy(ret, reason, n);
    ret[n] = 0;
}

static bool begins_with(const char *text, const char *word)
{
    return text && strncmp(text, word, strlen(word)) == 0;
}

bool sc_reason_ambiguous(const char *reason)
{
    return begins_with(reason, "ambiguous:");
}

bool sc_reason_unrun(const char *reason)
{
    static const char *const words[] = { "expired:", "loop:", "moved:", "unknown recipient:" };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        if (begins_with(reason, words[i]))
            return true;
    return false;
}

void sc_receipts_fini(struct sc_receipts *r)
{
    free(r->from_gateway);
    free(r->to_gateway);
    free(r->v);
    *r = (struct sc_receipts){ 0 };
}
