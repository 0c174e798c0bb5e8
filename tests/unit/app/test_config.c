#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

TestSuite(config, .init = setup, .fini = folder_remove);

static char home[] = "HOME=/home/x";
static char *no_env[] = { home, NULL };

static void write_file(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_file_write(path, text, strlen(text), 0600, &err), SC_OK, "%s", err.text);
}

static struct sc_config load_all(const char *text, char **argv, char *const *envp)
{
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    int argc = 0;
    while (argv && argv[argc])
        argc++;
    if (text)
        write_file(text);
    int r = sc_config_load(&c, text ? path : NULL, argc, argv, envp, &err);
    cr_assert_eq(r, SC_OK, "%s", err.text);
    return c;
}

static struct sc_config load(const char *text)
{
    return load_all(text, NULL, no_env);
}

Test(config, defaults)
{
    struct sc_config c = load(NULL);
    cr_assert_str_eq(c.gateway_url, "ws://127.0.0.1:18789");
    cr_assert_str_eq(c.state_dir, "/home/x/.local/state/sideclaw");
    cr_assert_str_eq(c.control_socket, "/home/x/.local/state/sideclaw/control.sock");
    cr_assert_str_eq(c.http_token_file, "/home/x/.local/state/sideclaw/http.token");
    cr_assert_str_eq(c.agent_id, "");
    cr_assert_eq(c.consul_heartbeat_s, 15);
    cr_assert_eq(c.spool_max_bytes, 1073741824);
    cr_assert(c.redis_enabled && c.http_enabled && c.consul_register_service);
    cr_assert(strlen(c.gateway_name) > 0);
    sc_config_fini(&c);
}

Test(config, a_file_sets_every_type)
{
    struct sc_config c =
        load("state_dir = \"/s\";\n"
             "gateway = { name = \"gw-1\"; enabled = false; start_grace_s = 7; };\n"
             "spool = { max_bytes = 8589934592; synchronous = \"normal\"; };\n"
             "agents = ( { id = \"jerry\"; capabilities = [ \"slack\", \"qa\" ]; },\n"
             "           { id = \"bobby\"; } );\n"
             "labels = { os = \"linux\"; gpu-kind = \"none\"; };\n");
    cr_assert_str_eq(c.gateway_name, "gw-1");
    cr_assert_not(c.gateway_enabled);
    cr_assert_eq(c.gateway_start_grace_s, 7);
    cr_assert_eq(c.spool_max_bytes, INT64_C(8589934592)); /* libconfig alone would say 0 */
    cr_assert_str_eq(c.spool_synchronous, "normal");
    cr_assert_str_eq(c.control_socket, "/s/control.sock");
    cr_assert_eq(c.n_agents, 2);
    cr_assert_str_eq(c.agents[0].id, "jerry");
    cr_assert(sc_strv_has(&c.agents[0].capabilities, "qa"));
    cr_assert_eq(c.agents[1].capabilities.n, 0);
    cr_assert_eq(c.labels.n, 2);
    cr_assert(sc_strv_has(&c.labels, "gpu-kind=none"));
    sc_config_fini(&c);
}

Test(config, flags_win_over_the_environment_and_that_over_the_file)
{
    char **env = WORDS("SIDECLAW_GATEWAY_NAME=from-env", "SIDECLAW_CLUSTER_ID=from-env",
                       "SIDECLAW_CONSUL_ENABLED=no");
    char **argv = WORDS("--gateway-name", "from-flag", "--http-listen=127.0.0.1:0",
                        "--redis-enabled", "--no-http-enabled");
    struct sc_config c = load_all("gateway = { name = \"from-file\"; };\n"
                                  "cluster = { id = \"from-file\"; prefix = \"from-file\"; };\n"
                                  "redis = { enabled = false; };\n",
                                  argv, env);
    cr_assert_str_eq(c.gateway_name, "from-flag");
    cr_assert_str_eq(c.cluster_id, "from-env");
    cr_assert_str_eq(c.cluster_prefix, "from-file");
    cr_assert_str_eq(c.http_listen, "127.0.0.1:0");
    cr_assert(c.redis_enabled && !c.consul_enabled && !c.http_enabled);
    sc_config_fini(&c);
}

