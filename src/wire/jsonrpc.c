#include "sideclaw/jsonrpc.h"

#include <stdlib.h>

#include "sideclaw/mem.h"

int sc_rpc_request_parse(const char *line, size_t n, struct sc_rpc_request *ret, int *ret_code,
                         struct sc_err *err)
{
    *ret = (struct sc_rpc_request){ 0 };
    *ret_code = SC_RPC_PARSE;
    sc_auto_value struct sc_value *v = sc_value_parse(line, n, err);
    if (!v)
        return SC_EINVAL;
    *ret_code = SC_RPC_INVALID;
    if (!sc_value_is_object(v))
        return sc_fail(err, SC_EINVAL, "a request is a JSON object");
    const struct sc_value *id = sc_value_get(v, "id");
    if (id && !sc_value_is_str(id) && !sc_value_is_int(id) && !sc_value_is_null(id))
        return sc_fail(err, SC_EINVAL, "id is neither a string nor a whole number");
    ret->id = id ? sc_value_ref(id) : NULL;
    const char *method = sc_value_get_str(v, "method");
    if (!method || !sc_streq(sc_value_get_str(v, "jsonrpc"), "2.0"))
        return sc_fail(err, SC_EINVAL, "jsonrpc \"2.0\" and a method are required");
    const struct sc_value *params = sc_value_get(v, "params");
    *ret_code = SC_RPC_PARAMS;
    if (params && !sc_value_is_object(params))
        return sc_fail(err, SC_EINVAL, "params is not an object");
    ret->method = sc_xstrdup(method);
    ret->params = params ? sc_value_ref(params) : sc_value_object();
    return SC_OK;
}

void sc_rpc_request_fini(struct sc_rpc_request *r)
{
    sc_value_free(r->id);
    sc_value_free(r->params);
    free(r->method);
    *r = (struct sc_rpc_request){ 0 };
}

bool sc_rpc_id_eq(const struct sc_value *a, const struct sc_value *b)
{
    if (sc_value_is_int(a))
        return sc_value_is_int(b) && sc_value_num(a) == sc_value_num(b);
    return sc_value_is_str(a) && sc_streq(sc_value_text(a), sc_value_text(b));
}

static void write_line(struct sc_buf *out, struct sc_value *take)
{
    sc_value_dump(take, out);
    sc_buf_addc(out, '\n');
    sc_value_free(take);
}

static struct sc_value *envelope(const struct sc_value *id)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "jsonrpc", "2.0");
    sc_value_set(v, "id", id ? sc_value_ref(id) : sc_value_str(NULL));
    return v;
}

void sc_rpc_write_request(struct sc_buf *out, int64_t id, const char *method,
                          const struct sc_value *params)
{
    sc_auto_value struct sc_value *i = sc_value_int(id);
    struct sc_value *v = envelope(i);
    sc_value_set_str(v, "method", method);
    if (params)
        sc_value_set(v, "params", sc_value_ref(params));
    write_line(out, v);
}

void sc_rpc_write_result(struct sc_buf *out, const struct sc_value *id,
                         const struct sc_value *result)
{
    struct sc_value *v = envelope(id);
    sc_value_set(v, "result", sc_value_ref(result));
    write_line(out, v);
}

void sc_rpc_write_error(struct sc_buf *out, const struct sc_value *id, int code,
                        const struct sc_err *err)
{
    struct sc_value *v = envelope(id), *e = sc_value_object(), *data = sc_value_object();
    sc_value_set_str(data, "code", sc_code_name(err->code));
    sc_value_set_int(data, "number", err->code);
    if (err->remedy[0])
        sc_value_set_str(data, "remedy", err->remedy);
    sc_value_set_int(e, "code", code);
    sc_value_set_str(e, "message", err->text);
    sc_value_set(e, "data", data);
    sc_value_set(v, "error", e);
    write_line(out, v);
}

static int remote_error(const struct sc_value *e, struct sc_err *err)
{
    const struct sc_value *data = sc_value_get(e, "data");
    const char *text = sc_value_get_str(e, "message"), *remedy = sc_value_get_str(data, "remedy");
    int64_t code = sc_value_get_int(data, "number", SC_EPROTO);
    if (code >= SC_OK || code < SC_ECANCELED)
        code = SC_EPROTO;
    int r = sc_fail(err, (enum sc_code)code, "%s", text ? text : "unknown error");
    return remedy ? sc_err_remedy(err, "%s", remedy) : r;
}

int sc_rpc_response_parse(const char *line, size_t n, struct sc_value **ret_result,
                          struct sc_err *err)
{
    sc_auto_value struct sc_value *v = sc_value_parse(line, n, err);
    if (!v)
        return sc_fail(err, SC_EPROTO, "the daemon's answer is no JSON");
    const struct sc_value *e = sc_value_get(v, "error"), *result = sc_value_get(v, "result");
    if (e && !sc_value_is_null(e))
        return remote_error(e, err);
    if (!result)
        return sc_fail(err, SC_EPROTO, "the daemon's answer has neither result nor error");
    *ret_result = sc_value_ref(result);
    return SC_OK;
}
