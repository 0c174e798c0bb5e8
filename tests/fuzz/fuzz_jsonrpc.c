/* Lines on the control socket, both ways: every line has an answer that the other end understands.
 * Seeds: corpus/jsonrpc. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/jsonrpc.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_line(const struct sc_buf *line)
{
    sc_assert(line->n > 1 && line->p[line->n - 1] == '\n');
    sc_assert(!memchr(line->p, '\n', line->n - 1));
}

static void answer(const struct sc_rpc_request *r, int code, const struct sc_err *err)
{
    struct sc_err back = SC_ERR_INIT;
    struct sc_value *result = NULL;
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    if (err)
        sc_rpc_write_error(&line, r->id, code, err);
    else
        sc_rpc_write_result(&line, r->id, r->params);
    check_line(&line);
    int got = sc_rpc_response_parse(line.p, line.n - 1, &result, &back);
    sc_assert(got == (err ? (int)err->code : SC_OK));
    sc_assert(!err || strcmp(back.text, err->text) == 0);
    sc_value_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *line = (const char *)data;
    struct sc_rpc_request r;
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *result = NULL;
    int code = 0;
    int rc = sc_rpc_request_parse(line, n, &r, &code, &err);
    sc_assert(rc < 0 || (r.method && sc_value_is_object(r.params)));
    sc_assert(rc == SC_OK || (code < 0 && *err.text));
    answer(&r, code, rc < 0 ? &err : NULL);
    sc_rpc_request_fini(&r);
    if (sc_rpc_response_parse(line, n, &result, &err) == SC_OK)
        sc_value_free(result);
    return 0;
}
