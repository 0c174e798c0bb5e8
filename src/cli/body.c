/* body.c: the text of a message, checked before the daemon is asked. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static int read_stdin(struct sc_buf *ret, struct sc_err *err)
{
    char chunk[16 * 1024];
    while (ret->n <= SC_BODY_MAX) {
        ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sc_fail_errno(err, errno, "standard input");
        if (n == 0)
            break;
        sc_buf_add(ret, chunk, (size_t)n);
    }
    return SC_OK;
}

static void join(const struct sc_args *args, struct sc_buf *ret)
{
    for (int i = 0; i < args->n_words; i++) {
        if (i)
            sc_buf_addc(ret, ' ');
        sc_buf_adds(ret, args->words[i]);
    }
}

static int read_body(const struct sc_args *args, struct sc_buf *ret, struct sc_err *err)
{
    const char *file = sc_args_text(args, "--file");
    bool words = args->n_words > 0;
    if (file && words) {
        (void)sc_fail(err, SC_EINVAL, "the text is given twice: by --file and as words");
        return sc_err_remedy(err, "keep one of them");
    }
    if (file && !sc_streq(file, "-"))
        return sc_file_read(file, SC_BODY_MAX, ret, err);
    if (file || (args->n_words == 1 && sc_streq(args->words[0], "-")) ||
        (!words && !isatty(STDIN_FILENO)))
        return read_stdin(ret, err);
    join(args, ret);
    return SC_OK;
}

int sc_cli_body(const struct sc_args *args, struct sc_buf *ret, struct sc_err *err)
{
    int r = read_body(args, ret, err);
    if (r == SC_OK && ret->n > SC_BODY_MAX)
        r = sc_fail(err, SC_ETOOBIG, "it has more than %d bytes", SC_BODY_MAX);
    if (r == SC_ETOOBIG) {
        (void)sc_err_wrap(err, "the body");
        return sc_err_remedy(err, "send it in parts, or where it can be found");
    }
    if (r < 0)
        return r;
    if (ret->n == 0) {
        (void)sc_fail(err, SC_EINVAL, "the body is empty");
        return sc_err_remedy(err, "give the text behind the flags, by --file F, or pipe it in");
    }
    if (memchr(ret->p, 0, ret->n))
        r = sc_fail(err, SC_EINVAL, "the body has a NUL byte and is no text");
    else if (!sc_utf8_valid(ret->p, ret->n))
        r = sc_fail(err, SC_EINVAL, "the body is not valid UTF-8");
    return r < 0 ? sc_err_remedy(err, "convert it: iconv -t UTF-8, or base64") : SC_OK;
}
