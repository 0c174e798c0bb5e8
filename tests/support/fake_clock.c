#include "support/fake_clock.h"

static sc_mono mono(void *impl)
{
    const struct fake_clock *c = impl;
    return (sc_mono){ *c->now };
}

static sc_wall wall(void *impl)
{
    const struct fake_clock *c = impl;
    return (sc_wall){ c->wall_zero + *c->now };
}

struct sc_clock fake_clock_port(struct fake_clock *c)
{
    return (struct sc_clock){ .mono = mono, .wall = wall, .impl = c };
}
