#include "sideclaw/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/loop.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { VALUE_MAX = 512, GATHER_MAX = 64 * 1024 };

struct sc_log {
    int fd;
    enum sc_log_level level;
    char *node;
    struct sc_clock clock;
    struct sc_buf lines;  /* not written yet; reused, so that a line costs no allocation */
    struct sc_loop *loop; /* NULL: each line is written at once */
    bool queued;          /* the loop will write them */
    sc_wall ts_of;        /* what `ts` says */
    char ts[SC_RFC3339_SIZE];
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

/* A full or closed log must not stop the daemon: what it does not take is lost, nothing else. */
static void flush(void *ctx)
{
    struct sc_log *log = ctx;
    log->queued = false;
    ssize_t w = write(log->fd, log->lines.p, log->lines.n);
    (void)w;
    sc_buf_clear(&log->lines);
}

void sc_log_gather(struct sc_log *log, struct sc_loop *loop)
{
    if (log->queued) {
        sc_loop_undefer(log->loop, flush, log);
        flush(log);
    }
    log->loop = loop;
}

void sc_log_free(struct sc_log *log)
{
    if (!log)
        return;
    sc_log_gather(log, NULL);
    free(log->node);
    sc_buf_fini(&log->lines);
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
        len = s[i] > ' ' && s[i] < 0x7f ? 1 : printable(s + i, n - i);
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
    sc_buf_addc(out, ' ');
    sc_buf_adds(out, f->key);
    sc_buf_addc(out, '=');
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

/* Hundreds of lines may fall into one millisecond. */
static const char *timestamp(struct sc_log *log)
{
    sc_wall now = sc_clock_wall(&log->clock);
    if (!log->ts[0] || now.ms != log->ts_of.ms)
        sc_wall_format(now, log->ts);
    log->ts_of = now;
    return log->ts;
}

static void add_line(struct sc_log *log, enum sc_log_level level, const char *event,
                     const struct sc_field *fields, int n)
{
    struct sc_buf *out = &log->lines;
    sc_buf_adds(out, "ts=");
    sc_buf_adds(out, timestamp(log));
    sc_buf_adds(out, " level=");
    sc_buf_adds(out, level_names[level]);
    sc_buf_adds(out, " event=");
    sc_buf_adds(out, event);
    if (log->node)
        add_field(out, &SC_S("node", log->node));
    for (int i = 0; i < n; i++)
        add_field(out, &fields[i]);
    sc_buf_addc(out, '\n');
}

void sc_log_write(struct sc_log *log, enum sc_log_level level, const char *event,
                  const struct sc_field *fields, int n)
{
    if (!sc_log_enabled(log, level))
        return;
    add_line(log, level, event, fields, n);
    if (!log->loop || level >= SC_LOG_WARN || log->lines.n > GATHER_MAX) {
        if (log->queued)
            sc_loop_undefer(log->loop, flush, log);
        flush(log);
    } else if (!log->queued) {
        log->queued = true;
        sc_loop_defer(log->loop, flush, log);
    }
}
