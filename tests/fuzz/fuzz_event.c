/* What anybody may push as an event, or write where recommendations are: read, written, and read
 * again as the same. Seeds: corpus/event. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/event_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    struct sc_event e, again;
    struct sc_buf json = SC_BUF_INIT, doc = SC_BUF_INIT, twice = SC_BUF_INIT;
    sc_event_from_text(text, n, &e);
    sc_assert(e.text && strlen(e.text) <= SC_EVENT_TEXT_MAX);
    sc_event_to_json(&e, &json);
    sc_event_from_text(json.p, json.n, &again);
    sc_assert(sc_streq(e.text, again.text) && sc_streq(e.kind, again.kind));
    sc_assert(sc_id_eq(&e.id, &again.id));
    sc_recommendations_add(text, n, &e, &doc);
    sc_recommendations_add(doc.p, doc.n, &e, &twice);
    sc_assert(twice.n > 0);
    sc_event_fini(&e);
    sc_event_fini(&again);
    sc_buf_fini(&json);
    sc_buf_fini(&doc);
    sc_buf_fini(&twice);
    return 0;
}
