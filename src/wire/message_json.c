#include "sideclaw/message_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "message_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "value_internal.h"

enum { ENVELOPE_VERSION = 1 };

/* The fields that are plain text, in one table for both directions. */
static const struct text_field {
    const char *name;
    size_t offset; /* of a char * in struct sc_message */
    size_t max;
} text_fields[] = {
    { "thread", offsetof(struct sc_message, thread), SC_THREAD_MAX },
    { "content_type", offsetof(struct sc_message, content_type), SC_CONTENT_TYPE_MAX },
    { "traceparent", offsetof(struct sc_message, traceparent), SC_TRACEPARENT_MAX },
    { "sig", offsetof(struct sc_message, sig), 64 } /* hex of a SHA-256 */,
};

static char **text_of(struct sc_message *m, const struct text_field *f)
{
    return (char **)(void *)((char *)m + f->offset);
}

static const char *const known[] = {
    "v",       "id",           "kind",      "from",  "to",  "thread", "in_reply_to",
    "body",    "content_type", "timestamp", "ttl_s", "seq", "hops",   "visited",
    "privacy", "traceparent",  "sig",       "entry", "ask", "prev",
};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(known); i++)
        if (strcmp(known[i], key) == 0)
            return true;
    return false;
}

/* A member that must be text when it is there; *ret is borrowed. */
static int get_text(const json_t *obj, const char *name, size_t max, const char **ret,
                    struct sc_err *err)
{
    const json_t *v = json_object_get(obj, name);
    *ret = NULL;
    if (!v || json_is_null(v))
        return SC_OK;
    if (!json_is_string(v))
        return sc_fail(err, SC_EINVAL, "%s is not a string", name);
    if (json_string_length(v) > max)
        return sc_fail(err, SC_EINVAL, "%s is longer than %zu bytes", name, max);
    *ret = json_string_value(v);
    return SC_OK;
}

static int get_uint(const json_t *obj, const char *name, int64_t max, int64_t *ret,
                    struct sc_err *err)
{
    const json_t *v = json_object_get(obj, name);
    *ret = 0;
    if (!v || json_is_null(v))
        return SC_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return sc_fail(err, SC_EINVAL, "%s is not a whole number from 0 to %" PRId64, name, max);
    *ret = json_integer_value(v);
    return SC_OK;
}

static int get_text_fields(const json_t *obj, struct sc_message *m, struct sc_err *err)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(text_fields); i++) {
        const char *s;
        int r = get_text(obj, text_fields[i].name, text_fields[i].max, &s, err);
        if (r < 0)
            return r;
        sc_set_str(text_of(m, &text_fields[i]), s);
    }
    return SC_OK;
}

int sc_message_party_from_json(const json_t *obj, const char *name, char **ret_agent,
                               char **ret_gateway, struct sc_err *err)
{
    const json_t *v = json_object_get(obj, name);
    const char *agent = NULL, *gateway = NULL;
    if (json_is_string(v))
        agent = json_string_value(v);
    else if (json_is_object(v)) {
        if (get_text(v, "agent", SC_NAME_MAX + 16, &agent, err) < 0 ||
            get_text(v, "gateway", SC_NAME_MAX, &gateway, err) < 0)
            return sc_err_wrap(err, "%s", name);
    } else if (v)
        return sc_fail(err, SC_EINVAL, "%s is neither a name nor an object", name);
    if (!agent)
        return sc_fail(err, SC_EINVAL, "%s is missing", name);
    sc_set_str(ret_agent, agent);
    sc_set_str(ret_gateway, gateway);
    return SC_OK;
}

static int get_id(const json_t *obj, const char *name, struct sc_id *ret, struct sc_err *err)
{
    const char *s;
    int r = get_text(obj, name, SC_ID_TEXT_SIZE, &s, err);
    if (r == SC_OK && s && sc_id_parse(s, ret, err) < 0)
        r = sc_err_wrap(err, "%s", name);
    return r;
}

static int get_words(const json_t *obj, struct sc_message *m, struct sc_err *err)
{
    const char *kind = NULL, *privacy = NULL, *ts = NULL;
    int r = get_text(obj, "kind", 32, &kind, err);
    if (r == SC_OK)
        r = get_text(obj, "privacy", 32, &privacy, err);
    if (r == SC_OK)
        r = get_text(obj, "timestamp", 64, &ts, err);
    if (r < 0)
        return r;
    if (kind && !sc_kind_parse(kind, &m->kind))
        return sc_fail(err, SC_EINVAL, "kind '%.32s' is not message, reply or event", kind);
    if (privacy && !sc_privacy_parse(privacy, &m->privacy))
        return sc_fail(err, SC_EINVAL, "privacy '%.32s' is not public, internal or local", privacy);
    if (ts && sc_wall_parse(ts, &m->timestamp, err) < 0)
        return sc_err_wrap(err, "timestamp");
    return SC_OK;
}

