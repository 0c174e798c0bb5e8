#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/consul_json.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/value.h"

/* What the parser gave, as "key=value[session]@modify;" each. */
static int note(void *ctx, const struct sc_kv_entry *e)
{
    sc_buf_addf(ctx, "%s=%.*s[%s]@%llu/%llu;", e->key, (int)e->value_len, e->value, e->session,
                (unsigned long long)e->create_index, (unsigned long long)e->modify_index);
    return SC_OK;
}

/* The text in pieces of `step` bytes; the notes are the caller's. */
static char *parse(const char *text, size_t step, int *ret, size_t *ret_skipped)
{
    struct sc_buf notes = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    struct sc_kv_stream *s = sc_kv_stream_new(note, &notes);
    size_t n = strlen(text);
    *ret = SC_OK;
    for (size_t i = 0; i < n && *ret == SC_OK; i += step)
        *ret = sc_kv_stream_feed(s, text + i, n - i < step ? n - i : step, &err);
    if (*ret == SC_OK)
        *ret = sc_kv_stream_end(s, &err);
    *ret_skipped = sc_kv_stream_skipped(s);
    sc_kv_stream_free(s);
    return sc_buf_steal(&notes);
}

static const char two[] =
    "[{\"LockIndex\":1,\"Key\":\"o/agents/a/status\",\"Flags\":0,\"Value\":\"YWN0aXZl\","
    "\"Session\":\"s-1\",\"CreateIndex\":25,\"ModifyIndex\":30},\n    "
    "{\"LockIndex\":0,\"Key\":\"o/x \\\"]}{[,\\\\\",\"Flags\":0,\"Value\":null,\"CreateIndex\":7,"
    "\"ModifyIndex\":7, \"More\": {\"nested\": [1, {\"a\": \"}\"}]}}]";
static const char two_notes[] = "o/agents/a/status=active[s-1]@25/30;o/x \"]}{[,\\=[]@7/7;";

Test(kv_stream, entries_come_out_whole_whatever_the_pieces)
{
    for (size_t step = 1; step <= sizeof two; step++) {
        int r;
        size_t skipped;
        sc_auto_free char *notes = parse(two, step, &r, &skipped);
        cr_assert_eq(r, SC_OK, "step %zu", step);
        cr_assert_str_eq(notes, two_notes, "step %zu", step);
        cr_assert_eq(skipped, 0);
    }
}

Test(kv_stream, an_empty_array_is_an_empty_answer)
{
    int r;
    size_t skipped;
    sc_auto_free char *notes = parse(" [ ]\n", 1, &r, &skipped);
    cr_assert_eq(r, SC_OK);
    cr_assert_str_eq(notes, "");
}

Test(kv_stream, what_is_no_array_of_objects_is_refused)
{
    static const char *const texts[] = { "",     "{}",    "[1]",     "[{\"Key\":\"a\"}",
                                         "[,]",  "[{},]", "[{}{}]",  "[{}] x",
                                         "null", "[\"]",  "[{}]\n[", "[{]" };
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        int r;
        size_t skipped;
        sc_auto_free char *notes = parse(texts[i], 2, &r, &skipped);
        cr_assert(notes);
        cr_assert_eq(r, SC_EPROTO, "%s", texts[i]);
    }
}

Test(kv_stream, an_entry_that_cannot_be_read_is_left_out_and_counted)
{
    static const char text[] =
        "[{\"Key\":\"a\",\"Value\":\"!!!!\"},{\"Key\":5},{\"Key\":\"a\\u0000b\"},"
        "{\"Key\":\"b\",\"Value\":\"YQ\"},{nonsense},{},"
        "{\"Key\":\"c\",\"Value\":\"YQ==\"}]";
    int r;
    size_t skipped;
    sc_auto_free char *notes = parse(text, 7, &r, &skipped);
    cr_assert_eq(r, SC_OK);
    cr_assert_str_eq(notes, "c=a[]@0/0;");
    cr_assert_eq(skipped, 6);
}

Test(kv_stream, an_entry_over_the_limit_does_not_hide_the_next)
{
    struct sc_buf text = SC_BUF_INIT;
    sc_buf_adds(&text, "[{\"Key\":\"big\",\"Value\":\"");
    for (size_t i = 0; i < SC_KV_ENTRY_MAX / 4 + 10; i++)
        sc_buf_adds(&text, "YWFh");
    sc_buf_adds(&text, "\"},{\"Key\":\"small\",\"Value\":\"YQ==\"}]");
    for (size_t step = 4096; step < text.n * 2; step *= 64) {
        int r;
        size_t skipped;
        sc_auto_free char *notes = parse(text.p, step, &r, &skipped);
        cr_assert_eq(r, SC_OK);
        cr_assert_str_eq(notes, "small=a[]@0/0;");
        cr_assert_eq(skipped, 1);
    }
    sc_buf_fini(&text);
}

