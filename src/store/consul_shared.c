/* The shared documents. Each write is a read and a check-and-set on what was read: who else writes
 * there, a person or another sidecar, is neither overwritten unseen nor waited for. */
#include "sideclaw/consul_shared.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "consul_internal.h"
#include "sideclaw/event_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { PERIOD_MS = 3000, RACES_MAX = 10 };

struct advice {
    struct sc_event *event;
    STAILQ_ENTRY(advice) link;
};

/* A document that is a view. */
struct view {
    sc_shared_ask_fn *ask;
    void *ctx;
    char *wanted;  /* what it should say; NULL: nothing new */
    char *written; /* what we wrote last, while we lead */
};

struct sc_consul_shared {
    const struct sc_consul_env *env;
    const struct sc_consul_session *session;
    const struct sc_consul_cluster *cluster;
    struct view views[SC_SHARED_DOCS];
    STAILQ_HEAD(, advice) advice; /* oldest first */
    size_t n_advice;
    struct sc_timer *timer;
    struct sc_consul_call *call; /* one at a time */
    char *sent;                  /* a view's text on its way */
    int doing;                   /* the view, or SC_SHARED_DOCS: advice */
    unsigned lost;               /* races for the advice since the last look */
    /* What the key said. */
    struct sc_buf found;
    uint64_t index;
};

static const char *const names[] = { [SC_SHARED_TASKS] = "current-tasks",
                                     [SC_SHARED_EVENTS] = "recent-events",
                                     [SC_SHARED_DOCS] = "recommendations" };

static void next(struct sc_consul_shared *s);

static char *key_of(const struct sc_consul_shared *s, int doc)
{
    return sc_xasprintf("%s/shared/%s", s->env->prefix, names[doc]);
}

/* ---- one write ---- */

static void told(struct sc_consul_shared *s)
{
    struct advice *a = STAILQ_FIRST(&s->advice);
    STAILQ_REMOVE_HEAD(&s->advice, link);
    s->n_advice--;
    sc_event_free(a->event);
    free(a);
}

static void on_written(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_shared *s = ctx;
    struct view *v = s->doing < SC_SHARED_DOCS ? &s->views[s->doing] : NULL;
    (void)res;
    s->call = NULL;
    if (err) { /* SC_EEXIST: it changed under us, or we lead no more; the next look finds out */
        if (err->code != SC_EEXIST)
            sc_log_debug(s->env->log, "consul.shared.unwritten", SC_S("doc", names[s->doing]),
                         SC_S("reason", err->text));
        else if (!v && s->lost++ < RACES_MAX)
            next(s);
        return;
    }
    if (v) {
        if (sc_streq(v->wanted, s->sent)) /* else there is newer news already */
            free(sc_steal(&v->wanted));
        free(v->written);
        v->written = sc_steal(&s->sent);
    } else {
        told(s);
    }
    next(s);
}

static void write_doc(struct sc_consul_shared *s, const char *text, size_t n)
{
    struct sc_buf txn = SC_BUF_INIT;
    sc_auto_free char *key = key_of(s, s->doing);
    sc_auto_free char *leader = sc_xasprintf("%s/cluster/leader", s->env->prefix);
    if (s->doing < SC_SHARED_DOCS) /* fencing: whoever follows us writes, not we */
        sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_CHECK_SESSION,
                                                .key = leader,
                                                .session = sc_consul_session_id(s->session) });
    sc_kv_txn_add(
        &txn,
        &(struct sc_kv_op){
            .verb = SC_KV_CAS, .key = key, .value = text, .value_len = n, .index = s->index });
    s->call = sc_consul_kv_txn(s->env->kv, &txn, on_written, s);
}

static int on_entry(void *ctx, const struct sc_kv_entry *e)
{
    struct sc_consul_shared *s = ctx;
    sc_auto_free char *key = key_of(s, s->doing); /* the tree has longer names, too */
    if (!sc_streq(e->key, key))
        return SC_OK;
    s->index = e->modify_index;
    sc_buf_clear(&s->found);
    sc_buf_add(&s->found, e->value, e->value_len);
    return SC_OK;
}

static void write_advice(struct sc_consul_shared *s)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_recommendations_add(sc_buf_str(&s->found), s->found.n, STAILQ_FIRST(&s->advice)->event,
                           &text);
    write_doc(s, text.p, text.n);
}

static void write_view(struct sc_consul_shared *s)
{
    const struct view *v = &s->views[s->doing];
    if (!v->wanted || !sc_consul_cluster_leads(s->cluster) || !sc_consul_session_id(s->session))
        return;
    sc_set_str(&s->sent, v->wanted);
    write_doc(s, s->sent, strlen(s->sent));
}