static int get_ask(const json_t *obj, struct sc_message *m, struct sc_err *err)
{
    const json_t *v = json_object_get(obj, "ask");
    if (v && !json_is_boolean(v) && !json_is_null(v))
        return sc_fail(err, SC_EINVAL, "ask is neither true nor false");
    m->ask = json_is_true(v);
    return SC_OK;
}

static int get_numbers(const json_t *obj, struct sc_message *m, struct sc_err *err)
{
    int64_t ttl = 0, seq = 0, hops = 0;
    int r = get_uint(obj, "ttl_s", SC_TTL_MAX_S, &ttl, err);
    if (r == SC_OK)
        r = get_uint(obj, "seq", INT64_MAX, &seq, err);
    if (r == SC_OK)
        r = get_uint(obj, "hops", 1000, &hops, err);
    if (r < 0)
        return r;
    m->ttl_s = (uint32_t)ttl;
    m->seq = (uint64_t)seq;
    m->hops = (uint32_t)hops;
    return SC_OK;
}

static int get_visited(const json_t *obj, struct sc_message *m, struct sc_err *err)
{
    const json_t *v = json_object_get(obj, "visited"), *item;
    size_t i;
    sc_auto_buf struct sc_buf list = SC_BUF_INIT;
    if (!v || json_is_null(v))
        return SC_OK;
    if (!json_is_array(v) || json_array_size(v) > SC_VISITED_MAX)
        return sc_fail(err, SC_EINVAL, "visited is not a list of at most %d gateways",
                       SC_VISITED_MAX);
    json_array_foreach (v, i, item) {
        if (sc_name_check("visited", json_string_value(item), err) < 0)
            return err ? (int)err->code : SC_EINVAL;
        sc_buf_addf(&list, "%s%s", i ? "," : "", json_string_value(item));
    }
    if (list.n)
        m->visited = sc_buf_steal(&list);
    return SC_OK;
}

static int get_body(const json_t *obj, struct sc_message *m, struct sc_err *err)
{
    const json_t *v = json_object_get(obj, "body");
    if (!v)
        return sc_fail(err, SC_EINVAL, "body is missing");
    if (!json_is_string(v))
        return sc_fail(err, SC_EINVAL, "body is not a string");
    m->body_len = json_string_length(v);
    if (m->body_len > SC_BODY_MAX)
        return sc_fail(err, SC_ETOOBIG, "body has %zu bytes, %d is the most", m->body_len,
                       SC_BODY_MAX);
    m->body = sc_xstrndup(json_string_value(v), m->body_len);
    return SC_OK;
}

/* What this version does not know is kept and passed on. */
static int get_extra(json_t *obj, struct sc_message *m, struct sc_err *err)
{
    const char *key;
    json_t *v;
    json_auto_t *extra = json_object();
    json_object_foreach (obj, key, v)
        if (!is_known(key) && json_object_set(extra, key, v) < 0)
            return sc_fail(err, SC_EINVAL, "field name '%.32s' cannot be kept", key);
    if (json_object_size(extra) == 0)
        return SC_OK;
    m->extra = json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS);
    if (!m->extra || strlen(m->extra) > SC_EXTRA_MAX)
        return sc_fail(err, SC_ETOOBIG, "unknown fields take more than %d bytes", SC_EXTRA_MAX);
    return SC_OK;
}

static int get_version(const json_t *obj, struct sc_err *err)
{
    int64_t v;
    int r = get_uint(obj, "v", INT64_MAX, &v, err);
    if (r == SC_OK && v > ENVELOPE_VERSION)
        return sc_fail(err, SC_EINVAL, "envelope version %" PRId64 " is newer than %d", v,
                       ENVELOPE_VERSION);
    return r;
}

int sc_message_parts_from_json(json_t *obj, struct sc_message *m, struct sc_err *err)
{
    int r = json_is_object(obj) ? get_version(obj, err)
                                : sc_fail(err, SC_EINVAL, "an envelope is a JSON object");
    if (r == SC_OK)
        r = get_id(obj, "id", &m->id, err);
    if (r == SC_OK)
        r = get_id(obj, "in_reply_to", &m->in_reply_to, err);
    if (r == SC_OK)
        r = get_id(obj, "prev", &m->prev, err);
    if (r == SC_OK)
        r = get_words(obj, m, err);
    if (r == SC_OK)
        r = get_numbers(obj, m, err);
    if (r == SC_OK)
        r = get_text_fields(obj, m, err);
    if (r == SC_OK)
        r = get_visited(obj, m, err);
    if (r == SC_OK)
        r = get_ask(obj, m, err);
    if (r == SC_OK)
        r = get_body(obj, m, err);
    if (r == SC_OK)
        r = get_extra(obj, m, err);
    return r;
}

