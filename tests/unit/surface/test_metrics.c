/* /metrics: that each row of the table is there, once, with samples that can be read. */
#include "../../../src/surface/metrics_table.h"
#include "sideclaw/peer_door.h"
#include "sideclaw/prober.h"
#include "surface_fixture.h"

enum type { COUNTER, GAUGE, HISTOGRAM };
static const struct {
    enum type type;
    const char *name, *labels, *help;
} rows[] = {
#define METRIC(id, type, name, labels, help) { type, name, labels, help },
    SC_METRICS(METRIC)
#undef METRIC
};

/* ---- an environment that has everything but memory ---- */

struct whole {
    struct fixture f;
    struct sc_histogram answered;
    struct sc_prober *prober;
    struct sc_drain *drain;
};

static void peer_counters(const void *impl, struct sc_peer_counters *ret)
{
    (void)impl;
    *ret = (struct sc_peer_counters){ .sidecars = 3, .answering = 2 };
}
static const struct sc_peer_door_ops door = { .counters = peer_counters };

static void directory_stats(const void *impl, struct sc_directory_stats *ret)
{
    const struct sc_clock clock = sc_clock_system();
    (void)impl;
    *ret = (struct sc_directory_stats){ .n_watches = 2, .session = true };
    ret->watches[0] = (struct sc_watch_stats){
        .name = "agents", .answers = 7, .answering = true, .answered = sc_clock_mono(&clock)
    };
    ret->watches[1] = (struct sc_watch_stats){ .name = "gateways", .failures = 5, .resets = 2 };
}
static const struct sc_directory_ops directory = { .stats = directory_stats };

static struct sc_check *start_check(void *impl, enum sc_check_id id, int64_t wait_ms,
                                    sc_check_fn *fn, void *ctx)
{
    (void)impl, (void)id, (void)wait_ms, (void)fn, (void)ctx;
    return NULL; /* nobody answers */
}

static void cancel_check(void *impl, struct sc_check *c)
{
    (void)impl, (void)c;
}

static unsigned turns(void *ctx)
{
    (void)ctx;
    return 2;
}

static void changed(void *ctx)
{
    (void)ctx;
}

static struct whole *start(void)
{
    static struct whole t;
    fixture_init(&t.f);
    const struct sc_clock clock = sc_clock_system();
    const struct sc_prober_deps prober = { .loop = t.f.loop,
                                           .clock = clock,
                                           .board = t.f.board,
                                           .checks = { .start = start_check,
                                                       .cancel = cancel_check } };
    const struct sc_drain_deps drain = {
        .loop = t.f.loop, .clock = clock, .turns = turns, .changed = changed
    };
    t.prober = sc_prober_new(&prober);
    t.drain = sc_drain_new(&drain);
    sc_histogram_init(&t.answered, &sc_scale_quick);
    t.f.env.peer = (struct sc_peer_door){ .ops = &door };
    t.f.env.directory = (struct sc_directory){ .ops = &directory };
    t.f.env.prober = t.prober;
    t.f.env.drain = t.drain;
    t.f.env.gateway_answered = &t.answered;
    t.f.env.started_at = (sc_wall){ INT64_C(1771243200500) };
    return &t;
}

static void stop(struct whole *t)
{
    sc_prober_free(t->prober);
    sc_drain_free(t->drain);
    fixture_fini(&t->f);
}

static struct sc_buf scrape(const struct whole *t)
{
    struct sc_buf out = SC_BUF_INIT;
    sc_metrics_write(&t->f.env, &out);
    return out;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void has(const struct whole *t, const char *line)
{
    sc_auto_buf struct sc_buf out = scrape(t);
    sc_auto_free char *whole_line = sc_xasprintf("\n%s\n", line);
    cr_assert(strstr(sc_buf_str(&out), whole_line), "no %s in\n%s", line, sc_buf_str(&out));
}

/* ---- the table ---- */

Test(metrics, names_follow_the_conventions)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        const char *name = rows[i].name, *end = name + strlen(name);
        bool total = end - name > 6 && sc_streq(end - 6, "_total");
        cr_assert_eq(total, rows[i].type == COUNTER, "%s", name);
        cr_assert(strncmp(name, "sideclaw_", 9) == 0 || strncmp(name, "process_", 8) == 0, "%s",
                  name);
        cr_assert_eq(rows[i].help[strlen(rows[i].help) - 1], '.', "%s", name);
        cr_assert_not(strchr(rows[i].help, '\n') || strchr(rows[i].help, '\\'), "%s", name);
        for (size_t k = 0; k < i; k++)
            cr_assert_str_neq(name, rows[k].name);
    }
}

Test(metrics, each_row_is_written_once_but_memory_that_is_not_there)
{
    struct whole *t = start();
    sc_auto_buf struct sc_buf out = scrape(t);
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        sc_auto_free char *head = sc_xasprintf("\n# TYPE %s ", rows[i].name);
        sc_auto_free char *plain = sc_xasprintf("\n%s ", rows[i].name);
        sc_auto_free char *with_labels = sc_xasprintf("\n%s{", rows[i].name);
        bool memory = strncmp(rows[i].name, "sideclaw_memory_", 16) == 0;
        cr_assert_eq(count(sc_buf_str(&out), head), memory ? 0 : 1, "%s", rows[i].name);
        if (memory || rows[i].type == HISTOGRAM)
            continue;
        bool sampled = strstr(sc_buf_str(&out), *rows[i].labels ? with_labels : plain);
        bool per_transport = strstr(rows[i].labels, "transport"); /* there is none here */
        cr_assert(sampled || per_transport, "%s", rows[i].name);
    }
    stop(t);
}

