/* Consul KV as a mailbox of small messages (DESIGN 2), and the transport port over it.
 *
 * Keys                                     who writes                  who reads, then deletes
 *   agents/<id>/inbox/<any>                anybody, and our send()     the sidecar that serves <id>
 *   agents/<id>/outbox/<any>               anybody beside <id>         the same
 *   gateways/<gw>/inbox/<uuid>             other sidecars: receipts,   <gw>'s sidecar
 *                                          replies, notes to people
 * What cannot be read moves to .../rejected/<any> with the reason, in one transaction.
 *
 * An entry's name is its key, for an outbox "outbox/" and its key. A key may be written again while
 * the first message is being stored, so each is known by its ModifyIndex: it is deleted only if
 * that still holds, and the id of a message without one is derived from key, index and content. */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/crypto.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { AGAIN_MS = 60 * 1000 }; /* reported and still not stored: the spool was full, or so */
#define OUTBOX_MARK "outbox/"

enum box { INBOX, OUTBOX, GATEWAY };

/* A key that was reported; kept until an answer does not have it any more. */
struct item {
    struct sc_consul_mailbox *mailbox;
    enum box box;
    char *name, *key;
    const char *msg; /* the last part of key */
    char *owner;     /* the agent or gateway */
    uint64_t index;
    sc_mono reported;
    bool settled; /* stored here: to be deleted */
    bool gone;    /* deleted, or put aside */
    bool seen;    /* in the answer that is coming in */
    struct sc_consul_call *call;
    char reason[SC_REASON_MAX]; /* of a rejection under way */
};

struct sc_consul_mailbox {
    struct sc_transport transport;
    struct sc_consul_mailbox_deps d;
    struct sc_map *items;  /* by name */
    struct sc_map *served; /* agents whose boxes we read */
    struct sc_consul_outgoing *outgoing;
    bool closed;
};

/* ---- items ---- */

static void item_free(void *value)
{
    struct item *it = value;
    sc_consul_kv_cancel(it->call);
    free(it->name);
    free(it->key);
    free(it->owner);
    free(it);
}

/* The key says something else by now, which is another message: the next answer brings it. */
static void overwritten(struct item *it)
{
    it->gone = true;
    it->index = 0;
    it->mailbox->d.reread(it->mailbox->d.ctx);
}

static void on_deleted(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct item *it = ctx;
    (void)res;
    it->call = NULL;
    if (!err)
        it->gone = true;
    else if (err->code == SC_EEXIST)
        overwritten(it);
    /* else it is still settled: the next answer that shows it tries again */
}

static void delete_item(struct item *it)
{
    struct sc_buf txn = SC_BUF_INIT;
    it->settled = true;
    if (it->call)
        return;
    /* A transaction, because the path of a DELETE may not hold everything that a key may. */
    sc_kv_txn_add(
        &txn, &(struct sc_kv_op){ .verb = SC_KV_DELETE_CAS, .key = it->key, .index = it->index });
    it->call = sc_consul_kv_txn_in_turn(it->mailbox->d.env->kv, &txn, on_deleted, it);
}

/* ---- what cannot be read ---- */

static void on_put_aside(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct item *it = ctx;
    struct sc_consul_mailbox *b = it->mailbox;
    (void)res;
    it->call = NULL;
    if (err && err->code == SC_EEXIST) {
        overwritten(it);
        return;
    }
    sc_log_warn(b->d.env->log, "consul.mailbox.rejected", SC_S("key", it->key),
                SC_S("reason", it->reason),
                SC_S("instead", err ? "it stays where it is" : "it lies under rejected/"));
    it->gone = !err;
    b->d.events.rejected(b->d.events.ctx, &b->transport, it->reason);
}

