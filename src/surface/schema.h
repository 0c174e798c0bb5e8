/* schema.h: rows of the table as JSON schema. */
#ifndef SIDECLAW_SURFACE_SCHEMA_H
#define SIDECLAW_SURFACE_SCHEMA_H

#include <stdbool.h>

#include "sideclaw/operations.h"

/* Is {name} a segment of the operation's path? */
bool sc_op_path_has(const struct sc_op *op, const char *name);

struct sc_value *sc_schema_param(const struct sc_param *p);
/* The parameters as one object; those of the path left out when `body_only`. */
struct sc_value *sc_schema_params(const struct sc_op *op, bool body_only);
/* What a model reads of them (docs/MCP.md): a tool's parameters without who calls and without the
 * lengths of texts, and of its result the names of what is always there. The calls check
 * everything, the OpenAPI document has it all; here every word costs each agent tokens. */
struct sc_value *sc_schema_tool_input(const struct sc_op *op);
struct sc_value *sc_schema_tool_output(const struct sc_op *op);
/* From the text of schemas.h. */
struct sc_value *sc_schema_text(const char *text);

#endif
