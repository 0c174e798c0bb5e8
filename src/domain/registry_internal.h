/* registry_internal.h: shared by registry.c (the mesh) and registry_local.c (our own agents). */
#ifndef SIDECLAW_REGISTRY_INTERNAL_H
#define SIDECLAW_REGISTRY_INTERNAL_H

#include "sideclaw/map.h"
#include "sideclaw/registry.h"

/* An agent of ours: what the gateway lists, the configuration adds, or it says of itself. */
struct local_agent {
    char *id;
    bool in_config, in_gateway, was_in_gateway, busy;
    struct sc_strv config_caps, gateway_caps;
    struct sc_agent_info declared; /* id NULL: it never did */
};

struct sc_registry {
    struct sc_registry_deps d;
    struct sc_map *agents;    /* id -> struct agent_entry */
    struct sc_map *gateways;  /* name -> struct gateway_entry */
    struct sc_map *conflicts; /* agent id, or "" for our own name -> holder */
    bool agents_seen, gateways_seen, fresh;
    unsigned agents_generation, gateways_generation; /* of the views that are being listed */
    struct local_agent *local;
    size_t n_local;
    bool listed;                 /* the gateway has said, at least once, who is there */
    struct sc_agent_info *infos; /* n_local rows, as the presence carries them */
};

struct agent_entry {
    struct sc_agent_info info;
    unsigned generation;
    unsigned given; /* since it was last seen */
};

struct gateway_entry {
    struct sc_gateway_info info;
    unsigned generation;
};

const struct local_agent *registry_find_local(const struct sc_registry *r, const char *id);
void registry_tell(const struct sc_registry *r, enum sc_registry_news what, const char *name);
void registry_free_local(struct sc_registry *r);

#endif
