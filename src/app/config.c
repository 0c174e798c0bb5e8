#include "sideclaw/config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_reader.h"
#include "options.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/paths.h"
#include "sideclaw/suggest.h"

static const char fallback_remedy[] = "`sideclaw config options` says what each option takes";

SC_PRINTF(4, 0)
static void report(struct sc_config_reader *r, bool is_error, const struct sc_err *what,
                   const char *where, va_list ap)
{
    struct sc_err note = { .code = SC_ECONFIG };
    int n = vsnprintf(note.text, sizeof note.text, where, ap);
    size_t used = n < 0 ? 0 : strlen(note.text);
    (void)snprintf(note.text + used, sizeof note.text - used, "%s%s", used ? ": " : "", what->text);
    (void)sc_err_remedy(&note, "%s", *what->remedy ? what->remedy : fallback_remedy);
    r->errors += is_error;
    r->fn(r->ctx, is_error, &note);
}

void sc_config_error(struct sc_config_reader *r, const struct sc_err *what, const char *where, ...)
{
    va_list ap;
    va_start(ap, where);
    report(r, true, what, where, ap);
    va_end(ap);
}

void sc_config_warn(struct sc_config_reader *r, const struct sc_err *what, const char *where, ...)
{
    va_list ap;
    va_start(ap, where);
    report(r, false, what, where, ap);
    va_end(ap);
}

void sc_config_unknown_key(const char *key, struct sc_err *ret)
{
    size_t n, n_groups;
    const struct sc_option *o = sc_options(&n);
    const struct sc_option_group *g = sc_option_groups(&n_groups);
    const char **keys = sc_xcalloc(n + n_groups, sizeof *keys);
    for (size_t i = 0; i < n; i++)
        keys[i] = o[i].key;
    for (size_t i = 0; i < n_groups; i++)
        keys[n + i] = g[i].name;
    const char *nearest = sc_suggest(key, keys, n + n_groups);
    free((void *)keys);
    (void)sc_fail(ret, SC_ECONFIG, "unknown option");
    if (nearest)
        (void)sc_err_remedy(ret, "did you mean `%s`?", nearest);
    else
        (void)sc_err_remedy(ret, "`sideclaw config options` lists them all");
}

static void set_defaults(struct sc_config *c)
{
    size_t n;
    const struct sc_option *o = sc_options(&n);
    for (size_t i = 0; i < n; i++) {
        struct sc_err err = SC_ERR_INIT;
        bool text = o[i].type <= SC_OPT_ENUM;
        if (text)
            sc_set_str(sc_option_str(c, &o[i]), "");
        if (o[i].dflt)
            sc_assert(sc_option_parse(c, &o[i], o[i].dflt, &err) == SC_OK);
    }
}

/* A host's name may have any form; ours becomes a key in Consul. */
static void default_gateway_name(struct sc_config_reader *r)
{
    char host[256] = "";
    struct sc_err err = SC_ERR_INIT;
    (void)gethostname(host, sizeof host - 1); /* no name is noticed below */
    if (sc_name_check("the host's name", host, &err) == SC_OK) {
        sc_set_str(&r->c->gateway_name, host);
        return;
    }
    (void)sc_err_remedy(&err, "set gateway.name");
    sc_config_error(r, &err, "key `gateway.name`");
}

/* As for Consul's own programs: asked for, TLS is never given up for an http:// in the address. */
static void derive_consul(struct sc_config *c)
{
    if (c->consul_tls && strncmp(c->consul_addr, "http://", 7) == 0) {
        sc_auto_free char *url = sc_xasprintf("https://%s", c->consul_addr + 7);
        sc_set_str(&c->consul_addr, url);
    }
}

/* With a workload identity Nomad writes the token into a file, which it renews, and into the
 * environment, which it cannot. */
static void derive_consul_token(struct sc_config_reader *r, char *const *envp)
{
    struct sc_config *c = r->c;
    struct sc_err err = SC_ERR_INIT;
    const char *secrets = sc_env_get(envp, "NOMAD_SECRETS_DIR"), *token;
    if (*c->consul_token || *c->consul_token_file)
        return;
    sc_auto_free char *path = sc_xasprintf("%s/consul_token", secrets ? secrets : "");
    if (secrets && access(path, F_OK) == 0)
        sc_set_str(&c->consul_token_file, path);
    else if ((token = sc_env_get(envp, "CONSUL_TOKEN")) &&
             sc_option_set_str(c, sc_option_find("consul.token"), token, &err) < 0)
        sc_config_error(r, &err, "environment variable CONSUL_TOKEN");
}

/* What depends on other values or on the machine. */
static void derive(struct sc_config_reader *r, char *const *envp)
{
    struct sc_config *c = r->c;
    if (!*c->state_dir) {
        free(c->state_dir);
        c->state_dir = sc_path_state_dir(envp);
    }
    if (!*c->control_socket) {
        free(c->control_socket);
        c->control_socket = sc_path_control_socket(c->state_dir);
        struct sc_err err = SC_ERR_INIT;
        if (sc_check_socket_path(&c->control_socket, &err) < 0)
            sc_config_error(r, &err, "key `control.socket` (from state_dir %s)", c->state_dir);
    }
    if (!*c->http_token_file) {
        free(c->http_token_file);
        c->http_token_file = sc_xasprintf("%s/http.token", c->state_dir);
    }
    if (!*c->gateway_name)
        default_gateway_name(r);
    derive_consul(c);
    derive_consul_token(r, envp);
}

