#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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

void sc_receipts_to_json(const struct sc_receipts *r, const char *sig, struct sc_buf *out)
{
    json_auto_t *obj = json_pack("{s:i,s:s,s:{s:s},s:{s:s}}", "v", 1, "kind", "receipt", "from",
                                 "gateway", r->from_gateway, "to", "gateway", r->to_gateway);
    json_t *list = json_array();
    for (size_t i = 0; i < r->n; i++) {
        char id[SC_ID_TEXT_SIZE], at[SC_RFC3339_SIZE];
        sc_id_format(&r->v[i].id, id);
        sc_wall_format(r->v[i].at, at);
        json_t *one = json_pack("{s:s,s:s,s:s}", "id", id, "stage",
                                sc_fsm_name(&sc_stage_fsm, (int)r->v[i].stage), "at", at);
        if (r->v[i].reason[0])
            (void)json_object_set_new(one, "reason", json_string(r->v[i].reason));
        (void)json_array_append_new(list, one);
    }
    (void)json_object_set_new(obj, "receipts", list);
    if (sig)
        (void)json_object_set_new(obj, "sig", json_string(sig));
    sc_value_dump(sc_value_of_json(obj), out);
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
