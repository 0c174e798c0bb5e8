#include "sideclaw/resolve.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "sideclaw/clock.h"
#include "sideclaw/mem.h"

static struct sc_loop *loop;
static struct sc_err err;
static int calls;
static char addr_text[SC_ERR_TEXT_MAX];

static void setup(void)
{
    loop = sc_loop_new(&err);
    calls = 0;
}

static void teardown(void)
{
    sc_loop_free(loop);
}

TestSuite(resolve, .init = setup, .fini = teardown, .timeout = 60);

static void on_addr(void *ctx, const char *addr, const struct sc_err *e)
{
    (void)ctx;
    calls++;
    cr_assert((addr == NULL) != (e == NULL));
    (void)snprintf(addr_text, sizeof addr_text, "%s", addr ? addr : e->text);
}

static void at_once(const char *host, const char *want)
{
    calls = 0;
    cr_assert(sc_resolve_start(loop, host, on_addr, NULL));
    cr_assert_eq(calls, 0, "never from inside start");
    cr_assert_eq(sc_loop_turn(loop, 0, &err), SC_OK);
    cr_assert_eq(calls, 1);
    cr_assert_str_eq(addr_text, want);
}

Test(resolve, addresses_and_localhost_need_nobody)
{
    at_once("127.0.0.1", "127.0.0.1");
    at_once("10.1.2.3", "10.1.2.3");
    at_once("::1", "::1");
    at_once("fe80::1", "fe80::1");
    at_once("localhost", "127.0.0.1");
}

Test(resolve, what_is_cancelled_does_not_call)
{
    struct sc_resolve *r = sc_resolve_start(loop, "127.0.0.1", on_addr, NULL);
    sc_resolve_cancel(r);
    cr_assert_eq(sc_loop_turn(loop, 0, &err), SC_OK);
    cr_assert_eq(calls, 0);
    sc_resolve_cancel(NULL);
}

/* .invalid never resolves (RFC 6761). With a name server that is silent this may take long, so it
 * is given up after a while, as callers do. */
Test(resolve, an_unknown_name_fails_or_can_be_given_up)
{
    struct sc_clock clock = sc_clock_system();
    int64_t end = sc_clock_mono(&clock).ms + 3000;
    struct sc_resolve *r = sc_resolve_start(loop, "no-such-host.invalid", on_addr, NULL);
    while (calls == 0 && sc_clock_mono(&clock).ms < end)
        cr_assert_eq(sc_loop_turn(loop, 100, &err), SC_OK);
    if (calls == 0)
        sc_resolve_cancel(r);
    else
        cr_assert(strstr(addr_text, "cannot resolve no-such-host.invalid"), "%s", addr_text);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(sc_loop_turn(loop, 10, &err), SC_OK);
    cr_assert(calls <= 1);
}
