#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/jsonrpc.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static int request(const char *line, struct sc_rpc_request *ret, int *ret_code)
{
    struct sc_err err = SC_ERR_INIT;
    int r = sc_rpc_request_parse(line, strlen(line), ret, ret_code, &err);
    if (r < 0)
        cr_assert_gt(strlen(err.text), 0);
    return r;
}

Test(rpc, a_request)
{
    struct sc_rpc_request r;
    int code;
    cr_assert_eq(
        request("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"m\",\"params\":{\"a\":1}}", &r, &code),
        SC_OK);
    cr_assert_str_eq(r.method, "m");
    cr_assert_eq(sc_value_num(r.id), 7);
    cr_assert_eq(sc_value_get_int(r.params, "a", 0), 1);
    sc_rpc_request_fini(&r);
    sc_rpc_request_fini(&r); /* empty but usable */
}

Test(rpc, a_notification_has_no_id_and_params_are_never_null)
{
    struct sc_rpc_request r;
    int code;
    cr_assert_eq(request("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", &r, &code), SC_OK);
    cr_assert_null(r.id);
    cr_assert(sc_value_is_object(r.params));
    sc_rpc_request_fini(&r);
}

Test(rpc, bad_requests_carry_the_code_and_the_id_when_it_could_be_read)
{
    static const struct {
        const char *line;
        int code;
        bool has_id;
    } bad[] = {
        { "", SC_RPC_PARSE, false },
        { "{", SC_RPC_PARSE, false },
        { "{\"id\":1}x", SC_RPC_PARSE, false },
        { "[]", SC_RPC_INVALID, false },
        { "7", SC_RPC_INVALID, false },
        { "{}", SC_RPC_INVALID, false },
        { "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}", SC_RPC_INVALID, false },
        { "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}", SC_RPC_INVALID, false },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"x\"}", SC_RPC_INVALID, true },
        { "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", SC_RPC_INVALID, true },
        { "{\"id\":1,\"method\":\"m\"}", SC_RPC_INVALID, true },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", SC_RPC_INVALID, true },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}", SC_RPC_PARAMS, true },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_rpc_request r;
        int code = 0;
        cr_assert_lt(request(bad[i].line, &r, &code), 0, "taken: %s", bad[i].line);
        cr_assert_eq(code, bad[i].code, "%s: %d", bad[i].line, code);
        cr_assert_eq(r.id != NULL, bad[i].has_id, "%s", bad[i].line);
        sc_rpc_request_fini(&r);
    }
}

Test(rpc, both_ends_understand_each_other)
{
    struct sc_rpc_request r;
    struct sc_err err = SC_ERR_INIT;
    int code;
    sc_auto_value struct sc_value *params = sc_value_object(), *result = NULL;
    sc_auto_buf struct sc_buf line = SC_BUF_INIT, answer = SC_BUF_INIT;
    sc_value_set_str(params, "to", "bobby\nsecond line");
    sc_rpc_write_request(&line, 5, "message.send", params);
    cr_assert_eq(line.p[line.n - 1], '\n');
    cr_assert_eq(memchr(line.p, '\n', line.n - 1), NULL); /* one line, whatever is inside */
    cr_assert_eq(sc_rpc_request_parse(line.p, line.n - 1, &r, &code, &err), SC_OK);
    cr_assert_str_eq(sc_value_get_str(r.params, "to"), "bobby\nsecond line");
    sc_rpc_write_result(&answer, r.id, r.params);
    cr_assert_eq(sc_rpc_response_parse(answer.p, answer.n - 1, &result, &err), SC_OK);
    cr_assert_str_eq(sc_value_get_str(result, "to"), "bobby\nsecond line");
    sc_rpc_request_fini(&r);
}

Test(rpc, errors_keep_code_text_and_remedy)
{
    for (int code = SC_ECANCELED; code < SC_OK; code++) {
        struct sc_err err = SC_ERR_INIT, back = SC_ERR_INIT;
        struct sc_value *result = NULL;
        sc_auto_buf struct sc_buf line = SC_BUF_INIT;
        (void)sc_fail(&err, (enum sc_code)code, "what %d%%", 5);
        (void)sc_err_remedy(&err, "do %%s");
        sc_rpc_write_error(&line, NULL, SC_RPC_SERVER, &err);
        cr_assert(strstr(sc_buf_str(&line), "\"id\":null"));
        cr_assert_eq(sc_rpc_response_parse(line.p, line.n - 1, &result, &back), code);
        cr_assert_eq(back.code, (enum sc_code)code);
        cr_assert_str_eq(back.text, "what 5%");
        cr_assert_str_eq(back.remedy, "do %s");
        cr_assert_null(result);
    }
}

/* The text of an error quotes what a peer sent; a null message would tell its reader nothing. */
Test(rpc, an_error_about_hostile_bytes_still_has_a_message)
{
    struct sc_err err = SC_ERR_INIT, back = SC_ERR_INIT;
    struct sc_value *result = NULL;
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    (void)sc_fail(&err, SC_EINVAL, "'%s' is no name", "\xff\xfe");
    sc_rpc_write_error(&line, NULL, SC_RPC_SERVER, &err);
    cr_assert_eq(sc_rpc_response_parse(line.p, line.n - 1, &result, &back), SC_EINVAL);
    cr_assert(strstr(back.text, "is no name"), "%s", back.text);
}

Test(rpc, a_null_error_beside_a_result_is_no_error)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *result = NULL;
    const char *line = "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":null,\"result\":{\"x\":1}}";
    cr_assert_eq(sc_rpc_response_parse(line, strlen(line), &result, &err), SC_OK);
    cr_assert_eq(sc_value_get_int(result, "x", 0), 1);
}

Test(rpc, answers_that_are_none_are_the_peers_fault)
{
    static const char *const bad[] = { "",
                                       "x",
                                       "[]",
                                       "{}",
                                       "{\"result\"",
                                       "7",
                                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":7}",
                                       "{\"error\":{\"data\":{\"number\":5}}}",
                                       "{\"error\":{\"data\":{\"number\":-9999}}}",
                                       "{\"error\":{\"data\":{\"number\":\"x\"}}}" };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_err err = SC_ERR_INIT;
        struct sc_value *result = NULL;
        cr_assert_eq(sc_rpc_response_parse(bad[i], strlen(bad[i]), &result, &err), SC_EPROTO, "%s",
                     bad[i]);
        cr_assert_gt(strlen(err.text), 0);
        cr_assert_null(result);
    }
}
