/* A KV answer in pieces: the first byte says how long they are. Whatever the pieces, the entries
 * are the same; the text is also tried as everything else that Consul answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/agent_json.h"
#include "sideclaw/consul_json.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static int note(void *ctx, const struct sc_kv_entry *e)
{
    sc_assert(strlen(e->key) > 0 || e->key[0] == '\0');
    sc_assert(e->value[e->value_len] == '\0');
    sc_buf_addf(ctx, "%s=%zu[%s]@%llu;", e->key, e->value_len, e->session,
                (unsigned long long)e->modify_index);
    return SC_OK;
}

static int parse(const char *text, size_t n, size_t step, struct sc_buf *notes)
{
    struct sc_kv_stream *s = sc_kv_stream_new(note, notes);
    int r = SC_OK;
    for (size_t i = 0; i < n && r == SC_OK; i += step)
        r = sc_kv_stream_feed(s, text + i, n - i < step ? n - i : step, NULL);
    if (r == SC_OK)
        r = sc_kv_stream_end(s, NULL);
    sc_buf_addf(notes, "skipped %zu", sc_kv_stream_skipped(s));
    sc_kv_stream_free(s);
    return r;
}

static void on_error(void *ctx, size_t op, const char *what)
{
    (void)ctx;
    sc_assert(op < SC_KV_TXN_OPS_MAX && what);
}

static void on_agent(void *ctx, const struct sc_agent_info *a)
{
    struct sc_buf out = SC_BUF_INIT;
    struct sc_agent_info again;
    (void)ctx;
    sc_agent_info_to_json(a, &out);
    sc_assert(sc_agent_info_from_json(out.p, out.n, &again, NULL) == SC_OK);
    sc_assert(sc_streq(again.id, a->id) && sc_streq(again.gateway, a->gateway));
    sc_assert(sc_strv_eq(&again.capabilities, &a->capabilities));
    sc_agent_info_fini(&again);
    sc_buf_fini(&out);
}

static void on_gateway(void *ctx, const struct sc_gateway_info *g)
{
    struct sc_buf out = SC_BUF_INIT;
    struct sc_gateway_info again;
    (void)ctx;
    sc_gateway_info_to_json(g, &out);
    sc_assert(!memchr(out.p, '\n', out.n)); /* one line: the view on disk relies on it */
    sc_assert(sc_gateway_info_from_json(out.p, out.n, &again, NULL) == SC_OK);
    sc_assert(sc_streq(again.name, g->name) && sc_streq(again.url, g->url));
    sc_gateway_info_fini(&again);
    sc_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    size_t n = size - 1, step = data[0] % 64 + 1;
    struct sc_buf whole = SC_BUF_INIT, pieces = SC_BUF_INIT, out = SC_BUF_INIT;
    int a = parse(text, n, n + 1, &whole), b = parse(text, n, step, &pieces);
    sc_assert(a == b);
    if (a == SC_OK)
        sc_assert(sc_streq(whole.p, pieces.p));

    struct sc_consul_session_info info;
    struct sc_strv list = { 0 }, labels = { 0 };
    const struct sc_view_fns fns = { .agent = on_agent, .gateway = on_gateway };
    if (sc_kv_txn_results(text, n, note, &whole, NULL) < 0 ||
        sc_kv_txn_errors(text, n, on_error, NULL, NULL) < 0 ||
        sc_consul_session_from_json(text, n, &info, NULL) < 0 ||
        sc_view_from_json(text, n, &fns, NULL) < 0) {
        /* refused, which is fine */
    }
    if (sc_strv_from_json(text, n, 8, &list, NULL) == SC_OK)
        sc_assert(list.n <= 8);
    if (sc_labels_from_json(text, n, &labels, NULL) == SC_OK)
        sc_assert(labels.n <= SC_LABELS_MAX);
    struct sc_agent_info about = { 0 };
    if (sc_about_from_json(text, n, &about, NULL) == SC_OK)
        sc_assert(strlen(about.description) <= SC_DESCRIPTION_MAX);
    struct sc_consul_maintenance maintenance = { .on = false };
    if (sc_consul_maintenance_from_json(text, n, &maintenance, NULL) == SC_OK)
        sc_assert(maintenance.on || !maintenance.reason[0]);
    sc_assert(sc_utf8_valid(maintenance.reason, strlen(maintenance.reason)));
    sc_assert(sc_turns_from_json(text, n) <= SC_GATEWAY_TURNS_MAX);
    sc_agent_info_fini(&about);
    sc_rejected_to_json("fuzz", text, n, &out);
    sc_assert(out.n <= SC_REJECTED_MAX);
    sc_strv_fini(&list);
    sc_strv_fini(&labels);
    sc_buf_fini(&whole);
    sc_buf_fini(&pieces);
    sc_buf_fini(&out);
    return 0;
}
