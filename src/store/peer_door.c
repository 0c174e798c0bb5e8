/* What comes in: who is it, was it here before, and what of it is on disk by the end of the turn.
 * The answer waits for that, and takes the receipts along: so a sender that nobody can reach (a
 * laptop behind NAT) learns at once that its messages are stored. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "peer_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { TELL_EVERY_MS = 10 * 1000 };

/* --- who is it? --- */

/* Anybody may knock as often as they like; the log may not grow with it. */
static int turn_away(struct sc_peer *o, enum sc_peer_refusal kind, const char *from,
                     const struct sc_err *err)
{
    struct peer_complaint *c = &o->complaints[kind];
    sc_mono now = sc_clock_mono(&o->d.clock);
    o->n.refused[kind]++;
    if (c->told.ms && now.ms - c->told.ms < TELL_EVERY_MS) {
        c->held++;
        return err->code;
    }
    sc_log_warn(o->d.log, "peer.turned_away", SC_S("why", sc_peer_refusal_name(kind)),
                SC_S("from", from), SC_S("reason", err->text), SC_I("more", c->held),
                SC_S("instead", "nothing of it was read"));
    c->told = now;
    c->held = 0;
    return err->code;
}

static int check_clock(const struct sc_peer_auth *a, sc_wall now, struct sc_err *err)
{
    int64_t ahead = a->at.ms / 1000 - now.ms / 1000;
    if (ahead <= SC_PEER_SKEW_MAX_S && ahead >= -SC_PEER_SKEW_MAX_S)
        return SC_OK;
    (void)sc_fail(err, SC_EAUTH, "your clock is %" PRId64 " s %s of ours, %d is the most",
                  ahead < 0 ? -ahead : ahead, ahead < 0 ? "behind" : "ahead", SC_PEER_SKEW_MAX_S);
    return sc_err_remedy(err, "set the clocks of both hosts (chronyc makestep, timedatectl "
                              "set-ntp true)");
}

static int check_target(const struct sc_peer *o, const struct sc_peer_auth *a, struct sc_err *err)
{
    if (sc_streq(a->to, o->self_name))
        return SC_OK;
    (void)sc_fail(err, SC_ENOENT, "this is %s, not %s", o->self_name, a->to);
    return sc_err_remedy(err,
                         "the address of %s is old or wrong: look at its http.peer_url and "
                         "http.listen",
                         a->to);
}

static int check_on(const struct sc_peer *o, struct sc_err *err)
{
    struct sc_peer_view v;
    if (o->t.state != SC_LINK_OFF)
        return SC_OK;
    sc_peer_view(o, &v);
    (void)sc_fail(err, SC_EPERM, "the peer endpoint is off: %s", v.detail);
    return sc_err_remedy(err, "%s",
                         o->d.enabled ? "set mesh.key_file, the same on every gateway"
                                      : "set peer.enabled = true");
}

/* The signature first: what is not of the mesh is told nothing about us. */
static int let_in(struct sc_peer *o, const struct sc_peer_post *post, struct sc_peer_auth *ret,
                  struct sc_err *err)
{
    sc_wall now = sc_clock_wall(&o->d.clock);
    ret->from[0] = '\0';
    if (check_on(o, err) < 0)
        return turn_away(o, SC_PEER_REFUSED_OFF, "", err);
    if (sc_peer_auth_parse(post->authorization, ret, err) < 0 ||
        sc_peer_auth_verify(ret, post, &o->d.key, err) < 0)
        return turn_away(o, SC_PEER_REFUSED_UNKNOWN, ret->from, err);
    if (check_clock(ret, now, err) < 0)
        return turn_away(o, SC_PEER_REFUSED_CLOCK, ret->from, err);
    if (check_target(o, ret, err) < 0)
        return turn_away(o, SC_PEER_REFUSED_TARGET, ret->from, err);
    if (sc_peer_replay_take(o->replay, ret, now, err) < 0)
        return turn_away(o, SC_PEER_REFUSED_REPLAY, ret->from, err);
    return SC_OK;
}

/* --- what does it bring? --- */

int peer_door_check_receipts(const struct sc_peer *o, const struct sc_receipts *r, const char *sig,
                             struct sc_err *err)
{
    if (!sc_streq(r->to_gateway, o->self_name))
        return sc_fail(err, SC_EPROTO, "receipts for another gateway (%s)", r->to_gateway);
    return sc_receipts_verify(r, sig, &o->d.key, err);
}

static void answer_line(struct sc_peer_visit *v, const char *json, size_t n)
{
    if (v->answer.n)
        sc_buf_addc(&v->answer, '\n');
    sc_buf_add(&v->answer, json, n);
}

static void refuse_line(struct sc_peer_visit *v, size_t line, const char *reason)
{
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_peer_refusal_to_json(line, reason, &json);
    answer_line(v, json.p, json.n);
}

static void reject_line(struct sc_peer_visit *v, size_t line, const char *reason)
{
    struct sc_peer *o = v->owner;
    refuse_line(v, line, reason);
    o->d.events.rejected(o->d.events.ctx, &o->t, reason);
}

static void take_message(struct sc_peer_visit *v, size_t line, struct sc_envelope *e)
{
    struct sc_peer *o = v->owner;
    struct sc_entry entry = { .name = "" };
    struct sc_message *m = sc_xmalloc(sizeof *m);
    *m = e->msg;
    sc_message_init(&e->msg); /* handed over */
    (void)snprintf(entry.name, sizeof entry.name, "%" PRIu64 ".%zu", v->number, line);
    (void)snprintf(entry.stream, sizeof entry.stream, "%s", m->to_agent);
    v->waits[line] = true;
    o->d.events.message(o->d.events.ctx, &o->t, m, &entry);
}

