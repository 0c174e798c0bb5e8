#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "../../../src/surface/schema.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

Test(operations, every_row_is_whole)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    cr_assert_gt(n, 10);
    for (size_t i = 0; i < n; i++) {
        cr_assert(ops[i].summary && ops[i].params && ops[i].handler && ops[i].status, "%s",
                  ops[i].name);
        sc_value_free(sc_schema_text(ops[i].result)); /* asserts that it is JSON */
        cr_assert_eq(sc_operation_find(ops[i].name), &ops[i], "%s is there twice", ops[i].name);
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(ops[i].http, ops[j].http);
        for (const struct sc_param *p = ops[i].params; p->name; p++)
            cr_assert(p->help && (p->type != SC_PARAM_INT || p->max > p->min), "%s %s", ops[i].name,
                      p->name);
    }
    cr_assert_null(sc_operation_find("nope"));
}

Test(operations, every_part_of_a_path_is_a_required_parameter)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    for (size_t i = 0; i < n; i++) {
        size_t in_path = 0, braces = 0;
        for (const struct sc_param *p = ops[i].params; p->name; p++)
            if (sc_op_path_has(&ops[i], p->name)) {
                in_path++;
                cr_assert(p->required, "%s %s", ops[i].name, p->name);
            }
        for (const char *c = ops[i].http; *c; c++)
            braces += *c == '{';
        cr_assert_eq(in_path, braces, "%s", ops[i].name);
    }
}

Test(operations, the_openapi_document_has_every_path)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    sc_auto_value struct sc_value *doc = sc_openapi();
    cr_assert_str_eq(sc_value_get_str(doc, "openapi"), "3.1.0");
    const struct sc_value *paths = sc_value_get(doc, "paths");
    for (size_t i = 0; i < n; i++) {
        const struct sc_value *item = sc_value_get(paths, strchr(ops[i].http, ' ') + 1);
        sc_auto_free char *method = sc_xstrndup(ops[i].http, strcspn(ops[i].http, " "));
        for (char *c = method; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        const struct sc_value *op = sc_value_get(item, method);
        cr_assert_str_eq(sc_value_get_str(op, "operationId"), ops[i].name);
        cr_assert(sc_value_get(sc_value_get(op, "responses"), "401"));
    }
    const struct sc_value *send = sc_value_get(sc_value_get(paths, "/v1/messages"), "post");
    cr_assert(sc_value_get(send, "requestBody"));
    cr_assert(sc_value_get(sc_value_get(send, "responses"), "200"));
}

Test(operations, every_code_has_a_status)
{
    for (int code = SC_OK; code >= SC_ECANCELED; code--) {
        cr_assert_geq(sc_problem_status((enum sc_code)code), 200);
        cr_assert(sc_problem_title((enum sc_code)code));
    }
    cr_assert_eq(sc_problem_status((enum sc_code) - 99), 500);
    cr_assert_eq(sc_problem_status(SC_ENOENT), 404);
}