static int stop(void *ctx, const struct sc_kv_entry *e)
{
    (void)ctx;
    (void)e;
    return SC_EFULL;
}

Test(kv_stream, a_refusal_of_the_reader_ends_it_with_its_code)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_kv_stream *s = sc_kv_stream_new(stop, NULL);
    cr_assert_eq(sc_kv_stream_feed(s, two, strlen(two), &err), SC_EFULL);
    sc_kv_stream_free(s);
}

struct bytes {
    uint8_t v[70];
    size_t n;
    unsigned hits;
};

static int compare(void *ctx, const struct sc_kv_entry *e)
{
    struct bytes *want = ctx;
    cr_assert_eq(e->value_len, want->n);
    cr_assert_eq(memcmp(e->value, want->v, want->n), 0);
    want->hits++;
    return SC_OK;
}

Test(kv_stream, values_of_any_bytes_survive_base64)
{
    for (size_t n = 0; n < 70; n++) {
        struct bytes want = { .n = n };
        sc_auto_buf struct sc_buf text = SC_BUF_INIT;
        for (size_t i = 0; i < n; i++)
            want.v[i] = (uint8_t)(i * 37 + n);
        sc_buf_adds(&text, "[{\"Key\":\"k\",\"Value\":\"");
        sc_base64(&text, want.v, n);
        sc_buf_adds(&text, "\"}]");
        struct sc_kv_stream *s = sc_kv_stream_new(compare, &want);
        cr_assert_eq(sc_kv_stream_feed(s, text.p, text.n, NULL), SC_OK);
        cr_assert_eq(want.hits, 1);
        sc_kv_stream_free(s);
    }
}

Test(kv_txn, operations_say_what_the_verb_needs_and_no_more)
{
    sc_auto_buf struct sc_buf txn = SC_BUF_INIT;
    sc_kv_txn_add(
        &txn,
        &(struct sc_kv_op){
            .verb = SC_KV_LOCK, .key = "o/\"a\"", .value = "hi", .value_len = 2, .session = "s" });
    sc_kv_txn_add(&txn,
                  &(struct sc_kv_op){ .verb = SC_KV_CAS, .key = "b", .value = "", .index = 0 });
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_DELETE_CAS, .key = "c", .index = 12 });
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_GET_TREE, .key = "d/" });
    sc_kv_txn_end(&txn);
    cr_assert_str_eq(txn.p, "[{\"KV\":{\"Verb\":\"lock\",\"Key\":\"o/"
                            "\\\"a\\\"\",\"Value\":\"aGk=\",\"Session\":\"s\"}},"
                            "{\"KV\":{\"Verb\":\"cas\",\"Key\":\"b\",\"Value\":\"\",\"Index\":0}},"
                            "{\"KV\":{\"Verb\":\"delete-cas\",\"Key\":\"c\",\"Index\":12}},"
                            "{\"KV\":{\"Verb\":\"get-tree\",\"Key\":\"d/\"}}]");
}

static void note_error(void *ctx, size_t op, const char *what)
{
    sc_buf_addf(ctx, "%zu:%s;", op, what);
}

Test(kv_txn, errors_name_their_operations)
{
    static const char text[] = "{\"Results\": null, \"Errors\": [{\"OpIndex\": 1, \"What\": "
                               "\"failed to lock key \\\"o/a\\\", "
                               "lock is already held\"}, {\"OpIndex\": 3, \"What\": \"x\"}, "
                               "{\"OpIndex\": 99, \"What\": \"y\"}]}";
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf notes = SC_BUF_INIT;
    cr_assert_eq(sc_kv_txn_errors(text, strlen(text), note_error, &notes, &err), SC_OK);
    cr_assert_str_eq(notes.p, "1:failed to lock key \"o/a\", lock is already held;3:x;");
    cr_assert_eq(sc_kv_txn_errors("{}", 2, note_error, &notes, &err), SC_EPROTO);
    cr_assert_eq(sc_kv_txn_errors("oops", 4, note_error, &notes, &err), SC_EPROTO);
}

Test(kv_txn, results_give_their_entries)
{
    static const char text[] = "{\"Results\":[{\"KV\":{\"LockIndex\":1,\"Key\":\"o/"
                               "a\",\"Flags\":0,\"Value\":null,\"Session\":\"s\","
                               "\"CreateIndex\":25,\"ModifyIndex\":25}},{\"Other\":1},{\"KV\":{"
                               "\"Key\":\"o/b\",\"Value\":\"aGk=\"}}],"
                               "\"Errors\":null}";
    sc_auto_buf struct sc_buf notes = SC_BUF_INIT;
    cr_assert_eq(sc_kv_txn_results(text, strlen(text), note, &notes, NULL), SC_OK);
    cr_assert_str_eq(notes.p, "o/a=[s]@25/25;o/b=hi[]@0/0;");
}

