#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "sideclaw/notify.h"

/* A service manager: a bound datagram socket. */
struct manager {
    int fd;
    char address[80]; /* as in NOTIFY_SOCKET */
    char dir[64];
};

static void listen_at(struct manager *m, const char *address)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    size_t n = strlen(address);
    (void)snprintf(m->address, sizeof m->address, "%s", address);
    memcpy(a.sun_path, address, n);
    if (a.sun_path[0] == '@')
        a.sun_path[0] = '\0';
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_geq(m->fd, 0);
    cr_assert_eq(
        bind(m->fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
        0);
}

static void in_a_folder(struct manager *m)
{
    (void)snprintf(m->dir, sizeof m->dir, "/tmp/sc-notify-XXXXXX");
    cr_assert_not_null(mkdtemp(m->dir));
    sc_auto_free char *path = sc_xasprintf("%s/s", m->dir);
    listen_at(m, path);
}

static void forget(struct manager *m)
{
    (void)close(m->fd);
    if (m->dir[0]) {
        (void)unlink(m->address);
        (void)rmdir(m->dir);
    }
}

/* The next word it heard; "" when there is none. */
static const char *heard(const struct manager *m)
{
    static char text[1024];
    ssize_t n = recv(m->fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

Test(notify, a_path)
{
    struct manager m = { .fd = -1 };
    struct sc_err err = SC_ERR_INIT;
    in_a_folder(&m);
    struct sc_notify *n = sc_notify_new(m.address, &err);
    cr_assert_not_null(n, "%s", err.text);
    cr_assert_eq(sc_notify_say(n, "READY=1", &err), SC_OK, "%s", err.text);
    cr_assert_eq(sc_notify_say(n, "STOPPING=1\nSTATUS=bye", &err), SC_OK);
    cr_assert_str_eq(heard(&m), "READY=1");
    cr_assert_str_eq(heard(&m), "STOPPING=1\nSTATUS=bye");
    cr_assert_str_eq(heard(&m), "");
    sc_notify_free(n);
    forget(&m);
}

Test(notify, an_abstract_name)
{
    struct manager m = { .fd = -1 };
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *name = sc_xasprintf("@sideclaw/test/%ld", (long)getpid());
    listen_at(&m, name);
    struct sc_notify *n = sc_notify_new(name, &err);
    cr_assert_not_null(n, "%s", err.text);
    cr_assert_eq(sc_notify_say(n, "WATCHDOG=1", &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(heard(&m), "WATCHDOG=1");
    sc_notify_free(n);
    forget(&m);
}

Test(notify, a_status_is_one_line_and_cut_between_characters)
{
    struct manager m = { .fd = -1 };
    struct sc_err err = SC_ERR_INIT;
    char text[300];
    in_a_folder(&m);
    struct sc_notify *n = sc_notify_new(m.address, &err);
    cr_assert_eq(sc_notify_status(n, "draining\nREADY=1", &err), SC_OK);
    cr_assert_str_eq(heard(&m), "STATUS=draining READY=1");
    memset(text, 'x', sizeof text);
    memcpy(text + 255, "\xc3\xa9", 3); /* two bytes, of which one would be within */
    cr_assert_eq(sc_notify_status(n, text, &err), SC_OK);
    cr_assert_eq(strlen(heard(&m)), strlen("STATUS=") + 255);
    sc_notify_free(n);
    forget(&m);
}

/* The loop must not stand still because systemd does. */
Test(notify, nobody_who_reads_is_busy_and_does_not_block)
{
    struct manager m = { .fd = -1 };
    struct sc_err err = SC_ERR_INIT;
    in_a_folder(&m);
    struct sc_notify *n = sc_notify_new(m.address, &err);
    int rc = SC_OK;
    for (int i = 0; i < 100000 && rc == SC_OK; i++)
        rc = sc_notify_say(n, "WATCHDOG=1", &err);
    cr_assert_eq(rc, SC_EBUSY, "%s", err.text);
    while (*heard(&m))
        ;
    cr_assert_eq(sc_notify_say(n, "WATCHDOG=1", &err), SC_OK);
    sc_notify_free(n);
    forget(&m);
}

Test(notify, a_manager_that_is_gone_is_an_error_value)
{
    struct manager m = { .fd = -1 };
    struct sc_err err = SC_ERR_INIT;
    in_a_folder(&m);
    struct sc_notify *n = sc_notify_new(m.address, &err);
    forget(&m);
    cr_assert_lt(sc_notify_say(n, "READY=1", &err), 0);
    sc_notify_free(n);
}

Test(notify, nobody_to_tell)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_notify_say(NULL, "READY=1", &err), SC_OK);
    cr_assert_eq(sc_notify_status(NULL, "healthy", &err), SC_OK);
    sc_notify_free(NULL);
}

Test(notify, addresses_of_other_kinds)
{
    static const char *const bad[] = { "", "/", "@", "relative", "vsock:2:1234" };
    char longest[200];
    struct sc_err err = SC_ERR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_null(sc_notify_new(bad[i], &err), "%s", bad[i]);
        cr_assert_eq(err.code, SC_EINVAL);
    }
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    cr_assert_null(sc_notify_new(longest, &err));
}

Test(notify, the_watchdog_is_fed_twice_in_its_time)
{
    sc_auto_free char *us = sc_xasprintf("%ld", (long)getpid());
    cr_assert_eq(sc_notify_watchdog_ms("30000000", NULL), 15000);
    cr_assert_eq(sc_notify_watchdog_ms("30000000", us), 15000);
    cr_assert_eq(sc_notify_watchdog_ms("30000000", "1"), 0, "another process's");
    cr_assert_eq(sc_notify_watchdog_ms("30000000", "x"), 0);
    cr_assert_eq(sc_notify_watchdog_ms("1", NULL), 1);
    cr_assert_eq(sc_notify_watchdog_ms("9223372036854775807", NULL), INT32_MAX / 2000);
    cr_assert_eq(sc_notify_watchdog_ms("0", NULL), 0);
    cr_assert_eq(sc_notify_watchdog_ms("soon", NULL), 0);
    cr_assert_eq(sc_notify_watchdog_ms(NULL, NULL), 0);
}
