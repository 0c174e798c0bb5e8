/* Two transports, jerry's and bobby's, with a real HTTP server between them; bobby's disk commits
 * when the test says so. */
#include "sideclaw/peer_transport.h"

#include <string.h>

#include "http_fixture.h"

static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
static const struct sc_mesh_key key = { .key = secret, .key_len = 32 };

enum { MOST = 512 };

/* What the server does with a request. */
enum mode { DOOR, HOLD, REDIRECT, HUGE, FAIL, STRANGE };

struct node {
    const char *name;
    struct sc_peer *peer;
    unsigned messages, receipts, rejected, links, opened, closed;
    enum sc_stage stage; /* of the last receipt */
    struct sc_entry entries[MOST];
    size_t settled;                 /* of the entries, or refused */
    bool refuse_odd;                /* every second message finds no room */
    const struct sc_receipts *tell; /* sent back as soon as a message comes */
};

struct pair {
    struct fixture f;
    struct node jerry, bobby;
    enum mode mode;
    struct evhttp_request *held[8];
    size_t n_held, most_held;
    struct evhttp_request *answering;
    sc_commit_fn *commit[8];
    void *commit_ctx[8];
    size_t n_commits;
    bool commits_by_itself;
    unsigned ended, failed;
    enum sc_code code;
    int64_t knocks;
};

/* --- the disk --- */

static void after_commit(void *impl, sc_commit_fn *fn, void *ctx)
{
    struct pair *p = impl;
    p->commit[p->n_commits] = fn;
    p->commit_ctx[p->n_commits++] = ctx;
}

/* As the router does it: what is stored is settled before the others are told. */
static void settle(struct node *n)
{
    const struct sc_transport *t = sc_peer_transport(n->peer);
    for (; n->settled < n->messages; n->settled++)
        if (!n->refuse_odd || n->settled % 2 == 0)
            t->ops->settle(t->impl, &n->entries[n->settled]);
}

static void commit(struct pair *p, const struct sc_err *err)
{
    size_t n = p->n_commits;
    if (!err)
        settle(&p->bobby);
    p->n_commits = 0;
    for (size_t i = 0; i < n; i++)
        p->commit[i](p->commit_ctx[i], err);
}

static const struct sc_spool_ops spool_ops = { .after_commit = after_commit };

/* --- what the transports tell --- */

static void on_link(void *ctx, const struct sc_transport *t, enum sc_link_state state,
                    const char *detail, const char *remedy)
{
    struct node *n = ctx;
    (void)t, (void)state, (void)detail, (void)remedy;
    n->links++;
}

static void on_message(void *ctx, const struct sc_transport *t, struct sc_message *take,
                       const struct sc_entry *entry)
{
    struct node *n = ctx;
    n->entries[n->messages++] = *entry;
    if (n->tell && n->messages == 1)
        t->ops->receipts(t->impl, n->tell);
    sc_message_free(take);
}

static void on_receipts(void *ctx, const struct sc_transport *t, const struct sc_receipts *r)
{
    struct node *n = ctx;
    (void)t;
    n->receipts++;
    n->stage = r->v[r->n - 1].stage;
}

static void on_rejected(void *ctx, const struct sc_transport *t, const char *reason)
{
    struct node *n = ctx;
    (void)t;
    cr_assert(reason[0]);
    n->rejected++;
}

static void on_way(void *ctx, const struct sc_transport *t, const char *gateway, bool open)
{
    struct node *n = ctx;
    (void)t, (void)gateway;
    n->opened += open;
    n->closed += !open;
}

/* --- the server in front of bobby --- */

static void on_answer(void *ctx, const char *body, size_t n)
{
    struct evhttp_request *req = ctx;
    struct evbuffer *out = evbuffer_new();
    (void)evbuffer_add(out, body, n);
    evhttp_send_reply(req, 200, NULL, out);
    evbuffer_free(out);
}

