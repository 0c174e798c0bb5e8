/* What a key may be called, and whose memory an agent may read. */
#include <string.h>

#include "memory_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static const char blanks[] = ", \t";

int sc_memory_key_check(const char *key, struct sc_err *err)
{
    size_t n = key ? strlen(key) : 0;
    if (n == 0 || n > SC_MEMORY_KEY_MAX) {
        (void)sc_fail(err, SC_EINVAL, "key: it has %zu bytes; 1 to %d are fine", n,
                      SC_MEMORY_KEY_MAX);
        return sc_err_remedy(err, "use a short name, like current-task");
    }
    for (const char *p = key; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("\"'\\`", *p)) {
            (void)sc_fail(err, SC_EINVAL, "key: byte 0x%02x is not allowed in it",
                          (unsigned)(unsigned char)*p);
            return sc_err_remedy(err, "use letters, digits and . _ - : /");
        }
    return SC_OK;
}

/* The next rule, NUL-terminated in `rule`; false when there is none, or none that fits. */
static bool next_rule(const char **rest, char *rule, size_t size, size_t *ret_n)
{
    const char *p = *rest + strspn(*rest, blanks);
    size_t n = strcspn(p, blanks);
    *rest = p + n;
    *ret_n = n;
    if (n == 0 || n >= size)
        return false;
    memcpy(rule, p, n);
    rule[n] = 0;
    return true;
}

static bool is_name(const char *s)
{
    return sc_streq(s, "*") || sc_name_check("agent", s, NULL) == SC_OK;
}

enum { RULE_SIZE = 2 * SC_NAME_MAX + 2 };

int sc_memory_readable_check(const char *rules, struct sc_err *err)
{
    char rule[RULE_SIZE];
    size_t n;
    while (next_rule(&rules, rule, sizeof rule, &n)) {
        char *colon = strchr(rule, ':');
        if (colon)
            *colon = 0;
        if (!colon || !is_name(rule) || !is_name(colon + 1)) {
            if (colon)
                *colon = ':';
            return sc_fail(err, SC_EINVAL, "'%.80s' is not READER:OWNER", rule);
        }
    }
    return n ? sc_fail(err, SC_EINVAL, "a rule is too long to be READER:OWNER") : SC_OK;
}

void sc_memory_set_readable(struct sc_memory *m, const char *rules)
{
    sc_set_str(&m->readable, rules ? rules : "");
}

static bool names(const char *word, const char *agent)
{
    return sc_streq(word, "*") || sc_streq(word, agent);
}

bool sc_memory_may_read(const struct sc_memory *m, const char *reader, const char *owner)
{
    char rule[RULE_SIZE];
    size_t n;
    const char *rest = m->readable;
    if (!reader || sc_streq(reader, owner))
        return true;
    while (next_rule(&rest, rule, sizeof rule, &n)) {
        char *colon = strchr(rule, ':');
        if (!colon)
            continue;
        *colon = 0;
        if (names(rule, reader) && names(colon + 1, owner))
            return true;
    }
    return false;
}
