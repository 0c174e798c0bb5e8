#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/store/consul_internal.h"
#include "sideclaw/mem.h"

/* ---- what a request asks for ---- */

static void note(void *ctx, const char *right, const char *name)
{
    sc_buf_addf(ctx, "%s %s;", right, name);
}

static const char *asked(const char *method, const char *path, const char *sent, const char *body,
                         bool refused)
{
    static char text[512];
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    const struct sc_consul_request req = { .method = method, .path = path };
    const struct sc_http_response res = {
        .body = body, .body_len = strlen(body), .sent = sent, .sent_len = strlen(sent)
    };
    sc_consul_asked(&req, &res, refused, note, &out);
    (void)snprintf(text, sizeof text, "%s", sc_buf_str(&out));
    return text;
}

Test(consul_asked, paths_name_what_they_are_about)
{
    cr_assert_str_eq(asked("PUT", "kv/openclaw/agents/a%20b/inbox/x", "v", "", true),
                     "write openclaw/agents/a b/inbox/x;");
    cr_assert_str_eq(asked("GET", "kv/openclaw/agents/?recurse=true&index=7", "", "", true),
                     "read openclaw/agents/;");
    cr_assert_str_eq(asked("PUT", "session/renew/1", "", "", true), "write sessions;");
    cr_assert_str_eq(asked("PUT", "agent/service/register?x", "", "", true),
                     "write service openclaw-gateway;");
    cr_assert_str_eq(asked("GET", "health/service/openclaw-gateway?x", "", "", true),
                     "read service openclaw-gateway;");
    cr_assert_str_eq(asked("PUT", "kv/odd%", "", "", true), "write odd%;");
}

static const char txn[] = "[{\"KV\":{\"Verb\":\"lock\",\"Key\":\"m/gateways/a/url\"}},"
                          "{\"KV\":{\"Verb\":\"get-tree\",\"Key\":\"m/cluster/\"}},"
                          "{\"KV\":{\"Verb\":\"cas\",\"Key\":\"m/cluster/id\"}}]";

Test(consul_asked, a_transaction_names_the_operations_that_were_refused)
{
    cr_assert_str_eq(asked("PUT", "txn", txn, "", false),
                     "write m/gateways/a/url;read m/cluster/;write m/cluster/id;");
    cr_assert_str_eq(asked("PUT", "txn", txn,
                           "{\"Errors\":[{\"OpIndex\":2,\"What\":\"Permission denied\"},"
                           "{\"OpIndex\":0,\"What\":\"lock is held\"},"
                           "{\"OpIndex\":63,\"What\":\"Permission denied\"}]}",
                           true),
                     "write m/cluster/id;");
    /* Newer ones refuse the whole of it. */
    cr_assert_str_eq(asked("PUT", "txn", txn, "Permission denied", true),
                     "write m/gateways/a/url;read m/cluster/;write m/cluster/id;");
    cr_assert_str_eq(asked("PUT", "txn", "nonsense", "", false), "");
}

/* ---- what stays refused ---- */

struct fake_time {
    int64_t ms;
};

static sc_mono fake_mono(void *impl)
{
    return (sc_mono){ .ms = ((struct fake_time *)impl)->ms };
}

static void hear(struct sc_consul_refused *f, const char *path, const char *refusal)
{
    const struct sc_consul_request req = { .method = "PUT", .path = path };
    const struct sc_http_response res = { .body = "", .sent = "" };
    struct sc_err err = SC_ERR_INIT;
    if (refusal)
        (void)sc_fail(&err, SC_EAUTH, "%s", refusal);
    sc_consul_refused_hear(f, &req, &res, refusal ? &err : NULL);
}

static const char *first(const struct sc_consul_refused *f)
{
    static struct sc_err err;
    return sc_consul_refused_first(f, &err) ? err.text : "";
}

Test(consul_refused, it_stays_until_the_same_folder_is_allowed)
{
    struct fake_time time = { 0 };
    struct sc_consul_refused *f =
        sc_consul_refused_new((struct sc_clock){ .mono = fake_mono, .impl = &time });
    cr_assert_str_eq(first(f), "");
    hear(f, "kv/m/cluster/id", "no cluster");
    hear(f, "kv/m/shared/x", "no shared");
    hear(f, "kv/m/cluster/members", "no cluster");
    cr_assert_str_eq(first(f), "no cluster, and 1 more");
    hear(f, "kv/m/agents/jerry/status", NULL);
    cr_assert_str_eq(first(f), "no cluster, and 1 more");
    hear(f, "kv/m/cluster/leader", NULL);
    cr_assert_str_eq(first(f), "no shared");
    sc_consul_refused_clear(f);
    cr_assert_str_eq(first(f), "");
    sc_consul_refused_free(f);
}

Test(consul_refused, it_lapses_when_nobody_asks_for_it_any_more)
{
    struct fake_time time = { 0 };
    struct sc_consul_refused *f =
        sc_consul_refused_new((struct sc_clock){ .mono = fake_mono, .impl = &time });
    hear(f, "kv/m/cluster/id", "old");
    time.ms = 1000;
    hear(f, "kv/m/shared/x", "new");
    sc_consul_refused_lapse(f, 1000);
    cr_assert_str_eq(first(f), "old, and 1 more");
    time.ms = 1001;
    sc_consul_refused_lapse(f, 1000);
    cr_assert_str_eq(first(f), "new");
    sc_consul_refused_free(f);
}

Test(consul_refused, there_are_never_many_and_other_errors_are_none)
{
    struct fake_time time = { 0 };
    struct sc_consul_refused *f =
        sc_consul_refused_new((struct sc_clock){ .mono = fake_mono, .impl = &time });
    const struct sc_consul_request req = { .method = "PUT", .path = "kv/m/x" };
    const struct sc_http_response res = { .body = "", .sent = "" };
    struct sc_err busy = SC_ERR_INIT;
    (void)sc_fail(&busy, SC_EBUSY, "busy");
    sc_consul_refused_hear(f, &req, &res, &busy);
    cr_assert_str_eq(first(f), "");
    for (int i = 0; i < 1000; i++) {
        sc_auto_free char *path = sc_xasprintf("kv/m/agents/a%d/inbox/x", i);
        hear(f, path, "no");
    }
    cr_assert_str_eq(first(f), "no, and 15 more");
    sc_consul_refused_free(f);
}
