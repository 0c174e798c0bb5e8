/* consul_internal.h: the parts behind consul_directory.h, bottom up: calls -> watch, session ->
 * view, cluster, presence, service, mailbox. Nothing outside of the consul_*.c files includes it.
 */
#ifndef SIDECLAW_CONSUL_INTERNAL_H
#define SIDECLAW_CONSUL_INTERNAL_H

#include "sideclaw/consul_directory.h"
#include "sideclaw/consul_json.h"
#include "sideclaw/consul_shared.h"
#include "sideclaw/map.h"

enum { SC_CONSUL_ID_SIZE = 64 }; /* a session's id */

/* ---- consul_kv.c: one agent's HTTP API, one function per call ---- */

struct sc_consul_kv;
struct sc_consul_call;

/* err NULL: 2xx. Otherwise err says what went wrong in a sentence for people, with Consul as its
 * subject, and res is the answer when there was one:
 *   SC_EAUTH 403 · SC_ENOENT 404 · SC_EEXIST 409 · SC_ETOOBIG 413 · SC_EBUSY 429 · SC_EPROTO other
 *   4xx · SC_EAWAY 5xx or no answer · SC_ETIMEDOUT. */
typedef void sc_consul_done_fn(void *ctx, const struct sc_http_response *res,
                               const struct sc_err *err);

struct sc_consul_kv *sc_consul_kv_new(struct sc_loop *loop, struct sc_http_client *http,
                                      const char *addr, const char *token);
void sc_consul_kv_set_token(struct sc_consul_kv *kv, const char *token);
/* Borrowed; for an https address. */
void sc_consul_kv_set_tls(struct sc_consul_kv *kv, struct sc_http_tls *tls);
/* No done runs any more. */
void sc_consul_kv_free(struct sc_consul_kv *kv);
/* done does not run. NULL is fine. */
void sc_consul_kv_cancel(struct sc_consul_call *call);

/* An API call, as it was made. */
struct sc_consul_request {
    const char *method;
    const char *path; /* behind /v1/ */
};
/* Each answer is heard before its done runs: err as there. */
typedef void sc_consul_heard_fn(void *ctx, const struct sc_consul_request *req,
                                const struct sc_http_response *res, const struct sc_err *err);
void sc_consul_kv_on_answer(struct sc_consul_kv *kv, sc_consul_heard_fn *fn, void *ctx);
/* Is this Consul's text about a right that is missing, or a token that it does not know? */
bool sc_consul_denies(const char *text);

/* Calls about single messages, of which there may be thousands, take turns: SC_KV_CALLS_MAX are
 * under way at once, so that a backlog neither uses up descriptors nor keeps the heartbeat waiting.
 */
/* Is there no room for one more to wait? */
bool sc_consul_kv_busy(const struct sc_consul_kv *kv);
/* Consul is away: those that wait end with SC_EAWAY. */
void sc_consul_kv_give_up(struct sc_consul_kv *kv);

/* Every call: done runs once, from the loop, unless cancelled; what is passed in is copied. */
struct sc_consul_query {
    const char *prefix; /* of the keys, ends with '/' */
    int64_t index;      /* 0: answer now; else wait for a change after it */
    int64_t wait_ms;
    int (*chunk)(void *ctx, const char *data, size_t n); /* as in sc_http_request */
};
struct sc_consul_call *sc_consul_kv_list(struct sc_consul_kv *kv, const struct sc_consul_query *q,
                                         sc_consul_done_fn *done, void *ctx);
/* Takes its turn. */
struct sc_consul_call *sc_consul_kv_put(struct sc_consul_kv *kv, const char *key, const char *value,
                                        size_t n, sc_consul_done_fn *done, void *ctx);
/* take_txn: a body made with sc_kv_txn_add; closed, sent and left empty. */
struct sc_consul_call *sc_consul_kv_txn(struct sc_consul_kv *kv, struct sc_buf *take_txn,
                                        sc_consul_done_fn *done, void *ctx);