static void check_consul_tls(struct sc_config_reader *r)
{
    const struct sc_config *c = r->c;
    struct sc_err err = SC_ERR_INIT;
    bool https = strncmp(c->consul_addr, "https:", 6) == 0;
    if (!c->consul_enabled)
        return;
    if (!*c->consul_cert_file != !*c->consul_key_file) {
        (void)sc_fail(&err, SC_ECONFIG, "consul.cert_file and consul.key_file go together");
        (void)sc_err_remedy(&err, "set both, or none");
        sc_config_error(r, &err, "key `consul.%s`", *c->consul_key_file ? "key_file" : "cert_file");
    }
    if (!https && (*c->consul_ca_file || *c->consul_cert_file)) {
        (void)sc_fail(&err, SC_ECONFIG,
                      "certificates are given, and it is not https://: they are "
                      "not used");
        (void)sc_err_remedy(&err, "write it with https://, or set consul.tls");
        sc_config_warn(r, &err, "key `consul.addr`");
    }
    if (https && !c->consul_tls_verify) {
        (void)sc_fail(&err, SC_ECONFIG,
                      "it is false: whoever answers is believed to be Consul, and "
                      "gets the token");
        (void)sc_err_remedy(&err, "set consul.ca_file instead");
        sc_config_warn(r, &err, "key `consul.tls_verify`");
    }
}

static void check_consul_service(struct sc_config_reader *r)
{
    const struct sc_config *c = r->c;
    struct sc_err err = SC_ERR_INIT;
    int64_t after = c->consul_deregister_critical_service_after_s;
    if (after > 0 && after < 60) {
        (void)sc_fail(&err, SC_ECONFIG,
                      "%" PRId64 " is less than the minute that Consul takes at "
                      "least",
                      after);
        (void)sc_err_remedy(&err, "set 60 or more, or 0 for never");
        sc_config_error(r, &err, "key `consul.deregister_critical_service_after_s`");
    }
}

/* Rules between options. */
static void check_together(struct sc_config_reader *r)
{
    const struct sc_config *c = r->c;
    struct sc_err err = SC_ERR_INIT;
    if (c->messages_retry_min_ms > c->messages_retry_max_ms) {
        (void)sc_fail(&err, SC_ECONFIG, "%" PRId64 " is more than messages.retry_max_ms, %" PRId64,
                      c->messages_retry_min_ms, c->messages_retry_max_ms);
        (void)sc_err_remedy(&err, "raise messages.retry_max_ms");
        sc_config_error(r, &err, "key `messages.retry_min_ms`");
    }
    if (c->gateway_enabled && sc_streq(c->gateway_auth, "token") && !*c->gateway_token &&
        !*c->gateway_token_file) {
        (void)sc_fail(&err, SC_ECONFIG, "it is \"token\", and there is no token");
        (void)sc_err_remedy(&err, "set gateway.token_file or OPENCLAW_GATEWAY_TOKEN");
        sc_config_warn(r, &err, "key `gateway.auth`");
    }
    check_consul_tls(r);
    check_consul_service(r);
}

/* Fills c from all sources; c is whole afterwards, also when there were errors. */
static int read_all(struct sc_config *c, const char *file, int argc, char *const *argv,
                    char *const *envp, sc_config_note_fn *fn, void *ctx)
{
    struct sc_config_reader r = { .c = c, .fn = fn, .ctx = ctx };
    *c = (struct sc_config){ .agent_id = NULL };
    set_defaults(c);
    if (file)
        sc_config_read_file(&r, file);
    sc_config_read_env(&r, envp);
    sc_config_read_flags(&r, argc, argv);
    derive(&r, envp);
    check_together(&r);
    sc_config_check_modes(&r, file);
    return r.errors;
}

static void keep_first(void *ctx, bool is_error, const struct sc_err *note)
{
    struct sc_err *first = ctx;
    if (is_error && first->code == SC_OK)
        *first = *note;
}

int sc_config_load(struct sc_config *ret, const char *file, int argc, char *const *argv,
                   char *const *envp, struct sc_err *err)
{
    struct sc_config c;
    struct sc_err first = SC_ERR_INIT;
    if (read_all(&c, file, argc, argv, envp, keep_first, &first) == 0) {
        *ret = c;
        return SC_OK;
    }
    sc_config_fini(&c);
    if (err)
        *err = first;
    return SC_ECONFIG;
}

int sc_config_check(const char *file, int argc, char *const *argv, char *const *envp,
                    sc_config_note_fn *fn, void *ctx)
{
    struct sc_config c;
    int errors = read_all(&c, file, argc, argv, envp, fn, ctx);
    sc_config_fini(&c);
    return errors;
}

int sc_config_reload(struct sc_config *live, const char *file, int argc, char *const *argv,
                     char *const *envp, struct sc_strv *ret_ignored, struct sc_err *err)
{
    struct sc_config fresh;
    int r = sc_config_load(&fresh, file, argc, argv, envp, err);
    if (r < 0)
        return r;
    r = sc_config_secrets(&fresh, err);
    size_t n;
    const struct sc_option *o = sc_options(&n);
    for (size_t i = 0; r == SC_OK && i < n; i++) {
        if (o[i].reloadable)
            sc_option_move(live, &fresh, &o[i]);
        else if (!sc_option_equal(live, &fresh, &o[i]))
            sc_strv_add(ret_ignored, o[i].key);
    }
    sc_config_fini(&fresh);
    return r;
}

void sc_config_fini(struct sc_config *c)
{
    size_t n;
    const struct sc_option *o = sc_options(&n);
    for (size_t i = 0; i < n; i++) {
        if (o[i].type <= SC_OPT_ENUM)
            sc_secret_free(*sc_option_str(c, &o[i]));
        else if (o[i].type == SC_OPT_LINES)
            sc_strv_fini(sc_option_strv(c, &o[i]));
    }
    sc_config_clear_agents(c);
    sc_strv_fini(&c->labels);
    *c = (struct sc_config){ .agent_id = NULL };
}
