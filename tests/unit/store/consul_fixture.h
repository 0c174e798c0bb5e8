/* consul_fixture.h: a real Consul in dev mode on free ports, and a directory whose events are
 * written down. Without a consul program (SIDECLAW_TEST_CONSUL, else PATH) the tests are skipped.
 */
#ifndef CONSUL_FIXTURE_H
#define CONSUL_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/consul_directory.h"
#include "sideclaw/mem.h"

/* Turns of the loop until the condition holds; fails after twenty seconds. */
#define until(loop, cond)                                                                          \
    do {                                                                                           \
        struct sc_clock until_clock_ = sc_clock_system();                                          \
        int64_t until_end_ = sc_clock_mono(&until_clock_).ms + 20000;                              \
        while (!(cond)) {                                                                          \
            cr_assert_lt(sc_clock_mono(&until_clock_).ms, until_end_, "waited in vain: %s",        \
                         #cond);                                                                   \
            cr_assert_eq(sc_loop_turn((loop), 20, NULL), SC_OK);                                   \
        }                                                                                          \
    } while (0)

struct world {
    struct sc_loop *loop;
    struct sc_http_client *http;
    struct sc_log *log;
    char dir[64]; /* scratch */
    char *consul; /* the program */
    char *addr;
    uint16_t ports[4]; /* http, server, serf lan, serf wan */
    const char *token; /* of the test itself; with one, Consul denies everything to others */
    pid_t pid;
    bool was_up; /* once; its ports are known to others since */
};

/* ---- the server ---- */

static inline char *find_consul(void)
{
    const char *given = getenv("SIDECLAW_TEST_CONSUL");
    if (given && given[0])
        return sc_xstrdup(given);
    sc_auto_free char *path = sc_xstrdup(getenv("PATH"));
    for (char *save = NULL, *p = strtok_r(path, ":", &save); p; p = strtok_r(NULL, ":", &save)) {
        char *file = sc_xasprintf("%s/consul", p);
        if (access(file, X_OK) == 0)
            return file;
        free(file);
    }
    return NULL;
}

static inline uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    (void)close(fd);
    return ntohs(a.sin_port);
}

static inline void consul_stop(struct world *w)
{
    if (w->pid <= 0)
        return;
    (void)kill(w->pid, SIGKILL);
    (void)waitpid(w->pid, NULL, 0);
    w->pid = 0;
}

struct answer {
    int n, status;
    char body[65536];
};

static inline void on_answer(void *ctx, const struct sc_http_response *res,
                             const struct sc_err *err)
{
    struct answer *a = ctx;
    (void)err;
    a->n++;
    a->status = res ? res->status : 0;
    (void)snprintf(a->body, sizeof a->body, "%s", res ? res->body : "");
}

/* One request, waited for, while the directories of the test live on; status 0: no answer. */
static inline int ask(struct world *w, const char *method, const char *path, const void *body,
                      size_t n, struct answer *ret)
{
    sc_auto_free char *url = sc_xasprintf("%s/v1/%s", w->addr, path);
    sc_auto_free char *token = sc_xasprintf("X-Consul-Token: %s", w->token ? w->token : "");
    const char *const headers[] = { token, NULL };
    const struct sc_http_request req = { .method = method,
                                         .url = url,
                                         .headers = headers,
                                         .body = body,
                                         .body_len = n,
                                         .timeout_ms = 5000 };
    *ret = (struct answer){ 0 };
    cr_assert_eq(sc_http_send(w->http, &req, on_answer, ret, NULL, NULL), SC_OK);
    until(w->loop, ret->n == 1);
    return ret->status;
}

static inline void consul_spawn(struct world *w)
{
    char ports[4][32];
    sc_auto_free char *acl = sc_xasprintf("-hcl=acl { enabled = true default_policy = \"deny\" "
                                          "tokens { master = \"%s\" agent = \"%s\" } }",
                                          w->token ? w->token : "", w->token ? w->token : "");
    static const char *const names[] = { "http", "server", "serf-lan", "serf-wan" };
    for (int i = 0; i < 4; i++)
        (void)snprintf(ports[i], sizeof ports[i], "-%s-port=%u", names[i], (unsigned)w->ports[i]);
    w->pid = fork();
    cr_assert_geq(w->pid, 0);
    if (w->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test crashes */
        int null = open("/dev/null", O_RDWR);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execl(w->consul, "consul", "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1",
                    "-node=test", "-dns-port=-1", "-grpc-port=-1", "-log-level=err", ports[0],
                    ports[1], ports[2], ports[3], w->token ? acl : (char *)NULL, (char *)NULL);
        _exit(127);
    }
}

