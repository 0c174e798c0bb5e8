#include "sideclaw/probe.h"

/* A freeze right after a good answer must be found within 15 s, and a loop that blocks for some
 * seconds, as a busy gateway's does, must not be called one. /healthz: the next look begins after
 * 4 s, three of 3 s fail: 13 s. The call: after 5 s, two of 4 s fail: 13 s. Whatever answers within
 * its deadline, however late, never counts as silent. */
static const struct sc_probe_rule rules[SC_CHECKS] = {
    [SC_CHECK_LIVE] = { "live", SC_SIG_GATEWAY_HTTP, 4000, 1000, 3000, 2, 3 },
    [SC_CHECK_STARTUP] = { "startup", SC_SIG_GATEWAY_STARTUP, 5000, 1000, 3000, 1, 3 },
    [SC_CHECK_READY] = { "ready", SC_SIG_GATEWAY_READY, 10000, 2000, 5000, 1, 2 },
    [SC_CHECK_WS] = { "ws", SC_SIG_GATEWAY_WS, 2000, 1000, 1000, 1, 3 },
    [SC_CHECK_RPC] = { "rpc", SC_SIG_GATEWAY_RPC, 5000, 1000, 4000, 1, 2 },
    [SC_CHECK_LOGIN] = { "login", SC_SIG_GATEWAY_LOGIN, 5000, 1000, 1000, 1, 1 },
    [SC_CHECK_PROCESS] = { "process", SC_SIG_GATEWAY_PROCESS, 2000, 1000, 1000, 1, 2 },
    [SC_CHECK_CHANNELS] = { "channels", SC_SIG_GATEWAY_CHANNELS, 30000, 5000, 10000, 1, 2 },
    [SC_CHECK_MODELS] = { "models", SC_SIG_GATEWAY_MODELS, 60000, 10000, 10000, 1, 2 },
};

const struct sc_probe_rule *sc_probe_rule(enum sc_check_id id)
{
    return &rules[id];
}

const char *sc_check_answer_name(enum sc_check_answer a)
{
    static const char *const names[SC_ANSWERS] = {
        [SC_ANSWER_GOOD] = "good",         [SC_ANSWER_BAD] = "bad",
        [SC_ANSWER_STARTING] = "starting", [SC_ANSWER_SILENT] = "silent",
        [SC_ANSWER_REFUSED] = "refused",   [SC_ANSWER_NONE] = "none",
        [SC_ANSWER_OFF] = "off",
    };
    return names[a];
}

int64_t sc_probe_pause(const struct sc_probe_rule *rule, enum sc_check_answer a)
{
    return a == SC_ANSWER_GOOD || a == SC_ANSWER_OFF ? rule->every_ms : rule->again_ms;
}

/* ---- lives ---- */

void sc_life_begin(struct sc_life *l, int64_t grace_ms, sc_mono now)
{
    *l = (struct sc_life){ .grace_ms = grace_ms, .began = now };
}

static void begin_again(struct sc_life *l, sc_mono now)
{
    l->began = now;
    l->up = l->gone = l->old = false;
}

static void take_process(struct sc_life *l, const struct sc_check_result *r, sc_mono now)
{
    if (r->answer == SC_ANSWER_REFUSED) {
        l->gone = true;
    } else if (r->answer == SC_ANSWER_GOOD) {
        if (l->gone || (l->pid && l->pid != r->pid))
            begin_again(l, now);
        else if (!l->pid && !l->up)
            l->old = r->age_ms > l->grace_ms;
        l->pid = r->pid;
    }
}

/* It was up: a closed port says that it stopped, or restarts in place. */
static bool is_new_start(const struct sc_life *l, enum sc_check_id id, enum sc_check_answer a)
{
    return (id == SC_CHECK_LIVE && a == SC_ANSWER_REFUSED && !l->gone) ||
           (id == SC_CHECK_STARTUP && a == SC_ANSWER_STARTING);
}

void sc_life_take(struct sc_life *l, enum sc_check_id id, const struct sc_check_result *r,
                  sc_mono now)
{
    if (id == SC_CHECK_PROCESS)
        take_process(l, r, now);
    else if (l->up && is_new_start(l, id, r->answer))
        begin_again(l, now);
    else if ((id == SC_CHECK_STARTUP || id == SC_CHECK_WS) && r->answer == SC_ANSWER_GOOD)
        l->up = true;
}

/* An old process that accepts and says nothing is frozen; one that does not listen may restart. */
bool sc_life_may_start(const struct sc_life *l, enum sc_check_answer a, sc_mono now)
{
    if (l->up || l->gone || (l->old && a == SC_ANSWER_SILENT))
        return false;
    return now.ms - l->began.ms <= l->grace_ms;
}

/* ---- hysteresis ---- */

/* Nothing is held against a start: the count begins when it is over. */
static void take_failure(struct sc_probe *p, const struct sc_probe_rule *rule, bool may_start)
{
    p->good = 0;
    if (may_start) {
        p->bad = 0;
        p->state = SC_SIGNAL_STARTING;
        return;
    }
    if (p->bad < rule->fall)
        p->bad++;
    if (p->bad >= rule->fall)
        p->state = SC_SIGNAL_BAD;
    else if (p->state == SC_SIGNAL_OFF)
        p->state = SC_SIGNAL_UNKNOWN;
}

/* What was bad must prove itself; what was never asked, or started, needs one good answer. */
static void take_success(struct sc_probe *p, const struct sc_probe_rule *rule)
{
    p->bad = 0;
    if (p->good < rule->rise)
        p->good++;
    if (p->state != SC_SIGNAL_BAD || p->good >= rule->rise)
        p->state = SC_SIGNAL_OK;
}

enum sc_signal_state sc_probe_take(struct sc_probe *p, const struct sc_probe_rule *rule,
                                   enum sc_check_answer a, bool may_start)
{
    p->last = a;
    switch (a) {
    case SC_ANSWER_GOOD:
        take_success(p, rule);
        break;
    case SC_ANSWER_STARTING: /* else it is an old word of a start that is over, or a start too long
                              */
    case SC_ANSWER_BAD:
    case SC_ANSWER_SILENT:
    case SC_ANSWER_REFUSED:
        take_failure(p, rule, may_start);
        break;
    case SC_ANSWER_NONE:
    case SC_ANSWER_OFF:
        p->good = p->bad = 0;
        p->state = a == SC_ANSWER_OFF ? SC_SIGNAL_OFF : SC_SIGNAL_UNKNOWN;
        break;
    }
    return p->state;
}
