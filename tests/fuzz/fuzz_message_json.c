/* Envelopes from any wire: what is taken can be written, read and verified again, unchanged; the
 * minimal forms of Consul KV never crash. Seeds: corpus/message_json. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "sideclaw/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct sc_mesh_key key = { .key = (const uint8_t *)"0123456789abcdef0123456789abcdef",
                                        .key_len = 32 };

static void check_again(const struct sc_message *m)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message back;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT, again = SC_BUF_INIT;
    sc_message_to_json(m, &text);
    sc_assert(text.n <= SC_ENVELOPE_MAX);
    sc_assert(sc_message_from_json(text.p, text.n, &back, NULL, &err) == SC_OK);
    sc_message_to_json(&back, &again);
    sc_assert(text.n == again.n && memcmp(text.p, again.p, text.n) == 0);
    sc_assert(sc_message_verify(&back, &key, &err) == SC_OK);
}

static void try_kv(const char *json, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    if (sc_message_from_kv_inbox(json, n, "bobby", "key@1", &m, &err) == SC_OK)
        sc_message_fini(&m);
    else
        sc_assert(*err.text && sc_utf8_valid(err.text, strlen(err.text)));
    if (sc_message_from_kv_outbox(json, n, "jerry", "key@1", &m, &err) == SC_OK)
        sc_message_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *json = (const char *)data;
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    char entry[SC_ENTRY_MAX];
    if (sc_message_from_json(json, n, &m, entry, &err) == SC_OK) {
        sc_assert(sc_message_check(&m, &err) == SC_OK);
        sc_message_sign(&m, &key);
        check_again(&m);
        sc_message_fini(&m);
    } else {
        sc_assert(*err.text && sc_utf8_valid(err.text, strlen(err.text)));
    }
    try_kv(json, n);
    return 0;
}
