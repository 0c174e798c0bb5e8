/* The sending half of the mailbox: an envelope or a batch of receipts becomes one key in the box of
 * whoever is to read it, which deletes it. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"

struct send {
    struct sc_consul_outgoing *outgoing;
    TAILQ_ENTRY(send) link;
    struct sc_id id;
    sc_transport_done_fn *done;
    void *ctx;
    struct sc_consul_call *call;
    sc_tick began;
};

struct sc_consul_outgoing {
    const struct sc_consul_env *env;
    struct sc_mesh_key key;
    struct sc_histogram *took;
    TAILQ_HEAD(send_list, send) sends;
};

struct sc_consul_outgoing *sc_consul_outgoing_new(const struct sc_consul_env *env,
                                                  struct sc_mesh_key key, struct sc_histogram *took)
{
    struct sc_consul_outgoing *o = sc_xcalloc(1, sizeof *o);
    TAILQ_INIT(&o->sends);
    o->env = env;
    o->key = key;
    o->took = took;
    return o;
}

static void on_sent(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct send *s = ctx;
    (void)res;
    TAILQ_REMOVE(&s->outgoing->sends, s, link);
    if (!err)
        sc_histogram_since(s->outgoing->took, &s->outgoing->env->clock, s->began);
    s->done(s->ctx, &s->id, err);
    free(s);
}

/* A message goes to its agent's inbox, where it survives the agent's moving house. What is for a
 * gateway rather than for an agent of the directory (a reply, a note to a person or to `external:`)
 * goes to the gateway's own. */
static char *address(const struct sc_consul_outgoing *o, const struct sc_message *m)
{
    char id[SC_ID_TEXT_SIZE];
    sc_id_format(&m->id, id);
    bool person = sc_streq(m->to_agent, "operator") || strchr(m->to_agent, ':');
    if (m->to_gateway && (m->kind == SC_KIND_REPLY || person))
        return sc_xasprintf("%s/gateways/%s/inbox/%s", o->env->prefix, m->to_gateway, id);
    return sc_xasprintf("%s/agents/%s/inbox/%s", o->env->prefix, m->to_agent, id);
}

int sc_consul_outgoing_send(struct sc_consul_outgoing *o, const struct sc_message *m,
                            sc_transport_done_fn *done, void *ctx, struct sc_err *err)
{
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_message_to_json(m, &json);
    if (json.n > SC_KV_VALUE_MAX)
        return sc_fail(err, SC_ETOOBIG, "envelope has %zu bytes, a Consul value at most %d", json.n,
                       SC_KV_VALUE_MAX);
    if (sc_consul_kv_busy(o->env->kv))
        return sc_fail(err, SC_EBUSY, "consul: %d messages wait for it already", SC_KV_WAITING_MAX);
    sc_auto_free char *key = address(o, m);
    struct send *s = sc_xcalloc(1, sizeof *s);
    *s = (struct send){
        .outgoing = o, .id = m->id, .done = done, .ctx = ctx, .began = sc_clock_tick(&o->env->clock)
    };
    TAILQ_INSERT_TAIL(&o->sends, s, link);
    s->call = sc_consul_kv_put(o->env->kv, key, json.p, json.n, on_sent, s);
    return SC_OK;
}

static void on_receipts_put(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    const struct sc_consul_outgoing *o = ctx;
    (void)res;
    if (err)
        sc_log_debug(o->env->log, "consul.receipts_unsent", SC_S("reason", err->text));
}

void sc_consul_outgoing_receipts(struct sc_consul_outgoing *o, const struct sc_receipts *r)
{
    if (sc_consul_kv_busy(o->env->kv))
        return; /* they are asked for again */
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_auto_free char *sig = sc_receipts_sig(r, &o->key);
    char text[SC_ID_TEXT_SIZE];
    struct sc_id id = sc_id_new(sc_clock_wall(&o->env->clock));
    sc_id_format(&id, text);
    sc_auto_free char *key =
        sc_xasprintf("%s/gateways/%s/inbox/%s", o->env->prefix, r->to_gateway, text);
    sc_receipts_to_json(r, sig, &json);
    (void)sc_consul_kv_put(o->env->kv, key, json.p, json.n, on_receipts_put, o);
}

static void fail_sends(void *ctx)
{
    struct sc_consul_outgoing *o = ctx;
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_ECANCELED, "consul: closed");
    struct send *s;
    while ((s = TAILQ_FIRST(&o->sends)))
        on_sent(s, NULL, &err); /* NOLINT(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
}

void sc_consul_outgoing_close(struct sc_consul_outgoing *o)
{
    struct send *s;
    TAILQ_FOREACH (s, &o->sends, link)
        sc_consul_kv_cancel(sc_steal(&s->call));
    sc_loop_defer(o->env->loop, fail_sends, o);
}

void sc_consul_outgoing_free(struct sc_consul_outgoing *o)
{
    if (!o)
        return;
    sc_loop_undefer(o->env->loop, fail_sends, o);
    fail_sends(o); /* nothing is left after _close and a turn */
    free(o);
}
