#include "sideclaw/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum {
    STATUS_MAX = 256,
    WATCHDOG_MAX_US = INT32_MAX /* half an hour; who wants it less often gets it more often */
};

struct sc_notify {
    int fd;
    struct sockaddr_un to;
    socklen_t to_len;
};

/* An abstract name has a NUL for its '@' and none at its end. */
static int set_address(struct sc_notify *n, const char *address, struct sc_err *err)
{
    size_t len = strlen(address);
    if ((address[0] != '/' && address[0] != '@') || len < 2)
        return sc_fail(err, SC_EINVAL, "NOTIFY_SOCKET %s is no path and no abstract name", address);
    if (len >= sizeof n->to.sun_path)
        return sc_fail(err, SC_EINVAL, "NOTIFY_SOCKET is longer than %zu bytes",
                       sizeof n->to.sun_path - 1);
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, address, len);
    bool is_abstract = address[0] == '@';
    if (is_abstract)
        n->to.sun_path[0] = '\0';
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !is_abstract);
    return SC_OK;
}

struct sc_notify *sc_notify_new(const char *address, struct sc_err *err)
{
    struct sc_notify *n = sc_xcalloc(1, sizeof *n);
    n->fd = -1;
    if (set_address(n, address, err) < 0) {
        sc_notify_free(n);
        return NULL;
    }
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd < 0) {
        (void)sc_fail_errno(err, errno, "a socket for %s", address);
        sc_notify_free(n);
        return NULL;
    }
    return n;
}

void sc_notify_free(struct sc_notify *n)
{
    if (!n)
        return;
    if (n->fd >= 0)
        (void)close(n->fd); /* nothing is buffered here */
    free(n);
}

int sc_notify_say(struct sc_notify *n, const char *words, struct sc_err *err)
{
    if (!n)
        return SC_OK;
    ssize_t sent;
    do
        sent = sendto(n->fd, words, strlen(words), MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
                      n->to_len);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return sc_fail(err, SC_EBUSY, "the service manager does not read");
    if (sent < 0)
        return sc_fail_errno(err, errno, "tell the service manager");
    return SC_OK;
}

int sc_notify_status(struct sc_notify *n, const char *text, struct sc_err *err)
{
    sc_auto_buf struct sc_buf words = SC_BUF_INIT;
    size_t len = strnlen(text, STATUS_MAX);
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--; /* between characters */
    sc_buf_adds(&words, "STATUS=");
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n') /* which would begin a variable */
            sc_buf_addc(&words, ' ');
        else
            sc_buf_addc(&words, text[i]);
    return sc_notify_say(n, sc_buf_str(&words), err);
}

int64_t sc_notify_watchdog_ms(const char *usec, const char *pid)
{
    int64_t us, wanted;
    if (!usec || sc_parse_i64(usec, 1, INT64_MAX, &us, NULL) < 0)
        return 0;
    if (pid && (sc_parse_i64(pid, 1, INT32_MAX, &wanted, NULL) < 0 || wanted != getpid()))
        return 0;
    if (us > WATCHDOG_MAX_US)
        us = WATCHDOG_MAX_US;
    return us < 2000 ? 1 : us / 2000;
}
