/* What comes from a Redis channel or stream, a peer or a file: any bytes. What is accepted keeps
 * every limit, and is the same again after dump and parse. */
#include <stdint.h>

#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const struct sc_message *m)
{
    sc_auto_buf struct sc_buf once = SC_BUF_INIT, twice = SC_BUF_INIT;
    sc_auto_message struct sc_message again;
    sc_message_init(&again);
    sc_assert(sc_message_check(m, NULL) == SC_OK);
    sc_assert(m->body_len <= SC_BODY_MAX && !sc_id_is_zero(&m->id));
    sc_message_to_json(m, &once);
    sc_assert(sc_message_from_json(once.p, once.n, &again, NULL, NULL) == SC_OK);
    sc_message_to_json(&again, &twice);
    sc_assert(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
}

static void check_receipts(const struct sc_envelope *e)
{
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    struct sc_envelope again;
    sc_assert(e->receipts.n > 0 && e->receipts.n <= SC_RECEIPTS_MAX);
    sc_receipts_to_json(&e->receipts, e->sig, &json);
    sc_assert(sc_envelope_from_json(json.p, json.n, &again, NULL) == SC_OK);
    sc_assert(again.is_receipts && again.receipts.n == e->receipts.n);
    sc_envelope_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_envelope e;
    if (sc_envelope_from_json((const char *)data, size, &e, &err) < 0) {
        sc_assert(err.text[0]);
        return 0;
    }
    if (e.is_receipts)
        check_receipts(&e);
    else
        check_message(&e.msg);
    sc_envelope_fini(&e);
    return 0;
}
