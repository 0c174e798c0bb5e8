/* registry.h: the view of the mesh: which agents and gateways there are, and which are ours.
 * Fed by the directory port and by our own gateway; asked by the router and the surfaces. */
#ifndef SIDECLAW_REGISTRY_H
#define SIDECLAW_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/agent.h"
#include "sideclaw/directory.h"
#include "sideclaw/err.h"
#include "sideclaw/gateway.h"
#include "sideclaw/log.h"

/* What is worth telling everybody. */
enum sc_registry_news {
    SC_NEWS_GATEWAY_UP,
    SC_NEWS_GATEWAY_DOWN,
    SC_NEWS_AGENT_CAME, /* one of ours */
    SC_NEWS_AGENT_LEFT
};

/* All borrowed. */
struct sc_registry_deps {
    const char *self_name;
    struct sc_log *log;
    /* Something changed: an agent of ours, or a gateway that came (back) to life or drains no more,
     * or is where an agent appeared or was before it moved: what waits for that gateway should be
     * looked at now. */
    void (*local_changed)(void *ctx);
    void (*gateway_alive)(void *ctx, const char *gateway);
    /* Not for what the first view shows: it was so before. NULL: nobody minds. */
    void (*news)(void *ctx, enum sc_registry_news what, const char *name);
    void *ctx;
};

struct sc_registry;
struct sc_registry *sc_registry_new(const struct sc_registry_deps *deps);
void sc_registry_free(struct sc_registry *r);

/* The directory's view arrives through these (see sc_directory_events). */
void sc_registry_agents_begin(struct sc_registry *r);
void sc_registry_agent(struct sc_registry *r, const struct sc_agent_info *a);
void sc_registry_agents_end(struct sc_registry *r);
void sc_registry_gateways_begin(struct sc_registry *r);
void sc_registry_gateway(struct sc_registry *r, const struct sc_gateway_info *g);
void sc_registry_gateways_end(struct sc_registry *r);
void sc_registry_conflict(struct sc_registry *r, const char *agent, const char *holder);
/* Is the view whole and fresh (the directory is up, both lists and our own gateway's have come)?
 * Only then is an agent that is not in it unknown. */
bool sc_registry_complete(const struct sc_registry *r);
/* Has our own gateway said who is there? Before, nobody may be called unknown here. */
bool sc_registry_listed(const struct sc_registry *r);
void sc_registry_set_fresh(struct sc_registry *r, bool fresh);

/* Our own agents: what the gateway lists, joined with what the configuration adds (capabilities
 * NULL: those it has stay). */
void sc_registry_local_config(struct sc_registry *r, const char *id,
                              const struct sc_strv *capabilities);
void sc_registry_local_gateway(struct sc_registry *r, const struct sc_gateway_agent *agents,
                               size_t n);
/* What an agent here says of itself at run time: its capabilities join those of the gateway and the
 * configuration, and one that neither knows is served by its inbox from now on. Saying it again
 * replaces what it said; saying nothing new changes nothing. SC_EEXIST: another gateway holds that
 * name; SC_EFULL. what->id, capabilities, labels and description count. */
int sc_registry_declare(struct sc_registry *r, const struct sc_agent_info *what, bool *ret_changed,
                        struct sc_err *err) SC_MUST_CHECK;
/* Those who did, as they said it, for the disk. */
typedef void sc_declared_fn(void *ctx, const struct sc_agent_info *a);
void sc_registry_each_declared(const struct sc_registry *r, sc_declared_fn *fn, void *ctx);
/* Shown in the list at once and elsewhere with the next heartbeat: it changes twice a message, so
 * local_changed is not called for it. */
void sc_registry_set_busy(struct sc_registry *r, const char *agent, bool busy);

/* Where a message for an agent goes. */
enum sc_place {
    SC_PLACE_UNKNOWN, /* nobody has heard of it */
    SC_PLACE_INBOX,   /* here, and only its inbox is served (configuration, operator, external) */
    SC_PLACE_LOCAL,   /* here, on our gateway */
    SC_PLACE_REMOTE   /* *ret_gateway holds it; borrowed until the registry's next change */
};
enum sc_place sc_registry_locate(const struct sc_registry *r, const char *agent,
                                 const char **ret_gateway);
/* Is it one of ours that nobody wakes, or may turn out to be when the gateway says who is there? */
bool sc_registry_rests(const struct sc_registry *r, const char *agent);
/* The known id nearest to a mistyped one; NULL when none is near. */
const char *sc_registry_suggest(const struct sc_registry *r, const char *agent);

/* Is this a name that every gateway keeps an inbox for (the operator, external senders)? */
bool sc_registry_everywhere(const char *agent);
/* NULL when it is not in the view; borrowed until the next change. */
const struct sc_gateway_info *sc_registry_gateway_info(const struct sc_registry *r,
                                                       const char *gateway);
/* Work went to an agent: until its gateway says anew how busy it is, that counts against it. */
void sc_registry_note_given(struct sc_registry *r, const char *agent);
unsigned sc_registry_given(const struct sc_registry *r, const char *agent);
/* Does it take no new messages, by a view that is fresh? An old one may be wrong for days. */
bool sc_registry_drains(const struct sc_registry *r, const char *gateway);
bool sc_registry_gateway_known(const struct sc_registry *r, const char *gateway);

typedef bool sc_agent_fn(void *ctx, const struct sc_agent_info *a, bool local);
typedef bool sc_gateway_fn(void *ctx, const struct sc_gateway_info *g, bool self);
/* Sorted by id; local agents first replace what the directory says of them. */
void sc_registry_each_agent(const struct sc_registry *r, sc_agent_fn *fn, void *ctx);
void sc_registry_each_gateway(const struct sc_registry *r, sc_gateway_fn *fn, void *ctx);
/* Our agents as the presence carries them; borrowed until the next change. */
const struct sc_agent_info *sc_registry_local(const struct sc_registry *r, size_t *ret_n);

typedef void sc_conflict_fn(void *ctx, const char *agent, const char *holder);
void sc_registry_each_conflict(const struct sc_registry *r, sc_conflict_fn *fn, void *ctx);

#endif
