/* Any JSON5: what is taken can be changed, the change is there when it is read again, and taking it
 * away gives back what the text said. Seeds: corpus/json5. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/json5.h"
#include "sideclaw/mem.h"
#include "sideclaw/openclaw_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sc_value *server(void *ctx, const char *agent)
{
    (void)ctx;
    return sc_openclaw_server("http://127.0.0.1:1/mcp", agent, "T");
}

static struct sc_value *value_of(const struct sc_buf *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_json5 t;
    sc_assert(sc_json5_parse(sc_buf_str(text), text->n, &t, &err) == SC_OK);
    struct sc_value *v = sc_json5_value(&t, 0);
    sc_json5_fini(&t);
    return v;
}

static void change(struct sc_buf *text, bool remove)
{
    static const struct sc_strv everyone = { 0 };
    const struct sc_openclaw_want want = {
        .remove = remove, .only = &everyone, .skill = "/s/sideclaw-mesh", .server = server
    };
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *was = value_of(text);
    sc_auto_value struct sc_value *to = sc_openclaw_apply(was, &want, &err);
    if (!to)
        return;
    sc_auto_value struct sc_value *patch = sc_merge_patch(was, to, NULL);
    sc_auto_value struct sc_value *lines = sc_openclaw_changes(was, to);
    sc_assert(sc_json5_patch(text, patch, &err) == SC_OK);
    sc_auto_value struct sc_value *now = value_of(text);
    sc_assert(sc_value_equal(now, to) && sc_value_is_array(lines));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_json5 t;
    if (sc_json5_parse((const char *)data, n, &t, &err) < 0) {
        sc_assert(*err.text);
        return 0;
    }
    sc_json5_fini(&t);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_buf_add(&text, data, n);
    change(&text, false);
    change(&text, true);
    return 0;
}
