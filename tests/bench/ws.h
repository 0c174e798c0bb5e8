/* ws.h: WebSocket frames as far as a gateway and its client on loopback need them: whole text
 * messages, no extensions, no fragments. */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include "sideclaw/buf.h"

#include "bench.h"

enum { WS_TEXT = 1, WS_CLOSE = 8 };

/* Appends a text frame; a client's are masked. */
void ws_add(struct sc_buf *out, const char *text, size_t n, bool masked);
/* The first frame of n bytes, unmasked in place. Returns the bytes it takes, 0: not all are there.
 */
size_t ws_take(char *p, size_t n, int *ret_op, char **ret_text, size_t *ret_n);

#endif