static void put_aside(struct item *it, const char *value, size_t n, const char *reason)
{
    const struct sc_consul_env *env = it->mailbox->d.env;
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_auto_free char *to =
        sc_xasprintf("%s/%s/%s/rejected/%s", env->prefix,
                     it->box == GATEWAY ? "gateways" : "agents", it->owner, it->msg);
    struct sc_buf txn = SC_BUF_INIT;
    (void)snprintf(it->reason, sizeof it->reason, "%s", reason);
    sc_rejected_to_json(it->reason, value, n, &json);
    sc_kv_txn_add(&txn, &(struct sc_kv_op){
                            .verb = SC_KV_SET, .key = to, .value = json.p, .value_len = json.n });
    sc_kv_txn_add(
        &txn, &(struct sc_kv_op){ .verb = SC_KV_DELETE_CAS, .key = it->key, .index = it->index });
    it->call = sc_consul_kv_txn_in_turn(env->kv, &txn, on_put_aside, it);
}

/* ---- reading ---- */

/* The same text under the same key at the same index is the same message; after a dev-mode Consul
 * lost everything, the index alone may repeat. */
static char *unique_name(const struct item *it, const char *value, size_t n)
{
    uint8_t sum[SC_SHA256_SIZE];
    char hex[2 * SC_SHA256_SIZE + 1];
    sc_sha256(value, n, sum);
    sc_hex(sum, 8, hex);
    return sc_xasprintf("%s@%llu#%s", it->key, (unsigned long long)it->index, hex);
}

/* The minimal form claims nobody's name. Whoever claims a gateway's or an agent's must have signed.
 */
static int authentic(const struct sc_consul_mailbox *b, const struct sc_message *m,
                     struct sc_err *err)
{
    static const char external[] = "external:";
    if (!m->from_gateway && strncmp(m->from_agent, external, sizeof external - 1) == 0)
        return SC_OK;
    return sc_message_verify(m, &b->d.key, err);
}

static void take_message(struct item *it, struct sc_message *take_m)
{
    struct sc_consul_mailbox *b = it->mailbox;
    struct sc_entry entry = { .name = "", .stream = "" };
    (void)snprintf(entry.name, sizeof entry.name, "%s", it->name);
    (void)snprintf(entry.stream, sizeof entry.stream, "%s",
                   it->box == GATEWAY ? take_m->to_agent : it->owner);
    b->d.events.message(b->d.events.ctx, &b->transport, take_m, &entry);
}

static int read_agent_box(struct item *it, const char *value, size_t n, struct sc_err *err)
{
    struct sc_message *m = sc_xcalloc(1, sizeof *m);
    sc_auto_free char *name = unique_name(it, value, n);
    sc_message_init(m);
    int r = it->box == OUTBOX ? sc_message_from_kv_outbox(value, n, it->owner, name, m, err)
                              : sc_message_from_kv_inbox(value, n, it->owner, name, m, err);
    /* What lies in an outbox is signed by us when it leaves; who may write there is Consul's ACL.
     */
    if (r == SC_OK && it->box == INBOX)
        r = authentic(it->mailbox, m, err);
    /* An inbox is one agent's: an envelope for somebody else would be delivered to the wrong door.
     */
    if (r == SC_OK && it->box == INBOX && !sc_streq(m->to_agent, it->owner))
        r = sc_fail(err, SC_EINVAL, "addressed to %s, but in the inbox of %s", m->to_agent,
                    it->owner);
    if (r < 0) {
        sc_message_free(m);
        return r;
    }
    it->reason[0] = '\0';
    take_message(it, m);
    /* sc_consul_mailbox_reject was called from inside the event. */
    return it->reason[0] ? sc_fail(err, SC_EINVAL, "%s", it->reason) : SC_OK;
}

static int read_gateway_box(struct item *it, const char *value, size_t n, struct sc_err *err)
{
    struct sc_consul_mailbox *b = it->mailbox;
    struct sc_envelope e = { .is_receipts = false };
    int r = sc_envelope_from_json(value, n, &e, err);
    if (r < 0)
        return r;
    if (e.is_receipts)
        r = sc_receipts_verify(&e.receipts, e.sig, &b->d.key, err);
    else
        r = authentic(b, &e.msg, err);
    if (r == SC_OK && e.is_receipts) {
        b->d.events.receipts(b->d.events.ctx, &b->transport, &e.receipts);
        delete_item(it); /* nothing to store: a lost receipt is asked for again */
    } else if (r == SC_OK) {
        take_message(it, sc_message_copy(&e.msg));
    }
    sc_envelope_fini(&e);
    return r;
}

