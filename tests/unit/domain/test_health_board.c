#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/health_board.h"
#include "support/fake_clock.h"

struct fixture {
    int64_t now;
    struct fake_clock clock;
    struct sc_board *b;
    int changes;
    enum sc_health last;
};

static void on_change(void *ctx, enum sc_health h)
{
    struct fixture *f = ctx;
    f->changes++;
    f->last = h;
    cr_assert_eq(sc_board_verdict(f->b), h);
}

static void set(struct fixture *f, enum sc_signal_id id, enum sc_signal_state s)
{
    sc_board_set(f->b, id, s, "", "");
}

/* Everything known and well. */
static struct fixture *start(void)
{
    static struct fixture f; /* Criterion runs each test in a process of its own */
    f.clock = (struct fake_clock){ .now = &f.now, .wall_zero = 1000 };
    f.b = sc_board_new(fake_clock_port(&f.clock), NULL, on_change, &f);
    for (int i = 0; i < SC_SIGNALS; i++)
        set(&f, (enum sc_signal_id)i, SC_SIGNAL_OK);
    return &f;
}

static void pages(const struct fixture *f, int health, int traffic, int live)
{
    cr_assert_eq(sc_board_status(f->b, SC_PAGE_HEALTH), health, "/health");
    cr_assert_eq(sc_board_status(f->b, SC_PAGE_TRAFFIC), traffic, "/health/traffic");
    cr_assert_eq(sc_board_status(f->b, SC_PAGE_LIVE), live, "/health/live");
}

static void add_reason(void *ctx, const char *reason)
{
    char *s = ctx;
    size_t n = strlen(s);
    (void)snprintf(s + n, 300 - n, "%s|", reason);
}

Test(board, a_new_one_claims_nothing)
{
    struct fixture f = { .now = 0 };
    f.clock = (struct fake_clock){ .now = &f.now };
    f.b = sc_board_new(fake_clock_port(&f.clock), NULL, NULL, NULL);
    cr_assert_eq(sc_board_verdict(f.b), SC_DEGRADED);
    pages(&f, 429, 503, 200);
    set(&f, SC_SIG_SPOOL, SC_SIGNAL_OK);
    cr_assert_eq(sc_board_verdict(f.b), SC_DEGRADED);
    sc_board_free(f.b);
    sc_board_free(NULL);
}

Test(board, all_well_is_healthy_and_told_once)
{
    struct fixture *f = start();
    cr_assert_eq(sc_board_verdict(f->b), SC_HEALTHY);
    cr_assert_eq(f->changes, 1);
    pages(f, 200, 200, 200);
    sc_board_free(f->b);
}

/* The table of DESIGN 6: a restart would not help when Redis or Consul is away. */
Test(board, one_bad_signal_degrades_and_never_kills)
{
    static const enum sc_signal_id one[] = { SC_SIG_GATEWAY_HTTP,
                                             SC_SIG_GATEWAY_STARTUP,
                                             SC_SIG_GATEWAY_READY,
                                             SC_SIG_GATEWAY_WS,
                                             SC_SIG_GATEWAY_RPC,
                                             SC_SIG_GATEWAY_LOGIN,
                                             SC_SIG_GATEWAY_CHANNELS,
                                             SC_SIG_GATEWAY_MODELS,
                                             SC_SIG_GATEWAY_PROCESS,
                                             SC_SIG_SPOOL,
                                             SC_SIG_REDIS,
                                             SC_SIG_PEER,
                                             SC_SIG_CONSUL,
                                             SC_SIG_CONFLICT,
                                             SC_SIG_LEASES,
                                             SC_SIG_SKILLS_AGE,
                                             SC_SIG_SKILLS_LOCK };
    /* No new requests: not alive, not started, or somebody else's channels. */
    static const enum sc_signal_id closed[] = { SC_SIG_GATEWAY_HTTP, SC_SIG_GATEWAY_STARTUP,
                                                SC_SIG_LEASES };
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++) {
        struct fixture *f = start();
        set(f, one[i], SC_SIGNAL_BAD);
        cr_assert_eq(sc_board_verdict(f->b), SC_DEGRADED, "%zu", i);
        bool admits = true;
        for (size_t k = 0; k < sizeof closed / sizeof closed[0]; k++)
            admits = admits && closed[k] != one[i];
        pages(f, 429, admits ? 200 : 503, 200);
        sc_board_free(f->b);
    }
}

Test(board, everything_but_the_gateway_bad_is_still_alive)
{
    struct fixture *f = start();
    set(f, SC_SIG_SPOOL, SC_SIGNAL_BAD);
    set(f, SC_SIG_REDIS, SC_SIGNAL_BAD);
    set(f, SC_SIG_CONSUL, SC_SIGNAL_BAD);
    set(f, SC_SIG_CONFLICT, SC_SIGNAL_BAD);
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_BAD);
    pages(f, 429, 200, 200);
    sc_board_free(f->b);
}