static void to_door(struct pair *p, struct evhttp_request *req)
{
    struct sc_peer_door door = sc_peer_door(p->bobby.peer);
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    struct sc_peer_visit *visit;
    struct sc_err err = SC_ERR_INIT;
    size_t n = evbuffer_get_length(in);
    const struct sc_peer_post post = {
        .authorization = evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization"),
        .method = "POST",
        .path = evhttp_request_get_uri(req),
        .body = n ? (const char *)evbuffer_pullup(in, -1) : "",
        .n = n,
    };
    if (door.ops->post(door.impl, &post, on_answer, req, &visit, &err) < 0)
        evhttp_send_reply(req, 401, NULL, NULL);
    else if (p->commits_by_itself)
        commit(p, NULL);
}

static void send_huge(struct evhttp_request *req)
{
    struct evbuffer *out = evbuffer_new();
    char *x = sc_xcalloc(1, SC_PEER_ANSWER_MAX + 1);
    memset(x, '\n', SC_PEER_ANSWER_MAX + 1);
    (void)evbuffer_add(out, x, SC_PEER_ANSWER_MAX + 1);
    evhttp_send_reply(req, 200, NULL, out);
    evbuffer_free(out);
    free(x);
}

static void on_request(struct evhttp_request *req, void *ctx)
{
    struct pair *p = ctx;
    p->f.requests++;
    switch (p->mode) {
    case DOOR:
        to_door(p, req);
        return;
    case HOLD:
        p->held[p->n_held++] = req;
        p->most_held = p->n_held > p->most_held ? p->n_held : p->most_held;
        return;
    case REDIRECT:
        (void)evhttp_add_header(evhttp_request_get_output_headers(req), "Location", "/peer");
        evhttp_send_reply(req, 307, NULL, NULL);
        return;
    case HUGE:
        send_huge(req);
        return;
    case FAIL:
        evhttp_send_reply(req, 503, NULL, NULL);
        return;
    case STRANGE:
        evhttp_send_reply(req, 404, NULL, NULL);
        return;
    }
}

static void let_go(struct pair *p)
{
    size_t n = p->n_held;
    p->n_held = 0;
    for (size_t i = 0; i < n; i++)
        to_door(p, p->held[i]);
}

/* --- the pair --- */

static void node_init(struct pair *p, struct node *n, const char *name, struct sc_mesh_key k)
{
    n->name = name;
    const struct sc_peer_deps deps = {
        .loop = p->f.loop,
        .clock = sc_clock_system(),
        .http = p->f.http,
        .spool = { .ops = &spool_ops, .impl = p },
        .events = { .ctx = n,
                    .link = on_link,
                    .message = on_message,
                    .receipts = on_receipts,
                    .rejected = on_rejected,
                    .way = on_way },
        .key = k,
        .enabled = true,
        .self_name = name,
        .self_url = "",
    };
    n->peer = sc_peer_new(&deps);
}

/* jerry's view: bobby, at that address. NULL: nobody. */
static void introduce(struct pair *p, const char *url)
{
    sc_auto_free char *address = sc_xstrdup(url);
    char name[] = "bobby-gateway";
    const struct sc_gateway_info g = { .name = name, .peer_url = address };
    sc_peer_gateways_begin(p->jerry.peer);
    if (url)
        sc_peer_gateway(p->jerry.peer, &g);
    sc_peer_gateways_end(p->jerry.peer);
}

static struct pair *pair_new(void)
{
    struct pair *p = sc_xcalloc(1, sizeof *p);
    fixture_init(&p->f, on_request, p);
    p->commits_by_itself = true;
    node_init(p, &p->jerry, "jerry-gateway", key);
    node_init(p, &p->bobby, "bobby-gateway", key);
    introduce(p, p->f.base);
    return p;
}

static void pair_free(struct pair *p)
{
    for (size_t i = 0; i < p->n_held; i++)
        evhttp_send_reply(p->held[i], 503, NULL, NULL);
    sc_peer_free(p->jerry.peer);
    sc_peer_free(p->bobby.peer);
    fixture_fini(&p->f);
    free(p);
}

static struct sc_transport *jerry(struct pair *p)
{
    return sc_peer_transport(p->jerry.peer);
}

static void on_done(void *ctx, const struct sc_id *id, const struct sc_err *err)
{
    struct pair *p = ctx;
    (void)id;
    p->ended++;
    p->failed += err != NULL;
    p->code = err ? err->code : SC_OK;
}

