#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/peer_wire.h"

static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
static const struct sc_mesh_key key = { .key = secret, .key_len = 32 };
static const struct sc_mesh_key other = { .key = secret + 1, .key_len = 31 };

static const struct sc_peer_auth who = { .from = "jerry-gateway",
                                         .to = "bobby-gateway",
                                         .at = { 1771243200120 },
                                         .session = "0123456789abcdef",
                                         .number = 7 };
static const struct sc_peer_post post = {
    .method = "POST", .path = "/peer", .body = "a line", .n = 6
};

static char *signed_by(const struct sc_peer_auth *a, const struct sc_peer_post *p)
{
    struct sc_buf b = SC_BUF_INIT;
    sc_peer_auth_sign(a, p, &key, &b);
    return sc_buf_steal(&b);
}

static int verify(const char *header, const struct sc_peer_post *p, const struct sc_mesh_key *k)
{
    struct sc_peer_auth a;
    struct sc_err err = SC_ERR_INIT;
    int rc = sc_peer_auth_parse(header, &a, &err);
    return rc < 0 ? rc : sc_peer_auth_verify(&a, p, k, &err);
}

/* The one outside check: written down by another implementation (tests/support/peer.py). */
Test(peer_auth, is_what_the_documentation_says)
{
    sc_auto_free char *header = signed_by(&who, &post);
    cr_assert_str_eq(header, "Sideclaw from=jerry-gateway, to=bobby-gateway, at=1771243200120, "
                             "nonce=0123456789abcdef.7, mac="
                             "1a9819d90d74ab3c5eb05f6f167495725ea569e83de25a9492f228114fb5dec0");
}

Test(peer_auth, what_was_signed_comes_back_and_verifies)
{
    sc_auto_free char *header = signed_by(&who, &post);
    struct sc_peer_auth a;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_peer_auth_parse(header, &a, &err), SC_OK);
    cr_assert_str_eq(a.from, who.from);
    cr_assert_str_eq(a.to, who.to);
    cr_assert_eq(a.at.ms, who.at.ms);
    cr_assert_str_eq(a.session, who.session);
    cr_assert_eq(a.number, 7);
    cr_assert_eq(verify(header, &post, &key), SC_OK);
}

Test(peer_auth, another_key_is_refused)
{
    sc_auto_free char *header = signed_by(&who, &post);
    cr_assert_eq(verify(header, &post, &other), SC_EAUTH);
}

Test(peer_auth, every_part_of_the_request_is_covered)
{
    sc_auto_free char *header = signed_by(&who, &post);
    struct sc_peer_post changed[] = { post, post, post, post };
    changed[0].method = "PUT";
    changed[1].path = "/peers";
    changed[2].body = "A line";
    changed[3].n = 5;
    for (size_t i = 0; i < SC_ARRAY_LEN(changed); i++)
        cr_assert_eq(verify(header, &changed[i], &key), SC_EAUTH, "change %zu", i);
}

/* One byte of any field, the names of the fields and the commas included. */
Test(peer_auth, every_byte_of_the_header_is_covered)
{
    sc_auto_free char *header = signed_by(&who, &post);
    for (size_t i = 0; header[i]; i++) {
        char was = header[i];
        header[i] = was == '1' ? '2' : '1';
        cr_assert_eq(verify(header, &post, &key), SC_EAUTH, "byte %zu (%c)", i, was);
        header[i] = was;
    }
    cr_assert_eq(verify(header, &post, &key), SC_OK);
}

Test(peer_auth, nothing_can_be_shifted_into_its_neighbour)
{
    struct sc_peer_auth a = who, b = who;
    (void)snprintf(a.from, sizeof a.from, "ab");
    (void)snprintf(a.to, sizeof a.to, "c");
    (void)snprintf(b.from, sizeof b.from, "a");
    (void)snprintf(b.to, sizeof b.to, "bc");
    sc_auto_free char *first = signed_by(&a, &post), *second = signed_by(&b, &post);
    cr_assert_str_neq(strstr(first, "mac="), strstr(second, "mac="));
}

Test(peer_auth, what_is_not_of_the_form_is_refused_with_the_remedy)
{
    static const char *const bad[] = {
        "",
        "Bearer x",
        "Sideclaw",
        "Sideclaw ",
        "Sideclaw from=a, to=b, at=1, nonce=0123456789abcdef.1",
        "Sideclaw from=a, to=b, at=1, nonce=0123456789abcdef.1, mac=",
        "Sideclaw from=, to=b, at=1, nonce=0123456789abcdef.1, mac="
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Sideclaw from=a/b, to=b, at=1, nonce=0123456789abcdef.1, mac="
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Sideclaw from=a, to=b, at=0, nonce=0123456789abcdef.1, mac="
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Sideclaw from=a, to=b, at=1, nonce=0123456789abcdeX.1, mac="
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Sideclaw from=a, to=b, at=1, nonce=0123456789abcdef.0, mac="
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Sideclaw from=a, to=b, at=1, nonce=0123456789abcdef.99999999999999999999, mac="
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Sideclaw from=a, to=b, at=1, nonce=0123456789abcdef.1, mac="
        "00000000000000000000000000000000000000000000000000000000000000000",
    };
    struct sc_peer_auth a;
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_err err = SC_ERR_INIT;
        cr_assert_eq(sc_peer_auth_parse(bad[i], &a, &err), SC_EAUTH, "%s", bad[i]);
        cr_assert(err.remedy[0]);
    }
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_peer_auth_parse(NULL, &a, &err), SC_EAUTH);
}

/* --- addresses --- */

Test(peer_url, scheme_host_and_port_are_all_there_may_be)
{
    static const char *const good[] = { "http://jerry", "http://jerry.tailnet:18790",
                                        "https://10.0.0.1:1", "http://[fd7a::1]:18790",
                                        "http://a_b-c.d" };
    static const char *const bad[] = {
        "",
        "jerry:18790",
        "ftp://jerry",
        "file:///etc/passwd",
        "HTTP://jerry",
        "http://",
        "http://:80",
        "http://user@jerry",
        "http://user:pw@jerry:1",
        "http://jerry/",
        "http://jerry/path",
        "http://jerry?x",
        "http://jerry#x",
        "http://jerry:",
        "http://jerry:0",
        "http://jerry:65536",
        "http://jerry:80/x",
        "http://jerry:80@evil",
        "http://je rry",
        "http://je\nrry",
        "http://[fd7a::1",
        "http://[]:80",
        "http://[jerry]:80",
        "http://j\xc3\xa9rry",
    };
    struct sc_err err = SC_ERR_INIT;
    for (size_t i = 0; i < SC_ARRAY_LEN(good); i++)
        cr_assert_eq(sc_peer_url_check(good[i], &err), SC_OK, "%s: %s", good[i], err.text);
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++)
        cr_assert_eq(sc_peer_url_check(bad[i], &err), SC_EINVAL, "%s", bad[i]);
}

Test(peer_url, its_length_is_bounded)
{
    char url[SC_PEER_URL_MAX + 2] = "http://";
    struct sc_err err = SC_ERR_INIT;
    memset(url + 7, 'a', sizeof url - 8);
    cr_assert_eq(sc_peer_url_check(url, &err), SC_EINVAL);
    url[SC_PEER_URL_MAX] = '\0';
    cr_assert_eq(sc_peer_url_check(url, &err), SC_OK);
}