Test(config, well_known_variables)
{
    char **env =
        WORDS("AGENT_ID=jerry", "REDIS_URL=redis://:pw@r:6380/2", "CONSUL_HTTP_ADDR=10.0.0.1:8500",
              "CONSUL_HTTP_TOKEN=ct", "OPENCLAW_GATEWAY_TOKEN=gt", "SIDECLAW_SOCKET=/run/s.sock",
              "NOMAD_ALLOC_DIR=/alloc");
    struct sc_config c = load_all(NULL, NULL, env);
    cr_assert_str_eq(c.agent_id, "jerry");
    cr_assert_str_eq(c.redis_url, "redis://:pw@r:6380/2");
    cr_assert_str_eq(c.consul_addr, "http://10.0.0.1:8500");
    cr_assert_str_eq(c.consul_token, "ct");
    cr_assert_str_eq(c.gateway_token, "gt");
    cr_assert_str_eq(c.control_socket, "/run/s.sock");
    cr_assert_str_eq(c.state_dir, "/alloc/data/sideclaw");
    sc_config_fini(&c);
}

Test(config, our_own_variable_wins_over_a_well_known_one)
{
    char **env = WORDS("AGENT_ID=jerry", "SIDECLAW_AGENT_ID=bobby", "SIDECLAW_AGENTS=a=x+y,b",
                       "SIDECLAW_LABELS=os=linux,gpu=true");
    struct sc_config c = load_all(NULL, NULL, env);
    cr_assert_str_eq(c.agent_id, "bobby");
    cr_assert_eq(c.n_agents, 2);
    cr_assert(sc_strv_has(&c.agents[0].capabilities, "y"));
    cr_assert(sc_strv_has(&c.labels, "gpu=true"));
    sc_config_fini(&c);
}

/* --- what is wrong --- */

static void fails(const char *text, const char *where, const char *why, const char *remedy)
{
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    char prefix[160];
    write_file(text);
    cr_assert_eq(sc_config_load(&c, path, 0, NULL, no_env, &err), SC_ECONFIG, "%s", text);
    (void)snprintf(prefix, sizeof prefix, "%s:%s", path, where);
    cr_assert_eq(strncmp(err.text, prefix, strlen(prefix)), 0, "%s\n%s", err.text, prefix);
    cr_assert(strstr(err.text, why), "%s", err.text);
    cr_assert(strstr(err.remedy, remedy), "%s: %s", err.text, err.remedy);
}

Test(config, a_bad_file_is_named_by_line_key_and_remedy)
{
    static const struct {
        const char *text, *where, *why, *remedy;
    } rows[] = {
        { "\nredis = {\n  ur = \"x\";\n};", "3: key `redis.ur`", "unknown option",
          "did you mean `redis.url`?" },
        { "gatway = { };", "1: key `gatway`", "unknown option", "did you mean `gateway`?" },
        { "zzzzzzzz = 1;", "1: key `zzzzzzzz`", "unknown option", "config options" },
        { "gateway = 5;", "1: key `gateway`", "a group is expected", "gateway = {" },
        { "gateway = { name = { a = 1; }; };", "1: key `gateway.name`", "it is a group", "" },
        { "consul = { heartbeat_s = \"15\"; };", "1: key `consul.heartbeat_s`",
          "it is a string; a whole number is expected", "options" },
        { "consul = { heartbeat_s = 1.5; };", "1: key `consul.heartbeat_s`", "a fraction", "" },
        { "consul = { heartbeat_s = 0; };", "1: key `consul.heartbeat_s`",
          "0 is not between 1 and 3600 seconds", "" },
        { "consul = { heartbeat_s = 99999999999999999999; };", "1: key `consul.heartbeat_s`",
          "is not between 1 and 3600", "" },
        { "consul = { enabled = 1; };", "1: key `consul.enabled`", "true or false", "" },
        { "log = { level = \"loud\"; };", "1: key `log.level`", "debug|info|warn|error", "" },
        { "gateway = { name = \"a b\"; };", "1: key `gateway.name`", "byte 1", "A-Z" },
        { "gateway = { url = \"http://x\"; };", "1: key `gateway.url`", "ws://", "ws://HOST" },
        { "gateway = { url = \"wss://x\"; };", "1: key `gateway.url`", "ws://", "beside its" },
        { "gateway = { url = \"ws://\"; };", "1: key `gateway.url`", "no host", "" },
        { "gateway = { url = \"ws://h:99999\"; };", "1: key `gateway.url`", "port", "" },
        { "redis = { url = \"http://h\"; };", "1: key `redis.url`", "redis://", "HOST" },
        { "redis = { url = \"redis+sentinel://h\"; };", "1: key `redis.url`", "primary",
          "PRIMARY" },
        { "redis = { url = \"redis://h/x\"; };", "1: key `redis.url`", "database", "/DB" },
        { "http = { listen = \"18790\"; };", "1: key `http.listen`", "port", "ADDRESS:PORT" },
        { "http = { token = \"short\"; };", "1: key `http.token`", "at least 16", "" },
        { "mesh = { key = \"short\"; };", "1: key `mesh.key`", "at least 32", "" },
        { "agents = ( { id = \"a/b\"; } );", "1: key `agents`", "agent id", "" },
        { "agents = (\n{ id = \"a\"; },\n{ id = \"a\"; } );", "3: key `agents`", "twice", "" },
        { "agents = ( { id = \"a\"; skill = 1; } );", "1: key `agents`", "not `skill`", "" },
        { "agents = ( { capabilities = [ \"a\" ]; } );", "1: key `agents`", "needs id", "" },
        { "agents = [ \"a\" ];", "1: key `agents`", "a list:", "" },
        { "labels = { os = 5; };", "1: key `labels`", "a string", "" },
        { "a = 1;\na = 2;", "2", "duplicate", "keep one" },
        { "gateway = {\n name = ;\n};", "2", "syntax error", "end in ';'" },
        { "@include \"/etc/passwd\"\n", "1", "include", "@include is not read" },
        { "messages = { retry_min_ms = 50000; retry_max_ms = 1000; };", "", "", "" },
    };
    for (size_t i = 0; i + 1 < SC_ARRAY_LEN(rows); i++)
        fails(rows[i].text, rows[i].where, rows[i].why, rows[i].remedy);
}