Test(session, create_and_renew_answers_are_read)
{
    struct sc_consul_session_info info;
    static const char created[] = "{ \"ID\": \"2d44ea66-b2d5-3101-60a1-a21a1c3adcd8\" }";
    static const char renewed[] = "[{\"ID\":\"bed4\",\"Name\":\"sideclaw-a\",\"TTL\":\"30s\"}]";
    cr_assert_eq(sc_consul_session_from_json(created, strlen(created), &info, NULL), SC_OK);
    cr_assert_str_eq(info.id, "2d44ea66-b2d5-3101-60a1-a21a1c3adcd8");
    cr_assert_str_eq(info.name, "");
    cr_assert_eq(sc_consul_session_from_json(renewed, strlen(renewed), &info, NULL), SC_OK);
    cr_assert_str_eq(info.name, "sideclaw-a");
    cr_assert_eq(sc_consul_session_from_json("[]", 2, &info, NULL), SC_ENOENT);
    cr_assert_eq(sc_consul_session_from_json("true", 4, &info, NULL), SC_EPROTO);
}

Test(session, is_asked_for_with_a_ttl_in_whole_seconds)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_consul_session_to_json("sideclaw-a", 29001, &out);
    cr_assert_str_eq(out.p, "{\"Name\":\"sideclaw-a\",\"TTL\":\"30s\",\"Behavior\":\"release\","
                            "\"LockDelay\":\"0s\"}");
}

Test(service, carries_its_checks_and_who_it_is)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    struct sc_strv tags = { 0 };
    const struct sc_consul_check checks[] = {
        { .id = "h", .name = "health", .url = "http://127.0.0.1:18790/health", .interval_s = 10 },
        { .id = "t", .name = "traffic", .interval_s = 30, .status = "warning" },
    };
    struct sc_consul_service s = { .id = "openclaw-gateway-a",
                                   .name = "openclaw-gateway",
                                   .address = "127.0.0.1",
                                   .port = 18789,
                                   .tags = &tags,
                                   .gateway = "a",
                                   .version = "1.2.3",
                                   .agents = "jerry,scribe",
                                   .checks = checks,
                                   .n_checks = 2,
                                   .deregister_after_s = 600 };
    sc_strv_add(&tags, "rule=Host(`x`) && \"y\"");
    sc_consul_service_to_json(&s, &out);
    sc_auto_value struct sc_value *v = sc_value_parse(out.p, out.n, NULL);
    cr_assert_str_eq(sc_value_get_str(v, "ID"), "openclaw-gateway-a");
    cr_assert_eq(sc_value_get_int(v, "Port", 0), 18789);
    cr_assert(strstr(out.p, "\"Tags\":[\"rule=Host(`x`) && \\\"y\\\"\"]"), "%s", out.p);
    cr_assert(strstr(out.p, "\"Meta\":{\"gateway\":\"a\",\"version\":\"1.2.3\","
                            "\"agents\":\"jerry,scribe\"}"),
              "%s", out.p);
    cr_assert(strstr(out.p, "{\"CheckID\":\"h\",\"Name\":\"health\","
                            "\"HTTP\":\"http://127.0.0.1:18790/health\",\"Interval\":\"10s\","
                            "\"Timeout\":\"5s\",\"DeregisterCriticalServiceAfter\":\"600s\"}"),
              "%s", out.p);
    cr_assert(strstr(out.p, "{\"CheckID\":\"t\",\"Name\":\"traffic\",\"TTL\":\"30s\","
                            "\"Status\":\"warning\",\"DeregisterCriticalServiceAfter\":"),
              "%s", out.p);
    s.deregister_after_s = 0;
    sc_buf_clear(&out);
    sc_consul_service_to_json(&s, &out);
    cr_assert(!strstr(out.p, "Deregister"), "never");
    sc_strv_fini(&tags);
}

/* Consul refuses a service whose Meta has a longer value. */
Test(service, names_fit_into_meta)
{
    struct sc_strv names = { 0 };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_consul_names(&names, &out);
    cr_assert_eq(out.n, 0);
    for (size_t n = 1; n <= 200; n++) {
        sc_auto_free char *name = sc_xasprintf("agent-%zu", n);
        sc_strv_add(&names, name);
        sc_buf_clear(&out);
        sc_consul_names(&names, &out);
        cr_assert_leq(out.n, SC_CONSUL_META_MAX);
        cr_assert(strncmp(sc_buf_str(&out), "agent-1", 7) == 0);
        bool all = strstr(sc_buf_str(&out), name) != NULL;
        bool cut = strcmp(sc_buf_str(&out) + out.n - 4, ",...") == 0;
        cr_assert(all != cut, "%zu: %s", n, sc_buf_str(&out));
    }
    sc_strv_fini(&names);
}

