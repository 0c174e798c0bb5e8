#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "sideclaw/parse.h"
#include "value_internal.h"

/* Text, or absent; another type is no batch of ours. */
static int optional_text(const json_t *obj, const char *name, const char **ret, struct sc_err *err)
{
    const json_t *v = json_object_get(obj, name);
    *ret = json_string_value(v);
    if (v && !*ret && !json_is_null(v))
        return sc_fail(err, SC_EINVAL, "receipts: %s is not a string", name);
    return SC_OK;
}

static int one_receipt(const json_t *v, struct sc_receipt *ret, struct sc_err *err)
{
    const char *id = json_string_value(json_object_get(v, "id"));
    const char *stage = json_string_value(json_object_get(v, "stage"));
    const char *at = json_string_value(json_object_get(v, "at"));
    const char *reason;
    if (optional_text(v, "reason", &reason, err) < 0)
        return SC_EINVAL;
    int s = sc_fsm_find(&sc_stage_fsm, stage);
    if (sc_id_parse(id, &ret->id, err) < 0)
        return sc_err_wrap(err, "receipts");
    if (s < SC_STAGE_STORED)
        return sc_fail(err, SC_EINVAL, "receipts: '%.32s' is no stage of a receiver",
                       stage ? stage : "");
    if (sc_wall_parse(at, &ret->at, err) < 0)
        return sc_err_wrap(err, "receipts");
    ret->stage = (enum sc_stage)s;
    sc_reason_copy(ret->reason, reason);
    return SC_OK;
}

static int gateway_of(const json_t *obj, const char *name, char **ret, struct sc_err *err)
{
    const char *gw = json_string_value(json_object_get(json_object_get(obj, name), "gateway"));
    if (sc_name_check(name, gw, err) < 0)
        return SC_EINVAL;
    *ret = sc_xstrdup(gw);
    return SC_OK;
}

static int fill(const json_t *obj, struct sc_receipts *r, struct sc_err *err)
{
    const json_t *list = json_object_get(obj, "receipts"), *v;
    size_t i, n = json_array_size(list);
    if (gateway_of(obj, "from", &r->from_gateway, err) < 0 ||
        gateway_of(obj, "to", &r->to_gateway, err) < 0)
        return SC_EINVAL;
    if (n == 0 || n > SC_RECEIPTS_MAX)
        return sc_fail(err, SC_EINVAL, "receipts is not a list of 1 to %d", SC_RECEIPTS_MAX);
    r->v = sc_xcalloc(n, sizeof *r->v);
    json_array_foreach (list, i, v)
        if (one_receipt(v, &r->v[i], err) < 0)
            return SC_EINVAL;
    r->n = n;
    return SC_OK;
}

static int receipts_from_object(const json_t *obj, struct sc_receipts *ret, char **ret_sig,
                                struct sc_err *err)
{
    struct sc_receipts r = { 0 };
    const char *sig;
    if (optional_text(obj, "sig", &sig, err) < 0 || fill(obj, &r, err) < 0) {
        sc_receipts_fini(&r);
        return SC_EINVAL;
    }
    *ret = r;
    *ret_sig = sc_xstrdup(sig);
    return SC_OK;
}

static bool is_receipts(const json_t *obj)
{
    return sc_streq(json_string_value(json_object_get(obj, "kind")), "receipt");
}

int sc_receipts_from_json(const char *json, size_t n, struct sc_receipts *ret, char **ret_sig,
                          struct sc_err *err)
{
    if (n > SC_ENVELOPE_MAX)
        return sc_fail(err, SC_ETOOBIG, "receipts have %zu bytes, %d is the most", n,
                       SC_ENVELOPE_MAX);
    sc_auto_value struct sc_value *v = sc_value_parse(json, n, err);
    if (!v)
        return SC_EINVAL;
    if (!is_receipts(sc_value_json(v)))
        return sc_fail(err, SC_EINVAL, "kind is not receipt");
    return receipts_from_object(sc_value_json(v), ret, ret_sig, err);
}

static void add_gateway(struct sc_buf *out, const char *name, const char *gateway)
{
    json_text_open(out, name, '{');
    json_text_str(out, "gateway", gateway);
    json_text_close(out, '}');
}

static void add_receipt(struct sc_buf *out, const struct sc_receipt *r)
{
    char id[SC_ID_TEXT_SIZE], at[SC_RFC3339_SIZE];
    sc_id_format(&r->id, id);
    sc_wall_format(r->at, at);
    json_text_open(out, NULL, '{');
    json_text_str(out, "id", id);
    json_text_str(out, "stage", sc_fsm_name(&sc_stage_fsm, (int)r->stage));
    json_text_str(out, "at", at);
    json_text_str(out, "reason", r->reason[0] ? r->reason : NULL);
    json_text_close(out, '}');
}

void sc_receipts_to_json(const struct sc_receipts *r, const char *sig, struct sc_buf *out)
{
    sc_buf_addc(out, '{');
    json_text_int(out, "v", 1);
    json_text_str(out, "kind", "receipt");
    add_gateway(out, "from", r->from_gateway);
    add_gateway(out, "to", r->to_gateway);
    json_text_open(out, "receipts", '[');
    for (size_t i = 0; i < r->n; i++)
        add_receipt(out, &r->v[i]);
    json_text_close(out, ']');
    json_text_str(out, "sig", sig);
    json_text_close(out, '}');
}

int sc_envelope_from_json(const char *json, size_t n, struct sc_envelope *ret, struct sc_err *err)
{
    if (n > SC_ENVELOPE_MAX)
        return sc_fail(err, SC_ETOOBIG, "envelope has %zu bytes, %d is the most", n,
                       SC_ENVELOPE_MAX);
    sc_auto_value struct sc_value *v = sc_value_parse(json, n, err);
    if (!v)
        return SC_EINVAL;
    struct sc_envelope e = { .is_receipts = is_receipts(sc_value_json(v)) };
    sc_message_init(&e.msg);
    int r = e.is_receipts ? receipts_from_object(sc_value_json(v), &e.receipts, &e.sig, err)
                          : sc_message_from_value(v, &e.msg, e.entry, err);
    if (r == SC_OK)
        *ret = e;
    return r;
}

void sc_envelope_fini(struct sc_envelope *e)
{
    sc_message_fini(&e->msg);
    sc_receipts_fini(&e->receipts);
    free(e->sig);
    e->sig = NULL;
}
