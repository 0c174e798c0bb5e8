#include "sideclaw/hlc.h"

static uint64_t latest(const struct sc_hlc *h, sc_wall now)
{
    return sc_hlc_at((sc_wall){ now.ms + h->max_drift_ms + 1 }) - 1;
}

uint64_t sc_hlc_tick(struct sc_hlc *h, sc_wall now)
{
    uint64_t at = sc_hlc_at(now);
    h->last = h->last < at || h->last > latest(h, now) ? at : h->last + 1;
    return h->last;
}

int sc_hlc_see(struct sc_hlc *h, uint64_t remote, sc_wall now, struct sc_err *err)
{
    if (remote > latest(h, now)) {
        (void)sc_fail(err, SC_EPROTO, "it was written %lld s in the future",
                      (long long)((sc_hlc_wall(remote).ms - now.ms) / 1000));
        return sc_err_remedy(err, "set the clocks of this machine and of the one that wrote it");
    }
    if (remote > h->last)
        h->last = remote;
    return SC_OK;
}
