#include "sideclaw/consul_json.h"

#include <string.h>

#include "consul_entry.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/message.h"
#include "sideclaw/parse.h"

/* ---- entries ---- */

/* -1 for a byte outside the alphabet (RFC 4648, 4). */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padded base64, as Go writes it. */
static bool decode(const char *text, size_t n, struct sc_buf *out)
{
    sc_buf_clear(out);
    if (n % 4 != 0)
        return false;
    size_t pad = n == 0 ? 0 : (size_t)(text[n - 1] == '=') + (size_t)(text[n - 2] == '=');
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i += 4) {
        size_t keep = i + 4 == n ? 3 - pad : 3;
        for (size_t j = 0; j < 4; j++) {
            int v = j > keep ? 0 : sextet(text[i + j]);
            if (v < 0)
                return false;
            bits = bits << 6 | (uint32_t)v;
        }
        const char bytes[3] = { (char)(bits >> 16 & 0xff), (char)(bits >> 8 & 0xff),
                                (char)(bits & 0xff) };
        sc_buf_add(out, bytes, keep);
    }
    return true;
}

static uint64_t index_of(const json_t *obj, const char *name)
{
    json_int_t i = json_integer_value(json_object_get(obj, name));
    return i > 0 ? (uint64_t)i : 0;
}

int sc_kv_entry_from_json(const json_t *obj, struct sc_buf *value, struct sc_kv_entry *ret)
{
    const json_t *key = json_object_get(obj, "Key"), *text = json_object_get(obj, "Value");
    const char *session = json_string_value(json_object_get(obj, "Session"));
    if (!json_is_string(key) || strlen(json_string_value(key)) != json_string_length(key))
        return SC_EPROTO;
    sc_buf_clear(value);
    if (json_is_string(text) && !decode(json_string_value(text), json_string_length(text), value))
        return SC_EPROTO;
    *ret = (struct sc_kv_entry){ .key = json_string_value(key),
                                 .value = sc_buf_str(value),
                                 .value_len = value->n,
                                 .session = session ? session : "",
                                 .create_index = index_of(obj, "CreateIndex"),
                                 .modify_index = index_of(obj, "ModifyIndex") };
    return SC_OK;
}

/* ---- transactions ---- */

static void add_json(struct sc_buf *out, json_t *take)
{
    sc_auto_free char *text = json_dumps(take, JSON_COMPACT);
    json_decref(take);
    sc_assert(text);
    sc_buf_adds(out, text);
}

/* A key that came from Consul as JSON is UTF-8, and those we make are names; anything else would be
 * our own mistake. */
static void add_string(struct sc_buf *out, const char *s)
{
    json_t *v = json_string(s);
    sc_assert(v);
    sc_auto_free char *text = json_dumps(v, JSON_ENCODE_ANY);
    json_decref(v);
    sc_buf_adds(out, text);
}

void sc_kv_txn_add(struct sc_buf *txn, const struct sc_kv_op *op)
{
    static const char *const verbs[] = { [SC_KV_SET] = "set",
                                         [SC_KV_CAS] = "cas",
                                         [SC_KV_LOCK] = "lock",
                                         [SC_KV_DELETE] = "delete",
                                         [SC_KV_DELETE_CAS] = "delete-cas",
                                         [SC_KV_CHECK_SESSION] = "check-session",
                                         [SC_KV_GET_TREE] = "get-tree" };
    sc_buf_addf(txn, "%s{\"KV\":{\"Verb\":\"%s\",\"Key\":", txn->n == 0 ? "[" : ",",
                verbs[op->verb]);
    add_string(txn, op->key);
    if (op->value) {
        sc_buf_adds(txn, ",\"Value\":\"");
        sc_base64(txn, op->value, op->value_len);
        sc_buf_addc(txn, '"');
    }
    if (op->session) {
        sc_buf_adds(txn, ",\"Session\":");
        add_string(txn, op->session);
    }
    if (op->verb == SC_KV_CAS || op->verb == SC_KV_DELETE_CAS)
        sc_buf_addf(txn, ",\"Index\":%llu", (unsigned long long)op->index);
    sc_buf_adds(txn, "}}");
}

void sc_kv_txn_end(struct sc_buf *txn)
{
    sc_buf_adds(txn, txn->n == 0 ? "[]" : "]");
}

static json_t *load_object(const char *json, size_t n, struct sc_err *err)
{
    json_t *root = json_loadb(json, n, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        (void)sc_fail(err, SC_EPROTO, "Consul's answer is not a JSON object");
        return NULL;
    }
    return root;
}

