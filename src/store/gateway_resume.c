/* A turn whose connection, gateway or sidecar was lost in between: look before running it again.
 *   1. agent.wait with timeout 0: does the gateway remember how the run ended?
 *   2. chat.history: after a restart it remembers nothing, but the message is in the session or
 * not, and so is the answer. The gateway continues an interrupted turn itself, under a new run id.
 *   3. Not there: hand it over. The same key makes this safe while the gateway lives. Unless it had
 *      taken the message and has forgotten all of it: then nobody knows, and it ends as lost.
 *   4. There, no answer yet: wait for the old run id, and read again now and then. */
#include <string.h>

#include "gateway_ws_internal.h"

static void send_history(struct gw_turn *t);

/* Nothing of the message is in its session. Then it never began, as long as the session's memory
 * can be trusted: one that is empty, although the gateway took the message, may have been wiped. A
 * gateway that lives on knows the run's key, and handing it over again is safe. */
static bool is_lost(const struct gw_turn *t, const struct sc_gw_history *h)
{
    bool taken = t->accepted || t->was_taken;
    if (*t->boot && strcmp(t->boot, t->g->boot) == 0)
        return false;
    return t->started || t->was_started || (taken && h->rows == 0);
}

static void on_history(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct gw_turn *t = ctx;
    struct sc_gw_history h;
    struct sc_err err = SC_ERR_INIT;
    t->history_req = 0;
    if (!f->ok) { /* suspended, or the session is locked for a moment */
        gw_turn_poll_soon(t, g->timing.poll);
        return;
    }
    if (sc_gw_history_read(f, t->run_id, &h, &err) < 0) {
        sc_ws_client_fail(g->ws, err.text);
        return;
    }
    sc_auto_free char *text = h.text;
    if (h.answered) {
        gw_turn_finish(t, SC_TURN_REPLIED, text);
    } else if (h.failed) {
        gw_turn_started(t);
        gw_turn_finish(t, SC_TURN_FAILED, *text ? text : "the agent's turn failed");
    } else if (!h.asked && t->phase == GW_TURN_READING && is_lost(t, &h)) {
        gw_turn_finish(t, SC_TURN_LOST, "the gateway took it, and has no trace of it any more");
    } else if (!h.asked && t->phase == GW_TURN_READING) {
        gw_turn_send_agent(t);
    } else {
        t->phase = GW_TURN_POLLING;
        gw_turn_poll_soon(t, g->timing.poll);
        if (h.active)
            gw_turn_started(t);
        else
            gw_turn_accepted(t);
        if (!t->wait_req)
            gw_turn_send_wait(t);
    }
}

static void send_history(struct gw_turn *t)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    gw_request_drop(t->g, &t->history_req);
    t->history_req = gw_request_new(t->g, true, on_history, t);
    sc_gw_write_history(&out, t->history_req, t->session_key);
    (void)gw_request_send(t->g, &t->history_req, &out); /* else the turn is parked soon */
}

static void on_asked(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct gw_turn *t = ctx;
    enum sc_gw_run_status status;
    sc_auto_free char *text = NULL;
    struct sc_err err = SC_ERR_INIT;
    t->wait_req = 0;
    if (sc_gw_run_read(f, &status, &text, &err) < 0) {
        sc_ws_client_fail(g->ws, err.text);
    } else if (!gw_turn_take_status(t, status, text)) {
        t->phase = status == SC_GW_RUN_ACCEPTED ? GW_TURN_POLLING : GW_TURN_READING;
        send_history(t);
    }
}

void gw_turn_resume(struct gw_turn *t)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    t->phase = GW_TURN_ASKING;
    t->wait_req = gw_request_new(t->g, true, on_asked, t);
    sc_gw_write_wait(&out, t->wait_req, t->run_id, 0);
    (void)gw_request_send(t->g, &t->wait_req, &out); /* else the turn is parked soon */
}

/* ---- polling ---- */

static void on_poll(void *ctx)
{
    struct gw_turn *t = ctx;
    if (t->phase == GW_TURN_RUNNING)
        gw_turn_send_wait(t);
    else if (t->phase == GW_TURN_READING || t->phase == GW_TURN_POLLING)
        send_history(t);
}

struct sc_timer *gw_turn_poll_timer(struct gw_turn *t)
{
    return sc_timer_new(t->g->loop, on_poll, t);
}

void gw_turn_poll_soon(struct gw_turn *t, int64_t ms)
{
    sc_timer_arm(t->poll, ms);
}

static bool poll_session(void *ctx, const char *key, void *value)
{
    const char *session_key = ctx;
    struct gw_turn *t = value;
    (void)key;
    if (t->phase == GW_TURN_POLLING && strcmp(t->session_key, session_key) == 0)
        gw_turn_poll_soon(t, t->g->timing.poll_settle);
    return true;
}

void gw_turns_session_ended(struct sc_gateway_ws *g, const char *session_key)
{
    sc_auto_free char *copy = sc_xstrdup(session_key);
    sc_map_each(g->turns, poll_session, copy);
}

/* ---- connections come and go ---- */

static bool park_one(void *ctx, const char *key, void *value)
{
    struct gw_turn *t = value;
    (void)ctx;
    (void)key;
    t->phase = GW_TURN_PARKED;
    t->agent_req = t->wait_req = t->history_req = 0; /* dropped with the connection */
    sc_timer_disarm(t->poll);
    return true;
}

void gw_turns_park(struct sc_gateway_ws *g)
{
    sc_map_each(g->turns, park_one, NULL);
}

static bool resume_one(void *ctx, const char *key, void *value)
{
    struct gw_turn *t = value;
    (void)ctx;
    (void)key;
    if (t->phase == GW_TURN_PARKED)
        gw_turn_resume(t);
    return true;
}

void gw_turns_resume(struct sc_gateway_ws *g)
{
    if (g->state == SC_GW_READY)
        sc_map_each(g->turns, resume_one, NULL);
}
