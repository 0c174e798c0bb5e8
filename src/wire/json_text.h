/* json_text.h: for wire/ only: JSON text without a tree. An envelope has fifteen members, and a
 * tree of them costs ten times the text (ADR 0014); what comes in is read by json_fast.c. */
#ifndef SIDECLAW_JSON_TEXT_H
#define SIDECLAW_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"

/* All of them continue a text that begins with a bracket. key NULL: in a list. */
void json_text_open(struct sc_buf *out, const char *key, char bracket);
void json_text_close(struct sc_buf *out, char bracket);
/* n bytes, escaped as jansson does; what is no UTF-8 becomes U+FFFD, because one such byte would
 * make the whole text unreadable. */
void json_text_strn(struct sc_buf *out, const char *key, const char *s, size_t n);
/* How many of the n bytes at s are ASCII that needs no escape; eight at a time. */
size_t json_text_plain(const char *s, size_t n);
/* A member that is left out when s is NULL. */
void json_text_str(struct sc_buf *out, const char *key, const char *s);
void json_text_int(struct sc_buf *out, const char *key, int64_t i);
void json_text_true(struct sc_buf *out, const char *key);
/* The members of a whole object, as they stand in its text. */
void json_text_members(struct sc_buf *out, const char *object);

#endif