static void on_line(void *ctx, size_t line, struct sc_envelope *e, const struct sc_err *why)
{
    struct sc_peer_visit *v = ctx;
    struct sc_peer *o = v->owner;
    struct sc_err err = SC_ERR_INIT;
    v->lines = line + 1;
    if (why) {
        reject_line(v, line, why->text);
        return;
    }
    int rc = e->is_receipts ? peer_door_check_receipts(o, &e->receipts, e->sig, &err)
                            : sc_message_verify(&e->msg, &o->d.key, &err);
    if (rc < 0)
        reject_line(v, line, err.text);
    else if (e->is_receipts)
        o->d.events.receipts(o->d.events.ctx, &o->t, &e->receipts);
    else
        take_message(v, line, e);
}

/* --- the answer --- */

static void visit_free(struct sc_peer_visit *v)
{
    LIST_REMOVE(v, link);
    sc_buf_fini(&v->answer);
    free(v);
}

static void finish(void *ctx)
{
    struct sc_peer_visit *v = ctx;
    if (v->done)
        v->done(v->ctx, sc_buf_str(&v->answer), v->answer.n);
    visit_free(v);
}

static void on_commit(void *ctx, const struct sc_err *err)
{
    struct sc_peer_visit *v = ctx;
    for (size_t i = 0; i < v->lines; i++)
        if (v->waits[i])
            refuse_line(v, i, err ? err->text : "not stored: no such agent here now, or no room");
    finish(v);
}

static bool has_messages(const struct sc_peer_visit *v)
{
    for (size_t i = 0; i < v->lines; i++)
        if (v->waits[i])
            return true;
    return false;
}

static int door_post(void *impl, const struct sc_peer_post *post, sc_peer_answer_fn *done,
                     void *ctx, struct sc_peer_visit **ret, struct sc_err *err)
{
    struct sc_peer *o = impl;
    struct sc_peer_auth auth;
    o->n.requests_in++;
    int rc = let_in(o, post, &auth, err);
    if (rc < 0)
        return rc;
    struct peer *p = sc_map_get(o->peers, auth.from);
    if (p)
        peer_link_heard(p);
    struct sc_peer_visit *v = sc_xcalloc(1, sizeof *v);
    *v =
        (struct sc_peer_visit){ .owner = o, .number = ++o->visit_number, .done = done, .ctx = ctx };
    (void)snprintf(v->from, sizeof v->from, "%s", auth.from);
    LIST_INSERT_HEAD(&o->visits, v, link);
    rc = sc_peer_batch_each(post->body, post->n, on_line, v, err);
    if (rc < 0) {
        visit_free(v);
        return turn_away(o, SC_PEER_REFUSED_BODY, auth.from, err);
    }
    *ret = v;
    if (has_messages(v))
        o->d.spool.ops->after_commit(o->d.spool.impl, on_commit, v);
    else
        sc_loop_defer(o->d.loop, finish, v);
    return SC_OK;
}

static void door_leave(void *impl, struct sc_peer_visit *v)
{
    (void)impl;
    v->done = NULL; /* the commit still counts on the visit */
}

static void door_counters(const void *impl, struct sc_peer_counters *ret)
{
    peer_counters(impl, ret);
}

const struct sc_peer_door_ops peer_door_ops = { .post = door_post,
                                                .leave = door_leave,
                                                .counters = door_counters };

/* --- the port's other half --- */

static struct sc_peer_visit *visit_of(const struct sc_peer *o, const char *gateway)
{
    struct sc_peer_visit *v;
    LIST_FOREACH (v, &o->visits, link)
        if (sc_streq(v->from, gateway))
            return v;
    return NULL;
}

bool peer_door_waits(const struct sc_peer *o, const char *gateway)
{
    const struct sc_peer_visit *v = visit_of(o, gateway);
    return v && v->done;
}

void peer_door_receipts(void *impl, const struct sc_receipts *rc)
{
    struct sc_peer *o = impl;
    struct sc_buf json = SC_BUF_INIT;
    sc_auto_free char *sig = sc_receipts_sig(rc, &o->d.key);
    struct sc_peer_visit *v = visit_of(o, rc->to_gateway);
    struct peer *p = sc_map_get(o->peers, rc->to_gateway);
    sc_receipts_to_json(rc, sig, &json);
    if (v && v->done && v->answer.n + json.n < SC_PEER_ANSWER_MAX) {
        answer_line(v, json.p, json.n);
        sc_buf_fini(&json);
    } else if (p) {
        peer_send_receipts(p, &json);
    } else {
        sc_buf_fini(&json); /* it asks again */
    }
}

void peer_door_settle(void *impl, const struct sc_entry *e)
{
    const struct sc_peer *o = impl;
    int64_t number, line;
    const char *dot = strchr(e->name, '.');
    sc_auto_free char *first = dot ? sc_xstrndup(e->name, (size_t)(dot - e->name)) : NULL;
    if (!first || sc_parse_i64(first, 1, INT64_MAX, &number, NULL) < 0 ||
        sc_parse_i64(dot + 1, 0, SC_PEER_BATCH_MAX - 1, &line, NULL) < 0)
        return;
    struct sc_peer_visit *v;
    LIST_FOREACH (v, &o->visits, link)
        if (v->number == (uint64_t)number)
            v->waits[line] = false;
}

void peer_door_fini(struct sc_peer *o)
{
    struct sc_peer_visit *v;
    while ((v = LIST_FIRST(&o->visits))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
        sc_loop_undefer(o->d.loop, finish, v);
        visit_free(v);
    }
}