static int send_body(struct pair *p, const char *to_gateway, size_t body_len)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    m.id = sc_id_new((sc_wall){ 1771243200000 });
    m.from_agent = sc_xstrdup("jerry");
    m.from_gateway = sc_xstrdup("jerry-gateway");
    m.to_agent = sc_xstrdup("bobby");
    m.to_gateway = sc_xstrdup(to_gateway);
    m.timestamp.ms = 1771243200000;
    m.ttl_s = 60;
    m.body = sc_xcalloc(1, body_len + 1);
    memset(m.body, 'x', body_len);
    m.body_len = body_len;
    sc_message_sign(&m, &key);
    return jerry(p)->ops->send(jerry(p)->impl, &m, on_done, p, &err);
}

static int send_one(struct pair *p)
{
    return send_body(p, "bobby-gateway", 5);
}

static enum sc_reach reach(struct pair *p)
{
    return jerry(p)->ops->reach(jerry(p)->impl, "bobby-gateway");
}

/* --- sending --- */

Test(peer, a_message_arrives_and_its_sender_hears_after_the_commit)
{
    struct pair *p = pair_new();
    p->commits_by_itself = false;
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->n_commits == 1);
    cr_assert_eq(p->bobby.messages, 1);
    cr_assert_eq(p->ended, 0);
    commit(p, NULL);
    until(p->f.loop, p->ended == 1);
    cr_assert_eq(p->failed, 0);
    pair_free(p);
}

Test(peer, what_a_turn_sends_goes_in_as_few_requests_as_it_fits)
{
    struct pair *p = pair_new();
    for (int i = 0; i < 300; i++)
        cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->ended == 300);
    cr_assert_eq(p->failed, 0);
    cr_assert_eq(p->bobby.messages, 300);
    cr_assert_eq(p->f.requests, 2, "%u", p->f.requests);
    pair_free(p);
}

Test(peer, a_batch_is_bounded_in_bytes)
{
    struct pair *p = pair_new();
    for (int i = 0; i < 10; i++)
        cr_assert_eq(send_body(p, "bobby-gateway", SC_BODY_MAX), SC_OK);
    until(p->f.loop, p->ended == 10);
    cr_assert_eq(p->failed, 0);
    cr_assert_eq(p->f.requests, 2, "%u", p->f.requests);
    pair_free(p);
}

Test(peer, requests_under_way_are_bounded_and_what_comes_meanwhile_is_one_batch)
{
    struct pair *p = pair_new();
    p->mode = HOLD;
    for (unsigned i = 1; i <= SC_PEER_REQUESTS_MAX; i++) {
        cr_assert_eq(send_one(p), SC_OK);
        until(p->f.loop, p->n_held == i);
    }
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(send_one(p), SC_OK);
        cr_assert_eq(sc_loop_turn(p->f.loop, 0, NULL), SC_OK);
    }
    cr_assert_eq(p->most_held, SC_PEER_REQUESTS_MAX);
    p->mode = DOOR;
    let_go(p);
    until(p->f.loop, p->ended == SC_PEER_REQUESTS_MAX + 20);
    cr_assert_eq(p->failed, 0);
    cr_assert_eq(p->f.requests, SC_PEER_REQUESTS_MAX + 1);
    pair_free(p);
}

Test(peer, what_waits_is_bounded)
{
    struct pair *p = pair_new();
    int rc = SC_OK, n = 0;
    for (; rc == SC_OK && n <= SC_PEER_PENDING_MAX; n++)
        rc = send_one(p);
    cr_assert_eq(rc, SC_EBUSY);
    cr_assert_eq(n, SC_PEER_PENDING_MAX + 1);
    introduce(p, NULL);
    cr_assert_eq(p->ended, SC_PEER_PENDING_MAX);
    pair_free(p);
}

Test(peer, what_waits_is_bounded_in_bytes)
{
    struct pair *p = pair_new();
    int rc = SC_OK, n = 0;
    for (; rc == SC_OK && n < 1000; n++)
        rc = send_body(p, "bobby-gateway", SC_BODY_MAX);
    cr_assert_eq(rc, SC_EBUSY);
    cr_assert_leq(n, SC_PEER_PENDING_BYTES_MAX / SC_BODY_MAX + 1);
    introduce(p, NULL);
    pair_free(p);
}