static inline void consul_choose_ports(struct world *w)
{
    for (int i = 0; i < 4; i++)
        w->ports[i] = free_port();
    free(w->addr);
    w->addr = sc_xasprintf("http://127.0.0.1:%u", (unsigned)w->ports[0]);
}

/* A node that is in the catalog can have sessions. False while it is not; another program may take
 * a port before Consul does, which ends it: then it begins again with others, the first time. */
static inline bool consul_is_up(struct world *w)
{
    struct answer a;
    if (waitpid(w->pid, NULL, WNOHANG) == w->pid) {
        if (!w->was_up)
            consul_choose_ports(w);
        consul_spawn(w);
    }
    return ask(w, "GET", "health/node/test", NULL, 0, &a) == 200 &&
           strstr(a.body, "serfHealth") != NULL;
}

static inline void consul_start(struct world *w)
{
    consul_spawn(w);
    until(w->loop, consul_is_up(w));
    w->was_up = true;
}

static inline bool world_init(struct world *w)
{
    *w = (struct world){ .dir = "/tmp/sc-consul-XXXXXX", .consul = find_consul() };
    if (!w->consul)
        return false;
    cr_assert_not_null(mkdtemp(w->dir));
    w->loop = sc_loop_new(NULL);
    w->http = sc_http_client_new(w->loop, NULL);
    w->log = getenv("TEST_LOG") ? sc_log_new(2, SC_LOG_DEBUG, NULL, sc_clock_system()) : NULL;
    consul_choose_ports(w);
    return true;
}

static inline void world_fini(struct world *w)
{
    consul_stop(w);
    sc_http_client_close(w->http);
    cr_assert_eq(sc_loop_turn(w->loop, 0, NULL), SC_OK);
    sc_http_client_free(w->http);
    sc_loop_free(w->loop);
    sc_log_free(w->log);
    free(w->addr);
    free(w->consul);
    sc_auto_free char *cmd = sc_xasprintf("rm -rf %s", w->dir);
    cr_assert_eq(system(cmd), 0);
}

#define WITH_CONSUL(w)                                                                             \
    if (!world_init(&(w)))                                                                         \
        cr_skip_test("no consul program: set SIDECLAW_TEST_CONSUL");                               \
    consul_start(&(w))

/* The raw value of a key, "" when there is none; in a static buffer. */
static inline const char *kv(struct world *w, const char *key)
{
    static struct answer a;
    sc_auto_free char *path = sc_xasprintf("kv/openclaw/%s?raw=true", key);
    return ask(w, "GET", path, NULL, 0, &a) == 200 ? a.body : "";
}

static inline void kv_put(struct world *w, const char *key, const void *value, size_t n)
{
    struct answer a;
    sc_auto_free char *path = sc_xasprintf("kv/openclaw/%s", key);
    cr_assert_eq(ask(w, "PUT", path, value, n, &a), 200);
}

static inline void kv_puts(struct world *w, const char *key, const char *value)
{
    kv_put(w, key, value, strlen(value));
}

/* Who holds the key: "" when nobody, or nothing. */
static inline const char *holder(struct world *w, const char *key)
{
    static char id[64];
    static struct answer a;
    sc_auto_free char *path = sc_xasprintf("kv/openclaw/%s", key);
    id[0] = '\0';
    if (ask(w, "GET", path, NULL, 0, &a) == 200) {
        const char *p = strstr(a.body, "\"Session\": \"");
        if (p)
            (void)snprintf(id, sizeof id, "%.36s", p + 12);
    }
    return id;
}

/* ---- a directory that is listened to ---- */

struct node {
    struct world *w;
    const char *name;
    char *dir;
    struct sc_consul *consul;
    enum sc_link_state link;
    char detail[SC_ERR_TEXT_MAX], remedy[SC_ERR_TEXT_MAX];
    unsigned link_changes;
    char agents[4096], gateways[4096]; /* the latest whole view: "id@gateway:status " */
    struct sc_buf coming_agents, coming_gateways;
    char conflict[256]; /* the latest: "agent=holder" */
    unsigned conflicts;
    char maintenance[256]; /* each word: "on(why) " or "off() " */
    unsigned n_messages, n_receipts, n_rejected;
    char message[1024]; /* the latest: "from>to:body" */
    char message_id[SC_ID_TEXT_SIZE];
    struct sc_entry entry;
    char rejected[256];
    bool withdrawn;
    enum sc_code withdraw_code;
    unsigned n_sent;
    enum sc_code sent_code;
};

