#include "sideclaw/agent_json.h"

#include <jansson.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

/* ---- lists and labels ---- */

static int strv_from_array(const json_t *list, size_t max, struct sc_strv *ret, struct sc_err *err)
{
    size_t i;
    json_t *s;
    if (!json_is_array(list))
        return sc_fail(err, SC_EPROTO, "not a list of strings");
    if (json_array_size(list) > max)
        return sc_fail(err, SC_ETOOBIG, "list of %zu, %zu is the most", json_array_size(list), max);
    json_array_foreach (list, i, s) {
        size_t n = json_string_length(s);
        if (n == 0 || n > SC_NAME_MAX) {
            sc_strv_fini(ret);
            return sc_fail(err, SC_EPROTO, "element %zu is no string of 1 to %d bytes", i,
                           SC_NAME_MAX);
        }
        sc_strv_add(ret, json_string_value(s));
    }
    return SC_OK;
}

int sc_strv_from_json(const char *json, size_t n, size_t max, struct sc_strv *ret,
                      struct sc_err *err)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    return strv_from_array(root, max, ret, err);
}

static json_t *strv_to_array(const struct sc_strv *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n; i++)
        (void)json_array_append_new(list, json_string(l->v[i]));
    return list;
}

static void add_json(struct sc_buf *out, json_t *take)
{
    sc_auto_free char *text = json_dumps(take, JSON_COMPACT);
    json_decref(take);
    sc_assert(text);
    sc_buf_adds(out, text);
}

void sc_strv_to_json(const struct sc_strv *l, struct sc_buf *out)
{
    add_json(out, strv_to_array(l));
}

static char *scalar_text(const json_t *v)
{
    return json_is_string(v) ? sc_xstrdup(json_string_value(v))
                             : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
}

enum { LABEL_MAX = 2 * SC_NAME_MAX }; /* bytes of name and value */

static int labels_from_object(json_t *obj, struct sc_strv *ret, struct sc_err *err)
{
    const char *key;
    json_t *v;
    if (!json_is_object(obj))
        return sc_fail(err, SC_EPROTO, "labels are not a JSON object");
    if (json_object_size(obj) > SC_LABELS_MAX)
        return sc_fail(err, SC_ETOOBIG, "%zu labels, %d is the most", json_object_size(obj),
                       SC_LABELS_MAX);
    json_object_foreach (obj, key, v) {
        sc_auto_free char *text = scalar_text(v);
        if (!text || json_is_object(v) || json_is_array(v) || json_is_null(v) ||
            strlen(key) + strlen(text) > LABEL_MAX) {
            sc_strv_fini(ret);
            return sc_fail(err, SC_EPROTO, "label %.32s is no short text", key);
        }
        sc_auto_free char *pair = sc_xasprintf("%s=%s", key, text);
        sc_strv_add(ret, pair);
    }
    return SC_OK;
}

int sc_labels_from_json(const char *json, size_t n, struct sc_strv *ret, struct sc_err *err)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    return labels_from_object(root, ret, err);
}

static json_t *labels_to_object(const struct sc_strv *labels)
{
    json_t *obj = json_object();
    for (size_t i = 0; i < labels->n; i++) {
        const char *eq = strchr(labels->v[i], '=');
        sc_auto_free char *key =
            eq ? sc_xstrndup(labels->v[i], (size_t)(eq - labels->v[i])) : sc_xstrdup(labels->v[i]);
        (void)json_object_set_new(obj, key, json_string(eq ? eq + 1 : ""));
    }
    return obj;
}

void sc_labels_to_json(const struct sc_strv *labels, struct sc_buf *out)
{
    add_json(out, labels_to_object(labels));
}

/* ---- what an agent, or its gateway, says of itself ---- */

static int about_from_object(json_t *obj, struct sc_agent_info *ret, struct sc_err *err)
{
    json_t *labels = json_object_get(obj, "labels");
    const json_t *text = json_object_get(obj, "description");
    struct sc_strv found = { 0 };
    if (!json_is_object(obj) || (text && !json_is_string(text)))
        return sc_fail(err, SC_EPROTO, "about is no object with a description");
    if (json_string_length(text) > SC_DESCRIPTION_MAX)
        return sc_fail(err, SC_ETOOBIG, "description of %zu bytes, %d is the most",
                       json_string_length(text), SC_DESCRIPTION_MAX);
    if (labels && labels_from_object(labels, &found, err) < 0)
        return err ? (int)err->code : SC_EPROTO;
    sc_strv_fini(&ret->labels);
    ret->labels = found;
    sc_set_str(&ret->description, text ? json_string_value(text) : "");
    return SC_OK;
}

int sc_about_from_json(const char *json, size_t n, struct sc_agent_info *ret, struct sc_err *err)
{
    if (n > SC_ABOUT_MAX)
        return sc_fail(err, SC_ETOOBIG, "about has %zu bytes, %d is the most", n, SC_ABOUT_MAX);
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    return about_from_object(root, ret, err);
}

