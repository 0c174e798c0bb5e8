/* value.h: JSON as an opaque value, so that jansson stops at wire/ (ADR 0004). Reference counted
 * inside; sc_value_free drops one reference, NULL is fine. */
#ifndef SIDECLAW_VALUE_H
#define SIDECLAW_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"

struct sc_value;

struct sc_value *sc_value_object(void);
struct sc_value *sc_value_array(void);
struct sc_value *sc_value_str(const char *s);
struct sc_value *sc_value_int(int64_t i);
struct sc_value *sc_value_bool(bool b);
void sc_value_free(struct sc_value *v);
void sc_value_freep(struct sc_value **v);
#define sc_auto_value __attribute__((cleanup(sc_value_freep)))
struct sc_value *sc_value_ref(const struct sc_value *v);
struct sc_value *sc_value_copy(const struct sc_value *v); /* all of it, shared with nobody */
bool sc_value_equal(const struct sc_value *a, const struct sc_value *b);

/* Set a member. NULL or invalid-UTF-8 text becomes JSON null. `take` becomes the object's. */
void sc_value_set(struct sc_value *obj, const char *key, struct sc_value *take);
void sc_value_set_str(struct sc_value *obj, const char *key, const char *s);
void sc_value_set_int(struct sc_value *obj, const char *key, int64_t i);
void sc_value_set_real(struct sc_value *obj, const char *key, double d);
void sc_value_set_bool(struct sc_value *obj, const char *key, bool b);
void sc_value_del(struct sc_value *obj, const char *key); /* no such member: nothing happens */
void sc_value_add(struct sc_value *arr, struct sc_value *take);
void sc_value_add_str(struct sc_value *arr, const char *s);

/* Readers: borrowed results; NULL, 0, false or the default when absent or of another type. */
bool sc_value_is_object(const struct sc_value *v);
bool sc_value_is_array(const struct sc_value *v);
bool sc_value_is_str(const struct sc_value *v);
bool sc_value_is_int(const struct sc_value *v);
bool sc_value_is_number(const struct sc_value *v);
bool sc_value_is_bool(const struct sc_value *v);
bool sc_value_is_null(const struct sc_value *v);
const char *sc_value_text(const struct sc_value *v); /* of a string */
size_t sc_value_text_len(const struct sc_value *v);
int64_t sc_value_num(const struct sc_value *v);
bool sc_value_true(const struct sc_value *v);
struct sc_value *sc_value_get(const struct sc_value *obj, const char *key);
const char *sc_value_get_str(const struct sc_value *obj, const char *key);
int64_t sc_value_get_int(const struct sc_value *obj, const char *key, int64_t dflt);
bool sc_value_get_bool(const struct sc_value *obj, const char *key, bool dflt);
size_t sc_value_count(const struct sc_value *v); /* members or elements */
struct sc_value *sc_value_at(const struct sc_value *arr, size_t i);
/* Visit an object's members; return false to stop. */
typedef bool sc_value_fn(void *ctx, const char *key, const struct sc_value *v);
void sc_value_each(const struct sc_value *obj, sc_value_fn *fn, void *ctx);

/* sc_value_parse: one JSON text of n bytes, any type at the top; duplicate keys, NULs, depth above
 * jansson's 2048 and trailing bytes are refused with the byte position. NULL on failure. */
struct sc_value *sc_value_parse(const char *text, size_t n, struct sc_err *err);
/* Compact, appended. sc_value_dump_pretty: two blanks of indent, for people. */
void sc_value_dump(const struct sc_value *v, struct sc_buf *out);
void sc_value_dump_pretty(const struct sc_value *v, struct sc_buf *out);

#endif
