/* config_env.c: options from environment variables and from flags. */
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "sideclaw/buf.h"
#include "sideclaw/mem.h"
#include "sideclaw/paths.h"
#include "sideclaw/suggest.h"

static void set_from_env(struct sc_config_reader *r, const struct sc_option *o, const char *name,
                         const char *value)
{
    struct sc_err err = SC_ERR_INIT;
    if (sc_option_parse(r->c, o, value, &err) < 0)
        sc_config_error(r, &err, "environment variable %s", name);
}

/* Variables of ours that are no options of the daemon: for the command line, scripts and tests. */
static bool is_other_variable(const char *name)
{
    static const char *const others[] = { "SIDECLAW_SOCKET", "SIDECLAW_CONFIG" };
    static const char *const prefixes[] = { "SIDECLAW_TEST_", "SIDECLAW_BUILD", "SIDECLAW_CACHE" };
    for (size_t i = 0; i < SC_ARRAY_LEN(others); i++)
        if (sc_streq(name, others[i]))
            return true;
    for (size_t i = 0; i < SC_ARRAY_LEN(prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* Only a warning: Docker links and Kubernetes services make variables of any name. */
static void warn_unknown(struct sc_config_reader *r, const char *variable)
{
    size_t n;
    const struct sc_option *o = sc_options(&n);
    sc_auto_free char *name = sc_xstrndup(variable, strcspn(variable, "="));
    struct sc_strv names = { .v = NULL };
    for (size_t i = 0; i < n; i++) {
        sc_auto_free char *known = sc_option_env(&o[i]);
        sc_strv_add(&names, known);
    }
    if (!is_other_variable(name) && !sc_strv_has(&names, name)) {
        struct sc_err err = SC_ERR_INIT;
        const char *nearest = sc_suggest(name, (const char *const *)names.v, names.n);
        (void)sc_fail(&err, SC_ECONFIG, "no option of that name; ignored");
        if (nearest)
            (void)sc_err_remedy(&err, "did you mean %s?", nearest);
        sc_config_warn(r, &err, "environment variable %s", name);
    }
    sc_strv_fini(&names);
}

void sc_config_read_env(struct sc_config_reader *r, char *const *envp)
{
    size_t n;
    const struct sc_option *o = sc_options(&n);
    for (size_t i = 0; i < n; i++) {
        sc_auto_free char *name = sc_option_env(&o[i]);
        const char *value = sc_env_get(envp, name);
        const char *alias = !value && o[i].alias ? sc_env_get(envp, o[i].alias) : NULL;
        if (value || alias)
            set_from_env(r, &o[i], value ? name : o[i].alias, value ? value : alias);
    }
    for (; envp && *envp; envp++)
        if (strncmp(*envp, "SIDECLAW_", 9) == 0)
            warn_unknown(r, *envp);
}

/* The option of a flag's name (n bytes, with its dashes); *ret_no: it is --no-<flag> of a boolean.
 */
static const struct sc_option *find_flag(const char *arg, size_t n, bool *ret_no)
{
    size_t count;
    const struct sc_option *o = sc_options(&count);
    for (size_t i = 0; i < count; i++) {
        sc_auto_free char *flag = sc_option_flag(&o[i]);
        if (!flag)
            continue;
        if (strlen(flag) == n && strncmp(flag, arg, n) == 0) {
            *ret_no = false;
            return &o[i];
        }
        if (o[i].type == SC_OPT_BOOL && strlen(flag) + 3 == n && strncmp(arg, "--no-", 5) == 0 &&
            strncmp(flag + 2, arg + 5, n - 5) == 0) {
            *ret_no = true;
            return &o[i];
        }
    }
    return NULL;
}

static const struct sc_option *find_secret(const char *flag)
{
    size_t n;
    const struct sc_option *o = sc_options(&n);
    for (size_t i = 0; i < n; i++) {
        struct sc_option shown = o[i];
        shown.type = SC_OPT_STRING;
        sc_auto_free char *name = sc_option_flag(&shown);
        if (o[i].type == SC_OPT_SECRET && sc_streq(name, flag))
            return &o[i];
    }
    return NULL;
}

static void unknown_flag(struct sc_config_reader *r, const char *flag)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_option *secret = find_secret(flag);
    if (secret) {
        sc_auto_free char *name = sc_option_env(secret);
        (void)sc_fail(&err, SC_ECONFIG, "a secret has no flag: every user can read them");
        (void)sc_err_remedy(&err, "use %s-file or the variable %s", flag, name);
        sc_config_error(r, &err, "flag %s", flag);
        return;
    }
    size_t n;
    const struct sc_option *o = sc_options(&n);
    struct sc_strv flags = { .v = NULL };
    for (size_t i = 0; i < n; i++) {
        sc_auto_free char *known = sc_option_flag(&o[i]);
        if (known)
            sc_strv_add(&flags, known);
    }
    const char *nearest = sc_suggest(flag, (const char *const *)flags.v, flags.n);
    (void)sc_fail(&err, SC_ECONFIG, "unknown flag");
    (void)sc_err_remedy(&err, nearest ? "did you mean %s?" : "sideclawd --help lists them%s",
                        nearest ? nearest : "");
    sc_config_error(r, &err, "flag %.80s", flag);
    sc_strv_fini(&flags);
}

/* A password in redis.url would stand in argv. */
static int refuse_password(const struct sc_option *o, const char *value, struct sc_err *err)
{
    if (!sc_streq(o->key, "redis.url") || !strchr(value, '@'))
        return SC_OK;
    (void)sc_fail(err, SC_ECONFIG, "a password has no place in a flag: every user can read it");
    return sc_err_remedy(err, "use --redis-password-file or the variable REDIS_URL");
}

static bool looks_like_flag(const char *arg)
{
    return arg && arg[0] == '-' && arg[1] == '-';
}

/* Reads argv[i] and its value; returns how many words that were. */
static int read_flag(struct sc_config_reader *r, int argc, char *const *argv, int i)
{
    const char *arg = argv[i];
    size_t n = strcspn(arg, "=");
    sc_auto_free char *flag = sc_xstrndup(arg, n);
    bool no = false;
    const struct sc_option *o = find_flag(arg, n, &no);
    if (!o) {
        unknown_flag(r, flag);
        return 1;
    }
    const char *next = i + 1 < argc && !looks_like_flag(argv[i + 1]) ? argv[i + 1] : NULL;
    const char *value = arg[n] == '=' ? arg + n + 1 : next;
    int used = arg[n] != '=' && value ? 2 : 1;
    struct sc_err err = SC_ERR_INIT;
    if (no || (o->type == SC_OPT_BOOL && !value)) { /* --consul-enabled, --no-consul-enabled */
        sc_option_set_bool(r->c, o, !no);
        return 1;
    }
    if (!value)
        (void)sc_fail(&err, SC_ECONFIG, "it needs a value");
    if (!value || refuse_password(o, value, &err) < 0 || sc_option_parse(r->c, o, value, &err) < 0)
        sc_config_error(r, &err, "flag %s", flag);
    return used;
}

void sc_config_read_flags(struct sc_config_reader *r, int argc, char *const *argv)
{
    for (int i = 0; i < argc;) {
        if (looks_like_flag(argv[i]) && argv[i][2]) {
            i += read_flag(r, argc, argv, i);
            continue;
        }
        struct sc_err err = SC_ERR_INIT;
        (void)sc_fail(&err, SC_ECONFIG, "a flag like --gateway-name NAME is expected");
        sc_config_error(r, &err, "argument \"%.80s\"", argv[i]);
        i++;
    }
}
