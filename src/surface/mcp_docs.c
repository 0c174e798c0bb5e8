/* mcp_docs.c: the tools as a page for people. */
#include "mcp_internal.h"
#include "sideclaw/mem.h"

static void add_cell(struct sc_buf *out, const char *text)
{
    sc_buf_adds(out, "| ");
    for (; *text; text++) {
        if (*text == '|')
            sc_buf_addc(out, '\\');
        sc_buf_addc(out, *text);
    }
    sc_buf_addc(out, ' ');
}

static const char *effect(unsigned hints)
{
    if (hints & SC_TOOL_READ_ONLY)
        return "reads";
    if (hints & SC_TOOL_DESTRUCTIVE)
        return hints & SC_TOOL_IDEMPOTENT ? "destroys; again changes nothing" : "destroys";
    return hints & SC_TOOL_IDEMPOTENT ? "writes; again changes nothing" : "writes";
}

static bool add_param(void *ctx, const char *key, const struct sc_value *v)
{
    struct sc_buf *out = ctx;
    (void)v;
    sc_buf_addf(out, "%s`%s`", out->n ? ", " : "", key);
    return true;
}

static void add_tool(const struct sc_value *tool, const struct sc_op *op, struct sc_buf *out)
{
    sc_auto_buf struct sc_buf params = SC_BUF_INIT;
    const struct sc_value *input = sc_value_get(tool, "inputSchema");
    sc_value_each(sc_value_get(input, "properties"), add_param, &params);
    sc_buf_addf(out, "| `%s` ", op->tool->name);
    add_cell(out, op->tool->description);
    add_cell(out, sc_buf_str(&params));
    add_cell(out, effect(op->tool->hints));
    sc_buf_addf(out, "| `%s` |\n", op->name);
}

void sc_mcp_tools_markdown(const struct sc_op *ops, size_t n_ops, struct sc_buf *out)
{
    sc_auto_value struct sc_value *tools = mcp_tools_value(ops, n_ops);
    size_t k = 0;
    sc_buf_adds(out, "# Tools of an agent\n\n"
                     "Written by `scripts/docs.sh` from the table of operations; docs/MCP.md says "
                     "how to call them. The description is\nwhat a model reads.\n\n"
                     "| tool | description | parameters | it | operation |\n"
                     "|---|---|---|---|---|\n");
    for (size_t i = 0; i < n_ops; i++)
        if (ops[i].tool)
            add_tool(sc_value_at(tools, k++), &ops[i], out);
}
