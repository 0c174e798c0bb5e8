/* status.c: this sidecar on one page: what works, what does not and what to do about it. */
#include <stdio.h>

#include "command.h"
#include "sideclaw/mem.h"

static void show_link(struct sc_writer *w, const char *name, const struct sc_value *link)
{
    const char *state = sc_value_get_str(link, "state"), *detail = sc_value_get_str(link, "detail"),
               *remedy = sc_value_get_str(link, "remedy");
    sc_buf_addf(&w->out, "  %-10s ", name);
    sc_writer_word(w, state);
    sc_writer_line(w, "%s%s", detail && *detail ? "  " : "", detail ? detail : "");
    if (remedy && *remedy)
        sc_writer_line(w, "  %-10s try: %s", "", remedy);
}

static void show_uptime(char ret[32], int64_t s)
{
    enum { HOUR = 3600, TWO_DAYS = 172800 };
    if (s < HOUR)
        (void)snprintf(ret, 32, "%lldm%02llds", (long long)(s / 60), (long long)(s % 60));
    else if (s < TWO_DAYS)
        (void)snprintf(ret, 32, "%lldh%02lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
    else
        (void)snprintf(ret, 32, "%lldd%lldh", (long long)(s / 86400), (long long)(s / 3600 % 24));
}

static bool show_count(void *ctx, const char *name, const struct sc_value *v)
{
    struct sc_buf *b = ctx;
    if (sc_value_num(v))
        sc_buf_addf(b, "%s%s %lld", b->n ? ", " : "", name, (long long)sc_value_num(v));
    return true;
}

static void show_counts(struct sc_writer *w, const char *name, const struct sc_value *counts)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_value_each(counts, show_count, &b);
    sc_writer_field(w, name, b.n ? sc_buf_str(&b) : "empty");
}

/* What waits, and how much of the room is taken. */
static void show_spool(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const waits[] = { "outbox", "inbox", "dead", "ambiguous" };
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    for (size_t i = 0; i < SC_ARRAY_LEN(waits); i++)
        (void)show_count(&b, waits[i], sc_value_get(v, waits[i]));
    sc_writer_field(w, "spool", b.n ? sc_buf_str(&b) : "nothing waits");
    sc_writer_line(w, "%-10s %lld of %lld messages, %lld of %lld bytes", "",
                   (long long)sc_value_get_int(v, "messages", 0),
                   (long long)sc_value_get_int(v, "max_messages", 0),
                   (long long)sc_value_get_int(v, "bytes", 0),
                   (long long)sc_value_get_int(v, "max_bytes", 0));
}

static void show_memory(struct sc_writer *w, const struct sc_value *v)
{
    int64_t unshared = sc_value_get_int(v, "unshared", 0), drift = sc_value_get_int(v, "drift", 0);
    if (!sc_value_is_object(v))
        return;
    sc_buf_addf(&w->out, "%-10s %lld keys of %lld agents, %s", "memory",
                (long long)sc_value_get_int(v, "keys", 0),
                (long long)sc_value_get_int(v, "agents", 0), sc_value_get_str(v, "state"));
    if (unshared)
        sc_buf_addf(&w->out, ", %lld not in Redis yet", (long long)unshared);
    if (drift)
        sc_buf_addf(&w->out, ", %lld stamps from a clock far ahead", (long long)drift);
    sc_writer_line(w, "%s", "");
}

static void show_reasons(struct sc_writer *w, const struct sc_value *reasons)
{
    for (size_t i = 0; i < sc_value_count(reasons); i++)
        sc_writer_line(w, "  - %s", sc_value_text(sc_value_at(reasons, i)));
}

/* Why is among the reasons; this is how far it is. */
static void show_drain(struct sc_writer *w, const struct sc_value *v)
{
    const char *phase = sc_value_get_str(v, "phase");
    if (!phase || sc_streq(phase, "serving"))
        return;
    sc_writer_line(w, "%-10s %s, %lld turns to end", "drain",
                   sc_value_get_bool(v, "ready", false) ? "ready to stop" : phase,
                   (long long)sc_value_get_int(v, "turns", 0));
}

static void show_conflicts(struct sc_writer *w, const struct sc_value *conflicts)
{
    for (size_t i = 0; i < sc_value_count(conflicts); i++) {
        const struct sc_value *c = sc_value_at(conflicts, i);
        const char *agent = sc_value_get_str(c, "agent"), *holder = sc_value_get_str(c, "holder");
        if (agent)
            sc_writer_line(w, "conflict   agent %s is held by %s", agent, holder);
        else
            sc_writer_line(w, "conflict   the name %s is held by %s",
                           sc_value_get_str(c, "gateway"), holder);
    }
}

static void show_status(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const links[] = { "gateway", "redis", "peer", "consul" };
    char uptime[32];
    show_uptime(uptime, sc_value_get_int(v, "uptime_s", 0));
    sc_buf_addf(&w->out, "%s  ", sc_value_get_str(v, "gateway"));
    sc_writer_word(w, sc_value_get_str(v, "health"));
    sc_writer_line(w, "  (sideclaw %s, pid %lld, up %s)", sc_value_get_str(v, "version"),
                   (long long)sc_value_get_int(v, "pid", 0), uptime);
    show_reasons(w, sc_value_get(v, "reasons"));
    show_drain(w, sc_value_get(v, "drain"));
    sc_writer_line(w, "links");
    for (size_t i = 0; i < SC_ARRAY_LEN(links); i++)
        show_link(w, links[i], sc_value_get(sc_value_get(v, "links"), links[i]));
    show_spool(w, sc_value_get(v, "spool"));
    show_memory(w, sc_value_get(v, "memory"));
    show_counts(w, "messages", sc_value_get(v, "counters"));
    show_conflicts(w, sc_value_get(v, "conflicts"));
    sc_writer_field(w, "rejected", sc_value_get_str(v, "last_rejected"));
    sc_writer_field(w, "signing",
                    sc_value_get_bool(v, "signed", false)
                        ? "on"
                        : "unsigned: anybody who reaches Redis can write as anybody; "
                          "set mesh.key_file");
}

int sc_cmd_status(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words");
    return sc_cli_show(cli, "status.get", NULL, show_status);
}
