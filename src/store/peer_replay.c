#include "peer_replay.h"

#include <stdlib.h>

#include "sideclaw/map.h"
#include "sideclaw/mem.h"

enum { WINDOW = 64 };

struct session {
    int64_t highest;
    uint64_t seen; /* bit i: highest - i was here */
    sc_wall last;  /* the latest time that one of its requests named */
};

struct sc_peer_replay {
    struct sc_map *sessions; /* "<gateway> <session>" */
    sc_wall now;             /* while sweeping */
};

struct sc_peer_replay *sc_peer_replay_new(void)
{
    struct sc_peer_replay *r = sc_xcalloc(1, sizeof *r);
    r->sessions = sc_map_new();
    return r;
}

void sc_peer_replay_free(struct sc_peer_replay *r)
{
    if (!r)
        return;
    sc_map_free(r->sessions, free);
    free(r);
}

/* Whatever it sent is refused by its time from now on. */
static bool forget_old(void *ctx, const char *key, void *value)
{
    struct sc_peer_replay *r = ctx;
    const struct session *s = value;
    if (s->last.ms < r->now.ms - SC_PEER_SKEW_MAX_S * 1000LL)
        free(sc_map_del(r->sessions, key));
    return true;
}

static struct session *session_new(struct sc_peer_replay *r, const char *key, sc_wall now)
{
    r->now = now;
    sc_map_each(r->sessions, forget_old, r);
    if (sc_map_count(r->sessions) >= SC_PEER_SESSIONS_MAX)
        return NULL;
    struct session *s = sc_xcalloc(1, sizeof *s);
    (void)sc_map_set(r->sessions, key, s);
    return s;
}

static bool was_here(const struct session *s, int64_t number)
{
    if (number > s->highest)
        return false;
    return s->highest - number >= WINDOW || (s->seen >> (s->highest - number) & 1);
}

static void note(struct session *s, int64_t number)
{
    if (number <= s->highest) {
        s->seen |= 1ULL << (s->highest - number);
        return;
    }
    int64_t ahead = number - s->highest;
    s->seen = (ahead < WINDOW ? s->seen << ahead : 0) | 1;
    s->highest = number;
}

int sc_peer_replay_take(struct sc_peer_replay *r, const struct sc_peer_auth *a, sc_wall now,
                        struct sc_err *err)
{
    sc_auto_free char *key = sc_xasprintf("%s %s", a->from, a->session);
    struct session *s = sc_map_get(r->sessions, key);
    s = s ? s : session_new(r, key, now);
    if (!s)
        return sc_fail(err, SC_EBUSY, "more than %d senders in %d s", SC_PEER_SESSIONS_MAX,
                       SC_PEER_SKEW_MAX_S);
    if (was_here(s, a->number))
        return sc_fail(err, SC_EEXIST, "request %s.%lld was here before", a->session,
                       (long long)a->number);
    note(s, a->number);
    s->last.ms = a->at.ms > s->last.ms ? a->at.ms : s->last.ms;
    return SC_OK;
}