static int full_envelope(json_t *obj, struct sc_message *m, struct sc_err *err)
{
    int r = sc_message_parts_from_json(obj, m, err);
    if (r == SC_OK)
        r = sc_message_party_from_json(obj, "from", &m->from_agent, &m->from_gateway, err);
    if (r == SC_OK)
        r = sc_message_party_from_json(obj, "to", &m->to_agent, &m->to_gateway, err);
    if (r == SC_OK && sc_id_is_zero(&m->id))
        r = sc_fail(err, SC_EINVAL, "id is missing");
    if (r == SC_OK && !m->from_gateway)
        r = sc_fail(err, SC_EINVAL, "from.gateway is missing");
    return r == SC_OK ? sc_message_check(m, err) : r;
}

static int get_entry(const json_t *obj, char *ret_entry, struct sc_err *err)
{
    const char *s;
    if (!ret_entry)
        return SC_OK;
    int r = get_text(obj, "entry", SC_ENTRY_MAX - 1, &s, err);
    if (r == SC_OK)
        (void)snprintf(ret_entry, SC_ENTRY_MAX, "%s", s ? s : "");
    return r;
}

int sc_message_from_value(const struct sc_value *v, struct sc_message *ret_msg, char *ret_entry,
                          struct sc_err *err)
{
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    json_t *obj = sc_value_json(v);
    int r = full_envelope(obj, &m, err);
    if (r == SC_OK)
        r = get_entry(obj, ret_entry, err);
    if (r < 0)
        return r;
    *ret_msg = m;
    sc_message_init(&m); /* handed over */
    return SC_OK;
}

int sc_message_from_json(const char *json, size_t n, struct sc_message *ret_msg, char *ret_entry,
                         struct sc_err *err)
{
    if (n > SC_ENVELOPE_MAX)
        return sc_fail(err, SC_ETOOBIG, "envelope has %zu bytes, %d is the most", n,
                       SC_ENVELOPE_MAX);
    sc_auto_value struct sc_value *v = sc_value_parse(json, n, err);
    return v ? sc_message_from_value(v, ret_msg, ret_entry, err) : SC_EINVAL;
}

static void add_id(struct sc_buf *out, const char *name, const struct sc_id *id)
{
    char text[SC_ID_TEXT_SIZE];
    if (sc_id_is_zero(id))
        return;
    sc_id_format(id, text);
    json_text_str(out, name, text);
}

static void add_party(struct sc_buf *out, const char *name, const char *agent, const char *gateway)
{
    json_text_open(out, name, '{');
    json_text_str(out, "agent", agent);
    json_text_str(out, "gateway", gateway);
    json_text_close(out, '}');
}

static void add_visited(struct sc_buf *out, const char *visited)
{
    json_text_open(out, "visited", '[');
    while (*visited) {
        size_t n = strcspn(visited, ",");
        json_text_strn(out, NULL, visited, n);
        visited += n + (visited[n] == ',');
    }
    json_text_close(out, ']');
}

static void add_routing(struct sc_buf *out, const struct sc_message *m)
{
    char ts[SC_RFC3339_SIZE];
    sc_wall_format(m->timestamp, ts);
    json_text_str(out, "timestamp", ts);
    json_text_int(out, "ttl_s", m->ttl_s);
    add_id(out, "prev", &m->prev);
    if (m->seq)
        json_text_int(out, "seq", (int64_t)m->seq);
    json_text_int(out, "hops", m->hops);
    if (m->visited)
        add_visited(out, m->visited);
    json_text_str(out, "privacy", sc_privacy_name(m->privacy));
    if (m->ask)
        json_text_true(out, "ask");
}

/* Rare, so through a tree: no field we know may slip in under what was kept of the unknown ones. */
static void add_extra(struct sc_buf *out, const char *extra)
{
    json_auto_t *obj = json_loads(extra, 0, NULL);
    for (size_t i = 0; i < SC_ARRAY_LEN(known); i++)
        (void)json_object_del(obj, known[i]);
    sc_auto_free char *text = json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS);
    if (text)
        json_text_members(out, text);
}

void sc_message_to_json(const struct sc_message *m, struct sc_buf *out)
{
    sc_buf_addc(out, '{');
    json_text_int(out, "v", ENVELOPE_VERSION);
    add_id(out, "id", &m->id);
    json_text_str(out, "kind", sc_kind_name(m->kind));
    add_party(out, "from", m->from_agent, m->from_gateway);
    add_party(out, "to", m->to_agent, m->to_gateway);
    add_id(out, "in_reply_to", &m->in_reply_to);
    json_text_strn(out, "body", m->body, m->body_len);
    add_routing(out, m);
    for (size_t i = 0; i < SC_ARRAY_LEN(text_fields); i++) {
        const char *s;
        memcpy(&s, (const char *)m + text_fields[i].offset, sizeof s);
        json_text_str(out, text_fields[i].name, s);
    }
    if (m->extra)
        add_extra(out, m->extra);
    json_text_close(out, '}');
}