Test(service, a_check_is_told_no_more_than_consul_keeps)
{
    enum { LONG = 3 * SC_CONSUL_OUTPUT_MAX };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT, text = SC_BUF_INIT;
    sc_buf_addc(&text, 'x');
    while (text.n < LONG)
        sc_buf_adds(&text, "\xc3\xa9"); /* the cut is within one of these */
    sc_consul_check_to_json("warning", sc_buf_str(&text), &out);
    sc_auto_value struct sc_value *v = sc_value_parse(out.p, out.n, NULL);
    cr_assert_str_eq(sc_value_get_str(v, "Status"), "warning");
    cr_assert_eq(strlen(sc_value_get_str(v, "Output")), SC_CONSUL_OUTPUT_MAX - 1);
}

static struct sc_value *rejected(const char *value, size_t n, size_t *ret_size)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_rejected_to_json("body is missing", value, n, &out);
    *ret_size = out.n;
    return sc_value_parse(out.p, out.n, NULL);
}

Test(rejected, text_is_kept_as_text)
{
    size_t size;
    sc_auto_value struct sc_value *v = rejected("{\"from\":", 8, &size);
    cr_assert_str_eq(sc_value_get_str(v, "reason"), "body is missing");
    cr_assert_str_eq(sc_value_get_str(v, "value"), "{\"from\":");
    cr_assert_null(sc_value_get(v, "encoding"));
}

Test(rejected, bytes_come_as_base64)
{
    size_t size;
    sc_auto_value struct sc_value *v = rejected("\xff\0z", 3, &size);
    cr_assert_str_eq(sc_value_get_str(v, "value"), "/wB6");
    cr_assert_str_eq(sc_value_get_str(v, "encoding"), "base64");
}

Test(rejected, the_largest_value_still_fits_a_transaction)
{
    size_t n = SC_KV_VALUE_MAX, size;
    char *big = sc_xmalloc(n);
    static const char *const fills[] = { "a", "\x01", "\xff", "\xc3\xa4" };
    for (size_t f = 0; f < SC_ARRAY_LEN(fills); f++) {
        for (size_t i = 0; i < n; i++)
            big[i] = fills[f][i % strlen(fills[f])];
        sc_auto_value struct sc_value *v = rejected(big, n, &size);
        cr_assert_not_null(v);
        cr_assert_leq(size, SC_REJECTED_MAX);
        cr_assert(sc_value_get_bool(v, "truncated", false));
    }
    free(big);
}

Test(rejected, a_reason_that_is_no_text_does_no_harm)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_rejected_to_json("\xff", "x", 1, &out);
    cr_assert(strstr(out.p, "\"value\":\"x\""));
}

/* --- maintenance, as Consul 1.8.7 tells it --- */

static int maintained(const char *json, struct sc_consul_maintenance *m)
{
    struct sc_err err = SC_ERR_INIT;
    memset(m, 0x55, sizeof *m);
    return sc_consul_maintenance_from_json(json, strlen(json), m, &err);
}

Test(maintenance, of_the_service_and_of_its_node)
{
    struct sc_consul_maintenance m;
    cr_assert_eq(maintained("[{\"Node\":{\"Node\":\"n\"},\"Service\":{\"ID\":\"s\"},\"Checks\":["
                            "{\"CheckID\":\"serfHealth\",\"Status\":\"passing\",\"Notes\":\"\"},"
                            "{\"CheckID\":\"_service_maintenance:s\",\"Status\":\"critical\","
                            "\"Notes\":\"new disk\"}]}]",
                            &m),
                 SC_OK);
    cr_assert(m.on);
    cr_assert_str_eq(m.reason, "new disk");
    cr_assert_eq(maintained("[{\"Checks\":[{\"CheckID\":\"_node_maintenance\"}]}]", &m), SC_OK);
    cr_assert(m.on);
    cr_assert_str_eq(m.reason, "");
}

Test(maintenance, is_off_without_such_a_check)
{
    static const char *const off[] = {
        "[]", "[{}]", "[{\"Checks\":null}]", "[{\"Checks\":[3,{\"CheckID\":7}]}]",
        "[{\"Checks\":[{\"CheckID\":\"service:s\",\"Status\":\"critical\"}]}]"
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(off); i++) {
        struct sc_consul_maintenance m;
        cr_assert_eq(maintained(off[i], &m), SC_OK, "%s", off[i]);
        cr_assert_not(m.on, "%s", off[i]);
        cr_assert_str_eq(m.reason, "");
    }
}

Test(maintenance, an_answer_of_another_shape_is_none)
{
    struct sc_consul_maintenance m;
    cr_assert_eq(maintained("{}", &m), SC_EPROTO);
    cr_assert_eq(maintained("", &m), SC_EPROTO);
    cr_assert_eq(maintained("[{", &m), SC_EPROTO);
}