Test(metrics, the_reference_names_each_row)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_metrics_print(&out);
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        sc_auto_free char *row = sc_xasprintf("\n| `%s` | ", rows[i].name);
        cr_assert_eq(count(sc_buf_str(&out), row), 1, "%s", rows[i].name);
    }
}

/* ---- the families ---- */

Test(metrics, a_histogram_adds_up)
{
    struct whole *t = start();
    sc_histogram_add(&t->answered, 90);
    sc_histogram_add(&t->answered, 300);
    sc_histogram_add(&t->answered, 2 * 1000 * 1000);
    sc_histogram_add(&t->answered, INT64_C(11) * 1000 * 1000);
    has(t, "# TYPE sideclaw_gateway_request_seconds histogram");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"0.0001\"} 1");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"0.00025\"} 1");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"0.0005\"} 2");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"1\"} 2");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"2.5\"} 3");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"10\"} 3");
    has(t, "sideclaw_gateway_request_seconds_bucket{le=\"+Inf\"} 4");
    has(t, "sideclaw_gateway_request_seconds_sum 13.000390");
    has(t, "sideclaw_gateway_request_seconds_count 4");
    has(t, "sideclaw_probe_seconds_bucket{probe=\"live\",le=\"+Inf\"} 0");
    has(t, "sideclaw_probe_seconds_sum{probe=\"models\"} 0.000000");
    stop(t);
}

Test(metrics, the_drain_says_who_asks_and_how_far_it_is)
{
    struct whole *t = start();
    has(t, "sideclaw_drain_phase{phase=\"serving\"} 1");
    has(t, "sideclaw_drain_since_timestamp_seconds 0");
    sc_drain_set(t->drain, SC_DRAIN_CONSUL, "maintenance");
    has(t, "sideclaw_drain_cause{cause=\"consul\"} 1");
    has(t, "sideclaw_drain_cause{cause=\"operator\"} 0");
    has(t, "sideclaw_drain_phase{phase=\"serving\"} 0");
    has(t, "sideclaw_drain_phase{phase=\"leaving\"} 1");
    has(t, "sideclaw_drain_turns 2");
    sc_auto_buf struct sc_buf out = scrape(t);
    const char *since = strstr(sc_buf_str(&out), "\nsideclaw_drain_since_timestamp_seconds ");
    const struct sc_clock clock = sc_clock_system();
    long long at = strtoll(since + strlen("\nsideclaw_drain_since_timestamp_seconds "), NULL, 10);
    cr_assert_leq(llabs(sc_clock_wall(&clock).ms / 1000 - at), 60);
    stop(t);
}

Test(metrics, each_signal_has_one_state)
{
    struct whole *t = start();
    sc_board_set(t->f.board, SC_SIG_REDIS, SC_SIGNAL_BAD, "away", "");
    has(t, "sideclaw_signal_state{signal=\"redis\",state=\"bad\"} 1");
    has(t, "sideclaw_signal_state{signal=\"redis\",state=\"ok\"} 0");
    has(t, "sideclaw_signal_ok{signal=\"redis\"} 0");
    has(t, "sideclaw_health_page_status{page=\"live\"} 200");
    sc_auto_buf struct sc_buf out = scrape(t);
    int set = 0;
    for (const char *p = sc_buf_str(&out); (p = strstr(p, "\nsideclaw_signal_state{")); p++)
        set += strtol(strstr(p, "} ") + 2, NULL, 10) == 1;
    cr_assert_eq(set, SC_SIGNALS);
    stop(t);
}

Test(metrics, watches_links_and_the_process)
{
    struct whole *t = start();
    has(t, "sideclaw_watch_up{watch=\"agents\"} 1");
    has(t, "sideclaw_watch_answers_total{watch=\"agents\"} 7");
    has(t, "sideclaw_watch_failures_total{watch=\"gateways\"} 5");
    has(t, "sideclaw_watch_resets_total{watch=\"gateways\"} 2");
    has(t, "sideclaw_watch_answered_timestamp_seconds{watch=\"gateways\"} 0");
    has(t, "sideclaw_consul_session 1");
    has(t, "sideclaw_link_up{link=\"redis\"} 0");
    has(t, "sideclaw_link_connects_total{link=\"consul\"} 2");
    has(t, "process_start_time_seconds 1771243200.500000");
    stop(t);
}

Test(metrics, without_a_gateway_there_are_no_probes)
{
    struct whole *t = start();
    t->f.env.prober = NULL;
    t->f.env.gateway_answered = NULL;
    sc_auto_buf struct sc_buf out = scrape(t);
    cr_assert_not(strstr(sc_buf_str(&out), "sideclaw_probe"));
    cr_assert_not(strstr(sc_buf_str(&out), "sideclaw_gateway_request"));
    stop(t);
}
