/* ops_table.c: the table of operations as data. */
#include "handlers.h"
#include "schema.h"

static const char *const scopes[] = { [SC_SCOPE_PUBLIC] = "public",
                                      [SC_SCOPE_PEER] = "peer",
                                      [SC_SCOPE_AGENT] = "agent",
                                      [SC_SCOPE_OPERATOR] = "operator" };

void sc_op_operations_list(struct sc_call *call)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    struct sc_value *rows = sc_value_array(), *v = sc_value_object();
    for (size_t i = 0; i < n; i++) {
        struct sc_value *row = sc_value_object();
        sc_value_set_str(row, "name", ops[i].name);
        sc_value_set_str(row, "http", ops[i].http);
        sc_value_set_str(row, "scope", scopes[ops[i].scope]);
        sc_value_set_str(row, "summary", ops[i].summary);
        sc_value_set(row, "params", sc_schema_params(&ops[i], false));
        sc_value_set(row, "result", sc_schema_text(ops[i].result));
        sc_value_add(rows, row);
    }
    sc_value_set(v, "operations", rows);
    sc_call_reply(call, v);
}
