/* json_fast.h: for wire/ only: the JSON that sidecars and clients really send, read ten times as
 * fast as jansson does, which looks at every character of a body three times. It makes jansson's
 * values. */
#ifndef SIDECLAW_JSON_FAST_H
#define SIDECLAW_JSON_FAST_H

#include <jansson.h>

/* sc_json_fast: the value, of any type, or NULL: not valid, or something rare (\u, fractions, a key
 * said twice, deep nesting). jansson then has the word, and says what is wrong. What is read here
 * jansson would read as an equal value (tests/fuzz/fuzz_value.c). */
json_t *sc_json_fast(const char *text, size_t n);

#endif
