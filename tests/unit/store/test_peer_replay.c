/* store's private header: tests link their own layer, and this has no public face. */
#include "../../../src/store/peer_replay.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "sideclaw/mem.h"

enum { NOW = 1771243200 };

static struct sc_peer_auth request(unsigned session, int64_t number, int64_t at_s)
{
    struct sc_peer_auth a = { .from = "jerry-gateway", .number = number, .at = { at_s * 1000 } };
    (void)snprintf(a.session, sizeof a.session, "%016x", session);
    return a;
}

static int take_at(struct sc_peer_replay *r, unsigned session, int64_t number, int64_t at_s,
                   int64_t now_s)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_peer_auth a = request(session, number, at_s);
    return sc_peer_replay_take(r, &a, (sc_wall){ now_s * 1000 }, &err);
}

static int take(struct sc_peer_replay *r, int64_t number)
{
    return take_at(r, 1, number, NOW, NOW);
}

Test(peer_replay, each_number_is_taken_once)
{
    struct sc_peer_replay *r = sc_peer_replay_new();
    for (int64_t n = 1; n < 300; n++) {
        cr_assert_eq(take(r, n), SC_OK);
        cr_assert_eq(take(r, n), SC_EEXIST);
    }
    sc_peer_replay_free(r);
}

Test(peer_replay, late_ones_are_taken_within_the_window)
{
    struct sc_peer_replay *r = sc_peer_replay_new();
    cr_assert_eq(take(r, 100), SC_OK);
    cr_assert_eq(take(r, 37), SC_OK, "63 behind");
    cr_assert_eq(take(r, 37), SC_EEXIST);
    cr_assert_eq(take(r, 36), SC_EEXIST, "64 behind: nobody can tell");
    cr_assert_eq(take(r, 99), SC_OK);
    cr_assert_eq(take(r, 101), SC_OK);
    cr_assert_eq(take(r, 99), SC_EEXIST);
    cr_assert_eq(take(r, 100), SC_EEXIST);
    sc_peer_replay_free(r);
}

Test(peer_replay, a_jump_ahead_forgets_nothing_it_should_know)
{
    struct sc_peer_replay *r = sc_peer_replay_new();
    cr_assert_eq(take(r, 1), SC_OK);
    cr_assert_eq(take(r, INT64_MAX), SC_OK);
    cr_assert_eq(take(r, INT64_MAX), SC_EEXIST);
    cr_assert_eq(take(r, 1), SC_EEXIST);
    cr_assert_eq(take(r, INT64_MAX - 63), SC_OK);
    cr_assert_eq(take(r, INT64_MAX - 64), SC_EEXIST);
    sc_peer_replay_free(r);
}

Test(peer_replay, sessions_and_senders_do_not_share_numbers)
{
    struct sc_peer_replay *r = sc_peer_replay_new();
    struct sc_err err = SC_ERR_INIT;
    struct sc_peer_auth other = request(1, 1, NOW);
    (void)snprintf(other.from, sizeof other.from, "carol-gateway");
    cr_assert_eq(take(r, 1), SC_OK);
    cr_assert_eq(take_at(r, 2, 1, NOW, NOW), SC_OK);
    cr_assert_eq(sc_peer_replay_take(r, &other, (sc_wall){ NOW * 1000LL }, &err), SC_OK);
    sc_peer_replay_free(r);
}

/* Bounded, and a session is forgotten only when its time alone gives its requests away. */
Test(peer_replay, senders_are_bounded_and_old_ones_make_room)
{
    struct sc_peer_replay *r = sc_peer_replay_new();
    for (unsigned i = 0; i < SC_PEER_SESSIONS_MAX; i++)
        cr_assert_eq(take_at(r, i, 1, NOW, NOW), SC_OK);
    cr_assert_eq(take_at(r, SC_PEER_SESSIONS_MAX, 1, NOW, NOW), SC_EBUSY);
    cr_assert_eq(take_at(r, 5, 2, NOW, NOW), SC_OK, "who is known goes on");
    int64_t later = NOW + SC_PEER_SKEW_MAX_S;
    cr_assert_eq(take_at(r, SC_PEER_SESSIONS_MAX, 1, later, later), SC_EBUSY);
    cr_assert_eq(take_at(r, 5, 2, NOW, later), SC_EEXIST, "still within the window");
    cr_assert_eq(take_at(r, SC_PEER_SESSIONS_MAX, 1, later + 1, later + 1), SC_OK);
    sc_peer_replay_free(r);
}
