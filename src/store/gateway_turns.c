/* A message's turn, from `agent` to the reply. The gateway tells the end of a run twice on the
 * connection that began it: in the answer to agent.wait, and 6 ms later in the second answer to
 * `agent`, which carries 16 kB of accounting. We ask for both and take what comes first; while the
 * gateway is suspended it refuses agent.wait and only the second one comes. */
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"
#include "sideclaw/limits.h"

enum { WAIT_SLACK_MS = 5000 }; /* agent.wait outlives our own deadline, which comes first */

/* ---- the turn ---- */

static void turn_free(struct gw_turn *t)
{
    gw_request_drop(t->g, &t->agent_req);
    gw_request_drop(t->g, &t->wait_req);
    gw_request_drop(t->g, &t->history_req);
    sc_timer_free(t->deadline);
    sc_timer_free(t->poll);
    free(t->agent);
    free(t->from_agent);
    free(t->from_gateway);
    free(t->body);
    free(t->traceparent);
    free(t->session_key);
    free(t);
}

int64_t gw_turn_left_ms(const struct gw_turn *t)
{
    int64_t left = t->deadline_at.ms - gw_now(t->g).ms;
    return left > 0 ? left : 0;
}

static void tell(const struct gw_turn *t, enum sc_turn_event ev, const char *text)
{
    t->g->events.turn(t->g->events.ctx, &t->id, ev, text);
}

void gw_turn_accepted(struct gw_turn *t)
{
    if (t->accepted)
        return;
    t->accepted = true;
    tell(t, SC_TURN_ACCEPTED, "");
}

void gw_turn_started(struct gw_turn *t)
{
    gw_turn_accepted(t);
    if (t->started)
        return;
    t->started = true;
    tell(t, SC_TURN_STARTED, "");
}

void gw_turn_finish(struct gw_turn *t, enum sc_turn_event ev, const char *text)
{
    if (ev == SC_TURN_REPLIED)
        gw_turn_started(t);
    (void)sc_map_del(t->g->turns, t->run_id); /* before the news: it may hand over the next one */
    tell(t, ev, text);
    turn_free(t);
}

/* ---- what the gateway says about the run ---- */

static void fail_timeout(struct gw_turn *t, const char *words)
{
    sc_auto_free char *text =
        sc_xasprintf("no answer within %u s%s%.200s", t->timeout_s, *words ? ": " : "", words);
    gw_turn_finish(t, SC_TURN_FAILED, text);
}

bool gw_turn_take_status(struct gw_turn *t, enum sc_gw_run_status status, const char *text)
{
    switch (status) {
    case SC_GW_RUN_OK:
        gw_turn_finish(t, SC_TURN_REPLIED, text);
        return true;
    case SC_GW_RUN_ERROR:
        gw_turn_accepted(t); /* it knows the run, so it took it */
        gw_turn_finish(t, SC_TURN_FAILED, *text ? text : "the agent's turn failed");
        return true;
    case SC_GW_RUN_TIMEOUT:
        gw_turn_accepted(t);
        fail_timeout(t, text);
        return true;
    case SC_GW_RUN_ACCEPTED:
        gw_turn_accepted(t);
        return false;
    case SC_GW_RUN_DRAINED: /* it goes on after the restart; so do we */
    case SC_GW_RUN_UNKNOWN:
    case SC_GW_RUN_REFUSED:
        return false;
    }
    return false;
}

/* The gateway did not take the message. What it will never take fails; the rest is for later. */
static void on_not_taken(struct gw_turn *t, const struct sc_gw_error *e)
{
    bool later = e->retryable || strcmp(e->code, "UNAVAILABLE") == 0;
    sc_auto_free char *text = sc_xstrdup(*e->message ? e->message : e->code);
    gw_turn_finish(t, later ? SC_TURN_AGAIN : SC_TURN_FAILED, text);
}

static bool read_status(struct gw_turn *t, const struct sc_gw_frame *f,
                        enum sc_gw_run_status *ret_status, char **ret_text)
{
    struct sc_err err = SC_ERR_INIT;
    if (sc_gw_run_read(f, ret_status, ret_text, &err) == SC_OK)
        return true;
    sc_ws_client_fail(t->g->ws, err.text); /* the turn is parked by what follows */
    return false;
}

static void on_wait(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct gw_turn *t = ctx;
    enum sc_gw_run_status status;
    sc_auto_free char *text = NULL;
    t->wait_req = 0;
    if (!read_status(t, f, &status, &text) || gw_turn_take_status(t, status, text))
        return;
    if (t->phase == GW_TURN_RUNNING)
        gw_turn_poll_soon(t,
                          g->timing.wait_again); /* suspended, or it waits no longer: ask again */
}

void gw_turn_send_wait(struct gw_turn *t)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    gw_request_drop(t->g, &t->wait_req);
    t->wait_req = gw_request_new(t->g, true, on_wait, t);
    gw_request_waits(t->g, t->wait_req);
    sc_gw_write_wait(&out, t->wait_req, t->run_id, gw_turn_left_ms(t) + WAIT_SLACK_MS);
    (void)gw_request_send(t->g, &t->wait_req, &out); /* else the turn is parked soon */
}

