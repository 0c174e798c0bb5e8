/* ops_mail.c: an agent's own mail, in few words: a look into its inbox, and how far one message
 * got. */
#include <string.h>

#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { CHECK_DEFAULT = 10 };

/* The body, or as much of it as a look shows; what is cut says how long it is. */
static void set_body(struct sc_value *v, const struct sc_message *m, bool whole)
{
    size_t n = whole ? m->body_len : sc_utf8_prefix(m->body, SC_CHECK_BODY_MAX);
    sc_auto_free char *text = sc_xstrndup(m->body, n);
    sc_value_set_str(v, "body", text);
    if (n < m->body_len)
        sc_value_set_int(v, "body_bytes", (int64_t)m->body_len);
}

/* Only what says something: a model pays for every word. */
static struct sc_value *mail_value(const struct sc_record *r, bool whole)
{
    const struct sc_message *m = &r->msg;
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &m->id);
    sc_value_set_str(v, "from", m->from_agent);
    if (m->from_gateway)
        sc_value_set_str(v, "gateway", m->from_gateway);
    sc_value_set_str(v, "kind", sc_kind_name(m->kind));
    sc_value_set_time(v, "timestamp", m->timestamp);
    if (m->thread)
        sc_value_set_str(v, "thread", m->thread);
    if (!sc_id_is_zero(&m->in_reply_to))
        sc_value_set_id(v, "in_reply_to", &m->in_reply_to);
    set_body(v, m, whole);
    return v;
}

/* ---- inbox.check ---- */

struct look {
    struct sc_value *rows;
    size_t max;
    bool woken; /* a message that lies here has its turn already, or is about to */
    bool more, cut;
};

static bool add_mail(void *ctx, const struct sc_record *r)
{
    struct look *l = ctx;
    if (l->woken && r->msg.kind == SC_KIND_MESSAGE)
        return true;
    if (sc_value_count(l->rows) == l->max) {
        l->more = true;
        return false;
    }
    l->cut = l->cut || r->msg.body_len > SC_CHECK_BODY_MAX;
    sc_value_add(l->rows, mail_value(r, false));
    return true;
}

static const char *note_of(const struct look *l)
{
    if (l->cut && l->more)
        return "Older ones follow once these are acknowledged. A body with body_bytes is cut: "
               "check_inbox with its id reads the whole.";
    if (l->cut)
        return "A body with body_bytes is cut: check_inbox with its id reads the whole.";
    return l->more ? "Older ones follow once these are acknowledged." : NULL;
}

static void reply_mail(struct sc_call *call, const char *agent, const struct look *l)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", agent);
    sc_value_set(v, "messages", l->rows);
    sc_value_set_bool(v, "more", l->more);
    if (note_of(l))
        sc_value_set_str(v, "note", note_of(l));
    sc_call_reply(call, v);
}

static void look(struct sc_call *call, const char *agent)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_spool *spool = &call->env->spool;
    struct look l = { .rows = sc_value_array(),
                      .max = (size_t)sc_value_get_int(call->params, "limit", CHECK_DEFAULT),
                      .woken = !sc_registry_rests(call->env->registry, agent) };
    int r =
        spool->ops->in_list(spool->impl, agent, SC_LIST_NEWEST, SC_LIST_MAX, add_mail, &l, &err);
    if (r < 0) {
        sc_value_free(l.rows);
        sc_call_fail(call, &err);
        return;
    }
    reply_mail(call, agent, &l);
}

static void read_whole(struct sc_call *call, const char *agent)
{
    struct sc_id id;
    struct sc_err err = SC_ERR_INIT;
    const struct sc_spool *spool = &call->env->spool;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!sc_call_id(call, &id))
        return;
    int r = spool->ops->get(spool->impl, &id, true, &rec, &err);
    if (r == SC_OK && sc_streq(rec.msg.to_agent, agent)) {
        struct look l = { .rows = sc_value_array() };
        sc_value_add(l.rows, mail_value(&rec, true));
        reply_mail(call, agent, &l);
        return;
    }
    if (r == SC_OK || r == SC_ENOENT) {
        (void)sc_fail(&err, SC_ENOENT, "your inbox has no message %s",
                      sc_value_get_str(call->params, "id"));
        (void)sc_err_remedy(&err, "list it: check_inbox without an id");
    }
    sc_call_fail(call, &err);
}

void sc_op_inbox_check(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    const char *agent = sc_value_get_str(call->params, "agent");
    if (sc_name_check("agent", agent, &err) < 0)
        sc_call_fail(call, &err);
    else if (sc_value_get_str(call->params, "id"))
        read_whole(call, agent);
    else
        look(call, agent);
}

/* ---- message.status ---- */

/* What an agent sent, and what came for it, is its business; nothing else is. */
static bool is_his(const struct sc_call *call, const struct sc_record *r)
{
    return !call->caller || sc_streq(call->caller, r->msg.from_agent) ||
           sc_streq(call->caller, r->msg.to_agent);
}

static int find(const struct sc_call *call, const struct sc_id *id, struct sc_record *ret,
                struct sc_err *err)
{
    const struct sc_spool *spool = &call->env->spool;
    int r = spool->ops->get(spool->impl, id, false, ret, err);
    if (r == SC_ENOENT)
        r = spool->ops->get(spool->impl, id, true, ret, err);
    if (r == SC_OK && is_his(call, ret))
        return SC_OK;
    if (r < 0 && r != SC_ENOENT)
        return r;
    (void)sc_fail(err, SC_ENOENT, "no message %s of yours is known here",
                  sc_value_get_str(call->params, "id"));
    return sc_err_remedy(err, "use the id that send_message gave; settled messages are forgotten "
                              "after spool.retention_s");
}

static void set_reply(const struct sc_call *call, const struct sc_record *r, struct sc_value *v)
{
    const struct sc_spool *spool = &call->env->spool;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record reply;
    sc_record_init(&reply);
    int rc = r->incoming ? spool->ops->out_reply_to(spool->impl, &r->msg.id, &reply, &err)
                         : spool->ops->in_reply_to(spool->impl, &r->msg.id, &reply, &err);
    if (rc == SC_OK)
        sc_value_set(v, "reply", mail_value(&reply, false));
}

void sc_op_message_status(struct sc_call *call)
{
    struct sc_id id;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!sc_call_id(call, &id))
        return;
    if (find(call, &id, &rec, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = sc_sent_value(&rec.msg, rec.stage, rec.reason);
    sc_value_set_time(v, "timestamp", rec.msg.timestamp);
    sc_value_set_bool(v, "settled", sc_stage_settled(rec.msg.kind, rec.stage));
    if (!rec.incoming) {
        sc_value_set_int(v, "attempts", rec.attempts);
        sc_value_set_str(v, "via", rec.via);
        sc_value_set_str(v, "last_error", rec.last_error);
    }
    set_reply(call, &rec, v);
    sc_call_reply(call, v);
}
