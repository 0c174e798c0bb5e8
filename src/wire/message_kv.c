/* The minimal forms that people and scripts write into Consul KV. */
#include <jansson.h>
#include <string.h>

#include "message_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "sideclaw/parse.h"
#include "value_internal.h"

/* A full envelope names its sender's gateway; the minimal form has a bare word. */
static bool is_full(const json_t *obj)
{
    return json_is_object(json_object_get(obj, "from")) && json_object_get(obj, "id");
}

static int parse(const char *json, size_t n, struct sc_value **ret, struct sc_err *err)
{
    if (n > SC_ENVELOPE_MAX)
        return sc_fail(err, SC_ETOOBIG, "value has %zu bytes, %d is the most", n, SC_ENVELOPE_MAX);
    struct sc_value *v = sc_value_parse(json, n, err);
    if (!v)
        return SC_EINVAL;
    if (!sc_value_is_object(v)) {
        sc_value_free(v);
        return sc_fail(err, SC_EINVAL, "value is not a JSON object");
    }
    *ret = v;
    return SC_OK;
}

static int word(const struct sc_value *v, const char *name, const char **ret, struct sc_err *err)
{
    *ret = sc_value_get_str(v, name);
    if (!*ret)
        return sc_fail(err, SC_EINVAL, "%s is missing or not a string", name);
    return SC_OK;
}

/* An unsigned stranger must not answer in an agent's name; replies come as envelopes. */
static int not_a_reply(const struct sc_value *v, struct sc_err *err)
{
    if (sc_streq(sc_value_get_str(v, "kind"), sc_kind_name(SC_KIND_REPLY)))
        return sc_fail(err, SC_EINVAL, "kind reply needs a full envelope");
    return SC_OK;
}

/* Work that the agent is asked for: {"from","kind":"task","body"}. A message all the same, marked
 * with the last part of its key, under which its state can be read. */
static int mark_task(const struct sc_value *v, const char *name, struct sc_err *err)
{
    json_t *obj = sc_value_json(v);
    if (!sc_streq(sc_value_get_str(v, "kind"), "task"))
        return SC_OK;
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    sc_auto_free char *task = sc_xstrndup(last, strcspn(last, "@"));
    if (sc_name_check("the last part of a task's key", task, err) < 0)
        return SC_EINVAL;
    (void)json_object_del(obj, "kind"); /* it is there */
    return json_object_set_new(obj, "task", json_string(task)) == 0
               ? SC_OK
               : sc_fail(err, SC_EINVAL, "the task cannot be marked");
}

/* `name` makes the id, so that the same key read twice is the same message. */
static int finish(const struct sc_value *v, struct sc_message *m, const char *name,
                  struct sc_message *ret, struct sc_err *err)
{
    int r = mark_task(v, name, err);
    if (r == SC_OK)
        r = sc_message_parts_from_json(sc_value_json(v), m, err);
    if (r == SC_OK)
        r = sc_message_check(m, err);
    if (r < 0)
        return r;
    /* What sidecars say to each other; a person looks with sideclaw show. */
    m->ask = false;
    m->prev = (struct sc_id){ { 0 } };
    if (sc_id_is_zero(&m->id))
        m->id = sc_id_derive("consul-kv", name);
    *ret = *m;
    sc_message_init(m); /* handed over */
    return SC_OK;
}

int sc_message_from_kv_inbox(const char *json, size_t n, const char *to, const char *name,
                             struct sc_message *ret, struct sc_err *err)
{
    sc_auto_value struct sc_value *v = NULL;
    const char *from;
    int r = parse(json, n, &v, err);
    if (r < 0)
        return r;
    if (is_full(sc_value_json(v)))
        return sc_message_from_value(v, ret, NULL, err);
    if ((r = word(v, "from", &from, err)) < 0 || (r = not_a_reply(v, err)) < 0)
        return r;
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    m.from_agent = sc_xasprintf("external:%s", from);
    m.to_agent = sc_xstrdup(to);
    return finish(v, &m, name, ret, err);
}

int sc_message_from_kv_outbox(const char *json, size_t n, const char *from, const char *name,
                              struct sc_message *ret, struct sc_err *err)
{
    sc_auto_value struct sc_value *v = NULL;
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    int r = parse(json, n, &v, err);
    if (r == SC_OK)
        r = sc_message_party_from_json(sc_value_json(v), "to", &m.to_agent, &m.to_gateway, err);
    if (r < 0)
        return r;
    m.from_agent = sc_xstrdup(from); /* whose outbox it is, whatever the value claims */
    return finish(v, &m, name, ret, err);
}
