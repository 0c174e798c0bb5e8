/* consul_entry.h: what consul_stream.c and consul_json.c share. */
#ifndef SIDECLAW_CONSUL_ENTRY_H
#define SIDECLAW_CONSUL_ENTRY_H

#include <jansson.h>

#include "sideclaw/consul_json.h"

/* One {"Key","Value","Session","CreateIndex","ModifyIndex"}; the entry points into obj and into
 * `value`, which is overwritten. SC_EPROTO when it is none (obj may be NULL). */
int sc_kv_entry_from_json(const json_t *obj, struct sc_buf *value,
                          struct sc_kv_entry *ret) SC_MUST_CHECK;

#endif