static void on_read(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_shared *s = ctx;
    s->call = NULL;
    s->index = 0;
    sc_buf_clear(&s->found);
    if (err || sc_kv_txn_results(res->body, res->body_len, on_entry, s, NULL) < 0)
        return;
    if (s->doing == SC_SHARED_DOCS)
        write_advice(s);
    else
        write_view(s);
}

static void start(struct sc_consul_shared *s, int doc)
{
    struct sc_buf txn = SC_BUF_INIT;
    sc_auto_free char *key = key_of(s, doc);
    s->doing = doc;
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_GET_TREE, .key = key });
    s->call = sc_consul_kv_txn(s->env->kv, &txn, on_read, s);
}

static void next(struct sc_consul_shared *s)
{
    if (s->call)
        return;
    if (!STAILQ_EMPTY(&s->advice)) {
        start(s, SC_SHARED_DOCS);
        return;
    }
    for (int i = 0; i < SC_SHARED_DOCS; i++)
        if (s->views[i].wanted && sc_consul_cluster_leads(s->cluster)) {
            start(s, i);
            return;
        }
}

/* ---- what to write ---- */

/* Who leads anew writes anew: he does not know what the one before him wrote. */
static void forget(struct sc_consul_shared *s)
{
    for (int i = 0; i < SC_SHARED_DOCS; i++) {
        free(sc_steal(&s->views[i].wanted));
        free(sc_steal(&s->views[i].written));
    }
}

static void on_timer(void *ctx)
{
    struct sc_consul_shared *s = ctx;
    sc_timer_arm(s->timer, PERIOD_MS);
    s->lost = 0;
    if (!sc_consul_cluster_leads(s->cluster))
        forget(s);
    for (int i = 0; i < SC_SHARED_DOCS && sc_consul_cluster_leads(s->cluster); i++)
        if (s->views[i].ask)
            s->views[i].ask(s->views[i].ctx);
    next(s);
}

void sc_consul_shared_set_source(struct sc_consul_shared *s, enum sc_shared_doc doc,
                                 sc_shared_ask_fn *ask, void *ctx)
{
    s->views[doc].ask = ask;
    s->views[doc].ctx = ctx;
}

void sc_consul_shared_want(struct sc_consul_shared *s, enum sc_shared_doc doc, const char *text,
                           size_t n)
{
    struct view *v = &s->views[doc];
    if (n > SC_SHARED_DOC_MAX) {
        sc_log_warn(s->env->log, "consul.shared.too_big", SC_S("doc", names[doc]), SC_I("bytes", n),
                    SC_S("instead", "it stays as it is"));
        return;
    }
    sc_auto_free char *wanted = sc_xstrndup(text, n);
    if (sc_streq(wanted, v->written)) {
        free(sc_steal(&v->wanted));
        return;
    }
    sc_set_str(&v->wanted, wanted);
    next(s);
}

void sc_consul_shared_recommend(struct sc_consul_shared *s, const struct sc_event *e)
{
    if (s->n_advice >= SC_ADVICE_WAITING_MAX) {
        /* Not one whose write is under way: that may have arrived. */
        if (s->call && s->doing == SC_SHARED_DOCS)
            return;
        told(s);
    }
    struct advice *a = sc_xcalloc(1, sizeof *a);
    a->event = sc_event_copy(e);
    STAILQ_INSERT_TAIL(&s->advice, a, link);
    s->n_advice++;
    next(s);
}

/* ---- the object ---- */

struct sc_consul_shared *sc_consul_shared_new(const struct sc_consul_env *env,
                                              const struct sc_consul_session *session,
                                              const struct sc_consul_cluster *cluster)
{
    struct sc_consul_shared *s = sc_xcalloc(1, sizeof *s);
    s->env = env;
    s->session = session;
    s->cluster = cluster;
    s->timer = sc_timer_new(env->loop, on_timer, s);
    STAILQ_INIT(&s->advice);
    return s;
}

void sc_consul_shared_start(struct sc_consul_shared *s)
{
    sc_timer_arm(s->timer, PERIOD_MS);
}

void sc_consul_shared_free(struct sc_consul_shared *s)
{
    if (!s)
        return;
    sc_consul_kv_cancel(s->call);
    sc_timer_free(s->timer);
    forget(s);
    while (!STAILQ_EMPTY(&s->advice))
        told(s);
    sc_buf_fini(&s->found);
    free(s->sent);
    free(s);
}