Test(peer, what_is_not_stored_there_is_not_called_sent)
{
    struct pair *p = pair_new();
    p->bobby.refuse_odd = true;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->ended == 4);
    cr_assert_eq(p->failed, 2);
    cr_assert_eq(sc_histogram_count(&jerry(p)->took), 2, "a refused one took no time");
    cr_assert_eq(reach(p), SC_REACH_YES, "one message says nothing of the link");
    pair_free(p);
}

Test(peer, a_commit_that_fails_refuses_all_of_it)
{
    struct pair *p = pair_new();
    struct sc_err full = SC_ERR_INIT;
    (void)sc_fail(&full, SC_EFULL, "no room");
    p->commits_by_itself = false;
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->n_commits == 1);
    commit(p, &full);
    until(p->f.loop, p->ended == 1);
    cr_assert_eq(p->failed, 1);
    pair_free(p);
}

/* --- receipts --- */

static struct sc_receipts stored(const char *from, const char *to, struct sc_receipt *one)
{
    *one = (struct sc_receipt){ .id = sc_id_new((sc_wall){ 1771243200000 }),
                                .stage = SC_STAGE_STORED,
                                .at = { 1771243200000 } };
    return (struct sc_receipts){
        .from_gateway = sc_xstrdup(from), .to_gateway = sc_xstrdup(to), .v = one, .n = 1
    };
}

static void stored_fini(struct sc_receipts *r)
{
    free(r->from_gateway);
    free(r->to_gateway);
}

/* bobby knows no address of jerry's, and needs none. */
Test(peer, receipts_ride_on_the_answer)
{
    struct pair *p = pair_new();
    struct sc_receipt one;
    struct sc_receipts r = stored("bobby-gateway", "jerry-gateway", &one);
    p->bobby.tell = &r;
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->jerry.receipts == 1);
    cr_assert_eq(p->jerry.stage, SC_STAGE_STORED);
    cr_assert_eq(p->ended, 1, "sent comes before stored");
    stored_fini(&r);
    pair_free(p);
}

Test(peer, whoever_waits_for_an_answer_can_be_told)
{
    struct pair *p = pair_new();
    const struct sc_transport *bobby = sc_peer_transport(p->bobby.peer);
    p->commits_by_itself = false;
    cr_assert_eq(bobby->ops->reach(bobby->impl, "jerry-gateway"), SC_REACH_NO);
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->n_commits == 1);
    cr_assert_eq(bobby->ops->reach(bobby->impl, "jerry-gateway"), SC_REACH_WAITS);
    commit(p, NULL);
    cr_assert_eq(bobby->ops->reach(bobby->impl, "jerry-gateway"), SC_REACH_NO);
    until(p->f.loop, p->ended == 1);
    pair_free(p);
}

Test(peer, receipts_for_one_who_does_not_wait_are_sent)
{
    struct pair *p = pair_new();
    struct sc_receipt one;
    struct sc_receipts r = stored("jerry-gateway", "bobby-gateway", &one);
    jerry(p)->ops->receipts(jerry(p)->impl, &r);
    until(p->f.loop, p->bobby.receipts == 1);
    stored_fini(&r);
    pair_free(p);
}

static void keep_answer(void *ctx, const char *body, size_t n)
{
    sc_buf_add(ctx, body, n);
}

/* To bobby's door without a wire in between; ret_answer gets what he says. */
static void knock(struct pair *p, const char *body, struct sc_buf *ret_answer)
{
    struct sc_peer_door door = sc_peer_door(p->bobby.peer);
    struct sc_clock clock = sc_clock_system();
    struct sc_err err = SC_ERR_INIT;
    struct sc_peer_visit *visit;
    struct sc_peer_auth a = { .from = "jerry-gateway",
                              .to = "bobby-gateway",
                              .session = "0123456789abcdef",
                              .at = sc_clock_wall(&clock),
                              .number = ++p->knocks };
    struct sc_peer_post post = {
        .method = "POST", .path = "/peer", .body = body, .n = strlen(body)
    };
    sc_auto_buf struct sc_buf proof = SC_BUF_INIT;
    sc_peer_auth_sign(&a, &post, &key, &proof);
    post.authorization = proof.p;
    int rc = door.ops->post(door.impl, &post, keep_answer, ret_answer, &visit, &err);
    cr_assert_eq(rc, SC_OK, "%s", err.text);
    cr_assert_eq(ret_answer->n, 0, "never before post returned");
    cr_assert_eq(sc_loop_turn(p->f.loop, 0, NULL), SC_OK);
}

