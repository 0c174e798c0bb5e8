/* mcp_message.c: a message of JSON-RPC as MCP narrows it: no null and no fractional ids. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mcp_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

bool mcp_refuse(struct mcp_error *e, int code, int status, const char *fmt, ...)
{
    va_list ap;
    *e = (struct mcp_error){ .code = code, .http_status = status, .err = { .code = SC_EINVAL } };
    va_start(ap, fmt);
    if (vsnprintf(e->err.text, sizeof e->err.text, fmt, ap) < 0)
        e->err.text[0] = 0;
    va_end(ap);
    return false;
}

char *mcp_readable(char *text)
{
    for (size_t i = 0, len; text[i]; i += len) {
        len = sc_utf8_next(text + i, strnlen(text + i, 4));
        if (len)
            continue;
        text[i] = '?';
        len = 1;
    }
    return text;
}

static bool is_id(const struct sc_value *v)
{
    return sc_value_is_str(v) || sc_value_is_int(v);
}

bool mcp_message_read(const struct sc_value *v, struct mcp_message *ret, struct mcp_error *e)
{
    *ret = (struct mcp_message){ .kind = MCP_REQUEST };
    if (!sc_value_is_object(v))
        return mcp_refuse(e, SC_RPC_INVALID, 400, "a message is a JSON object");
    const struct sc_value *id = sc_value_get(v, "id"), *params = sc_value_get(v, "params");
    ret->id = is_id(id) ? id : NULL;
    if (!sc_streq(sc_value_get_str(v, "jsonrpc"), "2.0"))
        return mcp_refuse(e, SC_RPC_INVALID, 400, "jsonrpc: \"2.0\" is expected");
    /* An answer, though we never ask: it is nobody's, and an answer to it would be wrong. */
    if (!sc_value_get(v, "method") && (sc_value_get(v, "result") || sc_value_get(v, "error"))) {
        ret->kind = MCP_RESPONSE;
        return true;
    }
    ret->method = sc_value_get_str(v, "method");
    if (!ret->method)
        return mcp_refuse(e, SC_RPC_INVALID, 400, "method: a string is expected");
    if (id && !ret->id)
        return mcp_refuse(e, SC_RPC_INVALID, 400, "id: a string or a whole number is expected");
    ret->kind = id ? MCP_REQUEST : MCP_NOTIFICATION;
    if (params && !sc_value_is_object(params))
        return mcp_refuse(e, SC_RPC_PARAMS, 400, "params: an object is expected");
    ret->params = params;
    return true;
}

static void write_answer(struct sc_buf *out, const struct sc_value *id, const char *member,
                         struct sc_value *take)
{
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "jsonrpc", "2.0");
    sc_value_set(v, "id", id ? sc_value_ref(id) : sc_value_str(NULL));
    sc_value_set(v, member, take);
    sc_value_dump(v, out);
}

void mcp_write_result(struct sc_buf *out, const struct sc_value *id, struct sc_value *take_result)
{
    write_answer(out, id, "result", take_result);
}

void mcp_write_error(struct sc_buf *out, const struct sc_value *id, struct mcp_error *e)
{
    struct sc_value *v = sc_value_object();
    sc_auto_free char *text =
        sc_xasprintf("%s%s%s", e->err.text, e->err.remedy[0] ? "; " : "", e->err.remedy);
    sc_value_set_int(v, "code", e->code);
    sc_value_set_str(v, "message", mcp_readable(text));
    if (e->data)
        sc_value_set(v, "data", sc_steal(&e->data));
    write_answer(out, id, "error", v);
}