static inline void on_link(void *ctx, enum sc_link_state state, const char *detail,
                           const char *remedy)
{
    struct node *n = ctx;
    n->link = state;
    n->link_changes++;
    (void)snprintf(n->detail, sizeof n->detail, "%s", detail);
    (void)snprintf(n->remedy, sizeof n->remedy, "%s", remedy);
}

static inline void on_agents_begin(void *ctx)
{
    struct node *n = ctx;
    sc_buf_clear(&n->coming_agents);
}

static inline void on_agent(void *ctx, const struct sc_agent_info *a)
{
    struct node *n = ctx;
    sc_buf_addf(&n->coming_agents, "%s@%s:%s ", a->id, a->gateway, sc_agent_status_name(a->status));
}

static inline void on_agents_end(void *ctx)
{
    struct node *n = ctx;
    (void)snprintf(n->agents, sizeof n->agents, "%s", sc_buf_str(&n->coming_agents));
}

static inline void on_gateways_begin(void *ctx)
{
    struct node *n = ctx;
    sc_buf_clear(&n->coming_gateways);
}

static inline void on_gateway(void *ctx, const struct sc_gateway_info *g)
{
    struct node *n = ctx;
    sc_buf_addf(&n->coming_gateways, "%s@%s:%s%s ", g->name, g->url,
                sc_gateway_status_name(g->status), g->held ? "+" : "-");
}

static inline void on_gateways_end(void *ctx)
{
    struct node *n = ctx;
    (void)snprintf(n->gateways, sizeof n->gateways, "%s", sc_buf_str(&n->coming_gateways));
}

static inline void on_conflict(void *ctx, const char *agent, const char *who)
{
    struct node *n = ctx;
    n->conflicts++;
    (void)snprintf(n->conflict, sizeof n->conflict, "%s=%s", agent ? agent : "", who);
}

static inline void on_maintenance(void *ctx, bool on, const char *why)
{
    struct node *n = ctx;
    size_t len = strlen(n->maintenance);
    (void)snprintf(n->maintenance + len, sizeof n->maintenance - len, "%s(%s) ", on ? "on" : "off",
                   why);
}

static inline void on_transport_link(void *ctx, const struct sc_transport *t,
                                     enum sc_link_state state, const char *detail,
                                     const char *remedy)
{
    (void)ctx;
    (void)detail;
    (void)remedy;
    cr_assert_eq(t->state, state);
}

static inline void on_message(void *ctx, const struct sc_transport *t, struct sc_message *take_msg,
                              const struct sc_entry *entry)
{
    struct node *n = ctx;
    (void)t;
    n->n_messages++;
    n->entry = *entry;
    (void)snprintf(n->message, sizeof n->message, "%s>%s:%s", take_msg->from_agent,
                   take_msg->to_agent, take_msg->body);
    sc_id_format(&take_msg->id, n->message_id);
    sc_message_free(take_msg);
}

static inline void on_receipts(void *ctx, const struct sc_transport *t, const struct sc_receipts *r)
{
    struct node *n = ctx;
    (void)t;
    n->n_receipts += (unsigned)r->n;
}

static inline void on_rejected(void *ctx, const struct sc_transport *t, const char *reason)
{
    struct node *n = ctx;
    (void)t;
    n->n_rejected++;
    (void)snprintf(n->rejected, sizeof n->rejected, "%s", reason);
}

static inline void on_withdrawn(void *ctx, const struct sc_err *err)
{
    struct node *n = ctx;
    n->withdrawn = true;
    n->withdraw_code = err ? err->code : SC_OK;
}

static inline void on_sent(void *ctx, const struct sc_id *id, const struct sc_err *err)
{
    struct node *n = ctx;
    (void)id;
    n->n_sent++;
    n->sent_code = err ? err->code : SC_OK;
}

/* What a test may want otherwise; NULL for the usual. */
struct node_options {
    const char *addr, *token;
    const char *url; /* of its pages; registers the service */
    const char *key; /* the mesh key */
    const char *dir; /* an existing state folder */
};

