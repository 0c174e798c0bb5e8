#include "json_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "sideclaw/parse.h"

static void begin(struct sc_buf *out, const char *key)
{
    char last = out->p[out->n - 1]; /* never the first: the whole text's bracket stands before */
    if (last != '{' && last != '[')
        sc_buf_addc(out, ',');
    if (!key)
        return;
    sc_buf_addc(out, '"');
    sc_buf_adds(out, key); /* ours: nothing to escape */
    sc_buf_add(out, "\":", 2);
}

void json_text_open(struct sc_buf *out, const char *key, char bracket)
{
    begin(out, key);
    sc_buf_addc(out, bracket);
}

void json_text_close(struct sc_buf *out, char bracket)
{
    sc_buf_addc(out, bracket);
}

/* Eight bytes at a time, because a body may have 256 KiB. (Bit tricks: a byte below b, or equal to
 * it, borrows into its top bit.) */
size_t json_text_plain(const char *s, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (uint64_t w; n - i >= sizeof w; i += sizeof w) {
        memcpy(&w, s + i, sizeof w);
        uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
        if (((w - ones * ' ') | (quote - ones) | (slash - ones) | w) & tops)
            break;
    }
    while (i < n && (unsigned char)s[i] >= ' ' && (unsigned char)s[i] < 0x80 && s[i] != '"' &&
           s[i] != '\\')
        i++;
    return i;
}

/* One character that is not plain; how many bytes it had. */
static size_t add_special(struct sc_buf *out, const char *s, size_t n)
{
    static const char escapes[] = { ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                    ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't' };
    unsigned char c = (unsigned char)s[0];
    size_t len = sc_utf8_next(s, n);
    if (c < sizeof escapes && escapes[c]) {
        const char pair[] = { '\\', escapes[c] };
        sc_buf_add(out, pair, sizeof pair);
    } else if (c < ' ') {
        sc_buf_addf(out, "\\u%04X", c);
    } else if (len) {
        sc_buf_add(out, s, len);
    } else {
        sc_buf_adds(out, "\xef\xbf\xbd");
    }
    return len ? len : 1;
}

void json_text_strn(struct sc_buf *out, const char *key, const char *s, size_t n)
{
    begin(out, key);
    sc_buf_addc(out, '"');
    for (size_t i = 0; i < n;) {
        size_t plain = json_text_plain(s + i, n - i);
        sc_buf_add(out, s + i, plain);
        i += plain;
        if (i < n)
            i += add_special(out, s + i, n - i);
    }
    sc_buf_addc(out, '"');
}

void json_text_str(struct sc_buf *out, const char *key, const char *s)
{
    if (s)
        json_text_strn(out, key, s, strlen(s));
}

void json_text_int(struct sc_buf *out, const char *key, int64_t i)
{
    begin(out, key);
    sc_buf_addf(out, "%" PRId64, i);
}

void json_text_true(struct sc_buf *out, const char *key)
{
    begin(out, key);
    sc_buf_adds(out, "true");
}

void json_text_members(struct sc_buf *out, const char *object)
{
    size_t n = strlen(object);
    if (n <= 2)
        return; /* {} */
    begin(out, NULL);
    sc_buf_add(out, object + 1, n - 2);
}
