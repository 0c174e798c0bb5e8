/* mcp_tools.c: operations as a model sees them. */
#include <string.h>

#include "mcp_internal.h"
#include "schema.h"
#include "sideclaw/mem.h"
#include "sideclaw/suggest.h"

/* What is not said is read as: not read-only, destructive, not idempotent. For a read-only tool the
 * other hints mean nothing, and every byte here is a model's to read. */
static struct sc_value *annotations(unsigned hints)
{
    struct sc_value *v = sc_value_object();
    if (hints & SC_TOOL_READ_ONLY) {
        sc_value_set_bool(v, "readOnlyHint", true);
    } else {
        sc_value_set_bool(v, "destructiveHint", (hints & SC_TOOL_DESTRUCTIVE) != 0);
        if (hints & SC_TOOL_IDEMPOTENT)
            sc_value_set_bool(v, "idempotentHint", true);
    }
    return v;
}

struct sc_value *mcp_tools_value(const struct sc_op *ops, size_t n)
{
    struct sc_value *tools = sc_value_array();
    for (size_t i = 0; i < n; i++) {
        const struct sc_tool *tool = ops[i].tool;
        if (!tool)
            continue;
        struct sc_value *v = sc_value_object();
        sc_value_set_str(v, "name", tool->name);
        sc_value_set_str(v, "description", tool->description);
        sc_value_set(v, "inputSchema", sc_schema_tool_input(&ops[i]));
        sc_value_set(v, "outputSchema", sc_schema_tool_output(&ops[i]));
        sc_value_set(v, "annotations", annotations(tool->hints));
        sc_value_add(tools, v);
    }
    return tools;
}

const struct sc_op *mcp_tool_find(const struct sc_mcp *m, const char *name)
{
    for (size_t i = 0; i < m->n_ops; i++)
        if (m->ops[i].tool && sc_streq(m->ops[i].tool->name, name))
            return &m->ops[i];
    return NULL;
}

const char *mcp_tool_nearest(const struct sc_mcp *m, const char *name)
{
    enum { MANY = 64 };
    const char *names[MANY];
    size_t n = 0;
    for (size_t i = 0; i < m->n_ops && n < MANY; i++)
        if (m->ops[i].tool)
            names[n++] = m->ops[i].tool->name;
    return sc_suggest(name, names, n);
}

static bool has_param(const struct sc_op *op, const char *name)
{
    for (const struct sc_param *p = op->params; p->name; p++)
        if (sc_streq(p->name, name))
            return true;
    return false;
}

struct sc_value *mcp_tool_params(const struct sc_op *op, const struct sc_value *call_params)
{
    static const char trace[] = "traceparent";
    const struct sc_value *arguments = sc_value_get(call_params, "arguments");
    const char *parent = sc_value_get_str(sc_value_get(call_params, "_meta"), trace);
    if (arguments && !sc_value_is_object(arguments))
        return NULL;
    struct sc_value *v = arguments ? sc_value_ref(arguments) : sc_value_object();
    if (parent && !sc_value_get(v, trace) && has_param(op, trace))
        sc_value_set_str(v, trace, parent);
    return v;
}

static struct sc_value *with_text(const char *text)
{
    struct sc_value *v = sc_value_object(), *list = sc_value_array(), *block = sc_value_object();
    sc_value_set_str(block, "type", "text");
    sc_value_set_str(block, "text", text);
    sc_value_add(list, block);
    sc_value_set(v, "content", list);
    return v;
}

struct sc_value *mcp_tool_result(struct sc_value *take_result)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_value_dump(take_result, &text);
    struct sc_value *v = with_text(sc_buf_str(&text));
    sc_value_set(v, "structuredContent", take_result);
    return v;
}

/* What a model can do about it, where the failure itself has no better advice. */
static const char *next_step(enum sc_code code)
{
    switch (code) {
    case SC_EINVAL:
        return "correct the argument it names and call again";
    case SC_ENOENT:
        return "check the name or id; it may never have existed, or be gone";
    case SC_EEXIST:
        return "it is there already: do not repeat the call";
    case SC_ETOOBIG:
        return "send less, or in parts";
    case SC_EAUTH:
    case SC_EPERM:
        return "you may not do this; do not try again, tell your operator if you need it";
    case SC_EFULL:
    case SC_EBUSY:
        return "wait a minute, then call again with the same arguments";
    case SC_EAWAY:
        return "a part of the mesh is away; call again in a minute, or go on without";
    case SC_OK:
    case SC_ETIMEDOUT:
    case SC_EPROTO:
    case SC_EIO:
    case SC_ECONFIG:
    case SC_ECANCELED:
        break;
    }
    return "it may or may not have been done: look before you call again";
}

struct sc_value *mcp_tool_failure(const struct sc_err *err)
{
    sc_auto_free char *text = sc_xasprintf("%s\nNext: %s", err->text,
                                           err->remedy[0] ? err->remedy : next_step(err->code));
    struct sc_value *v = with_text(mcp_readable(text));
    sc_value_set_bool(v, "isError", true);
    return v;
}
