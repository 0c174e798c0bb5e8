/* ops_health.c: the health board, one page per reader (DESIGN 6). */
#include "handlers.h"
#include "sideclaw/mem.h"

static void add_reason(void *ctx, const char *reason)
{
    sc_value_add_str(ctx, reason);
}

struct sc_value *sc_reasons_value(const struct sc_board *b)
{
    struct sc_value *v = sc_value_array();
    sc_board_reasons(b, add_reason, v);
    return v;
}

static struct sc_value *signal_value(const struct sc_board *b, enum sc_signal_id id)
{
    struct sc_signal_view s;
    sc_board_view(b, id, &s);
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "name", s.name);
    sc_value_set_str(v, "state", sc_signal_state_name(s.state));
    sc_value_set_time(v, "since", s.since);
    sc_value_set_str(v, "detail", s.detail);
    sc_value_set_str(v, "remedy", s.remedy);
    sc_value_set_str(v, "last_error", s.last_error);
    if (s.last_error_at.ms)
        sc_value_set_time(v, "last_error_at", s.last_error_at);
    else
        sc_value_set_str(v, "last_error_at", NULL);
    return v;
}

/* What each reader is told, so that one look shows all three. */
static struct sc_value *pages_value(const struct sc_board *b)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_int(v, "health", sc_board_status(b, SC_PAGE_HEALTH));
    sc_value_set_int(v, "traffic", sc_board_status(b, SC_PAGE_TRAFFIC));
    sc_value_set_int(v, "live", sc_board_status(b, SC_PAGE_LIVE));
    return v;
}

static struct sc_value *board_value(const struct sc_board *b)
{
    struct sc_value *v = sc_value_object(), *signals = sc_value_array();
    for (int i = 0; i < SC_SIGNALS; i++)
        sc_value_add(signals, signal_value(b, (enum sc_signal_id)i));
    sc_value_set_str(v, "status", sc_health_name(sc_board_verdict(b)));
    sc_value_set(v, "reasons", sc_reasons_value(b));
    sc_value_set(v, "pages", pages_value(b));
    sc_value_set(v, "signals", signals);
    return v;
}

void sc_op_health_get(struct sc_call *call)
{
    sc_call_reply(call, board_value(call->env->board));
}

static void reply_page(struct sc_call *call, enum sc_health_page page)
{
    const struct sc_board *b = call->env->board;
    sc_call_reply_status(call, sc_board_status(b, page), board_value(b));
}

void sc_op_health_page(struct sc_call *call)
{
    reply_page(call, SC_PAGE_HEALTH);
}

void sc_op_health_traffic(struct sc_call *call)
{
    reply_page(call, SC_PAGE_TRAFFIC);
}

void sc_op_health_live(struct sc_call *call)
{
    reply_page(call, SC_PAGE_LIVE);
}
