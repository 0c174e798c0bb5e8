/* The options of Consul that depend on each other, or on what others set. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/config.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"
#include "support/folder.h"
#include "support/words.h"

static char path[128];

static void setup(void)
{
    folder_make();
    (void)snprintf(path, sizeof path, "%s/sideclaw.conf", folder);
}

TestSuite(config_consul, .init = setup, .fini = folder_remove);

static struct sc_config from_env(char *const *envp)
{
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_config_load(&c, NULL, 0, NULL, envp, &err), SC_OK, "%s", err.text);
    return c;
}

static int from_file(const char *text, struct sc_config *ret, struct sc_err *err)
{
    static char home[] = "HOME=/home/x";
    static char *env[] = { home, NULL };
    *err = (struct sc_err)SC_ERR_INIT;
    cr_assert_eq(sc_file_write(path, text, strlen(text), 0600, err), SC_OK, "%s", err->text);
    return sc_config_load(ret, path, 0, NULL, env, err);
}

Test(config_consul, consuls_own_variables)
{
    struct sc_config c =
        from_env(WORDS("CONSUL_HTTP_ADDR=10.0.0.1:8501", "CONSUL_HTTP_SSL=TRUE",
                       "CONSUL_HTTP_SSL_VERIFY=0", "CONSUL_CACERT=/ca", "CONSUL_CLIENT_CERT=/cert",
                       "CONSUL_CLIENT_KEY=/key", "CONSUL_TLS_SERVER_NAME=server.dc1.consul"));
    cr_assert_str_eq(c.consul_addr, "https://10.0.0.1:8501");
    cr_assert_str_eq(c.consul_ca_file, "/ca");
    cr_assert_str_eq(c.consul_cert_file, "/cert");
    cr_assert_str_eq(c.consul_key_file, "/key");
    cr_assert_str_eq(c.consul_tls_server_name, "server.dc1.consul");
    cr_assert(c.consul_tls && !c.consul_tls_verify);
    sc_config_fini(&c);
}

/* Consul's api: "Never revert to http if TLS was explicitly requested". */
Test(config_consul, tls_that_was_asked_for_is_not_given_up)
{
    static const struct {
        const char *addr, *ssl, *expected;
    } rows[] = {
        { "h:1", "t", "https://h:1" },         { "http://h:1", "1", "https://h:1" },
        { "https://h:1", "1", "https://h:1" }, { "https://h:1", "f", "https://h:1" },
        { "http://h:1", "0", "http://h:1" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        sc_auto_free char *addr = sc_xasprintf("CONSUL_HTTP_ADDR=%s", rows[i].addr);
        sc_auto_free char *ssl = sc_xasprintf("CONSUL_HTTP_SSL=%s", rows[i].ssl);
        struct sc_config c = from_env(WORDS("HOME=/h", addr, ssl));
        cr_assert_str_eq(c.consul_addr, rows[i].expected, "%zu: %s", i, c.consul_addr);
        cr_assert(c.consul_tls_verify);
        sc_config_fini(&c);
    }
}

Test(config_consul, nomads_token_comes_last_and_its_file_before_its_variable)
{
    sc_auto_free char *secrets = sc_xasprintf("NOMAD_SECRETS_DIR=%s", folder);
    sc_auto_free char *token = sc_xasprintf("%s/consul_token", folder);
    struct sc_err err = SC_ERR_INIT;
    struct sc_config c = from_env(WORDS("HOME=/h", secrets, "CONSUL_TOKEN=nomads"));
    cr_assert_str_eq(c.consul_token, "nomads", "there is no file yet");
    sc_config_fini(&c);
    cr_assert_eq(sc_file_write(token, "fresh\n", 6, 0600, &err), SC_OK, "%s", err.text);
    c = from_env(WORDS("HOME=/h", secrets, "CONSUL_TOKEN=nomads"));
    cr_assert_str_eq(c.consul_token, "");
    cr_assert_str_eq(c.consul_token_file, token);
    sc_config_fini(&c);
    c = from_env(WORDS("HOME=/h", secrets, "CONSUL_TOKEN=nomads", "CONSUL_HTTP_TOKEN_FILE=/mine"));
    cr_assert_str_eq(c.consul_token_file, "/mine");
    cr_assert_str_eq(c.consul_token, "");
    sc_config_fini(&c);
    c = from_env(WORDS("HOME=/h", secrets, "CONSUL_TOKEN=nomads", "CONSUL_HTTP_TOKEN=mine"));
    cr_assert_str_eq(c.consul_token, "mine");
    cr_assert_str_eq(c.consul_token_file, "");
    sc_config_fini(&c);
    cr_assert_eq(sc_config_load(&c, NULL, 0, NULL, WORDS("HOME=/h", "CONSUL_TOKEN=a\nb"), &err),
                 SC_ECONFIG);
    cr_assert(strstr(err.text, "environment variable CONSUL_TOKEN"), "%s", err.text);
}

Test(config_consul, tags_are_a_list_or_lines)
{
    struct sc_config c;
    struct sc_err err;
    cr_assert_eq(from_file("consul = { tags = [ \"a=1,2\", \"b=x y\" ]; };", &c, &err), SC_OK, "%s",
                 err.text);
    cr_assert_eq(c.consul_tags.n, 2);
    cr_assert_str_eq(c.consul_tags.v[0], "a=1,2");
    cr_assert_str_eq(c.consul_tags.v[1], "b=x y");
    sc_config_fini(&c);
    c = from_env(WORDS("HOME=/h", "SIDECLAW_CONSUL_TAGS=\na=1,2\n\nb=x y\n"));
    cr_assert_eq(c.consul_tags.n, 2);
    cr_assert_str_eq(c.consul_tags.v[1], "b=x y");
    sc_config_fini(&c);
}

Test(config_consul, what_is_wrong_is_named)
{
    static const struct {
        const char *text, *why, *remedy;
    } rows[] = {
        { "tags = \"a\";", "key `consul.tags`: it is a string; a list of strings", "" },
        { "tags = [ 1 ];", "key `consul.tags`: it is a whole number; a string", "" },
        { "tags = [ \"\" ];", "key `consul.tags`: entry 1 is empty", "" },
        { "tags = [ \"a\", \"b\\tc\" ];", "entry 2 has a control character", "" },
        { "cert_file = \"/c\";", "key `consul.cert_file`: consul.cert_file and", "set both" },
        { "key_file = \"/k\";", "key `consul.key_file`: consul.cert_file and", "set both" },
        { "tls_server_name = \"a b\";", "it is no host name", "server.dc1.consul" },
        { "service_address = \"http://h\";", "it is no host and port", "HOST[:PORT]" },
        { "service_address = \"h:0\";", "the port", "HOST[:PORT]" },
        { "service_address = \":1\";", "it names no host", "HOST[:PORT]" },
        { "check_url = \"h:1\";", "does not begin with http://", "http[s]://" },
        { "check_url = \"http://u:p@h\";", "a user or password", "http[s]://" },
        { "check_type = \"script\";", "http|ttl", "" },
        { "check_page = \"live\";", "both|health|traffic", "" },
        { "check_interval_s = 0;", "1 and 3600", "" },
        { "deregister_critical_service_after_s = 59;", "less than the minute", "60 or more, or 0" },
        { "deregister_critical_service_after_s = -1;", "is not between 0", "" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        struct sc_config c;
        struct sc_err err;
        sc_auto_free char *text = sc_xasprintf("consul = { %s };", rows[i].text);
        cr_assert_eq(from_file(text, &c, &err), SC_ECONFIG, "%s", text);
        cr_assert(strstr(err.text, rows[i].why), "%s: %s", text, err.text);
        cr_assert(strstr(err.remedy, rows[i].remedy), "%s: %s", text, err.remedy);
    }
}

/* Long lists are refused before they get anywhere. */
Test(config_consul, tags_are_bounded)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    struct sc_config c;
    struct sc_err err;
    sc_buf_adds(&text, "consul = { tags = [ \"t\"");
    for (int i = 0; i < 64; i++)
        sc_buf_adds(&text, ", \"t\"");
    sc_buf_adds(&text, " ]; };");
    cr_assert_eq(from_file(sc_buf_str(&text), &c, &err), SC_ECONFIG);
    cr_assert(strstr(err.text, "65 entries; 64 is the most"), "%s", err.text);
    sc_buf_clear(&text);
    sc_buf_adds(&text, "consul = { tags = [ \"");
    for (int i = 0; i < 1025; i++)
        sc_buf_addc(&text, 'x');
    sc_buf_adds(&text, "\" ]; };");
    cr_assert_eq(from_file(sc_buf_str(&text), &c, &err), SC_ECONFIG);
    cr_assert(strstr(err.text, "longer than 1024 bytes"), "%s", err.text);
}

static void count(void *ctx, bool is_error, const struct sc_err *note)
{
    sc_buf_addf(ctx, "%s: %s | ", is_error ? "error" : "warning", note->text);
}

Test(config_consul, what_is_doubtful_is_a_warning)
{
    sc_auto_buf struct sc_buf notes = SC_BUF_INIT;
    cr_assert_eq(
        sc_config_check(NULL, 0, NULL, WORDS("HOME=/h", "CONSUL_CACERT=/ca"), count, &notes), 0);
    cr_assert(strstr(sc_buf_str(&notes), "warning: key `consul.addr`: certificates are given"),
              "%s", sc_buf_str(&notes));
    sc_buf_clear(&notes);
    cr_assert_eq(sc_config_check(NULL, 0, NULL,
                                 WORDS("HOME=/h", "CONSUL_HTTP_ADDR=https://h:8501",
                                       "CONSUL_HTTP_SSL_VERIFY=false"),
                                 count, &notes),
                 0);
    cr_assert(strstr(sc_buf_str(&notes), "warning: key `consul.tls_verify`"), "%s",
              sc_buf_str(&notes));
}
