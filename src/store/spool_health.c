/* Is there room, and does the disk take writes? News of both directions: what was refused says that
 * it is bad, and a small write every few seconds finds out when that is over. Without it a daemon
 * whose disk was full for a minute would call itself degraded until somebody sends a message. */
#include <stdlib.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "spool_internal.h"

enum { PROBE_EVERY_MS = 2000 };

struct spool_health {
    struct sc_spool_sqlite *s;
    void (*changed)(void *ctx, const struct sc_err *err);
    void *ctx;
    struct sc_timer *probe; /* armed while it is bad */
    bool bad;
    char text[SC_ERR_TEXT_MAX]; /* as it was told */
};

static void tell(struct spool_health *h, const struct sc_err *err)
{
    (void)snprintf(h->text, sizeof h->text, "%s", err ? err->text : "");
    h->bad = err != NULL;
    if (h->changed)
        h->changed(h->ctx, err);
}

void sc_spool_health_bad(struct spool_health *h, const struct sc_err *why)
{
    if (!h->bad || !sc_streq(h->text, why->text))
        tell(h, why);
    if (!sc_timer_armed(h->probe))
        sc_timer_arm(h->probe, PROBE_EVERY_MS);
}

static void on_probed(void *ctx, const struct sc_err *err)
{
    struct spool_health *h = ctx;
    if (!err && sc_spool_has_room(h->s, SC_BODY_MAX)) {
        sc_timer_disarm(h->probe);
        tell(h, NULL);
    } else {
        sc_timer_arm(h->probe, PROBE_EVERY_MS);
    }
}

static void on_probe(void *ctx)
{
    struct spool_health *h = ctx;
    struct sc_err err = SC_ERR_INIT;
    if (!sc_spool_has_room(h->s, SC_BODY_MAX)) {
        sc_timer_arm(h->probe, PROBE_EVERY_MS);
        return;
    }
    if (sc_spool_begin(h->s, &err) == SC_OK)
        (void)sc_spool_write(h->s, ST_PROBE, &err); /* the commit says what became of it */
    const struct sc_spool port = sc_spool_sqlite_port(h->s);
    port.ops->after_commit(port.impl, on_probed, h);
}

struct spool_health *sc_spool_health_new(struct sc_spool_sqlite *s,
                                         void (*changed)(void *ctx, const struct sc_err *err),
                                         void *ctx)
{
    struct spool_health *h = sc_xcalloc(1, sizeof *h);
    h->s = s;
    h->changed = changed;
    h->ctx = ctx;
    h->probe = sc_timer_new(s->loop, on_probe, h);
    return h;
}

void sc_spool_health_free(struct spool_health *h)
{
    if (!h)
        return;
    sc_timer_free(h->probe);
    free(h);
}
