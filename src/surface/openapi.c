/* openapi.c: the table of operations as an OpenAPI 3.1 document. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"
#include "schemas.h"
#include "sideclaw/mem.h"

static struct sc_value *ref(const char *name)
{
    struct sc_value *v = sc_value_object();
    sc_auto_free char *path = sc_xasprintf("#/components/schemas/%s", name);
    sc_value_set_str(v, "$ref", path);
    return v;
}

static struct sc_value *content(const char *type, struct sc_value *take_schema)
{
    struct sc_value *v = sc_value_object(), *media = sc_value_object();
    sc_value_set(media, "schema", take_schema);
    sc_value_set(v, type, media);
    return v;
}

static void add_response(struct sc_value *responses, int status, const char *description,
                         const char *type, struct sc_value *take_schema)
{
    char code[16];
    (void)snprintf(code, sizeof code, "%d", status);
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "description", description);
    sc_value_set(v, "content", content(type, take_schema));
    sc_value_set(responses, code, v);
}

/* Every answer the operation can give: tools that test an API take an unlisted one for a bug. */
static struct sc_value *responses_of(const struct sc_op *op)
{
    static const enum sc_code codes[] = { SC_EINVAL, SC_EAUTH, SC_EPERM, SC_ENOENT, SC_ETOOBIG,
                                          SC_EBUSY,  SC_EIO,   SC_EAWAY, SC_EFULL };
    static const int health[] = { 429, 503 };
    struct sc_value *v = sc_value_object();
    for (size_t i = 0; i < SC_ARRAY_LEN(codes); i++)
        add_response(v, sc_problem_status(codes[i]), sc_problem_title(codes[i]),
                     "application/problem+json", ref("problem"));
    add_response(v, 415, "Unsupported media type", "application/problem+json", ref("problem"));
    add_response(v, op->status, op->summary, "application/json", sc_schema_text(op->result));
    if (op->status == 202)
        add_response(v, 200, op->summary, "application/json", sc_schema_text(op->result));
    for (size_t i = 0; op->scope == SC_SCOPE_PUBLIC && i < SC_ARRAY_LEN(health); i++)
        add_response(v, health[i], op->summary, "application/json", sc_schema_text(op->result));
    return v;
}

static struct sc_value *parameters_of(const struct sc_op *op, bool with_body)
{
    struct sc_value *v = sc_value_array();
    for (const struct sc_param *p = op->params; p->name; p++) {
        bool in_path = sc_op_path_has(op, p->name);
        if (!in_path && with_body)
            continue;
        struct sc_value *row = sc_value_object();
        sc_value_set_str(row, "name", p->name);
        sc_value_set_str(row, "in", in_path ? "path" : "query");
        sc_value_set_bool(row, "required", p->required);
        sc_value_set_str(row, "description", p->help);
        sc_value_set(row, "schema", sc_schema_param(p));
        sc_value_add(v, row);
    }
    return v;
}

static struct sc_value *operation_value(const struct sc_op *op, bool with_body)
{
    struct sc_value *v = sc_value_object(), *security = sc_value_array();
    sc_value_set_str(v, "operationId", op->name);
    sc_value_set_str(v, "summary", op->summary);
    sc_value_set(v, "parameters", parameters_of(op, with_body));
    struct sc_value *schema = sc_schema_params(op, true);
    if (with_body && sc_value_count(sc_value_get(schema, "properties")) > 0) {
        struct sc_value *body = sc_value_object();
        sc_value_set_bool(body, "required", true);
        sc_value_set(body, "content", content("application/json", sc_value_ref(schema)));
        sc_value_set(v, "requestBody", body);
    }
    sc_value_free(schema);
    sc_value_set(v, "responses", responses_of(op));
    if (op->scope != SC_SCOPE_PUBLIC) {
        struct sc_value *bearer = sc_value_object();
        sc_value_set(bearer, "bearer", sc_value_array());
        sc_value_add(security, bearer);
    }
    sc_value_set(v, "security", security);
    return v;
}

static bool has_body(const struct sc_op *op)
{
    return strncmp(op->http, "POST ", 5) == 0 || strncmp(op->http, "PUT ", 4) == 0;
}

/* The method as OpenAPI writes it: "put". */
static void method_of(const struct sc_op *op, char ret[16])
{
    size_t n = strcspn(op->http, " ");
    sc_assert(n < 16);
    for (size_t i = 0; i < n; i++)
        ret[i] = (char)tolower((unsigned char)op->http[i]);
    ret[n] = 0;
}

static struct sc_value *paths_value(void)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    struct sc_value *paths = sc_value_object();
    for (size_t i = 0; i < n; i++) {
        const char *path = strchr(ops[i].http, ' ') + 1;
        char method[16];
        struct sc_value *item = sc_value_get(paths, path);
        if (!item)
            sc_value_set(paths, path, item = sc_value_object());
        method_of(&ops[i], method);
        sc_value_set(item, method, operation_value(&ops[i], has_body(&ops[i])));
    }
    return paths;
}

static const char components[] = "{'schemas':{'problem':" T_OBJECT(
    "'type','title','status','detail'",
    "'type':" T_TEXT ","
    "'title':" T_TEXT ","
    "'status':" T_INT ","
    "'detail':" T_TEXT ","
    "'code':" T_TEXT ","
    "'remedy':" T_TEXT) "},"
                        "'securitySchemes':{'bearer':{'type':'http','scheme':'bearer'}}}";

struct sc_value *sc_openapi(void)
{
    struct sc_value *v = sc_value_object(), *info = sc_value_object();
    sc_value_set_str(v, "openapi", "3.1.0");
    sc_value_set_str(info, "title", "sideclaw");
    sc_value_set_str(info, "version", SC_VERSION);
    sc_value_set_str(info, "description",
                     "One sidecar of the mesh. /v1 wants the bearer token of http.token_file.");
    sc_value_set(v, "info", info);
    sc_value_set(v, "paths", paths_value());
    sc_value_set(v, "components", sc_schema_text(components));
    return v;
}