int sc_kv_txn_results(const char *json, size_t n, sc_kv_entry_fn *fn, void *ctx, struct sc_err *err)
{
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    json_auto_t *root = load_object(json, n, err);
    if (!root)
        return SC_EPROTO;
    size_t i;
    json_t *result;
    json_array_foreach (json_object_get(root, "Results"), i, result) {
        struct sc_kv_entry e;
        if (sc_kv_entry_from_json(json_object_get(result, "KV"), &value, &e) < 0)
            continue; /* deletes and checks have no entry */
        int r = fn(ctx, &e);
        if (r < 0)
            return sc_fail(err, (enum sc_code)r, "transaction result: an entry was refused");
    }
    return SC_OK;
}

int sc_kv_txn_errors(const char *json, size_t n, sc_kv_txn_error_fn *fn, void *ctx,
                     struct sc_err *err)
{
    json_auto_t *root = load_object(json, n, err);
    const json_t *errors = json_object_get(root, "Errors");
    if (!root)
        return SC_EPROTO;
    if (!json_is_array(errors))
        return sc_fail(err, SC_EPROTO, "refused transaction without a list of errors");
    size_t i;
    json_t *e;
    json_array_foreach (errors, i, e) {
        json_int_t at = json_integer_value(json_object_get(e, "OpIndex"));
        const char *what = json_string_value(json_object_get(e, "What"));
        if (at >= 0 && at < SC_KV_TXN_OPS_MAX)
            fn(ctx, (size_t)at, what ? what : "");
    }
    return SC_OK;
}

void sc_kv_txn_ops(const char *json, size_t n, sc_kv_txn_op_fn *fn, void *ctx)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    size_t i;
    const json_t *op;
    json_array_foreach (root, i, op) {
        const json_t *kv = json_object_get(op, "KV");
        const char *verb = json_string_value(json_object_get(kv, "Verb"));
        const char *key = json_string_value(json_object_get(kv, "Key"));
        bool reads = verb && (strcmp(verb, "get-tree") == 0 || strcmp(verb, "check-session") == 0);
        if (i < SC_KV_TXN_OPS_MAX && verb && key)
            fn(ctx, i, !reads, key);
    }
}

/* jansson takes only UTF-8; what is none (a host in the configuration, an error text that quotes
 * its input) must not end in an assert. */
static const char *utf8(const char *s)
{
    return s && sc_utf8_valid(s, strlen(s)) ? s : "(not UTF-8)";
}

/* ---- sessions and services ---- */

int sc_consul_session_from_json(const char *json, size_t n, struct sc_consul_session_info *ret,
                                struct sc_err *err)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    const json_t *s = json_is_array(root) ? json_array_get(root, 0) : root;
    if (json_is_array(root) && !s)
        return sc_fail(err, SC_ENOENT, "no such session");
    const char *id = json_string_value(json_object_get(s, "ID"));
    const char *name = json_string_value(json_object_get(s, "Name"));
    if (!id || id[0] == '\0' || strlen(id) >= sizeof ret->id)
        return sc_fail(err, SC_EPROTO, "session answer without a usable ID");
    (void)snprintf(ret->id, sizeof ret->id, "%s", id);
    (void)snprintf(ret->name, sizeof ret->name, "%s", name ? name : "");
    return SC_OK;
}

void sc_consul_session_to_json(const char *name, int64_t ttl_ms, struct sc_buf *out)
{
    sc_auto_free char *ttl = sc_xasprintf("%llds", (long long)(ttl_ms + 999) / 1000);
    add_json(out, json_pack("{s:s, s:s, s:s, s:s}", "Name", name, "TTL", ttl, "Behavior", "release",
                            "LockDelay", "0s"));
}

static json_t *seconds(int64_t s)
{
    sc_auto_free char *text = sc_xasprintf("%llds", (long long)s);
    return json_string(text);
}

static json_t *check_json(const struct sc_consul_check *c, int64_t deregister_after_s)
{
    json_t *v = json_pack("{s:s, s:s}", "CheckID", utf8(c->id), "Name", c->name);
    if (c->url) {
        (void)json_object_set_new(v, "HTTP", json_string(utf8(c->url)));
        (void)json_object_set_new(v, "Interval", seconds(c->interval_s));
        (void)json_object_set_new(v, "Timeout", json_string("5s"));
    } else {
        (void)json_object_set_new(v, "TTL", seconds(c->interval_s));
    }
    if (c->status)
        (void)json_object_set_new(v, "Status", json_string(c->status));
    if (deregister_after_s > 0)
        (void)json_object_set_new(v, "DeregisterCriticalServiceAfter", seconds(deregister_after_s));
    return v;
}

