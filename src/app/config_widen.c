/* config_widen.c: see sc_config_widen in config_reader.h. */
#include <ctype.h>
#include <string.h>

#include "config_reader.h"
#include "sideclaw/buf.h"

/* Length of the string or comment that begins at p, 0 when none does. */
static size_t skip(const char *p)
{
    if (*p == '"') {
        size_t i = 1;
        while (p[i] && p[i] != '"')
            i += p[i] == '\\' && p[i + 1] ? 2 : 1;
        return i + (p[i] == '"');
    }
    if (*p == '#' || (p[0] == '/' && p[1] == '/'))
        return strcspn(p, "\n");
    if (p[0] == '/' && p[1] == '*') {
        const char *end = strstr(p + 2, "*/");
        return end ? (size_t)(end - p) + 2 : strlen(p);
    }
    return 0;
}

/* Characters of a name or of a number: a run of them is one token. */
static size_t token(const char *p)
{
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || strchr("_*.-+", p[n]) ? p[n] != 0 : false)
        n++;
    return n;
}

static bool is_whole_number(const char *p, size_t n)
{
    size_t i = *p == '-' || *p == '+' ? 1 : 0;
    bool hex = n - i > 2 && p[i] == '0' && (p[i + 1] == 'x' || p[i + 1] == 'X');
    i += hex ? 2 : 0;
    if (i == n)
        return false;
    for (; i < n; i++)
        if (hex ? !isxdigit((unsigned char)p[i]) : !isdigit((unsigned char)p[i]))
            return false;
    return true;
}

void sc_config_widen(const char *text, struct sc_buf *out)
{
    for (const char *p = text; *p;) {
        size_t n = skip(p);
        bool number = false;
        if (n == 0) {
            n = token(p);
            number = n && is_whole_number(p, n);
        }
        if (n == 0)
            n = 1;
        sc_buf_add(out, p, n);
        if (number)
            sc_buf_addc(out, 'L');
        p += n;
    }
}