static void refused_receipts(const char *to, const struct sc_mesh_key *k)
{
    struct pair *p = pair_new();
    struct sc_receipt one;
    struct sc_receipts r = stored("jerry-gateway", to, &one);
    sc_auto_buf struct sc_buf json = SC_BUF_INIT, answer = SC_BUF_INIT;
    sc_auto_free char *sig = sc_receipts_sig(&r, k);
    sc_receipts_to_json(&r, sig, &json);
    knock(p, json.p, &answer);
    cr_assert_eq(p->bobby.receipts, 0);
    cr_assert_eq(p->bobby.rejected, 1);
    cr_assert(strstr(sc_buf_str(&answer), "refused"));
    stored_fini(&r);
    pair_free(p);
}

Test(peer, receipts_for_another_gateway_are_not_believed)
{
    refused_receipts("carol-gateway", &key);
}

Test(peer, receipts_that_are_not_signed_are_not_believed)
{
    static const struct sc_mesh_key none = { .key_len = 0 };
    refused_receipts("bobby-gateway", &none);
}

/* --- the link --- */

Test(peer, it_is_up_while_it_knows_an_address)
{
    struct pair *p = pair_new();
    cr_assert_eq(jerry(p)->state, SC_LINK_UP);
    introduce(p, "");
    cr_assert_eq(jerry(p)->state, SC_LINK_DOWN);
    cr_assert_eq(send_one(p), SC_EAWAY);
    introduce(p, p->f.base);
    cr_assert_eq(jerry(p)->state, SC_LINK_UP);
    cr_assert_eq(p->jerry.links, 3);
    cr_assert_eq(send_body(p, "carol-gateway", 5), SC_EAWAY);
    pair_free(p);
}

Test(peer, without_a_key_it_is_off)
{
    struct pair *p = pair_new();
    struct node keyless = { .name = NULL };
    struct sc_peer_view v;
    node_init(p, &keyless, "carol-gateway", (struct sc_mesh_key){ .key_len = 0 });
    sc_peer_view(keyless.peer, &v);
    cr_assert_eq(v.state, SC_LINK_OFF);
    cr_assert(strstr(v.remedy, "mesh.key"));
    struct sc_peer_door door = sc_peer_door(keyless.peer);
    struct sc_err err = SC_ERR_INIT;
    struct sc_peer_visit *visit;
    const struct sc_peer_post post = { .method = "POST", .path = "/peer", .body = "" };
    cr_assert_eq(door.ops->post(door.impl, &post, on_answer, NULL, &visit, &err), SC_EPERM);
    cr_assert(strstr(err.remedy, "mesh.key"));
    sc_peer_free(keyless.peer);
    pair_free(p);
}

static void fails_and_comes_back(enum mode mode)
{
    struct pair *p = pair_new();
    p->mode = mode;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->ended == 3);
    cr_assert_eq(p->failed, 3);
    cr_assert_eq(p->jerry.closed, 1);
    cr_assert_eq(reach(p), SC_REACH_NO);
    unsigned before = p->f.requests;
    cr_assert_eq(send_one(p), SC_EAWAY, "not with each message");
    cr_assert_eq(p->f.requests, before);
    p->mode = DOOR;
    until(p->f.loop, p->jerry.opened == 1);
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->ended == 4);
    cr_assert_eq(p->failed, 3);
    pair_free(p);
}

Test(peer, a_server_in_trouble_is_left_alone_for_a_while)
{
    fails_and_comes_back(FAIL);
}

Test(peer, something_else_at_that_address_is_no_sidecar)
{
    fails_and_comes_back(STRANGE);
}

Test(peer, a_redirection_is_not_followed)
{
    fails_and_comes_back(REDIRECT);
}

Test(peer, an_answer_without_end_is_cut)
{
    fails_and_comes_back(HUGE);
}

Test(peer, an_address_that_refuses_connections_is_away)
{
    struct pair *p = pair_new();
    introduce(p, "http://127.0.0.1:1");
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->ended == 1);
    cr_assert_eq(p->code, SC_EAWAY);
    cr_assert_eq(reach(p), SC_REACH_NO);
    introduce(p, p->f.base);
    cr_assert_eq(reach(p), SC_REACH_YES, "a new address gets a new chance");
    pair_free(p);
}

