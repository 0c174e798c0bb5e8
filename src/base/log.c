#include "sideclaw/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { VALUE_MAX = 512 };

struct sc_log {
    int fd;
    enum sc_log_level level;
    char *node;
    struct sc_clock clock;
    struct sc_buf line; /* reused, so that a line costs no allocation */
};

static const char *const level_names[] = {
    [SC_LOG_DEBUG] = "debug",
    [SC_LOG_INFO] = "info",
    [SC_LOG_WARN] = "warn",
    [SC_LOG_ERROR] = "error",
};

struct sc_log *sc_log_new(int fd, enum sc_log_level level, const char *node, struct sc_clock clock)
{
    struct sc_log *log = sc_xcalloc(1, sizeof *log);
    log->fd = fd;
    log->level = level;
    log->node = sc_xstrdup(node);
    log->clock = clock;
    return log;
}

void sc_log_free(struct sc_log *log)
{
    if (!log)
        return;
    free(log->node);
    sc_buf_fini(&log->line);
    free(log);
}

void sc_log_set_level(struct sc_log *log, enum sc_log_level level)
{
    log->level = level;
}

bool sc_log_enabled(const struct sc_log *log, enum sc_log_level level)
{
    return log && level >= log->level;
}

bool sc_log_level_parse(const char *s, enum sc_log_level *ret)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(level_names); i++) {
        if (sc_streq(s, level_names[i])) {
            *ret = (enum sc_log_level)i;
            return true;
        }
    }
    return false;
}

/* Bytes of the character at s that may stand as they are; 0 for broken UTF-8 and for control
 * characters, those of eight bits (U+0080 to U+009F) included. */
static size_t printable(const char *s, size_t n)
{
    size_t len = sc_utf8_next(s, n);
    unsigned char c = (unsigned char)s[0];
    bool control = c < ' ' || c == 0x7f || (c == 0xc2 && len == 2 && (unsigned char)s[1] < 0xa0);
    return control ? 0 : len;
}

static bool plain(const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        len = printable(s + i, n - i);
        if (len == 0 || strchr(" \"=\\", s[i]))
            return false;
    }
    return n > 0;
}

/* Control bytes are escaped, so that a hostile value cannot forge a line or drive a terminal. */
static void add_text(struct sc_buf *out, const char *s)
{
    size_t n = sc_utf8_prefix(s, VALUE_MAX);
    if (plain(s, n)) {
        sc_buf_add(out, s, n);
        return;
    }
    sc_buf_addc(out, '"');
    for (size_t i = 0, len; i < n; i += len) {
        len = printable(s + i, n - i);
        if (s[i] == '"' || s[i] == '\\')
            sc_buf_addc(out, '\\');
        if (len)
            sc_buf_add(out, s + i, len);
        else if (s[i] == '\n')
            sc_buf_adds(out, "\\n");
        else
            sc_buf_addf(out, "\\x%02x", (unsigned char)s[i]);
        len = len ? len : 1;
    }
    sc_buf_addc(out, '"');
}

static void add_field(struct sc_buf *out, const struct sc_field *f)
{
    char id[SC_ID_TEXT_SIZE];
    sc_buf_addf(out, " %s=", f->key);
    switch (f->type) {
    case SC_FIELD_STR:
        add_text(out, f->s ? f->s : "");
        break;
    case SC_FIELD_INT:
        sc_buf_addf(out, "%" PRId64, f->i);
        break;
    case SC_FIELD_ID:
        sc_id_format(f->id, id);
        sc_buf_adds(out, id);
        break;
    }
}

void sc_log_write(struct sc_log *log, enum sc_log_level level, const char *event,
                  const struct sc_field *fields, int n)
{
    if (!sc_log_enabled(log, level))
        return;
    char ts[SC_RFC3339_SIZE];
    sc_wall_format(sc_clock_wall(&log->clock), ts);
    struct sc_buf *out = &log->line;
    sc_buf_clear(out);
    sc_buf_addf(out, "ts=%s level=%s event=%s", ts, level_names[level], event);
    if (log->node)
        add_field(out, &SC_S("node", log->node));
    for (int i = 0; i < n; i++)
        add_field(out, &fields[i]);
    sc_buf_addc(out, '\n');
    /* A full or closed log must not stop the daemon: the line is lost, nothing else. */
    ssize_t w = write(log->fd, out->p, out->n);
    (void)w;
}
