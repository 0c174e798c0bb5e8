#include "sideclaw/health_board.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/mem.h"

/* What a signal that is not well means for the whole. */
enum effect { NOTHING, DEGRADES, DRAINS };

/* Whose word it is that the gateway is dead. One may lie (a loop blocks for seconds, a proxy
 * answers for a dead process, a pid is another's): only two different ones that agree are death
 * (DESIGN 1.4). What travels over the same connection is one witness. */
enum witness { NOBODY, BY_HTTP, BY_WS, BY_PROCESS, WITNESSES };

/* THE table: who decides what. Redis or Consul being away never kills: a restart would not help. */
static const struct signal_row {
    const char *name;
    enum effect bad;      /* when it is bad; while it starts, anything that counts degrades */
    enum effect unknown;  /* while nobody knows */
    enum witness witness; /* bad, and bad by another witness, too: dead */
    bool admits;          /* /health/traffic is 200 only while it is ok or off */
    bool later;           /* off until somebody measures it */
} rows[SC_SIGNALS] = {
    [SC_SIG_GATEWAY_HTTP] = { "gateway_http", .bad = DEGRADES, .unknown = DEGRADES,
                              .witness = BY_HTTP, .admits = true },
    [SC_SIG_GATEWAY_STARTUP] = { "gateway_startup", .bad = DEGRADES, .unknown = DEGRADES,
                                 .admits = true },
    [SC_SIG_GATEWAY_READY] = { "gateway_ready", .bad = DEGRADES, .unknown = NOTHING },
    [SC_SIG_GATEWAY_WS] = { "gateway_ws", .bad = DEGRADES, .unknown = DEGRADES, .witness = BY_WS },
    [SC_SIG_GATEWAY_RPC] = { "gateway_rpc", .bad = DEGRADES, .unknown = NOTHING, .witness = BY_WS },
    [SC_SIG_GATEWAY_LOGIN] = { "gateway_login", .bad = DEGRADES, .unknown = NOTHING },
    [SC_SIG_GATEWAY_PROCESS] = { "gateway_process", .bad = DEGRADES, .unknown = NOTHING,
                                 .witness = BY_PROCESS },
    [SC_SIG_GATEWAY_CHANNELS] = { "gateway_channels", .bad = DEGRADES, .unknown = NOTHING },
    [SC_SIG_GATEWAY_MODELS] = { "gateway_models", .bad = DEGRADES, .unknown = NOTHING },
    [SC_SIG_SPOOL] = { "spool", .bad = DEGRADES, .unknown = DEGRADES },
    [SC_SIG_DISK] = { "disk", .bad = DRAINS, .unknown = NOTHING },
    [SC_SIG_REDIS] = { "redis", .bad = DEGRADES, .unknown = DEGRADES },
    [SC_SIG_PEER] = { "peer", .bad = DEGRADES, .unknown = DEGRADES },
    [SC_SIG_CONSUL] = { "consul", .bad = DEGRADES, .unknown = DEGRADES },
    [SC_SIG_DRAIN] = { "drain", .bad = DRAINS, .unknown = DEGRADES },
    [SC_SIG_CONFLICT] = { "conflict", .bad = DEGRADES, .unknown = DEGRADES },
    [SC_SIG_LEASES] = { "leases", .bad = DEGRADES, .unknown = NOTHING, .admits = true,
                        .later = true },
    [SC_SIG_SKILLS_AGE] = { "skills_age", .bad = DEGRADES, .unknown = NOTHING, .later = true },
    [SC_SIG_SKILLS_LOCK] = { "skills_lock", .bad = DEGRADES, .unknown = NOTHING, .later = true },
};

struct signal {
    enum sc_signal_state state;
    sc_wall since;
    char *detail, *remedy, *last_error;
    sc_wall last_error_at;
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
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        b->signals[i].since = sc_clock_wall(&b->clock);
        b->signals[i].state = rows[i].later ? SC_SIGNAL_OFF : SC_SIGNAL_UNKNOWN;
    }
    return b;
}

void sc_board_free(struct sc_board *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        free(b->signals[i].detail);
        free(b->signals[i].remedy);
        free(b->signals[i].last_error);
    }
    free(b);
}

static enum effect effect_of(size_t id, enum sc_signal_state s)
{
    switch (s) {
    case SC_SIGNAL_OK:
    case SC_SIGNAL_OFF:
        return NOTHING;
    case SC_SIGNAL_UNKNOWN:
        return rows[id].unknown;
    case SC_SIGNAL_STARTING:
        return DEGRADES;
    case SC_SIGNAL_BAD:
        break;
    }
    return rows[id].bad;
}

static bool is_dead(const struct sc_board *b)
{
    bool says[WITNESSES] = { false };
    for (size_t i = 0; i < SC_SIGNALS; i++)
        if (b->signals[i].state == SC_SIGNAL_BAD)
            says[rows[i].witness] = true;
    return says[BY_HTTP] + says[BY_WS] + says[BY_PROCESS] >= 2;
}

static enum sc_health judge(const struct sc_board *b)
{
    enum sc_health verdict = SC_HEALTHY;
    if (is_dead(b))
        return SC_DEAD;
    for (size_t i = 0; i < SC_SIGNALS; i++) {
        enum effect e = effect_of(i, b->signals[i].state);
        if (e == DRAINS)
            return SC_DRAINING;
        if (e == DEGRADES)
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
    if (state == SC_SIGNAL_BAD)
        sc_board_error(b, id, s->detail);
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

void sc_board_error(struct sc_board *b, enum sc_signal_id id, const char *error)
{
    struct signal *s = &b->signals[id];
    if (!error || !*error)
        return;
    sc_set_str(&s->last_error, error);
    s->last_error_at = sc_clock_wall(&b->clock);
}

void sc_board_view(const struct sc_board *b, enum sc_signal_id id, struct sc_signal_view *ret)
{
    const struct signal *s = &b->signals[id];
    *ret = (struct sc_signal_view){ .name = rows[id].name,
                                    .state = s->state,
                                    .since = s->since,
                                    .detail = s->detail ? s->detail : "",
                                    .remedy = s->remedy ? s->remedy : "",
                                    .last_error = s->last_error ? s->last_error : "",
                                    .last_error_at = s->last_error_at };
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

/* May the gateway behind us take new requests? Its own word counts, not Redis's or Consul's. */
static bool takes_traffic(const struct sc_board *b)
{
    if (b->verdict == SC_DRAINING || b->verdict == SC_DEAD)
        return false;
    for (size_t i = 0; i < SC_SIGNALS; i++)
        if (rows[i].admits && b->signals[i].state != SC_SIGNAL_OK &&
            b->signals[i].state != SC_SIGNAL_OFF)
            return false;
    return true;
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
        if (effect_of(i, s->state) == NOTHING)
            continue;
        sc_auto_buf struct sc_buf text = SC_BUF_INIT;
        sc_buf_addf(&text, "%s %s", rows[i].name, sc_signal_state_name(s->state));
        if (s->detail && *s->detail)
            sc_buf_addf(&text, ": %s", s->detail);
        fn(ctx, sc_buf_str(&text));
    }
}
