/* Is the other sidecar there? A failure counts for all that waits for it, and the next look comes
 * with back-off, not with the next message. A look is a request without envelopes: it shows that
 * address, key and clocks are right, also while the brokers are up and nobody needs it yet. */
#include <string.h>

#include "peer_internal.h"
#include "sideclaw/mem.h"

enum {
    LOOK_MIN_MS = 500,
    LOOK_MAX_MS = 60 * 1000,
    FIRST_LOOK_MS = 1000,         /* spread over that long: everybody sees a newcomer at once */
    IDLE_LOOK_MS = 5 * 60 * 1000, /* nothing was sent for that long */
    HEARD_MS = 1000 /* a sender that we cannot reach must not make us look more often */
};

static void look_in(struct peer *p, int64_t ms)
{
    sc_timer_arm(p->look, ms);
}

static void on_look(void *ctx)
{
    struct peer *p = ctx;
    p->looked = sc_clock_mono(&p->owner->d.clock);
    if (*p->url && p->n_requests == 0)
        peer_send_look(p);
}

static int64_t jitter(int64_t ms)
{
    return (int64_t)(sc_random64() % (uint64_t)ms);
}

void peer_link_init(struct peer *p)
{
    p->backoff = (struct sc_backoff){ .min_ms = LOOK_MIN_MS, .max_ms = LOOK_MAX_MS };
    p->look = sc_timer_new(p->owner->d.loop, on_look, p);
}

void peer_link_fini(struct peer *p)
{
    sc_timer_free(p->look);
}

static void tell(struct peer *p, bool open)
{
    const struct sc_peer *o = p->owner;
    if (o->t.state == SC_LINK_UP && !o->closed)
        o->d.events.way(o->d.events.ctx, &o->t, p->name, open);
}

void peer_link_moved(struct peer *p)
{
    p->away = false;
    sc_backoff_reset(&p->backoff);
    if (*p->url)
        look_in(p, jitter(FIRST_LOOK_MS));
    else
        sc_timer_disarm(p->look);
}

void peer_link_works(struct peer *p)
{
    bool news = p->away;
    p->away = false;
    sc_backoff_reset(&p->backoff);
    look_in(p, IDLE_LOOK_MS - jitter(IDLE_LOOK_MS / 5));
    if (!news)
        return;
    sc_log_info(p->owner->d.log, "peer.back", SC_S("gateway", p->name), SC_S("url", p->url));
    tell(p, true);
}

void peer_link_failed(struct peer *p, const struct sc_err *why)
{
    bool news = !p->away || strcmp(p->why.text, why->text) != 0;
    bool was_open = !p->away;
    if (p->away && sc_timer_armed(p->look))
        return; /* the other request of the same moment */
    p->away = true;
    p->why = *why;
    int64_t wait = sc_backoff_next(&p->backoff);
    look_in(p, wait);
    if (news)
        sc_log_warn(p->owner->d.log, "peer.away", SC_S("gateway", p->name), SC_S("url", p->url),
                    SC_S("reason", why->text), SC_S("remedy", why->remedy),
                    SC_S("instead", "other transports carry its messages, or they wait"));
    peer_send_drop(p, why);
    if (was_open || news)
        tell(p, false);
}

void peer_link_heard(struct peer *p)
{
    int64_t since = sc_clock_mono(&p->owner->d.clock).ms - p->looked.ms;
    if (p->away && *p->url && p->n_requests == 0)
        look_in(p, since >= HEARD_MS ? 0 : HEARD_MS - since);
}