Test(board, both_signals_of_the_gateway_are_death)
{
    struct fixture *f = start();
    set(f, SC_SIG_GATEWAY_HTTP, SC_SIGNAL_BAD);
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_BAD);
    cr_assert_eq(sc_board_verdict(f->b), SC_DEAD);
    pages(f, 503, 503, 503);
    set(f, SC_SIG_DRAIN, SC_SIGNAL_BAD);
    cr_assert_eq(sc_board_verdict(f->b), SC_DEAD);
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_OK);
    cr_assert_eq(sc_board_verdict(f->b), SC_DRAINING);
    sc_board_free(f->b);
}

/* The gateway's connection is one witness, however many signals travel over it. */
Test(board, two_signals_of_one_witness_do_not_kill)
{
    struct fixture *f = start();
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_BAD);
    set(f, SC_SIG_GATEWAY_RPC, SC_SIGNAL_BAD);
    set(f, SC_SIG_GATEWAY_READY, SC_SIGNAL_BAD);
    set(f, SC_SIG_GATEWAY_CHANNELS, SC_SIGNAL_BAD);
    pages(f, 429, 200, 200);
    sc_board_free(f->b);
}

Test(board, any_two_witnesses_kill)
{
    static const enum sc_signal_id two[][2] = {
        { SC_SIG_GATEWAY_HTTP, SC_SIG_GATEWAY_RPC },
        { SC_SIG_GATEWAY_HTTP, SC_SIG_GATEWAY_PROCESS },
        { SC_SIG_GATEWAY_WS, SC_SIG_GATEWAY_PROCESS },
    };
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        struct fixture *f = start();
        set(f, two[i][0], SC_SIGNAL_BAD);
        pages(f, 429, two[i][0] == SC_SIG_GATEWAY_HTTP ? 503 : 200, 200);
        set(f, two[i][1], SC_SIGNAL_BAD);
        pages(f, 503, 503, 503);
        set(f, two[i][0], SC_SIGNAL_STARTING);
        cr_assert_neq(sc_board_verdict(f->b), SC_DEAD, "%zu", i);
        sc_board_free(f->b);
    }
}

Test(board, a_full_disk_drains)
{
    struct fixture *f = start();
    set(f, SC_SIG_DISK, SC_SIGNAL_BAD);
    cr_assert_eq(sc_board_verdict(f->b), SC_DRAINING);
    pages(f, 503, 503, 200);
    sc_board_free(f->b);
}

/* Rows that nobody measures yet, and those that a gateway may not answer, hold nobody up. */
Test(board, what_is_only_reported_may_be_unknown)
{
    static const enum sc_signal_id reported[] = { SC_SIG_GATEWAY_READY, SC_SIG_GATEWAY_CHANNELS,
                                                  SC_SIG_GATEWAY_MODELS, SC_SIG_GATEWAY_PROCESS };
    struct fixture *f = start();
    char s[300] = "";
    for (size_t i = 0; i < sizeof reported / sizeof reported[0]; i++)
        set(f, reported[i], SC_SIGNAL_UNKNOWN);
    pages(f, 200, 200, 200);
    sc_board_reasons(f->b, add_reason, s);
    cr_assert_str_eq(s, "");
    sc_board_free(f->b);
}

Test(board, rows_for_later_are_off)
{
    struct fixture f = { .now = 0 };
    struct sc_signal_view v;
    f.clock = (struct fake_clock){ .now = &f.now };
    f.b = sc_board_new(fake_clock_port(&f.clock), NULL, NULL, NULL);
    sc_board_view(f.b, SC_SIG_SKILLS_AGE, &v);
    cr_assert_str_eq(v.name, "skills_age");
    cr_assert_eq(v.state, SC_SIGNAL_OFF);
    sc_board_view(f.b, SC_SIG_SKILLS_LOCK, &v);
    cr_assert_eq(v.state, SC_SIGNAL_OFF);
    sc_board_free(f.b);
}

Test(board, the_last_error_outlives_its_repair)
{
    struct fixture *f = start();
    struct sc_signal_view v;
    sc_board_view(f->b, SC_SIG_REDIS, &v);
    cr_assert_str_eq(v.last_error, "");
    cr_assert_eq(v.last_error_at.ms, 0);
    f->now = 50;
    sc_board_set(f->b, SC_SIG_REDIS, SC_SIGNAL_BAD, "refused", "start it");
    f->now = 90;
    sc_board_set(f->b, SC_SIG_REDIS, SC_SIGNAL_OK, "", "");
    sc_board_view(f->b, SC_SIG_REDIS, &v);
    cr_assert_str_eq(v.detail, "");
    cr_assert_str_eq(v.last_error, "refused");
    cr_assert_eq(v.last_error_at.ms, 1050);
    sc_board_error(f->b, SC_SIG_REDIS, "slow");
    sc_board_view(f->b, SC_SIG_REDIS, &v);
    cr_assert_eq(v.state, SC_SIGNAL_OK);
    cr_assert_str_eq(v.last_error, "slow");
    cr_assert_eq(v.last_error_at.ms, 1090);
    sc_board_free(f->b);
}

