#include "sideclaw/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"

int sc_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret, struct sc_err *err)
{
    /* strtoll would skip blanks of every kind and take a plus sign. */
    if (!s || (*s != '-' && (*s < '0' || *s > '9')))
        return sc_fail(err, SC_EINVAL, "'%.40s' is not a number", s ? s : "");
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (*end || end == s)
        return sc_fail(err, SC_EINVAL, "'%.40s' is not a number", s);
    if (errno == ERANGE || v < min || v > max)
        return sc_fail(err, SC_EINVAL, "%.40s is not between %" PRId64 " and %" PRId64, s, min,
                       max);
    *ret = v;
    return SC_OK;
}

/* RFC 3629, table of section 4. */
size_t sc_utf8_next(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    if (n == 0 || s[0] == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f;
    bool beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

bool sc_utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        /* Nearly all of it is ASCII, and a body may have 256 KiB. */
        len = (unsigned char)(s[i] - 1) < 0x7f ? 1 : sc_utf8_next(s + i, n - i);
        if (len == 0)
            return false;
    }
    return true;
}

size_t sc_utf8_prefix(const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    if (n < max)
        return n;
    while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

int sc_name_check(const char *what, const char *s, struct sc_err *err)
{
    if (!s || !*s)
        return sc_fail(err, SC_EINVAL, "%s is empty", what);
    size_t n = strnlen(s, SC_NAME_MAX + 1);
    if (n > SC_NAME_MAX)
        return sc_fail(err, SC_EINVAL, "%s is longer than %d bytes", what, SC_NAME_MAX);
    if (s[0] == '.')
        return sc_fail(err, SC_EINVAL, "%s '%.40s' begins with a dot", what, s);
    for (size_t i = 0; i < n; i++)
        if (!name_char(s[i]))
            return sc_fail(err, SC_EINVAL,
                           "%s has a character at byte %zu that is not of A-Z a-z 0-9 . _ -", what,
                           i);
    return SC_OK;
}

void sc_hex(const uint8_t *p, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[p[i] >> 4];
        ret[2 * i + 1] = digits[p[i] & 15];
    }
    ret[2 * n] = 0;
}
