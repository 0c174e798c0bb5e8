/* ws_handshake.h: for store/ only: the HTTP exchange that opens a WebSocket (RFC 6455, 4.1). */
#ifndef SIDECLAW_WS_HANDSHAKE_H
#define SIDECLAW_WS_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"

enum { SC_WS_KEY_SIZE = 25, SC_WS_ACCEPT_SIZE = 29 }; /* base64 of 16 and 20 bytes, with the NUL */

/* 16 random bytes: proves that the answer is to this request. */
void sc_ws_key_new(char ret[SC_WS_KEY_SIZE]);
/* What a server must answer to a key: base64(SHA-1(key + the RFC's constant)). */
void sc_ws_accept_for(const char *key, char ret[SC_WS_ACCEPT_SIZE]);

void sc_ws_request_write(struct sc_buf *out, const char *host, uint16_t port, const char *path,
                         const char *key);

/* sc_ws_response_read: the head of the server's answer, at the start of n bytes.
 * Result: SC_OK with *ret_head the bytes the head takes, 0 when it has not all arrived, and
 * *ret_status the HTTP status; a 101 has been checked against the key. SC_EPROTO, SC_ETOOBIG. */
int sc_ws_response_read(const uint8_t *p, size_t n, const char *key, size_t *ret_head,
                        int *ret_status, struct sc_err *err) SC_MUST_CHECK;

#endif
