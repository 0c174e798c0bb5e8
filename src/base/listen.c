#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "sideclaw/stream.h"

enum { BACKLOG = 128 };

struct sc_listener {
    struct evconnlistener *ev;
    sc_accept_fn *fn;
    void *ctx;
    char *path;
};

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa, int len,
                      void *ctx)
{
    struct sc_listener *l = ctx;
    (void)ev;
    (void)sa;
    (void)len;
    l->fn(l->ctx, fd);
}

/* Does somebody answer there? A file left by a crash does not; one that is stopped has a full queue
 * of callers, in which we must not wait. */
static bool is_alive(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool alive = connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0 || errno == EAGAIN;
    (void)close(fd);
    return alive;
}

/* A mistyped path must cost nobody their file. */
static bool is_other_file(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/* The umask gives the mode from birth: a chmod afterwards would leave a moment for others. */
static int bind_private(const struct sockaddr_un *sun, struct sc_err *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return sc_fail_errno(err, errno, "control socket");
    mode_t old = umask(0177);
    int r = bind(fd, (const struct sockaddr *)sun, sizeof *sun);
    int saved = errno;
    (void)umask(old);
    if (r < 0) {
        (void)close(fd);
        return sc_fail_errno(err, saved, "bind %s", sun->sun_path);
    }
    return fd;
}

struct sc_listener *sc_listen_unix(struct sc_loop *loop, const char *path, sc_accept_fn *fn,
                                   void *ctx, struct sc_err *err)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    if (n >= sizeof sun.sun_path) {
        (void)sc_fail(err, SC_ECONFIG,
                      "the socket path %.60s... is %zu bytes long, %zu is the most", path, n,
                      sizeof sun.sun_path - 1);
        (void)sc_err_remedy(err, "set control.socket to a shorter path, or state_dir");
        return NULL;
    }
    memcpy(sun.sun_path, path, n + 1);
    if (is_alive(&sun)) {
        (void)sc_fail(err, SC_EEXIST, "another sideclawd answers on %s", path);
        (void)sc_err_remedy(err, "stop it, or give this one its own state_dir");
        return NULL;
    }
    if (is_other_file(path)) {
        (void)sc_fail(err, SC_ECONFIG, "%s is there already, and is no socket", path);
        (void)sc_err_remedy(err, "set control.socket to another path, or move the file away");
        return NULL;
    }
    (void)unlink(path);
    int fd = bind_private(&sun, err);
    if (fd < 0)
        return NULL;
    struct sc_listener *l = sc_xcalloc(1, sizeof *l);
    l->fn = fn;
    l->ctx = ctx;
    l->path = sc_xstrdup(path);
    l->ev = evconnlistener_new(sc_loop_event_base(loop), on_accept, l,
                               LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (!l->ev) {
        (void)sc_fail_errno(err, errno, "listen on %s", path);
        (void)close(fd);
        sc_listener_free(l);
        return NULL;
    }
    return l;
}

void sc_listener_free(struct sc_listener *l)
{
    if (!l)
        return;
    if (l->ev)
        evconnlistener_free(l->ev);
    (void)unlink(l->path);
    free(l->path);
    free(l);
}
