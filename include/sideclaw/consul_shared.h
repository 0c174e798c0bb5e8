/* consul_shared.h: <prefix>/shared/{current-tasks,recent-events,recommendations} in Consul KV, for
 * people with `consul kv get`. The first two are views of what is elsewhere: the leader writes
 * them, with a check-and-set, when they changed and at most every few seconds. Recommendations are
 * added by whichever sidecar's agent has one. */
#ifndef SIDECLAW_CONSUL_SHARED_H
#define SIDECLAW_CONSUL_SHARED_H

#include "sideclaw/consul_directory.h"
#include "sideclaw/event.h"

enum sc_shared_doc { SC_SHARED_TASKS, SC_SHARED_EVENTS, SC_SHARED_DOCS };

/* sc_consul_shared_source: who knows what a document should say. While this sidecar leads it is
 * asked every few seconds, and answers with sc_consul_shared_answer, at once or later; not to
 * answer leaves the document as it is. A document without a source is not written. */
typedef void sc_shared_ask_fn(void *ctx);
void sc_consul_shared_source(struct sc_consul *c, enum sc_shared_doc doc, sc_shared_ask_fn *ask,
                             void *ctx);
/* `text` is copied; above SC_SHARED_DOC_MAX bytes it is refused, with a log line. */
void sc_consul_shared_answer(struct sc_consul *c, enum sc_shared_doc doc, const char *text,
                             size_t n);

/* sc_consul_recommend: put it on top of the recommendations; while Consul is away it waits here
 * (SC_ADVICE_WAITING_MAX, the oldest go). */
void sc_consul_recommend(struct sc_consul *c, const struct sc_event *e);

#endif