void sc_consul_mailbox_reject(struct sc_consul_mailbox *b, const char *name, const char *reason)
{
    struct item *it = sc_map_get(b->items, name);
    if (it)
        (void)snprintf(it->reason, sizeof it->reason, "%s", reason);
}

static void read_item(struct item *it, const char *value, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    it->reported = sc_clock_mono(&it->mailbox->d.env->clock);
    int r;
    if (strlen(it->name) >= sizeof((struct sc_entry *)0)->name)
        r = sc_fail(&err, SC_ETOOBIG, "key is longer than %zu bytes",
                    sizeof((struct sc_entry *)0)->name - 1);
    else if (it->box == GATEWAY)
        r = read_gateway_box(it, value, n, &err);
    else
        r = read_agent_box(it, value, n, &err);
    if (r < 0)
        put_aside(it, value, n, err.text);
}

static struct item *item_new(struct sc_consul_mailbox *b, enum box box, const char *owner,
                             const char *msg, const char *key)
{
    struct item *it = sc_xcalloc(1, sizeof *it);
    it->mailbox = b;
    it->box = box;
    it->owner = sc_xstrdup(owner);
    it->key = sc_xstrdup(key);
    it->msg = it->key + strlen(key) - strlen(msg);
    it->name = sc_xasprintf("%s%s", box == OUTBOX ? OUTBOX_MARK : "", key);
    (void)sc_map_set(b->items, it->name, it);
    return it;
}

static void on_key(struct sc_consul_mailbox *b, enum box box, const char *owner, const char *msg,
                   const struct sc_kv_entry *e)
{
    sc_auto_free char *name = sc_xasprintf("%s%s", box == OUTBOX ? OUTBOX_MARK : "", e->key);
    struct item *it = sc_map_get(b->items, name);
    sc_mono now = sc_clock_mono(&b->d.env->clock);
    if (it) {
        it->seen = true;
        if (it->call)
            return;
        if (it->index == e->modify_index && (it->gone || it->settled)) {
            if (!it->gone)
                delete_item(it);
            return;
        }
        if (!it->gone && !it->settled && now.ms - it->reported.ms < AGAIN_MS)
            return; /* being stored */
    } else if (sc_map_count(b->items) >= SC_KV_INFLIGHT_MAX) {
        return; /* it waits in Consul; the next answers bring it again */
    } else {
        it = item_new(b, box, owner, msg, e->key);
        it->seen = true;
    }
    it->index = e->modify_index;
    it->gone = it->settled = false;
    read_item(it, e->value, e->value_len);
}

/* ---- the answers of the two watches ---- */

static bool unsee(void *ctx, const char *name, void *value)
{
    const bool *gateways = ctx;
    struct item *it = value;
    (void)name;
    if ((it->box == GATEWAY) == *gateways)
        it->seen = false;
    return true;
}

void sc_consul_mailbox_begin(struct sc_consul_mailbox *b, bool gateways)
{
    sc_map_each(b->items, unsee, &gateways);
}

/* A key that was no UTF-8 comes with U+FFFD in it and cannot be named in a request any more. */
static bool can_be_named(const char *key)
{
    return !strstr(key, "\xef\xbf\xbd");
}

bool sc_consul_mailbox_key(struct sc_consul_mailbox *b, bool gateways, const char *owner,
                           const char *field, const struct sc_kv_entry *e)
{
    static const char inbox[] = "inbox/", outbox[] = "outbox/", rejected[] = "rejected/";
    bool is_in = strncmp(field, inbox, sizeof inbox - 1) == 0;
    bool is_out = !gateways && strncmp(field, outbox, sizeof outbox - 1) == 0;
    bool ours = gateways ? sc_streq(owner, b->d.env->self) : sc_map_get(b->served, owner) != NULL;
    if (!is_in && !is_out)
        return strncmp(field, rejected, sizeof rejected - 1) == 0;
    const char *msg = strchr(field, '/') + 1;
    if (!ours || b->closed || *msg == '\0') /* "inbox/" itself is a folder of Consul's web page */
        return true;
    if (can_be_named(e->key))
        on_key(b, gateways ? GATEWAY : is_in ? INBOX : OUTBOX, owner, msg, e);
    else
        sc_log_debug(b->d.env->log, "consul.mailbox.unnameable", SC_S("key", e->key));
    return true;
}

