#include "sideclaw/memory_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sideclaw/parse.h"

enum { HLC_DIGITS = 16, SHA1_DIGITS = 40, EXPIRES_DIGITS = 15 };

void sc_memory_hlc_format(uint64_t hlc, char ret[SC_MEMORY_HLC_SIZE])
{
    (void)snprintf(ret, SC_MEMORY_HLC_SIZE, "%016" PRIx64, hlc);
}

void sc_memory_clock_format(const struct sc_memory_clock *c, char ret[SC_MEMORY_CLOCK_SIZE])
{
    (void)snprintf(ret, SC_MEMORY_CLOCK_SIZE, "1 %016" PRIx64 " %c %" PRId64 " - %s", c->stamp.hlc,
                   c->deleted ? 'd' : 'v', c->expires.ms, c->stamp.node);
}

/* Of the next word; 0 when there is none of at most `max` bytes. */
static size_t word(const char *p, const char *end, size_t max)
{
    const char *blank = memchr(p, ' ', (size_t)(end - p));
    size_t n = (size_t)((blank ? blank : end) - p);
    return n <= max ? n : 0;
}

static bool read_hex(const char *p, size_t n, uint64_t *ret)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        bool digit = p[i] >= '0' && p[i] <= '9';
        if (!digit && !(p[i] >= 'a' && p[i] <= 'f'))
            return false;
        v = v << 4 | (uint64_t)(digit ? p[i] - '0' : p[i] - 'a' + 10);
    }
    *ret = v;
    return true;
}

static bool read_number(const char *p, size_t n, int64_t *ret)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *ret = v;
    return n > 0;
}

/* Everything behind "1 ". */
static bool read_fields(const char *p, const char *end, struct sc_memory_clock *ret)
{
    char node[SC_NAME_MAX + 1] = "";
    uint64_t unused;
    size_t n = word(p, end, HLC_DIGITS);
    if (n != HLC_DIGITS || !read_hex(p, n, &ret->stamp.hlc) || ret->stamp.hlc > INT64_MAX)
        return false;
    p += n + 1;
    if (end - p < 2 || (p[0] != 'v' && p[0] != 'd') || p[1] != ' ')
        return false;
    ret->deleted = p[0] == 'd';
    p += 2;
    n = word(p, end, EXPIRES_DIGITS);
    if (!read_number(p, n, &ret->expires.ms) || p + n == end)
        return false;
    p += n + 1;
    n = word(p, end, SHA1_DIGITS);
    if (p + n == end || !(n == SHA1_DIGITS ? read_hex(p, n, &unused) : n == 1 && *p == '-'))
        return false;
    p += n + 1;
    n = (size_t)(end - p);
    if (n == 0 || n > SC_NAME_MAX || memchr(p, 0, n))
        return false;
    memcpy(node, p, n);
    if (sc_name_check("node", node, NULL) < 0)
        return false;
    memcpy(ret->stamp.node, node, sizeof node);
    return true;
}

int sc_memory_clock_parse(const char *text, size_t n, struct sc_memory_clock *ret,
                          struct sc_err *err)
{
    struct sc_memory_clock c = { .deleted = false };
    if (n < 2 || text[0] != '1' || text[1] != ' ' || !read_fields(text + 2, text + n, &c))
        return sc_fail(err, SC_EPROTO, "it is no stamp of a key");
    *ret = c;
    return SC_OK;
}
