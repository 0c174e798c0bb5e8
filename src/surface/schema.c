#include "schema.h"

#include <string.h>

#include "sideclaw/mem.h"

static const char *const types[] = { [SC_PARAM_STR] = "string",
                                     [SC_PARAM_INT] = "integer",
                                     [SC_PARAM_BOOL] = "boolean",
                                     [SC_PARAM_STRV] = "array" };

struct sc_value *sc_schema_text(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *json = sc_xstrdup(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    struct sc_value *v = sc_value_parse(json, strlen(json), &err);
    sc_assert(v); /* a row of our own table */
    return v;
}

bool sc_op_path_has(const struct sc_op *op, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strchr(op->http, '{'); p; p = strchr(p + 1, '{'))
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '}')
            return true;
    return false;
}

static struct sc_value *of_type(const char *type)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "type", type);
    return v;
}

/* Without the lengths of texts. */
static struct sc_value *plain_param(const struct sc_param *p)
{
    struct sc_value *v = of_type(types[p->type]);
    sc_value_set_str(v, "description", p->help);
    if (p->type == SC_PARAM_INT) {
        sc_value_set_int(v, "minimum", p->min);
        sc_value_set_int(v, "maximum", p->max);
    } else if (p->type == SC_PARAM_STRV) {
        sc_value_set(v, "items", of_type("string"));
    }
    return v;
}

struct sc_value *sc_schema_param(const struct sc_param *p)
{
    struct sc_value *v = plain_param(p);
    if (p->type == SC_PARAM_STR && p->min > 0)
        sc_value_set_int(v, "minLength", p->min);
    if (p->type == SC_PARAM_STR && p->max > 0)
        sc_value_set_int(v, "maxLength", p->max);
    return v;
}

struct sc_value *sc_schema_params(const struct sc_op *op, bool body_only)
{
    struct sc_value *v = sc_value_object(), *properties = sc_value_object(),
                    *required = sc_value_array();
    for (const struct sc_param *p = op->params; p->name; p++) {
        if (body_only && sc_op_path_has(op, p->name))
            continue;
        sc_value_set(properties, p->name, sc_schema_param(p));
        if (p->required)
            sc_value_add_str(required, p->name);
    }
    sc_value_set_str(v, "type", "object");
    sc_value_set(v, "properties", properties);
    sc_value_set(v, "required", required);
    sc_value_set_bool(v, "additionalProperties", false);
    return v;
}

/* Every byte of a tool is a model's to read. */
static bool is_a_models(const struct sc_param *p)
{
    return !p->caller && !p->seldom;
}

struct sc_value *sc_schema_tool_input(const struct sc_op *op)
{
    struct sc_value *v = of_type("object"), *properties = sc_value_object(),
                    *required = sc_value_array();
    for (const struct sc_param *p = op->params; p->name; p++) {
        if (!is_a_models(p))
            continue;
        sc_value_set(properties, p->name, plain_param(p));
        if (p->required)
            sc_value_add_str(required, p->name);
    }
    sc_value_set(v, "properties", properties);
    if (sc_value_count(required))
        sc_value_set(v, "required", sc_value_ref(required));
    sc_value_free(required);
    sc_value_set_bool(v, "additionalProperties", false);
    return v;
}

struct sc_value *sc_schema_tool_output(const struct sc_op *op)
{
    sc_auto_value struct sc_value *whole = sc_schema_text(op->result);
    const struct sc_value *required = sc_value_get(whole, "required");
    struct sc_value *v = of_type("object");
    if (sc_value_count(required))
        sc_value_set(v, "required", sc_value_ref(required));
    return v;
}
