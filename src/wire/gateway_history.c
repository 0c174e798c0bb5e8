/* What became of a run, read from its session's history: the only witness after a restart of the
 * gateway, which forgets run ids and continues an interrupted turn under a new one (OPENCLAW.md
 * 4a).
 */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/mem.h"

static bool is_role(const struct sc_value *row, const char *role)
{
    return sc_streq(sc_value_get_str(row, "role"), role);
}

/* The message of a run is stored under the key "<run id>:user". */
static bool is_message_of(const struct sc_value *row, const char *run_id)
{
    const char *key = sc_value_get_str(row, "idempotencyKey");
    size_t n = strlen(run_id);
    return is_role(row, "user") && key && strncmp(key, run_id, n) == 0 &&
           strcmp(key + n, ":user") == 0;
}

/* Does another turn begin here? The gateway's own "continue" after a restart does not count. */
static bool is_other_message(const struct sc_value *row)
{
    const char *kind = sc_value_get_str(sc_value_get(row, "provenance"), "kind");
    return is_role(row, "user") && !sc_streq(kind, "internal_system");
}

static void add_part(struct sc_buf *out, const struct sc_value *v)
{
    const char *s = sc_value_text(v);
    if (s && out->n)
        sc_buf_addc(out, '\n');
    for (size_t i = 0, n = s ? sc_value_text_len(v) : 0; i < n; i++)
        if (s[i])
            sc_buf_addc(out, s[i]);
}

static char *row_text(const struct sc_value *row)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    const struct sc_value *content = sc_value_get(row, "content");
    add_part(&text, content); /* when it is a plain string */
    for (size_t i = 0; i < sc_value_count(content); i++)
        add_part(&text, sc_value_get(sc_value_at(content, i), "text"));
    return sc_buf_steal(&text);
}

/* The row in which the run ends, so far: tool calls and interrupted rows are followed by more. */
static const struct sc_value *last_word(const struct sc_value *rows, size_t from, bool *ret_over)
{
    const struct sc_value *last = NULL;
    for (size_t i = from; i < sc_value_count(rows); i++) {
        const struct sc_value *row = sc_value_at(rows, i);
        if (is_other_message(row)) {
            *ret_over = true;
            break;
        }
        const char *stop = sc_value_get_str(row, "stopReason");
        if (is_role(row, "assistant") && !sc_streq(stop, "toolUse") && !sc_streq(stop, "aborted"))
            last = row;
    }
    return last;
}

int sc_gw_history_read(const struct sc_gw_frame *f, const char *run_id, struct sc_gw_history *ret,
                       struct sc_err *err)
{
    const struct sc_value *rows = sc_value_get(f->payload, "messages");
    if (!sc_value_is_array(rows))
        return sc_fail(err, SC_EPROTO, "chat.history without messages");
    struct sc_gw_history h = { .active = sc_value_get_bool(sc_value_get(f->payload, "sessionInfo"),
                                                           "hasActiveRun", false) };
    size_t at = h.rows = sc_value_count(rows);
    while (at > 0 && !is_message_of(sc_value_at(rows, at - 1), run_id))
        at--;
    h.asked = at > 0;
    bool over = !h.active;
    const struct sc_value *last = h.asked ? last_word(rows, at, &over) : NULL;
    if (last && over) {
        h.failed = sc_streq(sc_value_get_str(last, "stopReason"), "error");
        h.answered = !h.failed;
        h.text = row_text(last);
    }
    *ret = h;
    return SC_OK;
}
