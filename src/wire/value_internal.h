/* value_internal.h: for wire/ only: what is behind struct sc_value. */
#ifndef SIDECLAW_VALUE_INTERNAL_H
#define SIDECLAW_VALUE_INTERNAL_H

#include <jansson.h>

struct sc_value;
json_t *sc_value_json(const struct sc_value *v); /* borrowed */
struct sc_value *sc_value_of_json(json_t *take);

#endif
