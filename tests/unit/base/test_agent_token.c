#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sideclaw/agent_token.h"
#include "sideclaw/crypto.h"
#include "sideclaw/file.h"

static char path[64];

static void setup(void)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_crypto_init(&err), SC_OK);
    (void)snprintf(path, sizeof path, "/tmp/sc-agent-key-%d", getpid());
    (void)unlink(path);
}

static void teardown(void)
{
    (void)unlink(path);
}
TestSuite(agent_token, .init = setup, .fini = teardown);

Test(agent_token, the_key_is_made_once_for_its_owners_eyes)
{
    struct sc_agent_key a, b;
    struct sc_err err = SC_ERR_INIT;
    struct stat st;
    cr_assert_eq(sc_agent_key_load(path, &a, &err), SC_OK, "%s", err.text);
    cr_assert_eq(sc_agent_key_load(path, &b, &err), SC_OK, "%s", err.text);
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(agent_token, a_damaged_key_is_not_taken_for_one)
{
    static const char *const bad[] = { "", "zz", "00", "0123456789abcdef\n" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sc_agent_key key;
        struct sc_err err = SC_ERR_INIT;
        cr_assert_eq(sc_file_write(path, bad[i], strlen(bad[i]), 0600, &err), SC_OK);
        cr_assert_eq(sc_agent_key_load(path, &key, &err), SC_ECONFIG);
        cr_assert(strstr(err.remedy, "new one"));
    }
}

/* Held against another implementation: printf 'mcp:jerry' | openssl dgst -sha256 -mac HMAC -macopt
 * hexkey:000102..1f -binary | basenc --base64url */
Test(agent_token, a_token_is_the_hmac_of_the_name)
{
    struct sc_agent_key key;
    char jerry[SC_AGENT_TOKEN_SIZE], bobby[SC_AGENT_TOKEN_SIZE];
    for (size_t i = 0; i < sizeof key.b; i++)
        key.b[i] = (uint8_t)i;
    sc_agent_token(&key, "jerry", jerry);
    sc_agent_token(&key, "bobby", bobby);
    cr_assert_str_eq(jerry, "CPBYChKDBSkeszuE25dlurYwQLt4kt7j853mona0sLg");
    cr_assert_str_neq(jerry, bobby);
    key.b[0] = 1;
    sc_agent_token(&key, "jerry", bobby);
    cr_assert_str_neq(jerry, bobby);
}
