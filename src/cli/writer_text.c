/* writer_text.c: lines, fields and colours for people. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/clock.h"
#include "sideclaw/mem.h"
#include "writer.h"

enum { FIELD_WIDTH = 10 };

static void result(struct sc_writer *w, const struct sc_value *v, sc_show_fn *show)
{
    show(w, v);
}

const struct sc_writer_ops sc_writer_text = { .result = result };

bool sc_writer_flush(struct sc_writer *w)
{
    size_t done = 0;
    while (done < w->out.n) {
        ssize_t n = write(w->fd, w->out.p + done, w->out.n - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    sc_buf_clear(&w->out);
    return true;
}

void sc_writer_line(struct sc_writer *w, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    sc_assert(n >= 0);
    sc_buf_add(&w->out, text, (size_t)n);
    sc_buf_addc(&w->out, '\n');
    free(text);
}

void sc_writer_field(struct sc_writer *w, const char *name, const char *value)
{
    if (value && *value)
        sc_writer_line(w, "%-*s %s", FIELD_WIDTH, name, value);
}

/* C0 controls but tab and newline, DEL, and C1 (U+0080 to U+009F, in UTF-8 after the byte C2). */
static bool steers(const unsigned char *p)
{
    return (*p < ' ' && *p != '\t' && *p != '\n') || *p == 0x7f ||
           (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f);
}

void sc_writer_body(struct sc_writer *w, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    for (; *p; p++) {
        if (w->is_terminal && steers(p)) {
            sc_buf_addc(&w->out, '?');
            p += *p == 0xc2;
        } else {
            sc_buf_addc(&w->out, (char)*p);
        }
    }
    if (!*text || p[-1] != '\n')
        sc_buf_addc(&w->out, '\n');
}

void sc_writer_word(struct sc_writer *w, const char *word)
{
    static const struct {
        const char *word, *colour;
    } colours[] = {
        { "healthy", "32" },  { "up", "32" },      { "ready", "32" },    { "ok", "32" },
        { "active", "32" },   { "replied", "32" }, { "degraded", "33" }, { "starting", "33" },
        { "draining", "33" }, { "busy", "33" },    { "dead", "31" },     { "down", "31" },
        { "bad", "31" },      { "absent", "31" },  { "frozen", "31" },   { "refused", "31" },
        { "offline", "31" },
    };
    for (size_t i = 0; w->colour && i < SC_ARRAY_LEN(colours); i++) {
        if (sc_streq(colours[i].word, word)) {
            sc_buf_addf(&w->out, "\033[%sm%s\033[0m", colours[i].colour, word);
            return;
        }
    }
    sc_buf_adds(&w->out, word ? word : "-");
}

const char *sc_age(const char *rfc3339, char ret[24])
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    struct sc_err err = SC_ERR_INIT;
    sc_wall then;
    if (!rfc3339 || sc_wall_parse(rfc3339, &then, &err) < 0)
        return "-";
    const struct sc_clock clock = sc_clock_system();
    int64_t s = (sc_clock_wall(&clock).ms - then.ms) / 1000;
    s = s < 0 ? 0 : s;
    size_t u = 0;
    while (u + 1 < SC_ARRAY_LEN(units) && s < 2 * units[u].seconds)
        u++;
    (void)snprintf(ret, 24, "%lld%c", (long long)(s / units[u].seconds), units[u].unit);
    return ret;
}
