#include "sideclaw/health_board.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/mem.h"

/* What one bad signal means for the whole. GATEWAY means: one of the gateway's two independent
 * signals; alone it degrades, both together are death (DESIGN 1.4: a single probe may lie). */
enum meaning { DEGRADES, DRAINS, GATEWAY };

static const struct signal_row {
    const char *name;
    enum meaning bad;
} rows[SC_SIGNALS] = {
    [SC_SIG_GATEWAY_HTTP] = { "gateway_http", GATEWAY },
    [SC_SIG_GATEWAY_WS] = { "gateway_ws", GATEWAY },
    [SC_SIG_SPOOL] = { "spool", DEGRADES },
    [SC_SIG_REDIS] = { "redis", DEGRADES },
    [SC_SIG_PEER] = { "peer", DEGRADES },
    [SC_SIG_CONSUL] = { "consul", DEGRADES },
    [SC_SIG_DRAIN] = { "drain", DRAINS },
    [SC_SIG_DISK] = { "disk", DRAINS },
    [SC_SIG_CONFLICT] = { "conflict", DEGRADES },
};

struct signal {
    enum sc_signal_state state;
    sc_wall since;
    char *detail, *remedy;
};

struct sc_board {
    struct sc_clock clock;
    struct sc_log *log;
    void (*changed)(void *ctx, enum sc_health h);
    void *ctx;
    struct signal signals[SC_SIGNALS];
    enum sc_health verdict;
};

struct sc_board *sc_board_new(struct sc_clock clock, struct sc_log *log,
                              void (*changed)(void *ctx, enum sc_health h), void *ctx)
{
    struct sc_board *b = sc_xcalloc(1, sizeof *b);
    b->clock = clock;
    b->log = log;
    b->changed = changed;
    b->ctx = ctx;
    b->verdict = SC_DEGRADED; /* nothing is known yet */
    for (size_t i = 0; i < SC_SIGNALS; i++)
        b->signals[i].since = sc_clock_wall(&b->clock);
    return b;
}

void sc_board_free(struct sc_board *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        free(b->signals[i].detail);
        free(b->signals[i].remedy);
    }
    free(b);
}

static bool gateway_all(const struct sc_board *b, enum sc_signal_state state)
{
    return b->signals[SC_SIG_GATEWAY_HTTP].state == state &&
           b->signals[SC_SIG_GATEWAY_WS].state == state;
}

static enum sc_health judge(const struct sc_board *b)
{
    enum sc_health verdict = SC_HEALTHY;
    if (gateway_all(b, SC_SIGNAL_BAD))
        return SC_DEAD;
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        enum sc_signal_state s = b->signals[i].state;
        if (s == SC_SIGNAL_BAD && rows[i].bad == DRAINS)
            return SC_DRAINING;
        if (s == SC_SIGNAL_BAD || s == SC_SIGNAL_STARTING || s == SC_SIGNAL_UNKNOWN)
            verdict = SC_DEGRADED;
    }
    return verdict;
}

/* Both are copied before either goes: the caller may hand back what sc_board_view gave it. */
static void set_texts(struct signal *s, const char *detail, const char *remedy)
{
    char *d = sc_xstrdup(detail ? detail : ""), *r = sc_xstrdup(remedy ? remedy : "");
    free(s->detail);
    free(s->remedy);
    s->detail = d;
    s->remedy = r;
}

void sc_board_set(struct sc_board *b, enum sc_signal_id id, enum sc_signal_state state,
                  const char *detail, const char *remedy)
{
    struct signal *s = &b->signals[id];
    set_texts(s, detail, remedy);
    if (s->state == state)
        return;
    s->state = state;
    s->since = sc_clock_wall(&b->clock);
    sc_log_info(b->log, "health.signal", SC_S("signal", rows[id].name),
                SC_S("state", sc_signal_state_name(state)), SC_S("detail", s->detail));
    enum sc_health verdict = judge(b);
    if (verdict == b->verdict)
        return;
    b->verdict = verdict;
    sc_log_info(b->log, "health.verdict", SC_S("health", sc_health_name(verdict)));
    if (b->changed)
        b->changed(b->ctx, verdict);
}

void sc_board_view(const struct sc_board *b, enum sc_signal_id id, struct sc_signal_view *ret)
{
    const struct signal *s = &b->signals[id];
    *ret = (struct sc_signal_view){ .name = rows[id].name,
                                    .state = s->state,
                                    .since = s->since,
                                    .detail = s->detail ? s->detail : "",
                                    .remedy = s->remedy ? s->remedy : "" };
}

bool sc_board_wants_drain(const struct sc_board *b, struct sc_signal_view *ret)
{
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        if (i == SC_SIG_DRAIN || rows[i].bad != DRAINS || b->signals[i].state != SC_SIGNAL_BAD)
            continue;
        sc_board_view(b, (enum sc_signal_id)i, ret);
        return true;
    }
    return false;
}

enum sc_health sc_board_verdict(const struct sc_board *b)
{
    return b->verdict;
}

/* May the gateway behind us take new requests? Its own answer counts, not Redis's or Consul's. */
static bool takes_traffic(const struct sc_board *b)
{
    if (b->verdict == SC_DRAINING || b->verdict == SC_DEAD)
        return false;
    enum sc_signal_state http = b->signals[SC_SIG_GATEWAY_HTTP].state;
    return http == SC_SIGNAL_OK || http == SC_SIGNAL_OFF;
}

int sc_board_status(const struct sc_board *b, enum sc_health_page page)
{
    static const int health_page[] = {
        [SC_HEALTHY] = 200, [SC_DEGRADED] = 429, [SC_DRAINING] = 503, [SC_DEAD] = 503
    };
    switch (page) {
    case SC_PAGE_HEALTH:
        return health_page[b->verdict];
    case SC_PAGE_TRAFFIC:
        return takes_traffic(b) ? 200 : 503;
    case SC_PAGE_LIVE:
        return b->verdict == SC_DEAD ? 503 : 200;
    }
    return 503;
}

void sc_board_reasons(const struct sc_board *b, void (*fn)(void *ctx, const char *reason),
                      void *ctx)
{
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        const struct signal *s = &b->signals[i];
        if (s->state == SC_SIGNAL_OK || s->state == SC_SIGNAL_OFF)
            continue;
        sc_auto_buf struct sc_buf text = SC_BUF_INIT;
        sc_buf_addf(&text, "%s %s", rows[i].name, sc_signal_state_name(s->state));
        if (s->detail && *s->detail)
            sc_buf_addf(&text, ": %s", s->detail);
        fn(ctx, sc_buf_str(&text));
    }
}