Test(board, starting_takes_no_traffic_and_is_not_dead)
{
    struct fixture *f = start();
    set(f, SC_SIG_GATEWAY_HTTP, SC_SIGNAL_STARTING);
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_STARTING);
    cr_assert_eq(sc_board_verdict(f->b), SC_DEGRADED);
    pages(f, 429, 503, 200);
    sc_board_free(f->b);
}

Test(board, draining_takes_no_traffic_and_lives)
{
    struct fixture *f = start();
    set(f, SC_SIG_DRAIN, SC_SIGNAL_BAD);
    cr_assert_eq(sc_board_verdict(f->b), SC_DRAINING);
    pages(f, 503, 503, 200);
    sc_board_free(f->b);
}

Test(board, a_signal_that_drains_is_a_reason_to_drain_and_the_drain_itself_is_none)
{
    struct fixture *f = start();
    struct sc_signal_view v;
    set(f, SC_SIG_DRAIN, SC_SIGNAL_BAD);
    set(f, SC_SIG_REDIS, SC_SIGNAL_BAD);
    cr_assert_not(sc_board_wants_drain(f->b, &v));
    set(f, SC_SIG_DRAIN, SC_SIGNAL_OK);
    sc_board_set(f->b, SC_SIG_DISK, SC_SIGNAL_BAD, "1 MiB left", "");
    cr_assert_eq(sc_board_verdict(f->b), SC_DRAINING);
    pages(f, 503, 503, 200);
    cr_assert(sc_board_wants_drain(f->b, &v));
    cr_assert_str_eq(v.name, "disk");
    cr_assert_str_eq(v.detail, "1 MiB left");
    set(f, SC_SIG_DISK, SC_SIGNAL_OFF);
    cr_assert_not(sc_board_wants_drain(f->b, &v));
    sc_board_free(f->b);
}

Test(board, what_is_switched_off_does_not_count)
{
    struct fixture *f = start();
    set(f, SC_SIG_GATEWAY_HTTP, SC_SIGNAL_OFF);
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_OFF);
    set(f, SC_SIG_REDIS, SC_SIGNAL_OFF);
    set(f, SC_SIG_CONSUL, SC_SIGNAL_OFF);
    cr_assert_eq(sc_board_verdict(f->b), SC_HEALTHY);
    pages(f, 200, 200, 200);
    sc_board_free(f->b);
}

Test(board, changes_are_told_once_each)
{
    struct fixture *f = start();
    int before = f->changes;
    set(f, SC_SIG_REDIS, SC_SIGNAL_BAD);
    set(f, SC_SIG_REDIS, SC_SIGNAL_BAD);
    set(f, SC_SIG_CONSUL, SC_SIGNAL_BAD);
    cr_assert_eq(f->changes, before + 1);
    set(f, SC_SIG_REDIS, SC_SIGNAL_OK);
    cr_assert_eq(f->changes, before + 1);
    set(f, SC_SIG_CONSUL, SC_SIGNAL_OK);
    cr_assert_eq(f->changes, before + 2);
    cr_assert_eq(f->last, SC_HEALTHY);
    sc_board_free(f->b);
}

Test(board, since_is_when_the_state_changed_not_its_words)
{
    struct fixture *f = start();
    struct sc_signal_view v;
    f->now = 50;
    sc_board_set(f->b, SC_SIG_REDIS, SC_SIGNAL_BAD, "refused", "start it");
    f->now = 90;
    sc_board_set(f->b, SC_SIG_REDIS, SC_SIGNAL_BAD, "timed out", NULL);
    sc_board_view(f->b, SC_SIG_REDIS, &v);
    cr_assert_str_eq(v.name, "redis");
    cr_assert_eq(v.state, SC_SIGNAL_BAD);
    cr_assert_eq(v.since.ms, 1050);
    cr_assert_str_eq(v.detail, "timed out");
    cr_assert_str_eq(v.remedy, "");
    /* Its own words may be handed back to it. */
    sc_board_set(f->b, SC_SIG_REDIS, SC_SIGNAL_OK, v.detail, v.detail);
    sc_board_view(f->b, SC_SIG_REDIS, &v);
    cr_assert_str_eq(v.remedy, "timed out");
    sc_board_free(f->b);
}

Test(board, reasons_name_every_signal_that_is_not_well)
{
    struct fixture *f = start();
    char s[300] = "";
    sc_board_reasons(f->b, add_reason, s);
    cr_assert_str_eq(s, "");
    sc_board_set(f->b, SC_SIG_REDIS, SC_SIGNAL_BAD, "connection refused", "");
    set(f, SC_SIG_GATEWAY_WS, SC_SIGNAL_STARTING);
    set(f, SC_SIG_CONSUL, SC_SIGNAL_OFF);
    sc_board_reasons(f->b, add_reason, s);
    cr_assert_str_eq(s, "gateway_ws starting|redis bad: connection refused|");
    sc_board_free(f->b);
}

Test(board, names)
{
    cr_assert_str_eq(sc_health_name(SC_DRAINING), "draining");
    cr_assert_str_eq(sc_signal_state_name(SC_SIGNAL_STARTING), "starting");
}
