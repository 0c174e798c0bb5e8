/* peer_replay.h: which requests were here before. Bounded by the number of senders, not by what
 * they send: of each session's rising numbers the highest and the 64 below it are remembered, as in
 * RFC 4303, 3.4.3. */
#ifndef SIDECLAW_STORE_PEER_REPLAY_H
#define SIDECLAW_STORE_PEER_REPLAY_H

#include "sideclaw/peer_wire.h"

struct sc_peer_replay;
struct sc_peer_replay *sc_peer_replay_new(void);
void sc_peer_replay_free(struct sc_peer_replay *r);

/* Of an authentic request whose time is within SC_PEER_SKEW_MAX_S of `now`, once. SC_EEXIST when it
 * was here before, or is too far behind to tell; SC_EBUSY above SC_PEER_SESSIONS_MAX senders. */
int sc_peer_replay_take(struct sc_peer_replay *r, const struct sc_peer_auth *a, sc_wall now,
                        struct sc_err *err) SC_MUST_CHECK;

#endif