static void on_agent(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct gw_turn *t = ctx;
    enum sc_gw_run_status status;
    sc_auto_free char *text = NULL;
    (void)g;
    if (!read_status(t, f, &status, &text) || gw_turn_take_status(t, status, text))
        return;
    if (status == SC_GW_RUN_REFUSED && t->phase == GW_TURN_SENT) {
        on_not_taken(t, &f->error);
    } else if (t->phase == GW_TURN_SENT) {
        t->phase = GW_TURN_RUNNING;
        gw_turn_send_wait(t);
    }
}

void gw_turn_send_agent(struct gw_turn *t)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    struct sc_gw_run run = {
        .run_id = t->run_id,
        .agent = t->agent,
        .session_key = t->session_key,
        .from_agent = t->from_agent,
        .from_gateway = t->from_gateway,
        .message = t->body,
        .traceparent = t->traceparent,
        .timeout_s = t->timeout_s,
    };
    t->phase = GW_TURN_SENT;
    (void)snprintf(t->boot, sizeof t->boot, "%s", t->g->boot);
    t->agent_req = gw_request_new(t->g, false, on_agent, t);
    sc_gw_write_agent(&out, t->agent_req, &run);
    (void)gw_request_send(t->g, &t->agent_req, &out); /* else the turn is parked soon */
}

void gw_turns_event(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    struct sc_gw_run_event ev;
    sc_gw_run_event_read(f, &ev);
    struct gw_turn *t = sc_map_get(g->turns, ev.run_id);
    if (t && ev.started)
        gw_turn_started(t);
    if (ev.ended)
        gw_turns_session_ended(g, ev.session_key);
}

/* ---- beginning and end ---- */

static void on_deadline(void *ctx)
{
    struct gw_turn *t = ctx;
    switch (t->phase) {
    case GW_TURN_PARKED:
        gw_turn_finish(t, SC_TURN_AGAIN, "the gateway went away during the turn");
        break;
    case GW_TURN_SENT:
        gw_turn_finish(t, SC_TURN_AGAIN, "the gateway did not take the message in time");
        break;
    case GW_TURN_ASKING:
    case GW_TURN_READING:
        gw_turn_finish(t, SC_TURN_AGAIN, "the gateway did not say in time whether it has it");
        break;
    case GW_TURN_RUNNING:
    case GW_TURN_POLLING:
        fail_timeout(t, "");
        break;
    }
}

static const struct sc_id *run_of(const struct sc_turn *turn)
{
    return sc_id_is_zero(&turn->run) ? &turn->id : &turn->run;
}

static struct gw_turn *turn_new(struct sc_gateway_ws *g, const struct sc_turn *turn)
{
    struct gw_turn *t = sc_xcalloc(1, sizeof *t);
    t->g = g;
    t->id = turn->id;
    sc_id_format(run_of(turn), t->run_id);
    t->was_taken = turn->was_taken;
    t->was_started = turn->was_started;
    t->agent = sc_xstrdup(turn->agent);
    t->from_agent = sc_xstrdup(turn->from_agent);
    t->from_gateway = sc_xstrdup(turn->from_gateway);
    t->body = sc_xstrdup(turn->body);
    t->traceparent = sc_xstrdup(turn->traceparent);
    t->session_key = sc_gw_session_key(turn->agent, turn->from_gateway, turn->from_agent);
    t->timeout_s = turn->timeout_s;
    t->deadline_at.ms = gw_now(g).ms + (int64_t)turn->timeout_s * 1000;
    t->deadline = sc_timer_new(g->loop, on_deadline, t);
    sc_timer_arm(t->deadline, gw_turn_left_ms(t));
    t->poll = gw_turn_poll_timer(t);
    return t;
}

int gw_turn_run(struct sc_gateway_ws *g, const struct sc_turn *turn, struct sc_err *err)
{
    char run_id[SC_ID_TEXT_SIZE];
    sc_id_format(run_of(turn), run_id);
    if (g->state != SC_GW_READY)
        return sc_fail(err, SC_EAWAY, "%s", g->detail);
    if (sc_map_get(g->turns, run_id))
        return sc_fail(err, SC_EEXIST, "the turn %s runs already", run_id);
    if (sc_map_count(g->turns) >= SC_GATEWAY_TURNS_MAX)
        return sc_fail(err, SC_EBUSY, "%d turns run on the gateway", SC_GATEWAY_TURNS_MAX);
    struct gw_turn *t = turn_new(g, turn);
    (void)sc_map_set(g->turns, t->run_id, t);
    if (turn->resume)
        gw_turn_resume(t);
    else
        gw_turn_send_agent(t);
    return SC_OK;
}

struct ending {
    const char *why;
};

static bool end_one(void *ctx, const char *key, void *value)
{
    const struct ending *e = ctx;
    (void)key;
    gw_turn_finish(value, SC_TURN_AGAIN, e->why);
    return true;
}

void gw_turns_end(struct sc_gateway_ws *g, const char *why)
{
    struct ending e = { .why = why };
    sc_map_each(g->turns, end_one, &e);
}
