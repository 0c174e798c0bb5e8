/* Whatever happens in whatever order: when all are linked again, all have the same, it is what
 * Redis has, and no write that was later than it. Each seed is a world of its own; a failure names
 * it. */
#include "memory_fixture.h"
#include "support/prng.h"

enum { SEEDS = 300, STEPS = 120, KEYS = 6 };
static const char *const keys[KEYS] = { "a", "b", "c", "d", "e", "f" };

static const char *key_of(struct prng *p)
{
    return keys[prng_range(p, 0, KEYS - 1)];
}

/* How the node's copy has it, tombstones too; hlc 0: not at all. */
static struct sc_stamp stamp_at(struct mesh *t, int i, const char *key)
{
    const struct sc_memory_store store = mem_store_port(t->nodes[i].store);
    struct sc_memory_entry e = { .key = key };
    if (store.ops->get(store.impl, "jerry", key, &e, NULL, NULL) < 0)
        return (struct sc_stamp){ .hlc = 0 };
    return e.stamp;
}

/* The latest write of each key that anybody made here. */
struct latest {
    struct sc_stamp of[KEYS];
};

static void write_something(struct mesh *t, struct prng *p, struct latest *l, int i, int step)
{
    char value[32];
    int k = (int)prng_range(p, 0, KEYS - 1);
    (void)snprintf(value, sizeof value, "%s-%d", node_names[i], step);
    if (prng_chance(p, 300))
        (void)del(t, i, keys[k]);
    else
        cr_assert_eq(set_for(t, i, keys[k], value, prng_chance(p, 100) ? 2 : 0, NULL), SC_OK);
    const struct sc_stamp s = stamp_at(t, i, keys[k]);
    if (sc_stamp_cmp(&s, &l->of[k]) > 0)
        l->of[k] = s;
}

static void other_program(struct mesh *t, struct prng *p, int step)
{
    char value[32];
    (void)snprintf(value, sizeof value, "hand-%d", step);
    mem_shared_write(t->redis, "jerry", key_of(p), prng_chance(p, 250) ? NULL : value);
}

/* Time passes for everybody, and a few answers come. */
static void some_turns(struct mesh *t, struct prng *p)
{
    int64_t ms = prng_range(p, 0, 40);
    t->now += ms;
    t->wall += ms;
    for (int n = (int)prng_range(p, 1, 12); n > 0; n--) {
        struct node *node = &t->nodes[prng_range(p, 0, NODES - 1)];
        fake_loop_turn(node->loop);
        (void)mem_way_answer(node->way);
    }
}

static void step(struct mesh *t, struct prng *p, struct latest *l, int n)
{
    int i = (int)prng_range(p, 0, NODES - 1);
    int64_t dice = prng_range(p, 0, 99);
    bool is_up = mem_way_port(t->nodes[i].way).ops->is_up(t->nodes[i].way);
    if (dice < 45)
        write_something(t, p, l, i, n);
    else if (dice < 52)
        other_program(t, p, n);
    else if (dice < 62 && is_up)
        down(t, i, prng_chance(p, 500));
    else if (dice < 72 && !is_up)
        up(t, i);
    else if (dice < 74)
        mem_shared_flush(t->redis);
    else if (dice < 77) /* up to half a minute, either way: within what is believed */
        t->nodes[i].clock.wall_zero = ZERO + prng_range(p, -30000, 30000);
    else if (dice < 79) {
        fake_loop_turn(t->nodes[i].loop); /* what was answered is committed */
        death(&t->nodes[i]);
        life(t, i);
    }
    some_turns(t, p);
}

static void check_same(struct mesh *t, uint64_t seed)
{
    for (size_t k = 0; k < KEYS; k++) {
        const char *shared = mem_shared_read(t->redis, "jerry", keys[k]);
        for (int i = 0; i < NODES; i++) {
            sc_auto_free char *have = value_at(t, i, keys[k]);
            cr_assert_str_eq(have, shared ? shared : "-", "seed %llu: %s has %s under %s, Redis %s",
                             (unsigned long long)seed, node_names[i], have, keys[k],
                             shared ? shared : "-");
        }
    }
}

/* A later one than the latest of ours is another program's; who never had a key needs no tombstone
 * of it. */
static void check_latest(struct mesh *t, const struct latest *l, uint64_t seed)
{
    for (size_t k = 0; k < KEYS; k++)
        for (int i = 0; i < NODES; i++) {
            const struct sc_stamp s = stamp_at(t, i, keys[k]);
            int c = sc_stamp_cmp(&s, &l->of[k]);
            bool never = !s.hlc && !mem_shared_read(t->redis, "jerry", keys[k]);
            cr_assert(c == 0 || never || (c > 0 && sc_streq(s.node, "redis")),
                      "seed %llu: %s has %llx of %s under %s, and %llx of %s was written",
                      (unsigned long long)seed, node_names[i], (unsigned long long)s.hlc, s.node,
                      keys[k], (unsigned long long)l->of[k].hlc, l->of[k].node);
        }
}

static void converge(uint64_t seed)
{
    struct prng p;
    struct latest l = { .of = { { .hlc = 0 } } };
    struct mesh *t = mesh_new();
    prng_seed(&p, seed);
    for (int i = 0; i < NODES; i++) /* each follows jerry */
        set(t, i, "start", node_names[i]);
    for (int n = 0; n < STEPS; n++)
        step(t, &p, &l, n);
    for (int i = 0; i < NODES; i++) {
        t->nodes[i].clock.wall_zero = ZERO; /* a ttl ends by each one's own clock */
        up(t, i);
    }
    run(t, SCAN_MS + 5000);
    check_same(t, seed);
    check_latest(t, &l, seed);
    for (int i = 0; i < NODES; i++)
        cr_assert_eq(stats_at(t, i).totals.dirty, 0, "seed %llu: %s has something left",
                     (unsigned long long)seed, node_names[i]);
    mesh_free(t);
}

Test(memory_merge, all_sides_agree_in_the_end, .timeout = 100)
{
    const char *one = getenv("SC_MEMORY_SEED");
    if (one) {
        converge(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        converge(seed);
}