static inline void node_init(struct node *n, struct world *w, const char *name,
                             const struct node_options *o)
{
    *n = (struct node){ .w = w, .name = name };
    n->dir = o && o->dir ? sc_xstrdup(o->dir) : sc_xasprintf("%s/%s", w->dir, name);
    (void)mkdir(n->dir, 0700);
    const struct sc_consul_deps deps = {
        .loop = w->loop,
        .log = w->log,
        .clock = sc_clock_system(),
        .http = w->http,
        .events = { .ctx = n,
                    .link = on_link,
                    .agents_begin = on_agents_begin,
                    .agent = on_agent,
                    .agents_end = on_agents_end,
                    .gateways_begin = on_gateways_begin,
                    .gateway = on_gateway,
                    .gateways_end = on_gateways_end,
                    .conflict = on_conflict,
                    .maintenance = on_maintenance },
        .transport_events = { .ctx = n,
                              .link = on_transport_link,
                              .message = on_message,
                              .receipts = on_receipts,
                              .rejected = on_rejected },
        .key = { .key = o && o->key ? (const uint8_t *)o->key : NULL,
                 .key_len = o && o->key ? strlen(o->key) : 0 },
        .addr = o && o->addr ? o->addr : w->addr,
        .token = o ? o->token : NULL,
        .prefix = "openclaw",
        .self_name = name,
        .state_dir = n->dir,
        .heartbeat_ms = 15000,
        .session_ttl_ms = 10000,
        .service = { .enabled = o && o->url,
                     .url = o ? o->url : NULL,
                     .health = true,
                     .interval_s = 10,
                     .deregister_after_s = 600,
                     .version = "1.2.3" },
    };
    struct sc_err err = SC_ERR_INIT;
    n->consul = sc_consul_new(&deps, &err);
    cr_assert_not_null(n->consul, "%s", err.text);
    sc_consul_start(n->consul);
}

/* As after kill -9: nothing is said to Consul. */
static inline void node_drop(struct node *n)
{
    sc_consul_close(n->consul);
    cr_assert_eq(sc_loop_turn(n->w->loop, 0, NULL), SC_OK);
    sc_consul_free(n->consul);
    n->consul = NULL;
    free(n->dir);
    sc_buf_fini(&n->coming_agents);
    sc_buf_fini(&n->coming_gateways);
}

/* Publishes with these agents (separated by blanks). */
static inline void node_publish_as(struct node *n, const char *agents,
                                   enum sc_gateway_status status)
{
    struct sc_clock clock = sc_clock_system();
    sc_auto_free char *words = sc_xstrdup(agents);
    struct sc_agent_info infos[128] = { 0 };
    struct sc_strv ids = { 0 }, skills = { 0 }, labels = { 0 };
    size_t count = 0;
    sc_auto_free char *url = sc_xasprintf("ws://%s:18789", n->name), *name = sc_xstrdup(n->name);
    sc_strv_add(&skills, "general-qa");
    sc_strv_add(&labels, "os=linux");
    for (char *save = NULL, *a = strtok_r(words, " ", &save); a; a = strtok_r(NULL, " ", &save)) {
        sc_strv_add(&ids, a);
        infos[count++] = (struct sc_agent_info){
            .id = a, .gateway = name, .status = SC_AGENT_ACTIVE, .capabilities = skills
        };
    }
    const struct sc_presence p = { .cluster_id = "test-mesh",
                                   .gateway = { .name = name,
                                                .url = url,
                                                .status = status,
                                                .agents = ids,
                                                .labels = labels,
                                                .last_heartbeat = sc_clock_wall(&clock) },
                                   .agents = infos,
                                   .n_agents = count,
                                   .turns = 2 };
    struct sc_directory d = sc_consul_directory(n->consul);
    d.ops->publish(d.impl, &p);
    sc_strv_fini(&ids);
    sc_strv_fini(&skills);
    sc_strv_fini(&labels);
}

static inline void node_publish(struct node *n, const char *agents)
{
    node_publish_as(n, agents, SC_GATEWAY_HEALTHY);
}

static inline void node_leave(struct node *n)
{
    struct sc_directory d = sc_consul_directory(n->consul);
    d.ops->withdraw(d.impl, on_withdrawn, n);
    cr_assert(!n->withdrawn, "done before withdraw returned");
    until(n->w->loop, n->withdrawn);
}

#endif