static void fails_without_file(char **argv, char *const *envp, const char *where, const char *why,
                               const char *remedy)
{
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    int argc = 0;
    while (argv && argv[argc])
        argc++;
    cr_assert_eq(sc_config_load(&c, NULL, argc, argv, envp, &err), SC_ECONFIG);
    cr_assert_eq(strncmp(err.text, where, strlen(where)), 0, "%s", err.text);
    cr_assert(strstr(err.text, why), "%s", err.text);
    cr_assert(strstr(err.remedy, remedy), "%s", err.remedy);
}

Test(config, a_bad_variable_is_named)
{
    char **a = WORDS("SIDECLAW_CONSUL_HEARTBEAT_S=often");
    fails_without_file(
        NULL, a, "environment variable SIDECLAW_CONSUL_HEARTBEAT_S:", "not a whole number", "");
    char **b = WORDS("REDIS_URL=localhost");
    fails_without_file(NULL, b, "environment variable REDIS_URL:", "redis://", "redis://");
    char **c = WORDS("CONSUL_HTTP_ADDR=unix:///run/consul.sock");
    fails_without_file(NULL, c, "environment variable CONSUL_HTTP_ADDR:", "http://", "http");
    char **d = WORDS("SIDECLAW_AGENTS=a/b");
    fails_without_file(NULL, d, "environment variable SIDECLAW_AGENTS:", "agent id", "jerry=");
}

Test(config, a_bad_flag_is_named)
{
    char **a = WORDS("--gateway-nmae", "x");
    fails_without_file(a, no_env, "flag --gateway-nmae:", "unknown",
                       "did you mean --gateway-name?");
    char **b = WORDS("--gateway-name");
    fails_without_file(b, no_env, "flag --gateway-name:", "needs a value", "");
    char **c = WORDS("--gateway-token", "x");
    fails_without_file(c, no_env, "flag --gateway-token:", "secret has no flag",
                       "--gateway-token-file");
    char **d = WORDS("--redis-url", "redis://:pw@h");
    fails_without_file(d, no_env, "flag --redis-url:", "password", "--redis-password-file");
    char **e = WORDS("start");
    fails_without_file(e, no_env, "argument \"start\":", "flag", "");
    char **f = WORDS("--consul-enabled=perhaps");
    fails_without_file(f, no_env, "flag --consul-enabled:", "neither true nor false", "");
}

Test(config, rules_between_options)
{
    char **argv = WORDS("--messages-retry-min-ms", "50000", "--messages-retry-max-ms", "1000");
    fails_without_file(argv, no_env, "key `messages.retry_min_ms`:", "more than", "raise");
}

