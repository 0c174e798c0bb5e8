#include <criterion/criterion.h>

#include "../../../src/surface/http_auth.h"
#include "sideclaw/mem.h"

static int bearer(const char *header, const char *token)
{
    struct sc_err err = SC_ERR_INIT;
    return sc_auth_bearer(header, token, &err);
}

Test(http_auth, only_the_token_itself_opens)
{
    cr_assert_eq(bearer("Bearer abc", "abc"), SC_OK);
    cr_assert_eq(bearer("bearer  abc", "abc"), SC_OK);
    static const char *const bad[] = { NULL,       "",          "abc",         "Bearer",
                                       "Bearer ",  "Bearer ab", "Bearer abcd", "Bearer abc ",
                                       "Basic abc" };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++)
        cr_assert_eq(bearer(bad[i], "abc"), SC_EAUTH, "%s", bad[i] ? bad[i] : "none");
    cr_assert_eq(bearer("Bearer ", ""), SC_EAUTH, "no token set: nobody gets in");
    cr_assert_eq(bearer("Bearer ", NULL), SC_EAUTH);
}

static int origin(const char *listen, const char *host, const char *from)
{
    struct sc_err err = SC_ERR_INIT;
    return sc_auth_origin(listen, host, from, &err);
}

Test(http_auth, a_name_that_anybody_can_point_at_us_is_refused_on_loopback)
{
    static const struct {
        const char *listen, *host, *origin;
        int want;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1:18790", NULL, SC_OK },
        { "127.0.0.1", "localhost:18790", NULL, SC_OK },
        { "127.0.0.1", "LOCALHOST", NULL, SC_OK },
        { "127.0.0.1", "[::1]:18790", NULL, SC_OK },
        { "127.0.0.1", "10.1.2.3:18790", NULL, SC_OK },
        { "127.0.0.1", NULL, NULL, SC_OK },
        { "127.0.0.1", "evil.example:18790", NULL, SC_EPERM },
        { "localhost", "evil.example", NULL, SC_EPERM },
        { "::1", "evil.example", NULL, SC_EPERM },
        { "127.0.0.1", "127.0.0.1.evil.example", NULL, SC_EPERM },
        { "0.0.0.0", "jerry.tailnet:18790", NULL, SC_OK },
        { "127.0.0.1", "localhost:18790", "http://localhost:18790", SC_OK },
        { "127.0.0.1", "localhost:18790", "http://localhost:9999", SC_EPERM },
        { "127.0.0.1", "localhost:18790", "https://evil.example", SC_EPERM },
        { "127.0.0.1", "localhost:18790", "null", SC_EPERM },
        { "0.0.0.0", "jerry.tailnet:18790", "http://evil.example", SC_EPERM },
        { "0.0.0.0", "jerry.tailnet:18790", "http://jerry.tailnet:18790", SC_OK },
        { "0.0.0.0", NULL, "http://x", SC_EPERM },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++)
        cr_assert_eq(origin(rows[i].listen, rows[i].host, rows[i].origin), rows[i].want, "%s %s %s",
                     rows[i].listen, rows[i].host ? rows[i].host : "-",
                     rows[i].origin ? rows[i].origin : "-");
}

Test(http_auth, the_host_of_an_address)
{
    static const struct {
        const char *address, *host;
    } rows[] = { { "127.0.0.1:80", "127.0.0.1" },
                 { "[::1]:80", "::1" },
                 { "name", "name" },
                 { "[::1", "::1" },
                 { "", "" } };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        sc_auto_free char *host = sc_host_of(rows[i].address);
        cr_assert_str_eq(host, rows[i].host);
    }
}
