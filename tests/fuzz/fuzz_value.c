/* Any JSON: what is taken dumps to text that reads as the same value, and what the fast reader
 * takes jansson takes as an equal one. Seeds: corpus/value. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../src/wire/json_fast.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sc_value *parse(const struct sc_buf *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *v = sc_value_parse(sc_buf_str(text), text->n, &err);
    sc_assert(v);
    return v;
}

static void compare(const char *text, size_t n)
{
    json_t *fast = sc_json_fast(text, n);
    if (!fast)
        return;
    json_t *slow = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    sc_assert(slow && json_equal(fast, slow));
    json_decref(fast);
    json_decref(slow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    compare((const char *)data, n);
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *v = sc_value_parse((const char *)data, n, &err);
    if (!v) {
        sc_assert(*err.text && sc_utf8_valid(err.text, strlen(err.text)));
        return 0;
    }
    sc_auto_buf struct sc_buf first = SC_BUF_INIT, pretty = SC_BUF_INIT, second = SC_BUF_INIT;
    sc_value_dump(v, &first);
    sc_value_dump_pretty(v, &pretty);
    sc_auto_value struct sc_value *again = parse(&first), *same = parse(&pretty);
    sc_value_dump(same, &second);
    sc_assert(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
    sc_assert(sc_value_count(again) == sc_value_count(v));
    return 0;
}