Test(config, a_socket_path_too_long_is_said)
{
    char **argv =
        WORDS("--state-dir",
              "/tmp/a-folder-name-that-is-so-long-that-the-socket-within-it-would-not-fit-into-"
              "the-108-bytes-that-linux-has-for-it");
    fails_without_file(argv, no_env, "key `control.socket`", "at most 107", "control.socket");
}

Test(config, a_missing_file_says_how_to_make_one)
{
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_config_load(&c, "/no/such.conf", 0, NULL, no_env, &err), SC_ECONFIG);
    cr_assert(strstr(err.text, "/no/such.conf"));
    cr_assert(strstr(err.remedy, "config sample"));
}

Test(config, a_secret_is_never_in_an_error)
{
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    write_file("mesh = { key = \"hunter2\"; };");
    cr_assert_eq(sc_config_load(&c, path, 0, NULL, no_env, &err), SC_ECONFIG);
    cr_assert_null(strstr(err.text, "hunter2"));
    write_file("mesh = { key = \"hunter2\" \"x\" y; };");
    cr_assert_eq(sc_config_load(&c, path, 0, NULL, no_env, &err), SC_ECONFIG);
    cr_assert_null(strstr(err.text, "hunter2"), "%s", err.text);
}

struct notes {
    int errors, warnings;
    char last_warning[SC_ERR_TEXT_MAX];
};

static void on_note(void *ctx, bool is_error, const struct sc_err *note)
{
    struct notes *n = ctx;
    n->errors += is_error;
    n->warnings += !is_error;
    cr_assert(note->text[0] && note->remedy[0], "%s", note->text);
    if (!is_error)
        memcpy(n->last_warning, note->text, sizeof n->last_warning);
}

Test(config, check_names_every_mistake)
{
    struct notes n = { 0 };
    char **env = WORDS("SIDECLAW_HTTP_LISTEN=x", "HOME=/h");
    char **argv = WORDS("--nope");
    write_file("redis = { ur = 1; stream_max_len = -1; };\nlog = { level = \"x\"; };\nfoo = 1;\n");
    cr_assert_eq(sc_config_check(path, 1, argv, env, on_note, &n), 6);
    cr_assert_eq(n.errors, 6);
    cr_assert_eq(n.warnings, 0);
}

Test(config, check_warns_of_what_is_doubtful)
{
    struct notes n = { 0 };
    char **env = WORDS("SIDECLAW_GATEWAY_NMAE=x", "HOME=/h");
    cr_assert_eq(sc_config_check(NULL, 0, NULL, env, on_note, &n), 0);
    cr_assert_eq(n.warnings, 1);
    cr_assert(strstr(n.last_warning, "SIDECLAW_GATEWAY_NMAE"));
    write_file("http = { token = \"0123456789abcdef\"; };");
    cr_assert_eq(chmod(path, 0644), 0);
    n = (struct notes){ 0 };
    cr_assert_eq(sc_config_check(path, 0, NULL, no_env, on_note, &n), 0);
    cr_assert_eq(n.warnings, 1);
    cr_assert(strstr(n.last_warning, "other users may read"), "%s", n.last_warning);
}

/* --- secrets --- */

static struct sc_config in_folder(const char *extra)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "state_dir = \"%s/state\";\n%s", folder, extra);
    return load(text);
}

