/* registry_pick.h: who of the mesh fits a description, and who of those gets the work: whoever can
 * be reached and has the least to do (DESIGN 8). */
#ifndef SIDECLAW_REGISTRY_PICK_H
#define SIDECLAW_REGISTRY_PICK_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/registry.h"

/* One agent as it is now. Borrowed. */
struct sc_candidate {
    const struct sc_agent_info *agent;
    const char *via; /* how a message leaves: "here", "inbox" or a transport; NULL: it waits */
    unsigned load;   /* turns of its gateway, and what it was given since it said so */
    bool ailing;     /* its gateway is not well */
    bool local;
};

/* Who is looked for; NULL: any. */
struct sc_pick_query {
    const char *gateway, *capability;
    const char *group; /* a label of the agent or its gateway: "gpu=true", or a bare group's name */
    const char *status; /* of the agent */
    const char *except; /* not this one */
};

/* What there is; all borrowed. */
struct sc_pick_world {
    const struct sc_registry *registry;
    const char *(*way)(void *ctx, const char *gateway); /* NULL: none is open */
    bool gateway_ready;                                 /* ours */
    bool draining;                                      /* we take no new work */
    void *ctx;
};

typedef bool sc_candidate_fn(void *ctx, const struct sc_candidate *c);
/* sc_pick_each: visit whoever fits, by id, our own first; false stops. */
void sc_pick_each(const struct sc_pick_world *w, const struct sc_pick_query *q, sc_candidate_fn *fn,
                  void *ctx);

/* sc_pick_best: the one of them who gets a message. The same view makes the same choice: awake
 * before one that reads its inbox when it likes, well before ailing, not busy before busy, then by
 * load, then by name. SC_ENOENT: nobody fits; SC_EAWAY: somebody does, but cannot be reached. */
int sc_pick_best(const struct sc_pick_world *w, const struct sc_pick_query *q,
                 struct sc_candidate *ret, struct sc_err *err) SC_MUST_CHECK;

/* Does a get it before b? */
bool sc_candidate_better(const struct sc_candidate *a, const struct sc_candidate *b);

/* Does "key=value", or a bare word (then of the label `group`), name one of these labels? */
bool sc_labels_match(const struct sc_strv *labels, const char *wanted);

#endif
