/* event_json.h: an event as the list, the channel and the shared documents carry it. */
#ifndef SIDECLAW_EVENT_JSON_H
#define SIDECLAW_EVENT_JSON_H

#include "sideclaw/buf.h"
#include "sideclaw/event.h"

/* One compact object, appended: {"id","at","kind","agent","gateway","text"}, without what is
 * absent. */
void sc_event_to_json(const struct sc_event *e, struct sc_buf *out);
/* sc_event_from_text: what somebody pushed. An object is read by its fields; any other text is the
 * event's text, cut at SC_EVENT_TEXT_MAX; what is no UTF-8 is only counted. *ret is the caller's to
 * fini; it cannot fail. */
void sc_event_from_text(const char *text, size_t n, struct sc_event *ret);

/* sc_recommendations_add: the document with one more on top, an entry a line, SC_ADVICE_MAX at
 * most; the same id again changes nothing. What is there and no such list is kept as an entry of
 * its text. */
void sc_recommendations_add(const char *old, size_t n, const struct sc_event *e,
                            struct sc_buf *out);

#endif
