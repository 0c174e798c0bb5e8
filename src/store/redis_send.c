/* What leaves: messages, receipts, and commands whose answer does not matter. */
#include <stdlib.h>
#include <string.h>

#include "redis_internal.h"
#include "sideclaw/mem.h"

/* One round trip: the durable copy first, then the fast one that names it (DESIGN 3).
 * KEYS[1] the receiver's stream; ARGV: its gateway's channel, the envelope. */
const char sc_redis_send_script[] =
    "local id = redis.call('XADD', KEYS[1], '*', 'm', ARGV[2]) "
    "redis.call('PUBLISH', ARGV[1], '{\"entry\":\"' .. id .. '\",' .. string.sub(ARGV[2], 2)) "
    "return id";

enum { TOLD_MAX = 2 * SC_REDIS_PENDING_MAX };

/* One send on its way. It keeps the envelope, because a Redis that was restarted or flushed may
 * have forgotten the script, and is then sent the whole of it. */
struct send {
    struct sc_redis *r;
    struct sc_id id;
    sc_transport_done_fn *done;
    void *ctx;
    char *stream, *channel;
    struct sc_buf envelope;
    sc_tick began;
    bool whole_script;
};

static void send_free(struct send *s)
{
    free(s->stream);
    free(s->channel);
    sc_buf_fini(&s->envelope);
    free(s);
}

static void send_end(struct send *s, const struct sc_err *err)
{
    struct sc_redis *r = s->r;
    r->sends--;
    r->send_bytes -= s->envelope.n;
    if (!err)
        sc_histogram_since(&r->t.took, &r->d.clock, s->began);
    if (!r->mute)
        s->done(s->ctx, &s->id, err);
    send_free(s);
}

static void on_sent(void *ctx, const struct sc_redis_reply *reply);

/* For those who listen only: the durable copy was made before, or is not wanted. A copy for each
 * try would fill the stream of an absent receiver with repetitions. */
static int publish_start(struct send *s)
{
    const char *argv[] = { "PUBLISH", s->channel, s->envelope.p };
    const size_t lens[] = { 7, strlen(s->channel), s->envelope.n };
    return sc_redis_link_command(s->r->commands, on_sent, s, 3, argv, lens);
}

static int send_start(struct send *s)
{
    if (!s->stream)
        return publish_start(s);
    const char *script = s->whole_script ? sc_redis_send_script : s->r->sha;
    const char *argv[] = {
        s->whole_script ? "EVAL" : "EVALSHA", script, "1", s->stream, s->channel, s->envelope.p
    };
    const size_t lens[] = { strlen(argv[0]),   strlen(script),     1,
                            strlen(s->stream), strlen(s->channel), s->envelope.n };
    return sc_redis_link_command(s->r->commands, on_sent, s, (int)SC_ARRAY_LEN(argv), argv, lens);
}

static void send_failed(struct send *s, const char *text)
{
    struct sc_redis *r = s->r;
    struct sc_err err = SC_ERR_INIT;
    bool server = sc_redis_explain(sc_redis_link_at(r->commands), text, &err);
    send_end(s, &err);
    if (server) /* a replica, out of memory: no send will do better until the link is back */
        sc_redis_link_drop(r->commands, &err);
}

static void on_sent(void *ctx, const struct sc_redis_reply *reply)
{
    struct send *s = ctx;
    struct sc_err err = SC_ERR_INIT;
    if (!reply) {
        (void)sc_fail(&err, s->r->closed ? SC_ECANCELED : SC_EAWAY,
                      s->r->closed ? "the sidecar is stopping"
                                   : "redis went away before it answered");
        send_end(s, &err);
        return;
    }
    if (!sc_redis_reply_is_error(reply)) {
        send_end(s, NULL);
        return;
    }
    const char *text = sc_redis_reply_str(reply, NULL);
    if (strncmp(text, "NOSCRIPT", 8) == 0 && !s->whole_script) {
        /* In the order of the answers, so the order of the messages stays. */
        s->whole_script = true;
        if (send_start(s) == SC_OK)
            return;
        text = "Server closed";
    }
    send_failed(s, text);
}

static int may_send(const struct sc_redis *r, const struct sc_message *m, struct sc_err *err)
{
    if (r->t.state != SC_LINK_UP || r->closed)
        return sc_fail(err, SC_EAWAY, "redis is away");
    if (!m->to_gateway)
        return sc_fail(err, SC_EINVAL, "the message has no gateway to go to");
    if (r->sends >= SC_REDIS_PENDING_MAX ||
        r->send_bytes + m->body_len > SC_REDIS_PENDING_BYTES_MAX)
        return sc_fail(err, SC_EBUSY, "redis is behind: %zu sends wait for its answer", r->sends);
    return SC_OK;
}

char *sc_redis_channel(const struct sc_redis *r, const char *gateway)
{
    return sc_xasprintf("%s:inbox:%s", r->prefix, gateway);
}

int sc_redis_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                  struct sc_err *err)
{
    struct sc_redis *r = impl;
    int rc = may_send(r, m, err);
    if (rc < 0)
        return rc;
    struct send *s = sc_xcalloc(1, sizeof *s);
    *s = (struct send){
        .r = r, .id = m->id, .done = done, .ctx = ctx, .began = sc_clock_tick(&r->d.clock)
    };
    sc_message_to_json(m, &s->envelope);
    if (s->envelope.n > SC_ENVELOPE_MAX) {
        rc = sc_fail(err, SC_ETOOBIG, "the envelope has %zu bytes, %d is the most", s->envelope.n,
                     SC_ENVELOPE_MAX);
        send_free(s);
        return rc;
    }
    if (!m->again && !m->ask)
        s->stream = sc_redis_agent_key(r, m->to_agent, "inbox");
    s->channel = sc_redis_channel(r, m->to_gateway);
    if (send_start(s) < 0) {
        send_free(s);
        return sc_fail(err, SC_EAWAY, "redis is away");
    }
    r->sends++;
    r->send_bytes += s->envelope.n;
    if (s->stream)
        sc_redis_trim_note(r, m->to_agent);
    return SC_OK;
}

void sc_redis_tell(struct sc_redis *r, int argc, const char **argv, const size_t *argvlen)
{
    /* Bounded like sends, and best effort: what is dropped here comes again. */
    if (!r->commands || sc_redis_link_pending(r->commands) >= TOLD_MAX ||
        sc_redis_link_command(r->commands, NULL, NULL, argc, argv, argvlen) < 0)
        sc_log_debug(r->d.log, "redis.not_told", SC_S("command", argv[0]));
}

void sc_redis_receipts(void *impl, const struct sc_receipts *rc)
{
    struct sc_redis *r = impl;
    if (r->t.state != SC_LINK_UP || !rc->to_gateway)
        return;
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_auto_free char *sig = sc_receipts_sig(rc, &r->d.key);
    sc_auto_free char *channel = sc_redis_channel(r, rc->to_gateway);
    sc_receipts_to_json(rc, sig, &json);
    const char *argv[] = { "PUBLISH", channel, json.p };
    const size_t lens[] = { 7, strlen(channel), json.n };
    sc_redis_tell(r, 3, argv, lens);
}