struct sweep {
    struct sc_consul_mailbox *b;
    bool gateways;
};

static bool sweep_item(void *ctx, const char *name, void *value)
{
    const struct sweep *s = ctx;
    struct item *it = value;
    if ((it->box == GATEWAY) == s->gateways && !it->seen && !it->call)
        item_free(sc_map_del(s->b->items, name));
    return true;
}

void sc_consul_mailbox_end(struct sc_consul_mailbox *b, bool gateways)
{
    struct sweep s = { .b = b, .gateways = gateways };
    sc_map_each(b->items, sweep_item, &s);
}

/* ---- the transport port ---- */

static int do_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                   struct sc_err *err)
{
    struct sc_consul_mailbox *b = impl;
    if (b->transport.state != SC_LINK_UP)
        return sc_fail(err, SC_EAWAY, "consul is away");
    return sc_consul_outgoing_send(b->outgoing, m, done, ctx, err);
}

static void do_receipts(void *impl, const struct sc_receipts *r)
{
    struct sc_consul_mailbox *b = impl;
    if (b->transport.state == SC_LINK_UP)
        sc_consul_outgoing_receipts(b->outgoing, r);
}

static void do_settle(void *impl, const struct sc_entry *e)
{
    struct sc_consul_mailbox *b = impl;
    struct item *it = sc_map_get(b->items, e->name);
    if (it && !it->gone && !b->closed)
        delete_item(it);
}

static void do_serve(void *impl, const char *const *agents, size_t n)
{
    struct sc_consul_mailbox *b = impl;
    struct sc_map *served = sc_map_new();
    bool more = false;
    for (size_t i = 0; i < n; i++) {
        more |= !sc_map_get(b->served, agents[i]);
        (void)sc_map_set(served, agents[i], b);
    }
    sc_map_free(b->served, NULL);
    b->served = served;
    if (more && !b->closed)
        b->d.reread(b->d.ctx);
}

static void do_close(void *impl)
{
    struct sc_consul_mailbox *b = impl;
    if (b->closed)
        return;
    b->closed = true;
    b->transport.state = SC_LINK_OFF;
    sc_consul_outgoing_close(b->outgoing);
}

static const struct sc_transport_ops transport_ops = { .send = do_send,
                                                       .receipts = do_receipts,
                                                       .settle = do_settle,
                                                       .serve = do_serve,
                                                       .close = do_close };

void sc_consul_mailbox_link(struct sc_consul_mailbox *b, enum sc_link_state state,
                            const char *detail, const char *remedy)
{
    if (b->closed)
        return;
    b->transport.state = state;
    if (state != SC_LINK_UP)
        sc_consul_kv_give_up(b->d.env->kv);
    b->d.events.link(b->d.events.ctx, &b->transport, state, detail, remedy);
}

/* ---- the mailbox ---- */

struct sc_consul_mailbox *sc_consul_mailbox_new(const struct sc_consul_mailbox_deps *deps)
{
    struct sc_consul_mailbox *b = sc_xcalloc(1, sizeof *b);
    b->d = *deps;
    b->transport = (struct sc_transport){
        .name = "consul",
        .ops = &transport_ops,
        .impl = b,
        .state = SC_LINK_OFF,
        .last_resort = true, /* every message is a write to Consul's disk, and a change to all */
        .took = { .scale = &sc_scale_quick }
    };
    b->outgoing = sc_consul_outgoing_new(deps->env, deps->key, &b->transport.took);
    b->items = sc_map_new();
    b->served = sc_map_new();
    return b;
}

struct sc_transport *sc_consul_mailbox_transport(struct sc_consul_mailbox *b)
{
    return &b->transport;
}

void sc_consul_mailbox_close(struct sc_consul_mailbox *b)
{
    do_close(b);
}

void sc_consul_mailbox_free(struct sc_consul_mailbox *b)
{
    if (!b)
        return;
    sc_consul_outgoing_free(b->outgoing);
    sc_map_free(b->items, item_free);
    sc_map_free(b->served, NULL);
    free(b);
}
