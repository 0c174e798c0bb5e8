/* resolve.h: host names to numeric addresses without blocking the loop (libevent's evdns). For
 * libraries that would call getaddrinfo themselves: hiredis. */
#ifndef SIDECLAW_RESOLVE_H
#define SIDECLAW_RESOLVE_H

#include "sideclaw/err.h"
#include "sideclaw/loop.h"

struct sc_resolve;

/* addr: the first address as text, borrowed for the call; NULL: none, and err says why. */
typedef void sc_resolve_fn(void *ctx, const char *addr, const struct sc_err *err);

/* sc_resolve_start: fn runs once, from the loop. Numeric addresses and `localhost` need no server;
 * /etc/hosts and /etc/resolv.conf are read anew each time, because a laptop changes networks. How
 * long a server may take is resolv.conf's business: a caller with a deadline cancels. */
struct sc_resolve *sc_resolve_start(struct sc_loop *loop, const char *host, sc_resolve_fn *fn,
                                    void *ctx);
/* fn does not run any more; what evdns still holds goes in the loop's next turn. NULL is fine. */
void sc_resolve_cancel(struct sc_resolve *r);

#endif
