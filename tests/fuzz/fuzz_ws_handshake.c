/* The head of a server's answer to a WebSocket upgrade; it arrives in two pieces, as bytes do. */
#include <stdlib.h>
#include <string.h>

#include "../../src/store/ws_handshake.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int read_head(const uint8_t *data, size_t n, size_t *head, int *status)
{
    return sc_ws_response_read(data, n, "dGhlIHNhbXBsZSBub25jZQ==", head, status, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t head = 0, half_head = 0;
    int status = 0;
    int r = read_head(data, n, &head, &status);
    if (r == SC_OK && head) {
        sc_assert(head <= n && memcmp(data + head - 4, "\r\n\r\n", 4) == 0);
        sc_assert(status >= 0 && status <= 999);
        /* Without its last byte it is not complete; what follows it does not matter. */
        sc_assert(read_head(data, head - 1, &half_head, &status) == SC_OK && half_head == 0);
        sc_assert(read_head(data, head, &half_head, &status) == SC_OK && half_head == head);
    }
    return 0;
}
