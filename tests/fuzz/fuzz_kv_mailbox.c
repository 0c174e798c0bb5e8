/* What anybody may write into an inbox or an outbox of Consul KV: a message that passes has passed
 * sc_message_check, and the same key read twice is the same message. */
#include <stdint.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "sideclaw/parse.h"

typedef int read_fn(const char *json, size_t n, const char *agent, const char *name,
                    struct sc_message *ret, struct sc_err *err);

static void try(read_fn *read, const char *text, size_t n)
{
    struct sc_message first, second;
    struct sc_err err = SC_ERR_INIT;
    sc_message_init(&first);
    sc_message_init(&second);
    if (read(text, n, "bobby", "openclaw/agents/bobby/inbox/x@7", &first, &err) < 0) {
        sc_assert(err.code != SC_OK && err.text[0]);
        return;
    }
    sc_assert(sc_message_check(&first, &err) == SC_OK);
    sc_assert(first.body_len <= SC_BODY_MAX && sc_utf8_valid(first.body, first.body_len));
    sc_assert(!sc_id_is_zero(&first.id));
    sc_assert(read(text, n, "bobby", "openclaw/agents/bobby/inbox/x@7", &second, &err) == SC_OK);
    sc_assert(sc_id_eq(&first.id, &second.id) && sc_streq(first.body, second.body));
    struct sc_buf json = SC_BUF_INIT;
    sc_message_to_json(&first, &json);
    sc_buf_fini(&json);
    sc_message_fini(&first);
    sc_message_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct sc_envelope e = { .is_receipts = false };
    try(sc_message_from_kv_inbox, text, size);
    try(sc_message_from_kv_outbox, text, size);
    if (sc_envelope_from_json(text, size, &e, NULL) == SC_OK)
        sc_envelope_fini(&e);
    return 0;
}
