#include "sideclaw/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sideclaw/parse.h"

static const char *const code_names[] = {
    [0] = "ok",
    [-SC_EINVAL] = "invalid",
    [-SC_ENOENT] = "not_found",
    [-SC_EEXIST] = "conflict",
    [-SC_ETOOBIG] = "too_big",
    [-SC_EFULL] = "full",
    [-SC_EAUTH] = "unauthorized",
    [-SC_EPERM] = "forbidden",
    [-SC_EAWAY] = "away",
    [-SC_ETIMEDOUT] = "timed_out",
    [-SC_EPROTO] = "protocol",
    [-SC_EIO] = "io",
    [-SC_EBUSY] = "busy",
    [-SC_ECONFIG] = "config",
    [-SC_ECANCELED] = "canceled",
};

const char *sc_code_name(enum sc_code code)
{
    int i = -(int)code;
    if (i < 0 || (size_t)i >= sizeof code_names / sizeof code_names[0])
        return "unknown";
    return code_names[i];
}

/* Errors quote hostile input and end in JSON, in a log and on a terminal: what is no clean UTF-8,
 * or was cut inside a character, becomes question marks. */
static void clean(char *s)
{
    for (size_t len; *s; s += len) {
        len = sc_utf8_next(s, strlen(s));
        if (len == 0 || (unsigned char)*s < ' ' || *s == 0x7f) {
            *s = '?';
            len = 1;
        }
    }
}

SC_PRINTF(3, 0)
static void set_text(struct sc_err *err, enum sc_code code, const char *fmt, va_list ap)
{
    err->code = code;
    err->remedy[0] = 0;
    if (vsnprintf(err->text, sizeof err->text, fmt, ap) < 0)
        err->text[0] = 0;
    clean(err->text);
}

int sc_fail(struct sc_err *err, enum sc_code code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
    }
    return code;
}

int sc_fail_errno(struct sc_err *err, int errnum, const char *fmt, ...)
{
    enum sc_code code = errnum == ENOSPC || errnum == EDQUOT ? SC_EFULL : SC_EIO;
    if (!err)
        return code;
    va_list ap;
    va_start(ap, fmt);
    set_text(err, code, fmt, ap);
    va_end(ap);
    size_t n = strlen(err->text);
    char buf[128];
    /* strerror_r, GNU form: the result may or may not be in buf. */
    (void)snprintf(err->text + n, sizeof err->text - n, ": %s",
                   strerror_r(errnum, buf, sizeof buf));
    return code;
}

int sc_err_wrap(struct sc_err *err, const char *fmt, ...)
{
    if (!err)
        return SC_EIO;
    char inner[SC_ERR_TEXT_MAX];
    memcpy(inner, err->text, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : strlen(err->text);
    /* Cut at the end when both are long: the outer words name the thing, and come first. */
    if (snprintf(err->text + used, sizeof err->text - used, ": %s", inner) < 0)
        err->text[used] = 0;
    clean(err->text);
    return err->code;
}

int sc_err_remedy(struct sc_err *err, const char *fmt, ...)
{
    if (!err)
        return SC_EIO;
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(err->remedy, sizeof err->remedy, fmt, ap) < 0)
        err->remedy[0] = 0;
    va_end(ap);
    clean(err->remedy);
    return err->code;
}
