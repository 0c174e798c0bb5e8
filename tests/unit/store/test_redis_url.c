#include "../../../src/store/redis_url.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/store/redis_tls.h"
#include "sideclaw/mem.h"

static struct sc_redis_url parse(const char *url)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_redis_url u = { 0 };
    cr_assert_eq(sc_redis_url_parse(url, &u, &err), SC_OK, "%s: %s", url, err.text);
    return u;
}

static void expect(const char *url, const char *host, int port, const char *user,
                   const char *password, int db)
{
    struct sc_redis_url u = parse(url);
    cr_assert_str_eq(u.at.host, host);
    cr_assert_eq(u.at.port, port);
    cr_assert(sc_streq(u.user, user), "%s: user %s", url, u.user);
    cr_assert(sc_streq(u.password, password), "%s: password %s", url, u.password);
    cr_assert_eq(u.db, db);
    sc_redis_url_fini(&u);
}

Test(redis_url, reads_every_part)
{
    expect("redis://h", "h", 6379, NULL, NULL, 0);
    expect("redis://h/", "h", 6379, NULL, NULL, 0);
    expect("redis://10.0.0.1:6380/2", "10.0.0.1", 6380, NULL, NULL, 2);
    expect("redis://:pw@h", "h", 6379, NULL, "pw", 0);
    expect("redis://user:pw@h.example:1/15", "h.example", 1, "user", "pw", 15);
    expect("redis://[::1]:7000", "::1", 7000, NULL, NULL, 0);
    expect("redis://[fe80::1]", "fe80::1", 6379, NULL, NULL, 0);
    expect("redis://:@h", "h", 6379, NULL, NULL, 0);
}

Test(redis_url, decodes_what_is_escaped)
{
    expect("redis://:p%40ss%2fw%25@h", "h", 6379, NULL, "p@ss/w%", 0);
    expect("redis://a%3Ab:c%3Ad@h", "h", 6379, "a:b", "c:d", 0);
    expect("redis://:p@ss@h", "h", 6379, NULL, "p@ss", 0);
    expect("redis://:a:b@h", "h", 6379, NULL, "a:b", 0);
}

Test(redis_url, reads_sentinels)
{
    struct sc_redis_url u =
        parse("redis+sentinel://us%40er:p%2Fw@a,10.0.0.2:7000,[::1]:7001/my-m.1/7");
    cr_assert_null(u.at.host);
    cr_assert_str_eq(u.user, "us@er");
    cr_assert_str_eq(u.password, "p/w");
    cr_assert_str_eq(u.primary, "my-m.1");
    cr_assert_eq(u.db, 7);
    cr_assert_eq(u.n_sentinels, 3);
    cr_assert_str_eq(u.sentinels[0].host, "a");
    cr_assert_eq(u.sentinels[0].port, 26379);
    cr_assert_str_eq(u.sentinels[1].host, "10.0.0.2");
    cr_assert_eq(u.sentinels[1].port, 7000);
    cr_assert_str_eq(u.sentinels[2].host, "::1");
    cr_assert_eq(u.sentinels[2].port, 7001);
    sc_redis_url_fini(&u);
    u = parse("redis+sentinel://s/m");
    cr_assert(!u.user && !u.password && u.db == 0 && u.n_sentinels == 1);
    sc_redis_url_fini(&u);
}

static void refuse(const char *url, const char *word)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_redis_url u = { 0 };
    cr_assert_eq(sc_redis_url_parse(url, &u, &err), SC_ECONFIG, "%s", url);
    cr_assert_null(u.at.host);
    cr_assert(strstr(err.text, word), "%s: %s", url, err.text);
    cr_assert(err.remedy[0]);
    cr_assert_null(strstr(err.text, "s3cret"));
    cr_assert_null(strstr(err.remedy, "s3cret"));
}

Test(redis_url, refuses_the_rest_and_never_prints_a_password)
{
    refuse(NULL, "begin with redis://");
    refuse("", "begin with redis://");
    refuse("127.0.0.1:6379", "begin with redis://");
    refuse("http://h", "begin with redis://");
    if (sc_redis_tls_check(NULL) < 0) {
        refuse("rediss://:s3cret@h", "TLS");
        refuse("rediss+sentinel://:s3cret@h/m", "TLS");
    }
    refuse("redis://", "host");
    refuse("redis://:s3cret@", "host");
    refuse("redis://:s3cret@h ost", "host");
    refuse("redis://:s3cret@h:0", "port");
    refuse("redis://:s3cret@h:65536", "port");
    refuse("redis://:s3cret@h:", "port");
    refuse("redis://:s3cret@h:6379x", "port");
    refuse("redis://:s3cret@h:-1", "port");
    refuse("redis://[::1", "']'");
    refuse("redis://[::1]x", "':PORT'");
    refuse("redis://[]", "host");
    refuse("redis://:s3cret%zz@h", "escape");
    refuse("redis://:s3cret%4@h", "escape");
    refuse("redis://:s3cret%00@h", "escape");
    refuse("redis://s3cret@h", "':'");
    refuse("redis://user:@h", "password");
    refuse("redis://:s3cret@h/x", "database");
    refuse("redis://:s3cret@h/-1", "database");
    refuse("redis://:s3cret@h/1?x=y", "database");
    refuse("redis://h?x=y", "'?'");
    refuse("redis+sentinel://:s3cret@h", "name the primary");
    refuse("redis+sentinel://:s3cret@h/", "name the primary");
    refuse("redis+sentinel://:s3cret@h//1", "name the primary");
    refuse("redis+sentinel://:s3cret@h/a b", "characters");
    refuse("redis+sentinel://:s3cret@h/m/x", "database");
    refuse("redis+sentinel://:s3cret@h/m/1/2", "database");
    refuse("redis+sentinel://:s3cret@h/m?x=y", "'?'");
    refuse("redis+sentinel://:s3cret@/m", "host");
    refuse("redis+sentinel://:s3cret@a,/m", "host");
    refuse("redis+sentinel://:s3cret@,a/m", "host");
    refuse("redis+sentinel://:s3cret@a,,b/m", "host");
    refuse("redis+sentinel://:s3cret@a,b:0/m", "port");
    refuse("redis+sentinel://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/m", "too many");
    refuse("redis-sentinel://:s3cret@h#m", "how Sentinel is written");
    refuse("sentinel://:s3cret@h", "how Sentinel is written");
}

Test(redis_url, refuses_a_url_without_end)
{
    char *url = sc_xmalloc(5001);
    memset(url, 'a', 5000);
    memcpy(url, "redis://", 8);
    url[5000] = 0;
    refuse(url, "too long");
    free(url);
}
