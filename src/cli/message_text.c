/* message_text.c: one message with all that is known of it, for people. */
#include <string.h>

#include "command.h"
#include "sideclaw/mem.h"

/* "jerry@jerry-gateway"; the caller frees. */
static char *address(const struct sc_value *v)
{
    const char *agent = sc_value_get_str(v, "agent"), *gateway = sc_value_get_str(v, "gateway");
    return sc_xasprintf("%s%s%s", agent ? agent : "-", gateway ? "@" : "", gateway ? gateway : "");
}

static bool show_time(void *ctx, const char *stage, const struct sc_value *v)
{
    sc_writer_line(ctx, "  %-10s %s", stage, sc_value_text(v));
    return true;
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
    sc_writer_field(w, "thread", sc_value_get_str(v, "thread"));
    sc_writer_field(w, "reply to", sc_value_get_str(v, "in_reply_to"));
    if (sc_value_get_int(v, "attempts", 0) > 0)
        sc_writer_line(w, "%-10s %lld", "attempts", (long long)sc_value_get_int(v, "attempts", 0));
    sc_value_each(sc_value_get(v, "times"), show_time, w);
    sc_writer_line(w, "%s", "");
    if (body)
        sc_writer_body(w, body);
}