void sc_consul_service_to_json(const struct sc_consul_service *s, struct sc_buf *out)
{
    json_t *tags = json_array(), *checks = json_array();
    for (size_t i = 0; s->tags && i < s->tags->n; i++)
        (void)json_array_append_new(tags, json_string(utf8(s->tags->v[i])));
    for (size_t i = 0; i < s->n_checks; i++)
        (void)json_array_append_new(checks, check_json(&s->checks[i], s->deregister_after_s));
    add_json(out, json_pack("{s:s, s:s, s:s, s:i, s:o, s:{s:s, s:s, s:s}, s:o}", "ID", s->id,
                            "Name", s->name, "Address", utf8(s->address), "Port", (int)s->port,
                            "Tags", tags, "Meta", "gateway", s->gateway, "version", s->version,
                            "agents", s->agents, "Checks", checks));
}

void sc_consul_names(const struct sc_strv *names, struct sc_buf *out)
{
    static const char more[] = ",...";
    for (size_t i = 0; i < names->n; i++) {
        size_t n = strlen(names->v[i]) + (i > 0);
        if (out->n + n + (i + 1 < names->n ? sizeof more - 1 : 0) > SC_CONSUL_META_MAX) {
            sc_buf_adds(out, more + (i == 0));
            return;
        }
        sc_buf_addf(out, "%s%s", i ? "," : "", names->v[i]);
    }
}

void sc_consul_check_to_json(const char *status, const char *output, struct sc_buf *out)
{
    size_t n = strlen(output);
    if (n > SC_CONSUL_OUTPUT_MAX)
        for (n = SC_CONSUL_OUTPUT_MAX; n > 0 && ((unsigned char)output[n] & 0xc0) == 0x80;)
            n--; /* between characters */
    sc_auto_free char *text = sc_xstrndup(output, n);
    add_json(out, json_pack("{s:s, s:s}", "Status", status, "Output", utf8(text)));
}

/* ---- maintenance ---- */

static bool is_maintenance(const json_t *check)
{
    static const char service[] = "_service_maintenance:";
    const char *id = json_string_value(json_object_get(check, "CheckID"));
    return id &&
           (strcmp(id, "_node_maintenance") == 0 || strncmp(id, service, sizeof service - 1) == 0);
}

int sc_consul_maintenance_from_json(const char *json, size_t n, struct sc_consul_maintenance *ret,
                                    struct sc_err *err)
{
    json_auto_t *root = json_loadb(json, n, 0, NULL);
    struct sc_consul_maintenance found = { .on = false };
    size_t i, j;
    json_t *instance, *check;
    if (!json_is_array(root))
        return sc_fail(err, SC_EPROTO, "Consul's answer is not a JSON array");
    found.present = json_array_size(root) > 0;
    json_array_foreach (root, i, instance) {
        json_array_foreach (json_object_get(instance, "Checks"), j, check) {
            const char *notes = json_string_value(json_object_get(check, "Notes"));
            if (found.on || !is_maintenance(check))
                continue;
            found.on = true;
            sc_reason_copy(found.reason, notes ? notes : "");
        }
    }
    *ret = found;
    return SC_OK;
}

/* ---- what was put aside ---- */

void sc_rejected_to_json(const char *reason, const char *value, size_t n, struct sc_buf *out)
{
    enum { KEEP = 256 * 1024 }; /* as base64 341 KiB: within SC_REJECTED_MAX with its frame */
    bool cut = n > KEEP, plain = sc_utf8_valid(value, n);
    size_t keep = cut ? KEEP : n;
    while (plain && keep > 0 && keep < n && ((unsigned char)value[keep] & 0xc0) == 0x80)
        keep--; /* between characters */
    sc_auto_free char *text = NULL;
    json_t *obj = json_pack("{s:s}", "reason", utf8(reason));
    if (plain) {
        (void)json_object_set_new(obj, "value", json_stringn(value, keep));
        text = json_dumps(obj, JSON_COMPACT);
    }
    if (!text || strlen(text) > SC_REJECTED_MAX - 32) {
        sc_auto_buf struct sc_buf b64 = SC_BUF_INIT;
        sc_base64(&b64, (const uint8_t *)value, keep);
        (void)json_object_set_new(obj, "value", json_string(sc_buf_str(&b64)));
        (void)json_object_set_new(obj, "encoding", json_string("base64"));
    }
    if (cut)
        (void)json_object_set_new(obj, "truncated", json_true());
    add_json(out, obj);
}