Test(config, the_http_token_is_made_once_and_private)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_config a = in_folder(""), b = in_folder("");
    cr_assert_eq(sc_config_secrets(&a, &err), SC_OK, "%s", err.text);
    cr_assert_eq(strlen(a.http_token), 48);
    cr_assert_eq(sc_config_secrets(&b, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(a.http_token, b.http_token);
    struct stat st;
    cr_assert_eq(stat(a.http_token_file, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    sc_config_fini(&a);
    sc_config_fini(&b);
}

Test(config, secrets_come_from_files_without_their_line_end)
{
    struct sc_err err = SC_ERR_INIT;
    char extra[512], file[128];
    (void)snprintf(file, sizeof file, "%s/token", folder);
    cr_assert_eq(sc_file_write(file, "abc\n", 4, 0600, &err), SC_OK);
    (void)snprintf(extra, sizeof extra,
                   "gateway = { token_file = \"%s\"; };\nconsul = { token_file = \"%s\"; "
                   "token = \"inline\"; };\n",
                   file, file);
    struct sc_config c = in_folder(extra);
    cr_assert_str_eq(c.gateway_token, "");
    cr_assert_eq(sc_config_secrets(&c, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(c.gateway_token, "abc");
    cr_assert_str_eq(c.consul_token, "inline");
    sc_config_fini(&c);
}

Test(config, a_secret_file_that_is_missing_or_empty_is_named)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_config c = in_folder("mesh = { key_file = \"/no/such/key\"; };");
    cr_assert_eq(sc_config_secrets(&c, &err), SC_ECONFIG);
    cr_assert(strstr(err.text, "mesh.key_file") && strstr(err.text, "/no/such/key"), "%s",
              err.text);
    sc_config_fini(&c);
}

/* --- reload --- */

Test(config, reload_takes_what_it_can_and_names_the_rest)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_strv ignored = { 0 };
    struct sc_config live = in_folder("log = { level = \"info\"; };");
    cr_assert_eq(sc_config_secrets(&live, &err), SC_OK);
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "state_dir = \"%s/state\";\nlog = { level = \"debug\"; };\n"
                   "gateway = { name = \"other\"; token = \"t\"; };\nagents = ( { id = \"a\"; } );",
                   folder);
    write_file(text);
    cr_assert_eq(sc_config_reload(&live, path, 0, NULL, no_env, &ignored, &err), SC_OK);
    cr_assert_str_eq(live.log_level, "debug");
    cr_assert_str_eq(live.gateway_token, "t");
    cr_assert_str_neq(live.gateway_name, "other");
    cr_assert_eq(ignored.n, 2);
    cr_assert(sc_strv_has(&ignored, "gateway.name") && sc_strv_has(&ignored, "agents"));
    sc_strv_fini(&ignored);
    sc_config_fini(&live);
}

Test(config, a_failed_reload_changes_nothing)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_strv ignored = { 0 };
    struct sc_config live = in_folder("log = { level = \"info\"; };");
    write_file("log = { level = \"debug\"; };\nfoo = 1;\n");
    cr_assert_eq(sc_config_reload(&live, path, 0, NULL, no_env, &ignored, &err), SC_ECONFIG);
    cr_assert_str_eq(live.log_level, "info");
    cr_assert_eq(ignored.n, 0);
    sc_config_fini(&live);
}

/* --- views --- */

static void print(const char *format, struct sc_buf *out)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_config_print(format, out, &err), SC_OK, "%s", err.text);
}

/* The sample with every option switched on is a configuration of the defaults. */
Test(config, the_sample_is_a_good_file_even_with_everything_switched_on)
{
    sc_auto_buf struct sc_buf sample = SC_BUF_INIT, active = SC_BUF_INIT;
    print("sample", &sample);
    struct sc_config c = load(sc_buf_str(&sample));
    sc_config_fini(&c);
    for (const char *line = sc_buf_str(&sample); line && *line;) {
        const char *end = strchr(line, '\n');
        const char *text = line + strspn(line, " ");
        if (text[0] == '#' && text[1] >= 'a' && text[1] <= 'z')
            text++;
        /* these have no default to stand there */
        if (strncmp(text, "name = \"\"", 9) != 0)
            sc_buf_add(&active, text, (size_t)(end + 1 - text));
        line = end + 1;
    }
    c = load(sc_buf_str(&active));
    cr_assert_eq(c.n_agents, 1);
    cr_assert_eq(c.consul_heartbeat_s, 15);
    sc_config_fini(&c);
}

Test(config, every_view_names_every_option)
{
    static const char *const formats[] = { "text", "markdown", "man" };
    for (size_t i = 0; i < SC_ARRAY_LEN(formats); i++) {
        sc_auto_buf struct sc_buf out = SC_BUF_INIT;
        print(formats[i], &out);
        cr_assert(strstr(sc_buf_str(&out), i == 0 ? "--consul-heartbeat-s" : "15"));
        cr_assert(strstr(sc_buf_str(&out), "consul.heartbeat_s"));
        cr_assert(strstr(sc_buf_str(&out), "CONSUL_HTTP_ADDR"));
        cr_assert_null(strstr(sc_buf_str(&out), "(null)"));
    }
    struct sc_err err = SC_ERR_INIT;
    struct sc_buf out = SC_BUF_INIT;
    cr_assert_eq(sc_config_print("pdf", &out, &err), SC_EINVAL);
}