/* The same, but takes its turn. */
struct sc_consul_call *sc_consul_kv_txn_in_turn(struct sc_consul_kv *kv, struct sc_buf *take_txn,
                                                sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_session_create(struct sc_consul_kv *kv, const char *name,
                                                   int64_t ttl_ms, sc_consul_done_fn *done,
                                                   void *ctx);
struct sc_consul_call *sc_consul_kv_session_renew(struct sc_consul_kv *kv, const char *id,
                                                  sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_session_destroy(struct sc_consul_kv *kv, const char *id,
                                                    sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_service_get(struct sc_consul_kv *kv, const char *id,
                                                sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_service_register(struct sc_consul_kv *kv,
                                                     const struct sc_consul_service *s,
                                                     sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_service_deregister(struct sc_consul_kv *kv, const char *id,
                                                       sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_check_update(struct sc_consul_kv *kv, const char *id,
                                                 const char *status, const char *output,
                                                 sc_consul_done_fn *done, void *ctx);
struct sc_consul_call *sc_consul_kv_check_deregister(struct sc_consul_kv *kv, const char *id,
                                                     sc_consul_done_fn *done, void *ctx);

/* The instance of the service openclaw-gateway whose meta names this gateway, with its checks and
 * its node's: a list of one, or of none. Waits as sc_consul_kv_list does. */
struct sc_consul_call *sc_consul_kv_instance(struct sc_consul_kv *kv, const char *gateway,
                                             int64_t index, int64_t wait_ms,
                                             sc_consul_done_fn *done, void *ctx);

/* ---- consul_refused.c: what the token may not do ---- */

/* right: "read" or "write"; name: a key, "sessions" or "service openclaw-gateway". */
typedef void sc_consul_right_fn(void *ctx, const char *right, const char *name);
/* The rights that a request needs; refused: those of them that it was refused for. */
void sc_consul_asked(const struct sc_consul_request *req, const struct sc_http_response *res,
                     bool refused, sc_consul_right_fn *fn, void *ctx);

struct sc_consul_refused;
struct sc_consul_refused *sc_consul_refused_new(struct sc_clock clock);
void sc_consul_refused_hear(struct sc_consul_refused *f, const struct sc_consul_request *req,
                            const struct sc_http_response *res, const struct sc_err *err);
/* Forget what was not refused again in so long: nobody asks for it any more. */
void sc_consul_refused_lapse(struct sc_consul_refused *f, int64_t age_ms);
void sc_consul_refused_clear(struct sc_consul_refused *f);
/* False: nothing is refused. */
bool sc_consul_refused_first(const struct sc_consul_refused *f, struct sc_err *ret);
void sc_consul_refused_free(struct sc_consul_refused *f);

/* What all parts share; borrowed, outlives them. */
struct sc_consul_env {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_consul_kv *kv;
    const char *prefix;
    const char *self;      /* this gateway's name */
    const char *state_dir; /* NULL: keep nothing on disk */
};

/* ---- consul_link.c: is Consul there, and may we? ---- */

/* Whose word the link's state is made of. */
enum sc_consul_source {
    SC_CONSUL_AGENTS,
    SC_CONSUL_GATEWAYS,
    SC_CONSUL_SESSION,
    SC_CONSUL_PRESENCE,
    SC_CONSUL_SOURCES
};
struct sc_consul_link_fns {
    void *ctx;
    void (*changed)(void *ctx, enum sc_link_state was, enum sc_link_state is,
                    const struct sc_err *why);
};
struct sc_consul_link;
struct sc_consul_link *sc_consul_link_new(const struct sc_consul_env *env, const char *addr,
                                          const struct sc_consul_link_fns *fns);
/* err NULL: it is well. True: again. The state is judged when _judge is called. */
bool sc_consul_link_heard(struct sc_consul_link *l, enum sc_consul_source source,
                          const struct sc_err *err);
void sc_consul_link_judge(struct sc_consul_link *l);
/* Our service is not in the catalog that we see, though it should be. */
void sc_consul_link_set_hidden(struct sc_consul_link *l, bool hidden);
/* Forget refusals that are long ago. */
void sc_consul_link_lapse(struct sc_consul_link *l, int64_t heartbeat_ms);
/* Another token: what the last one was refused does not count. */
void sc_consul_link_forget(struct sc_consul_link *l);
enum sc_link_state sc_consul_link_state(const struct sc_consul_link *l);
/* changed does not run any more. */
void sc_consul_link_close(struct sc_consul_link *l);
void sc_consul_link_free(struct sc_consul_link *l);

/* ---- consul_watch.c: one blocking query on a prefix, for ever ---- */

struct sc_consul_watch_fns {
    void *ctx;
    /* A whole answer: begin, its entries, end. Without end the rest was lost, and a new begin
     * follows. `resumed`: the first after a silence or after the index went backwards, so this may
     * be another, emptier store. */
    void (*begin)(void *ctx);
    void (*entry)(void *ctx, const struct sc_kv_entry *e);
    void (*end)(void *ctx, bool resumed);
    /* After each answer: NULL, or why there was none; it tries again by itself. */
    void (*state)(void *ctx, const struct sc_err *err);
};
struct sc_consul_watch;
/* under: a constant; it is the watch's name, too. */
struct sc_consul_watch *sc_consul_watch_new(const struct sc_consul_env *env, const char *under,
                                            const struct sc_consul_watch_fns *fns);
/* Ask now, from index 0: at start, and when what we look for in the answer changed. */
void sc_consul_watch_restart(struct sc_consul_watch *w);
/* Consul was away, and this watch may not have noticed: what answers next may be another, emptier
 * store, whose index is behind ours or not. Asks now, and the answer is `resumed`. */
void sc_consul_watch_doubt(struct sc_consul_watch *w);
struct sc_watch_stats sc_consul_watch_stats(const struct sc_consul_watch *w);
/* Another question was answered, or not. */
void sc_consul_watch_count(struct sc_watch_stats *n, const struct sc_clock *clock, bool answered);
void sc_consul_watch_free(struct sc_consul_watch *w);

/* ---- consul_session.c: the session that holds our keys ---- */

struct sc_consul_session;
struct sc_consul_session_fns {
    void *ctx;
    void (*ready)(void *ctx); /* there is a session, old or new: (re)publish */
    void (*state)(void *ctx, const struct sc_err *err); /* as the watch's */
};
struct sc_consul_session *sc_consul_session_new(const struct sc_consul_env *env, int64_t ttl_ms,
                                                const struct sc_consul_session_fns *fns);
void sc_consul_session_start(struct sc_consul_session *s);
/* NULL while there is none that Consul is known to have. */
const char *sc_consul_session_id(const struct sc_consul_session *s);
/* Consul does not know it: make a new one. */
void sc_consul_session_lost(struct sc_consul_session *s);
/* Consul came back: look at once whether it still knows us. */
void sc_consul_session_kick(struct sc_consul_session *s);
/* Stop renewing and let Consul destroy it; done runs once. When Consul is away the id stays on
 * disk: who starts again before it expires had better still be itself. */
void sc_consul_session_leave(struct sc_consul_session *s, sc_loop_fn *done, void *ctx);
void sc_consul_session_free(struct sc_consul_session *s);

/* ---- consul_list.c: one of the view's two lists ---- */

/* A status that still claims life while nobody's session holds it. */
struct sc_consul_orphan {
    char *key;     /* ".../status" */
    char *gateway; /* whose it is */
    uint64_t modify_index;
    struct sc_consul_orphan *next;
};

struct sc_consul_list {
    struct sc_buf text;           /* of the last whole answer: an object a line, commas between */
    struct sc_buf coming;         /* of the answer that is coming in */
    uint64_t print, coming_print; /* fingerprints of what matters in them: not the times */
    size_t n;
    struct sc_map *seen;  /* the names in the answer that is coming in */
    struct sc_buf missed; /* named before the silence and by no answer since */
    sc_mono grace_until;
    struct sc_consul_orphan *orphans;
    /* Of the entry being gathered (here, for the two answers come in side by side): */
    char session[SC_CONSUL_ID_SIZE]; /* who holds its status */
    uint64_t status_index;
};

void sc_consul_list_begin(struct sc_consul_list *l);
void sc_consul_list_agent(struct sc_consul_list *l, const struct sc_agent_info *a);
void sc_consul_list_gateway(struct sc_consul_list *l, const struct sc_gateway_info *g);
void sc_consul_list_orphan(struct sc_consul_list *l, const char *key, const char *gateway);
typedef void sc_consul_line_fn(void *ctx, const char *json, size_t n);
/* Calls fn with each entry that was known before the silence and has not been seen since: what an
 * answer after it did name, and a later one does not, was taken out on purpose. fn asks _missed for
 * the entry and, when that is true, appends it to l->missed and lists it. */
void sc_consul_list_recall(struct sc_consul_list *l, sc_mono now, bool resumed,
                           sc_consul_line_fn *fn, void *ctx);
bool sc_consul_list_missed(struct sc_consul_list *l, const char *name);
/* The answer is whole; true when something that matters is new. */
bool sc_consul_list_end(struct sc_consul_list *l);
void sc_consul_list_each(const struct sc_buf *objects, sc_consul_line_fn *fn, void *ctx);
void sc_consul_list_fini(struct sc_consul_list *l);

/* ---- consul_view.c: keys grouped into agents and gateways; the last good view on disk ---- */

struct sc_consul_view;
struct sc_consul_view *sc_consul_view_new(const struct sc_consul_env *env,
                                          const struct sc_directory_events *events);
/* Report what the disk has; nothing when there is nothing readable. */
void sc_consul_view_load(struct sc_consul_view *v);
void sc_consul_view_agents_begin(struct sc_consul_view *v);
void sc_consul_view_agents_key(struct sc_consul_view *v, const char *id, const char *field,
                               const struct sc_kv_entry *e);
void sc_consul_view_agents_end(struct sc_consul_view *v, bool resumed);
void sc_consul_view_gateways_begin(struct sc_consul_view *v);
void sc_consul_view_gateways_key(struct sc_consul_view *v, const char *name, const char *field,
                                 const struct sc_kv_entry *e);
void sc_consul_view_gateways_end(struct sc_consul_view *v, bool resumed);
/* Agents whose keys name us as their gateway, in the latest whole answer. */
const struct sc_strv *sc_consul_view_own_agents(const struct sc_consul_view *v);
/* Borrowed until the next key or end. */
const struct sc_consul_orphan *sc_consul_view_orphans(const struct sc_consul_view *v,
                                                      bool gateways);
/* The gateway of the agent whose keys are coming in just now; NULL when it is not known (yet). */
const char *sc_consul_view_host(const struct sc_consul_view *v, const char *id);
/* Has that gateway a session that lives? */
bool sc_consul_view_held(const struct sc_consul_view *v, const char *gateway);
void sc_consul_view_free(struct sc_consul_view *v); /* writes what is not yet on disk */

/* ---- consul_cluster.c: cluster/id, cluster/members, cluster/leader ---- */

struct sc_consul_cluster;
struct sc_consul_cluster *sc_consul_cluster_new(const struct sc_consul_env *env,
                                                const struct sc_consul_session *session,
                                                const struct sc_consul_view *view);
void sc_consul_cluster_set_id(struct sc_consul_cluster *k, const char *cluster_id);
/* The heartbeat's transaction carries a get-tree of cluster/: an entry each, then `seen`, which
 * puts right what is missing: id, our name among the members, a leader. */
void sc_consul_cluster_begin(struct sc_consul_cluster *k);
bool sc_consul_cluster_entry(struct sc_consul_cluster *k, const struct sc_kv_entry *e);
void sc_consul_cluster_seen(struct sc_consul_cluster *k);
/* As leader: mark dead what died without saying so. Does nothing otherwise. */
void sc_consul_cluster_sweep(struct sc_consul_cluster *k);
/* Leave: take our name off the members; done runs once. */
void sc_consul_cluster_leave(struct sc_consul_cluster *k, sc_loop_fn *done, void *ctx);
void sc_consul_cluster_free(struct sc_consul_cluster *k);

/* Do we lead, as far as is known? */
bool sc_consul_cluster_leads(const struct sc_consul_cluster *k);

/* ---- consul_shared.c: documents for people (consul_shared.h) ---- */

struct sc_consul_shared;
struct sc_consul_shared *sc_consul_shared_new(const struct sc_consul_env *env,
                                              const struct sc_consul_session *session,
                                              const struct sc_consul_cluster *cluster);
void sc_consul_shared_start(struct sc_consul_shared *s);
void sc_consul_shared_set_source(struct sc_consul_shared *s, enum sc_shared_doc doc,
                                 sc_shared_ask_fn *ask, void *ctx);
void sc_consul_shared_want(struct sc_consul_shared *s, enum sc_shared_doc doc, const char *text,
                           size_t n);
void sc_consul_shared_recommend(struct sc_consul_shared *s, const struct sc_event *e);
void sc_consul_shared_free(struct sc_consul_shared *s);

/* ---- consul_snapshot.c: a copy of a presence, and its keys ---- */

struct sc_consul_snapshot {
    char *cluster_id;
    struct sc_gateway_info gateway; /* its name is env->self */
    struct sc_agent_info *agents;
    size_t n;
    unsigned turns;
    bool set;
};
/* Operations that each adds to a transaction; an agent that declared itself has one more. */
enum { SC_CONSUL_GATEWAY_OPS = 7, SC_CONSUL_AGENT_OPS = 4 };
size_t sc_consul_snapshot_agent_ops(const struct sc_consul_snapshot *s, size_t i);

void sc_consul_snapshot_take(struct sc_consul_snapshot *s, const struct sc_presence *from);
void sc_consul_snapshot_fini(struct sc_consul_snapshot *s);
bool sc_consul_snapshot_has(const struct sc_consul_snapshot *s, const char *id);
void sc_consul_snapshot_add_gateway(const struct sc_consul_snapshot *s,
                                    const struct sc_consul_env *env, const char *session,
                                    struct sc_buf *txn);
void sc_consul_snapshot_add_agent(const struct sc_consul_snapshot *s, size_t i,
                                  const struct sc_consul_env *env, const char *session,
                                  struct sc_buf *txn);
/* <prefix>/agents/<id>/<field>, <prefix>/gateways/<self>/<field>; the caller frees. */
char *sc_consul_agent_key(const struct sc_consul_env *env, const char *id, const char *field);
char *sc_consul_gateway_key(const struct sc_consul_env *env, const char *field);
void sc_consul_add_lock(struct sc_buf *txn, char *take_key, const char *value, const char *session);

/* ---- consul_presence.c: the heartbeat ---- */

struct sc_consul_presence;
struct sc_consul_presence_deps {
    const struct sc_consul_env *env;
    struct sc_consul_session *session;
    struct sc_consul_cluster *cluster;
    const struct sc_consul_view *view;
    const struct sc_directory_events *events;
    void *ctx;
    void (*state)(void *ctx, const struct sc_err *err); /* as the watch's */
};
struct sc_consul_presence *sc_consul_presence_new(const struct sc_consul_presence_deps *deps);
void sc_consul_presence_publish(struct sc_consul_presence *p, const struct sc_presence *now);
/* Write the latest presence again: there is a new session, or the link is back. */
void sc_consul_presence_again(struct sc_consul_presence *p);
/* Is the gateway's name ours: written by us, and not held by somebody else since? */
bool sc_consul_presence_named(const struct sc_consul_presence *p);
/* Say that we go: dead and offline, at once; nothing is published afterwards. done runs once. */
void sc_consul_presence_goodbye(struct sc_consul_presence *p, sc_loop_fn *done, void *ctx);
void sc_consul_presence_free(struct sc_consul_presence *p);

/* ---- consul_checks.c: the checks of our entry in the catalog ---- */

struct sc_consul_checks;
/* lost: Consul does not know one of them (any more). */
struct sc_consul_checks *sc_consul_checks_new(const struct sc_consul_env *env,
                                              const struct sc_consul_registration *r,
                                              const char *service, sc_loop_fn *lost, void *ctx);
/* Returns how many; what they point to lives as long as the object. */
size_t sc_consul_checks_describe(const struct sc_consul_checks *c,
                                 struct sc_consul_check ret[SC_CONSUL_CHECKS_MAX]);
void sc_consul_checks_registered(struct sc_consul_checks *c);
/* There is news: tell those that are told, now. */
void sc_consul_checks_tell(struct sc_consul_checks *c);
void sc_consul_checks_stop(struct sc_consul_checks *c);
void sc_consul_checks_free(struct sc_consul_checks *c);

/* ---- consul_service.c: our entry in the catalog ---- */

struct sc_consul_catalog;
struct sc_consul_catalog *sc_consul_catalog_new(const struct sc_consul_env *env,
                                                const struct sc_consul_registration *r);
/* What is to be registered; nothing is before. */
void sc_consul_catalog_set(struct sc_consul_catalog *s, const char *gateway_url,
                           const struct sc_strv *agents);
/* On each heartbeat, and when it may be gone: register what is new, or not there (any more). */
void sc_consul_catalog_check(struct sc_consul_catalog *s);
void sc_consul_catalog_tell(struct sc_consul_catalog *s);
/* Long enough in the agent for the catalog to have it? */
bool sc_consul_catalog_settled(const struct sc_consul_catalog *s);
/* Register it again although the agent has it: the agent then tells the catalog. */
void sc_consul_catalog_again(struct sc_consul_catalog *s);
void sc_consul_catalog_leave(struct sc_consul_catalog *s, sc_loop_fn *done, void *ctx);
void sc_consul_catalog_free(struct sc_consul_catalog *s);

/* ---- consul_maintenance.c: is our service, or its node, in maintenance mode? ---- */

struct sc_consul_maint;
struct sc_consul_maint_fns {
    void *ctx;
    /* On, off, or on with another reason; not before it was on for the first time. */
    void (*changed)(void *ctx, bool on, const char *reason);
    /* After each answer: has the catalog an instance of ours, as far as we may see? */
    void (*seen)(void *ctx, bool present);
};
struct sc_consul_maint *sc_consul_maint_new(const struct sc_consul_env *env,
                                            const struct sc_consul_maint_fns *fns);
/* Ask now: at start, with another token, and when Consul may be another one. */
void sc_consul_maint_restart(struct sc_consul_maint *m);
struct sc_watch_stats sc_consul_maint_stats(const struct sc_consul_maint *m);
void sc_consul_maint_free(struct sc_consul_maint *m);

/* ---- consul_outgoing.c: what we put into others' boxes ---- */

struct sc_consul_outgoing;
/* took: of each message that Consul has; borrowed. */
struct sc_consul_outgoing *sc_consul_outgoing_new(const struct sc_consul_env *env,
                                                  struct sc_mesh_key key,
                                                  struct sc_histogram *took);
/* As the transport port's ops. */
int sc_consul_outgoing_send(struct sc_consul_outgoing *o, const struct sc_message *m,
                            sc_transport_done_fn *done, void *ctx, struct sc_err *err);
void sc_consul_outgoing_receipts(struct sc_consul_outgoing *o, const struct sc_receipts *r);
void sc_consul_outgoing_close(struct sc_consul_outgoing *o);
void sc_consul_outgoing_free(struct sc_consul_outgoing *o);

/* ---- consul_mailbox.c: messages as keys; the transport port ---- */

struct sc_consul_mailbox;
struct sc_consul_mailbox_deps {
    const struct sc_consul_env *env;
    struct sc_mesh_key key;
    struct sc_transport_events events;
    void *ctx;
    void (*reread)(void *ctx); /* there may be something that the last answer did not have */
};
struct sc_consul_mailbox *sc_consul_mailbox_new(const struct sc_consul_mailbox_deps *deps);
struct sc_transport *sc_consul_mailbox_transport(struct sc_consul_mailbox *b);
void sc_consul_mailbox_begin(struct sc_consul_mailbox *b, bool gateways);
/* The message that is being reported, by its entry's name, is refused: it is put aside. */
void sc_consul_mailbox_reject(struct sc_consul_mailbox *b, const char *name, const char *reason);
/* field is what follows agents/<id>/ or gateways/<name>/; true when the key was a message. */
bool sc_consul_mailbox_key(struct sc_consul_mailbox *b, bool gateways, const char *owner,
                           const char *field, const struct sc_kv_entry *e);
void sc_consul_mailbox_end(struct sc_consul_mailbox *b, bool gateways);
void sc_consul_mailbox_link(struct sc_consul_mailbox *b, enum sc_link_state state,
                            const char *detail, const char *remedy);
void sc_consul_mailbox_close(struct sc_consul_mailbox *b);
void sc_consul_mailbox_free(struct sc_consul_mailbox *b);

#endif