Test(peer, it_looks_by_itself_whether_a_newcomer_answers)
{
    struct pair *p = pair_new();
    struct sc_peer_view v;
    until(p->f.loop, p->f.requests == 1);
    sc_peer_view(p->jerry.peer, &v);
    cr_assert_str_eq(v.detail, "1 of 1 other sidecars answer");
    pair_free(p);
}

Test(peer, one_that_does_not_let_us_in_is_shown_with_its_words)
{
    struct pair *p = pair_new();
    struct sc_peer_view v;
    sc_peer_free(p->bobby.peer);
    static const struct sc_mesh_key other = { .key = secret + 1, .key_len = 31 };
    node_init(p, &p->bobby, "bobby-gateway", other);
    until(p->f.loop, p->jerry.closed == 1);
    sc_peer_view(p->jerry.peer, &v);
    cr_assert(v.refused);
    cr_assert(strstr(v.detail, "bobby-gateway"), "%s", v.detail);
    pair_free(p);
}

Test(peer, our_own_address_is_nobody_elses)
{
    struct pair *p = pair_new();
    struct sc_peer_view v;
    introduce(p, "http://user@127.0.0.1:1");
    sc_peer_view(p->jerry.peer, &v);
    cr_assert_eq(v.state, SC_LINK_DOWN);
    cr_assert(strstr(v.detail, "cannot be used"), "%s", v.detail);
    cr_assert(strstr(v.remedy, "http.peer_url"), "%s", v.remedy);
    pair_free(p);
}

/* --- the end --- */

Test(peer, closing_ends_what_is_under_way_and_what_waits)
{
    struct pair *p = pair_new();
    p->mode = HOLD;
    for (unsigned i = 1; i <= SC_PEER_REQUESTS_MAX; i++) {
        cr_assert_eq(send_one(p), SC_OK);
        until(p->f.loop, p->n_held == i);
    }
    cr_assert_eq(send_one(p), SC_OK);
    jerry(p)->ops->close(jerry(p)->impl);
    cr_assert_eq(p->ended, 0, "not from inside");
    until(p->f.loop, p->ended == SC_PEER_REQUESTS_MAX + 1);
    cr_assert_eq(p->failed, SC_PEER_REQUESTS_MAX + 1);
    cr_assert_eq(p->code, SC_ECANCELED);
    cr_assert_eq(send_one(p), SC_EAWAY);
    pair_free(p);
}

Test(peer, a_gateway_that_leaves_the_directory_takes_its_queue_along)
{
    struct pair *p = pair_new();
    cr_assert_eq(send_one(p), SC_OK);
    introduce(p, NULL);
    cr_assert_eq(p->ended, 1);
    cr_assert_eq(p->code, SC_EAWAY);
    cr_assert_eq(jerry(p)->state, SC_LINK_DOWN);
    introduce(p, p->f.base);
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->ended == 2);
    cr_assert_eq(p->failed, 1);
    pair_free(p);
}

Test(peer, whoever_hangs_up_leaves_nothing_behind)
{
    struct pair *p = pair_new();
    struct sc_peer_door door = sc_peer_door(p->bobby.peer);
    p->commits_by_itself = false;
    p->mode = HOLD;
    cr_assert_eq(send_one(p), SC_OK);
    until(p->f.loop, p->n_held == 1);
    struct evbuffer *in = evhttp_request_get_input_buffer(p->held[0]);
    struct sc_peer_visit *visit = NULL;
    struct sc_err err = SC_ERR_INIT;
    const struct sc_peer_post post = {
        .authorization =
            evhttp_find_header(evhttp_request_get_input_headers(p->held[0]), "Authorization"),
        .method = "POST",
        .path = "/peer",
        .body = (const char *)evbuffer_pullup(in, -1),
        .n = evbuffer_get_length(in),
    };
    cr_assert_eq(door.ops->post(door.impl, &post, on_answer, NULL, &visit, &err), SC_OK);
    door.ops->leave(door.impl, visit);
    commit(p, NULL); /* on_answer with NULL would crash */
    pair_free(p);
}
