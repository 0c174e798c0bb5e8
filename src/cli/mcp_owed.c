#include "mcp_owed.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "sideclaw/jsonrpc.h"
#include "sideclaw/mem.h"
#include "sideclaw/value.h"

struct owed {
    struct sc_value *id;
    TAILQ_ENTRY(owed) link;
};

/* In the order in which they were asked: most are answered in it, too, so the first is found. */
struct sc_owed {
    TAILQ_HEAD(, owed) list;
};

struct sc_owed *sc_owed_new(void)
{
    struct sc_owed *o = sc_xcalloc(1, sizeof *o);
    TAILQ_INIT(&o->list);
    return o;
}

static void drop(struct sc_owed *o, struct owed *one)
{
    TAILQ_REMOVE(&o->list, one, link);
    sc_value_free(one->id); /* NOLINT(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
    free(one);
}

void sc_owed_free(struct sc_owed *o)
{
    if (!o)
        return;
    struct owed *one;
    while ((one = TAILQ_FIRST(&o->list)))
        drop(o, one); /* NOLINT(clang-analyzer-unix.Malloc): as above */
    free(o);
}

static void forget(struct sc_owed *o, const struct sc_value *id)
{
    struct owed *one;
    TAILQ_FOREACH (one, &o->list, link)
        if (sc_rpc_id_eq(one->id, id)) /* NOLINT(clang-analyzer-unix.Malloc): as above */
            break;
    if (one)
        drop(o, one);
}

static void asked(struct sc_owed *o, const struct sc_value *message)
{
    const struct sc_value *id = sc_value_get(message, "id");
    const char *method = sc_value_get_str(message, "method");
    if (method && (sc_value_is_str(id) || sc_value_is_int(id))) {
        struct owed *one = sc_xcalloc(1, sizeof *one);
        one->id = sc_value_ref(id);
        TAILQ_INSERT_TAIL(&o->list, one, link);
    } else if (sc_streq(method, "notifications/cancelled")) {
        /* A cancelled request gets no answer. */
        forget(o, sc_value_get(sc_value_get(message, "params"), "requestId"));
    }
}

static void answered(struct sc_owed *o, const struct sc_value *message)
{
    forget(o, sc_value_get(message, "id"));
}

/* The line's message, or each of its batch; of what is no JSON the daemon says so. */
static void each(struct sc_owed *o, const char *line, size_t n,
                 void (*fn)(struct sc_owed *o, const struct sc_value *message))
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *v = sc_value_parse(line, n, &err);
    if (!sc_value_is_array(v))
        fn(o, v);
    for (size_t i = 0; i < sc_value_count(v) && sc_value_is_array(v); i++)
        fn(o, sc_value_at(v, i));
}

void sc_owed_asked(struct sc_owed *o, const char *line, size_t n)
{
    each(o, line, n, asked);
}

void sc_owed_answered(struct sc_owed *o, const char *line, size_t n)
{
    each(o, line, n, answered);
}

bool sc_owed_none(const struct sc_owed *o)
{
    return TAILQ_EMPTY(&o->list);
}

void sc_owed_fail(struct sc_owed *o, const struct sc_err *err, struct sc_buf *out)
{
    struct owed *one;
    while ((one = TAILQ_FIRST(&o->list))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
        sc_rpc_write_error(out, one->id, SC_RPC_SERVER, err);
        drop(o, one);
    }
}
