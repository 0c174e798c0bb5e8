#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

bool control_open(struct control *c, const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    *c = (struct control){ .fd = -1 };
    if (strlen(path) >= sizeof addr.sun_path) {
        (void)fprintf(stderr, "sideclaw_bench: %s is too long for a socket\n", path);
        return false;
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
        return true;
    perror("sideclaw_bench: control socket");
    return false;
}

void control_close(struct control *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    sc_buf_fini(&c->out);
}

bool control_flush(struct control *c)
{
    while (c->written < c->out.n) {
        ssize_t n =
            send(c->fd, c->out.p + c->written, c->out.n - c->written, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->written += (size_t)n;
    }
    sc_buf_clear(&c->out);
    c->written = 0;
    return true;
}

/* An answer that the chunk cuts in two is counted by its end; a refusal cut inside this word is
 * missed, but then its message is missed at the receiver. */
static void note_refusal(struct control *c, const char *chunk, size_t n)
{
    static const char word[] = "\"error\":";
    for (const char *p = chunk, *end = chunk + n;
         (p = memmem(p, (size_t)(end - p), word, sizeof word - 1)); p += sizeof word - 1) {
        if (c->refused++ == 0)
            (void)snprintf(c->first_refusal, sizeof c->first_refusal, "%.*s",
                           (int)(end - p > 200 ? 200 : end - p), p);
    }
}

bool control_read(struct control *c)
{
    char chunk[CHUNK];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    for (const char *p = chunk, *end = chunk + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        c->answered++;
    note_refusal(c, chunk, (size_t)n);
    return true;
}
