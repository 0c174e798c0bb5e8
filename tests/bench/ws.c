#include "ws.h"

#include <stdint.h>

enum {
    FIN = 0x80,
    MASKED = 0x80,
    LENGTH = 0x7f,
    TWO_BYTES = 126,
    EIGHT_BYTES = 127,
    MASK_BYTES = 4
};

void ws_add(struct sc_buf *out, const char *text, size_t n, bool masked)
{
    static const char mask[MASK_BYTES]; /* zeroes: a frame that is masked, and costs nothing */
    unsigned bit = masked ? MASKED : 0, bytes = n < TWO_BYTES ? 0 : n <= UINT16_MAX ? 2 : 8;
    sc_buf_addc(out, (char)(FIN | WS_TEXT));
    sc_buf_addc(out, (char)(bit | (bytes == 0   ? (unsigned)n
                                   : bytes == 2 ? (unsigned)TWO_BYTES
                                                : (unsigned)EIGHT_BYTES)));
    while (bytes-- > 0)
        sc_buf_addc(out, (char)(n >> (8 * bytes) & 0xff));
    if (masked)
        sc_buf_add(out, mask, sizeof mask);
    sc_buf_add(out, text, n);
}

size_t ws_take(char *p, size_t n, int *ret_op, char **ret_text, size_t *ret_n)
{
    if (n < 2)
        return 0;
    size_t head = 2, length = (unsigned char)p[1] & LENGTH;
    size_t bytes = length == TWO_BYTES ? 2 : length == EIGHT_BYTES ? 8 : 0;
    bool masked = (unsigned char)p[1] & MASKED;
    if (n < head + bytes + (masked ? MASK_BYTES : 0))
        return 0;
    for (length = bytes ? 0 : length; bytes > 0; bytes--)
        length = length << 8 | (unsigned char)p[head++];
    const char *mask = p + head;
    head += masked ? MASK_BYTES : 0;
    if (n - head < length)
        return 0;
    for (size_t i = 0; masked && i < length; i++)
        p[head + i] = (char)(p[head + i] ^ mask[i % MASK_BYTES]);
    *ret_op = p[0] & 0x0f;
    *ret_text = p + head;
    *ret_n = length;
    return head + length;
}
