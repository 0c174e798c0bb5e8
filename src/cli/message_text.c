/* message_text.c: one message with all that is known of it, for people. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "sideclaw/mem.h"

/* "jerry@jerry-gateway"; the caller frees. */
static char *address(const struct sc_value *v)
{
    const char *agent = sc_value_get_str(v, "agent"), *gateway = sc_value_get_str(v, "gateway");
    return sc_xasprintf("%s%s%s", agent ? agent : "-", gateway ? "@" : "", gateway ? gateway : "");
}

/* "2ms", "14.2s", "3m05s", "5h12m" */
static void duration(int64_t ms, char ret[32])
{
    enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
    if (ms < SECOND)
        (void)snprintf(ret, 32, "%lldms", (long long)ms);
    else if (ms < MINUTE)
        (void)snprintf(ret, 32, "%.1fs", (double)ms / SECOND);
    else if (ms < HOUR)
        (void)snprintf(ret, 32, "%lldm%02llds", (long long)(ms / MINUTE),
                       (long long)(ms % MINUTE / SECOND));
    else
        (void)snprintf(ret, 32, "%lldh%02lldm", (long long)(ms / HOUR),
                       (long long)(ms % HOUR / MINUTE));
}

/* A stage, its time, and what it took to get there. The two ends have clocks of their own, so that
 * it may look negative. */
static void show_step(struct sc_writer *w, const struct sc_value *step)
{
    char took[32] = "";
    const struct sc_value *after = sc_value_get(step, "after_ms");
    int64_t ms = sc_value_num(after);
    if (after)
        duration(ms < 0 ? -ms : ms, took);
    sc_writer_line(w, "  %-10s %s%s%s", sc_value_get_str(step, "stage"),
                   sc_value_get_str(step, "at"),
                   !after   ? ""
                   : ms < 0 ? "  -"
                            : "  +",
                   took);
}

static bool show_time(void *ctx, const char *stage, const struct sc_value *v)
{
    sc_writer_line(ctx, "  %-10s %s", stage, sc_value_text(v));
    return true;
}

static void show_history(struct sc_writer *w, const struct sc_value *v)
{
    const struct sc_value *steps = sc_value_get(v, "history");
    for (size_t i = 0; i < sc_value_count(steps); i++)
        show_step(w, sc_value_at(steps, i));
    if (!steps) /* a message of a list has the times alone */
        sc_value_each(sc_value_get(v, "times"), show_time, w);
}

static void show_attempts(struct sc_writer *w, const struct sc_value *v)
{
    const char *via = sc_value_get_str(v, "via");
    int64_t again = sc_value_get_int(v, "attempts", 0); /* after the first */
    if (via || again > 0)
        sc_writer_line(w, "%-10s %lld%s%s", "attempts", (long long)again + 1,
                       via ? ", the last by " : "", via ? via : "");
    sc_writer_field(w, "next try", sc_value_get_str(v, "next_attempt"));
    sc_writer_field(w, "last error", sc_value_get_str(v, "last_error"));
}

static void show_links(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_field(w, "thread", sc_value_get_str(v, "thread"));
    sc_writer_field(w, "reply to", sc_value_get_str(v, "in_reply_to"));
    sc_writer_field(w, "replied by", sc_value_get_str(v, "replied_by"));
    sc_writer_field(w, "retry of", sc_value_get_str(v, "retry_of"));
    sc_writer_field(w, "retried as", sc_value_get_str(v, "retried_as"));
    sc_writer_field(w, "revived", sc_value_get_str(v, "revived"));
}

void sc_show_message(struct sc_writer *w, const struct sc_value *v)
{
    sc_auto_free char *from = address(sc_value_get(v, "from"));
    sc_auto_free char *to = address(sc_value_get(v, "to"));
    const char *body = sc_value_get_str(v, "body");
    sc_writer_field(w, "id", sc_value_get_str(v, "id"));
    sc_writer_field(w, "from", from);
    sc_writer_field(w, "to", to);
    sc_writer_field(w, "kind", sc_value_get_str(v, "kind"));
    sc_writer_field(w, "stage", sc_value_get_str(v, "stage"));
    sc_writer_field(w, "reason", sc_value_get_str(v, "reason"));
    if (sc_value_get_bool(v, "ambiguous", false))
        sc_writer_field(w, "ambiguous",
                        "yes: whether a turn ran for it, or only one, is not known");
    show_links(w, v);
    show_attempts(w, v);
    show_history(w, v);
    sc_writer_line(w, "%s", "");
    if (body)
        sc_writer_body(w, body);
}