static json_t *about_to_object(const struct sc_agent_info *a)
{
    return json_pack("{s:s, s:o}", "description", a->description ? a->description : "", "labels",
                     labels_to_object(&a->labels));
}

void sc_about_to_json(const struct sc_agent_info *a, struct sc_buf *out)
{
    add_json(out, about_to_object(a));
}

unsigned sc_turns_from_json(const char *json, size_t n)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    json_int_t turns = json_integer_value(json_object_get(root, "turns"));
    return turns > 0 && turns <= SC_GATEWAY_TURNS_MAX ? (unsigned)turns : 0;
}

/* ---- a view on disk ---- */

/* jansson takes only UTF-8, and these come from keys that anybody may write. */
static const char *utf8(const char *s)
{
    return s && sc_utf8_valid(s, strlen(s)) ? s : "";
}

static json_t *time_to_json(sc_wall t)
{
    char text[SC_RFC3339_SIZE];
    if (t.ms == 0)
        return json_null();
    sc_wall_format_s(t, text);
    return json_string(text);
}

static sc_wall time_from_json(const json_t *v)
{
    sc_wall t = { 0 };
    if (json_is_string(v) && sc_wall_parse(json_string_value(v), &t, NULL) < 0)
        t.ms = 0;
    return t;
}

void sc_agent_info_to_json(const struct sc_agent_info *a, struct sc_buf *out)
{
    json_t *obj =
        json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", utf8(a->id), "gateway", utf8(a->gateway),
                  "status", sc_agent_status_name(a->status), "capabilities",
                  strv_to_array(&a->capabilities), "last_seen", time_to_json(a->last_seen));
    if (a->description) /* few declare themselves, and a view has many thousands */
        (void)json_object_set_new(obj, "about", about_to_object(a));
    add_json(out, obj);
}

void sc_gateway_info_to_json(const struct sc_gateway_info *g, struct sc_buf *out)
{
    add_json(out, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:b}", "name", utf8(g->name),
                            "url", utf8(g->url), "peer_url", utf8(g->peer_url), "status",
                            sc_gateway_status_name(g->status), "agents", strv_to_array(&g->agents),
                            "labels", labels_to_object(&g->labels), "last_heartbeat",
                            time_to_json(g->last_heartbeat), "turns", (json_int_t)g->turns, "held",
                            (int)g->held));
}

static const char *text_of(const json_t *obj, const char *name)
{
    const char *s = json_string_value(json_object_get(obj, name));
    return s ? s : "";
}

static int agent_from_json(const json_t *obj, struct sc_agent_info *ret, struct sc_err *err)
{
    if (sc_name_check("agent", text_of(obj, "id"), err) < 0)
        return SC_EPROTO;
    *ret = (struct sc_agent_info){ .id = sc_xstrdup(text_of(obj, "id")),
                                   .gateway = sc_xstrdup(text_of(obj, "gateway")),
                                   .status = sc_agent_status_parse(text_of(obj, "status")),
                                   .last_seen = time_from_json(json_object_get(obj, "last_seen")) };
    (void)strv_from_array(json_object_get(obj, "capabilities"), SC_CAPABILITIES_MAX,
                          &ret->capabilities, NULL); /* without them it is still an agent */
    if (json_object_get(obj, "about"))
        (void)about_from_object(json_object_get(obj, "about"), ret, NULL);
    return SC_OK;
}

static int gateway_from_json(const json_t *obj, struct sc_gateway_info *ret, struct sc_err *err)
{
    if (sc_name_check("gateway", text_of(obj, "name"), err) < 0)
        return SC_EPROTO;
    *ret = (struct sc_gateway_info){ .name = sc_xstrdup(text_of(obj, "name")),
                                     .url = sc_xstrdup(text_of(obj, "url")),
                                     .peer_url = sc_xstrdup(text_of(obj, "peer_url")),
                                     .status = sc_gateway_status_parse(text_of(obj, "status")),
                                     .last_heartbeat =
                                         time_from_json(json_object_get(obj, "last_heartbeat")),
                                     .held = json_is_true(json_object_get(obj, "held")) };
    json_int_t turns = json_integer_value(json_object_get(obj, "turns"));
    ret->turns = turns > 0 && turns <= SC_GATEWAY_TURNS_MAX ? (unsigned)turns : 0;
    (void)strv_from_array(json_object_get(obj, "agents"), SC_LOCAL_AGENTS_MAX, &ret->agents, NULL);
    (void)labels_from_object(json_object_get(obj, "labels"), &ret->labels, NULL);
    return SC_OK;
}

int sc_agent_info_from_json(const char *json, size_t n, struct sc_agent_info *ret,
                            struct sc_err *err)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    return agent_from_json(root, ret, err);
}

int sc_gateway_info_from_json(const char *json, size_t n, struct sc_gateway_info *ret,
                              struct sc_err *err)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    return gateway_from_json(root, ret, err);
}
