#include "options.h"

#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

#define AT(field) .offset = offsetof(struct sc_config, field)
#define RELOADABLE .reloadable = true

enum { URL_MAX = 2048, FILE_NAME_MAX = 4096, SECRET_MAX = 4096, DAY_S = 24 * 3600 };

static const struct sc_option options[] = {
    { .key = "agent_id",
      .type = SC_OPT_STRING,
      AT(agent_id),
      .max = SC_NAME_MAX,
      .check = sc_check_name,
      .alias = "AGENT_ID",
      .dflt_help = "operator",
      .help = "Who `sideclaw send` and `sideclaw ask` speak for when --from is not given." },
    { .key = "state_dir",
      .type = SC_OPT_PATH,
      AT(state_dir),
      .max = FILE_NAME_MAX,
      .dflt_help = "$NOMAD_ALLOC_DIR/data/sideclaw, $XDG_STATE_HOME/sideclaw or "
                   "~/.local/state/sideclaw",
      .help = "Folder of the message spool, the device key and the tokens; made when missing." },
    { .key = "agents",
      .type = SC_OPT_AGENTS,
      AT(agents),
      .max = SC_LOCAL_AGENTS_MAX,
      .help = "Agents added to those the gateway lists, or capabilities added to theirs." },
    { .key = "labels",
      .type = SC_OPT_LABELS,
      AT(labels),
      .max = SC_LABELS_MAX,
      .help = "What routing may ask of this machine: os, gpu, group, privacy or your own words." },

    { .key = "cluster.id",
      .type = SC_OPT_STRING,
      AT(cluster_id),
      .dflt = "openclaw",
      .min = 1,
      .max = SC_NAME_MAX,
      .check = sc_check_name,
      .help = "Name of the mesh; every gateway of it uses the same." },
    { .key = "cluster.prefix",
      .type = SC_OPT_STRING,
      AT(cluster_prefix),
      .dflt = "openclaw",
      .min = 1,
      .max = SC_NAME_MAX,
      .check = sc_check_name,
      .help = "First part of every key in Consul and Redis." },

    { .key = "gateway.name",
      .type = SC_OPT_STRING,
      AT(gateway_name),
      .min = 1,
      .max = SC_NAME_MAX,
      .check = sc_check_name,
      .dflt_help = "the host's name",
      .help = "This gateway's name in the mesh; no other gateway may have it." },
    { .key = "gateway.enabled",
      .type = SC_OPT_BOOL,
      AT(gateway_enabled),
      .dflt = "true",
      .help = "Connect to the OpenClaw gateway; without it only inboxes are served." },
    { .key = "gateway.url",
      .type = SC_OPT_STRING,
      AT(gateway_url),
      .dflt = "ws://127.0.0.1:18789",
      .min = 1,
      .max = URL_MAX,
      .check = sc_check_ws_url,
      .help = "WebSocket address of the OpenClaw gateway." },
    { .key = "gateway.auth",
      .type = SC_OPT_ENUM,
      AT(gateway_auth),
      .dflt = "device",
      .choices = "device|token",
      .help = "Log in with this sidecar's own Ed25519 device key (approved once at the gateway) or "
              "with the gateway's shared token alone." },
    { .key = "gateway.token",
      .type = SC_OPT_SECRET,
      AT(gateway_token),
      .max = SECRET_MAX,
      .check = sc_check_token,
      .alias = "OPENCLAW_GATEWAY_TOKEN",
      RELOADABLE,
      .help = "The gateway's token (gateway.auth.token in openclaw.json)." },
    { .key = "gateway.token_file",
      .type = SC_OPT_PATH,
      AT(gateway_token_file),
      .max = FILE_NAME_MAX,
      RELOADABLE,
      .help = "File with the gateway's token; read again on SIGHUP." },
    { .key = "gateway.start_grace_s",
      .type = SC_OPT_INT,
      AT(gateway_start_grace_s),
      .dflt = "300",
      .max = 3600,
      .unit = "seconds",
      .help = "How long a gateway may take to start before that counts as a fault." },
    { .key = "gateway.pid_file",
      .type = SC_OPT_PATH,
      AT(gateway_pid_file),
      .max = FILE_NAME_MAX,
      .help = "File with the gateway's pid. Without it the owner of the listening socket is its "
              "process, or a process of the Nomad task." },
    { .key = "gateway.process",
      .type = SC_OPT_STRING,
      AT(gateway_process),
      .dflt = "openclaw",
      .max = SC_NAME_MAX,
      .help = "Text in the command line by which a gateway that was started again is recognised "
              "before it listens." },
    { .key = "gateway.task",
      .type = SC_OPT_STRING,
      AT(gateway_task),
      .dflt = "gateway",
      .max = SC_NAME_MAX,
      .help = "The gateway's task in our Nomad allocation." },
    { .key = "gateway.cli",
      .type = SC_OPT_STRING,
      AT(gateway_cli),
      .dflt = "openclaw",
      .max = FILE_NAME_MAX,
      .help = "OpenClaw's command, run once as `gateway status --json` when the gateway is first "
              "ready; what it says is kept in gateway-status.json in state_dir. Empty: not run." },
    { .key = "gateway.turn_timeout_s",
      .type = SC_OPT_INT,
      AT(gateway_turn_timeout_s),
      .dflt = "600",
      .min = 1,
      .max = DAY_S,
      .unit = "seconds",
      .help = "Longest turn of an agent on one message." },

    { .key = "consul.enabled",
      .type = SC_OPT_BOOL,
      AT(consul_enabled),
      .dflt = "true",
      .help = "Register in Consul and find other gateways there." },
    { .key = "consul.addr",
      .type = SC_OPT_STRING,
      AT(consul_addr),
      .dflt = "http://127.0.0.1:8500",
      .min = 1,
      .max = URL_MAX,
      .check = sc_check_consul_addr,
      .alias = "CONSUL_HTTP_ADDR",
      .help = "Consul's HTTP address; HOST:PORT alone means http." },
    { .key = "consul.token",
      .type = SC_OPT_SECRET,
      AT(consul_token),
      .max = SECRET_MAX,
      .check = sc_check_token,
      .alias = "CONSUL_HTTP_TOKEN",
      RELOADABLE,
      .dflt_help = "CONSUL_TOKEN, which Nomad sets",
      .help = "Consul ACL token." },
    { .key = "consul.token_file",
      .type = SC_OPT_PATH,
      AT(consul_token_file),
      .max = FILE_NAME_MAX,
      .alias = "CONSUL_HTTP_TOKEN_FILE",
      RELOADABLE,
      .dflt_help = "$NOMAD_SECRETS_DIR/consul_token, where Nomad puts a workload's",
      .help = "File with the Consul ACL token; read again on SIGHUP." },
    { .key = "consul.tls",
      .type = SC_OPT_BOOL,
      AT(consul_tls),
      .dflt = "false",
      .alias = "CONSUL_HTTP_SSL",
      .help = "Use https also where consul.addr does not say so." },
    { .key = "consul.tls_verify",
      .type = SC_OPT_BOOL,
      AT(consul_tls_verify),
      .dflt = "true",
      .alias = "CONSUL_HTTP_SSL_VERIFY",
      RELOADABLE,
      .help =
          "False believes any server that answers as Consul, and gives it the token: for trying "
          "things out." },
    { .key = "consul.tls_server_name",
      .type = SC_OPT_STRING,
      AT(consul_tls_server_name),
      .max = 253,
      .check = sc_check_host_name,
      .alias = "CONSUL_TLS_SERVER_NAME",
      RELOADABLE,
      .dflt_help = "the host of consul.addr",
      .help = "Name that Consul's certificate must have." },
    { .key = "consul.ca_file",
      .type = SC_OPT_PATH,
      AT(consul_ca_file),
      .max = FILE_NAME_MAX,
      .alias = "CONSUL_CACERT",
      RELOADABLE,
      .dflt_help = "the system's",
      .help =
          "PEM file of the authorities that may sign Consul's certificate (https). This file and "
          "the next two are read again whenever they change." },
    { .key = "consul.cert_file",
      .type = SC_OPT_PATH,
      AT(consul_cert_file),
      .max = FILE_NAME_MAX,
      .alias = "CONSUL_CLIENT_CERT",
      RELOADABLE,
      .help = "PEM file with the certificate to show to Consul, when it asks for one "
              "(verify_incoming)." },
    { .key = "consul.key_file",
      .type = SC_OPT_PATH,
      AT(consul_key_file),
      .max = FILE_NAME_MAX,
      .alias = "CONSUL_CLIENT_KEY",
      RELOADABLE,
      .help = "PEM file with the key of that certificate." },
    { .key = "consul.heartbeat_s",
      .type = SC_OPT_INT,
      AT(consul_heartbeat_s),
      .dflt = "15",
      .min = 1,
      .max = 3600,
      .unit = "seconds",
      .help = "Period of the presence transaction; 45 suits links between continents." },
    { .key = "consul.session_ttl_s",
      .type = SC_OPT_INT,
      AT(consul_session_ttl_s),
      .dflt = "30",
      .min = 10,
      .max = DAY_S,
      .unit = "seconds",
      .help = "TTL of the session that holds our keys; Consul may take twice that to notice a "
              "death." },
    { .key = "consul.register_service",
      .type = SC_OPT_BOOL,
      AT(consul_register_service),
      .dflt = "true",
      .help = "Register the catalog service openclaw-gateway; false when the Nomad job does." },

    { .key = "redis.enabled",
      .type = SC_OPT_BOOL,
      AT(redis_enabled),
      .dflt = "true",
      .help = "Carry messages over Redis." },
    { .key = "redis.url",
      .type = SC_OPT_STRING,
      AT(redis_url),
      .dflt = "redis://127.0.0.1:6379",
      .min = 1,
      .max = URL_MAX,
      .check = sc_check_redis_url,
      .alias = "REDIS_URL",
      .help =
          "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], or with Sentinel "
          "redis+sentinel://[[USER]:PASSWORD@]SENTINEL[:PORT][,SENTINEL[:PORT]...]/PRIMARY[/DB]; "
          "a password is better kept in redis.password_file." },
    { .key = "redis.password",
      .type = SC_OPT_SECRET,
      AT(redis_password),
      .max = SECRET_MAX,
      .check = sc_check_token,
      .help = "Redis password; overrides the one in redis.url." },
    { .key = "redis.password_file",
      .type = SC_OPT_PATH,
      AT(redis_password_file),
      .max = FILE_NAME_MAX,
      .help = "File with the Redis password." },
    { .key = "redis.sentinel_password",
      .type = SC_OPT_SECRET,
      AT(redis_sentinel_password),
      .max = SECRET_MAX,
      .check = sc_check_token,
      .help = "Password of the sentinels themselves (their requirepass), when they have one." },
    { .key = "redis.sentinel_password_file",
      .type = SC_OPT_PATH,
      AT(redis_sentinel_password_file),
      .max = FILE_NAME_MAX,
      .help = "File with the password of the sentinels." },
    { .key = "redis.ca_file",
      .type = SC_OPT_PATH,
      AT(redis_ca_file),
      .max = FILE_NAME_MAX,
      .help = "PEM file of the authorities that may sign Redis's certificate (rediss://); unset: "
              "the system's." },
    { .key = "redis.cert_file",
      .type = SC_OPT_PATH,
      AT(redis_cert_file),
      .max = FILE_NAME_MAX,
      .help = "PEM file with the certificate to show to Redis (rediss://), when it asks for one." },
    { .key = "redis.key_file",
      .type = SC_OPT_PATH,
      AT(redis_key_file),
      .max = FILE_NAME_MAX,
      .help = "PEM file with the key of that certificate." },
    { .key = "redis.stream_max_len",
      .type = SC_OPT_INT,
      AT(redis_stream_max_len),
      .dflt = "100000",
      .min = 100,
      .max = 100000000,
      .unit = "entries",
      .help = "Where an agent's inbox stream is trimmed; the sender's spool still has the rest." },
    { .key = "redis.stream_max_age_s",
      .type = SC_OPT_INT,
      AT(redis_stream_max_age_s),
      .dflt = "86400",
      .min = 60,
      .max = SC_TTL_MAX_S,
      .unit = "seconds",
      .help =
          "Older entries of an inbox stream are trimmed, too (Redis 6.2 and newer); the sender's "
          "spool keeps a message until its own ttl." },

    { .key = "http.enabled",
      .type = SC_OPT_BOOL,
      AT(http_enabled),
      .dflt = "true",
      .help = "Serve /v1, /health and /metrics over HTTP." },
    { .key = "http.listen",
      .type = SC_OPT_STRING,
      AT(http_listen),
      .dflt = "127.0.0.1:18790",
      .min = 1,
      .max = 300,
      .check = sc_check_listen,
      .help = "ADDRESS:PORT of the HTTP API; port 0 takes a free one." },
    { .key = "http.peer_url",
      .type = SC_OPT_STRING,
      AT(http_peer_url),
      .max = SC_PEER_URL_MAX,
      .check = sc_check_peer_url,
      .dflt_help = "http://<http.listen>; the host's name when that is every address",
      .help = "Where the other sidecars reach this one, as http[s]://HOST[:PORT]." },
    { .key = "http.token",
      .type = SC_OPT_SECRET,
      AT(http_token),
      .min = 16,
      .max = SECRET_MAX,
      .check = sc_check_token,
      .help = "Bearer token of /v1." },
    { .key = "http.token_file",
      .type = SC_OPT_PATH,
      AT(http_token_file),
      .max = FILE_NAME_MAX,
      .dflt_help = "<state_dir>/http.token, made once",
      .help = "File with the bearer token of /v1." },

    { .key = "control.socket",
      .type = SC_OPT_PATH,
      AT(control_socket),
      .max = FILE_NAME_MAX,
      .check = sc_check_socket_path,
      .alias = "SIDECLAW_SOCKET",
      .dflt_help = "<state_dir>/control.sock",
      .help = "Unix socket of the command line; whoever can open it is the operator." },

    { .key = "drain.notice_s",
      .type = SC_OPT_INT,
      AT(drain_notice_s),
      .dflt = "15",
      .max = 3600,
      .unit = "seconds",
      .help = "How long a drain lasts at least before it is ready: load balancers need that to "
              "notice (the interval of their check, and of their own look at it)." },
    { .key = "drain.disk_free_bytes",
      .type = SC_OPT_INT,
      AT(drain_disk_free_bytes),
      .dflt = "67108864",
      .max = INT64_C(1) << 46,
      .unit = "bytes",
      RELOADABLE,
      .help = "Drain while less than this is free where state_dir is, until there is a quarter "
              "more again. 0: never." },

    { .key = "spool.synchronous",
      .type = SC_OPT_ENUM,
      AT(spool_synchronous),
      .dflt = "full",
      .choices = "full|normal",
      .help = "full: an accepted message survives a power cut; normal: it survives a crash." },
    { .key = "spool.retention_s",
      .type = SC_OPT_INT,
      AT(spool_retention_s),
      .dflt = "604800",
      .min = 60,
      .max = 366 * (int64_t)DAY_S,
      .unit = "seconds",
      .help = "How long settled messages are kept; duplicates older than that are not noticed." },
    { .key = "spool.max_bytes",
      .type = SC_OPT_INT,
      AT(spool_max_bytes),
      .dflt = "1073741824",
      .min = INT64_C(1) << 20,
      .max = INT64_C(1) << 46,
      .unit = "bytes",
      .help = "Size of the spool above which new messages are refused." },
    { .key = "spool.max_messages",
      .type = SC_OPT_INT,
      AT(spool_max_messages),
      .dflt = "1000000",
      .min = 1,
      .max = 1000000000,
      .unit = "messages",
      .help = "Number of unsettled messages above which new ones are refused." },

    { .key = "messages.ttl_s",
      .type = SC_OPT_INT,
      AT(messages_ttl_s),
      .dflt = "86400",
      .min = 1,
      .max = SC_TTL_MAX_S,
      .unit = "seconds",
      .help = "How long a message is tried when its sender does not say." },
    { .key = "messages.retry_min_ms",
      .type = SC_OPT_INT,
      AT(messages_retry_min_ms),
      .dflt = "1000",
      .min = 10,
      .max = 3600000,
      .unit = "milliseconds",
      .help = "First wait before a message is sent again; doubles, with jitter." },
    { .key = "messages.retry_max_ms",
      .type = SC_OPT_INT,
      AT(messages_retry_max_ms),
      .dflt = "60000",
      .min = 10,
      .max = 3600000,
      .unit = "milliseconds",
      .help = "Longest such wait." },
    { .key = "messages.max_hops",
      .type = SC_OPT_INT,
      AT(messages_max_hops),
      .dflt = "16",
      .min = 1,
      .max = SC_HOPS_MAX,
      .unit = "hops",
      .help = "Loop guard: a message that passed more gateways is dead." },
    { .key = "messages.thread_rate",
      .type = SC_OPT_INT,
      AT(messages_thread_rate),
      .dflt = "240",
      .min = 1,
      .max = 1000000,
      .unit = "messages a minute",
      .help = "Loop guard: how many messages one thread may carry." },

    { .key = "messages.agent_queue_max",
      .type = SC_OPT_INT,
      AT(messages_agent_queue_max),
      .dflt = "250000",
      .max = 1000000000,
      .unit = "messages",
      RELOADABLE,
      .help =
          "How many unsettled messages may wait here for one agent; the senders of further ones "
          "keep them and try again. 0: no bound." },
    { .key = "messages.agent_outbox_max",
      .type = SC_OPT_INT,
      AT(messages_agent_outbox_max),
      .dflt = "250000",
      .max = 1000000000,
      .unit = "messages",
      RELOADABLE,
      .help = "How many messages of one agent may be on their way and not yet stored by their "
              "receivers; further ones are refused with 429. 0: no bound." },

    { .key = "memory.readable",
      .type = SC_OPT_STRING,
      AT(memory_readable),
      .max = 16384,
      .check = sc_check_memory_readable,
      RELOADABLE,
      .help = "Which agents may read whose memory, beside their own: READER:OWNER, several with "
              "commas; * is everybody. Nobody writes another one's." },
    { .key = "memory.agent_max_keys",
      .type = SC_OPT_INT,
      AT(memory_agent_max_keys),
      .dflt = "10000",
      .min = 1,
      .max = 10000000,
      .unit = "keys",
      RELOADABLE,
      .help = "How many keys one agent may remember." },
    { .key = "memory.agent_max_bytes",
      .type = SC_OPT_INT,
      AT(memory_agent_max_bytes),
      .dflt = "16777216",
      .min = 1024,
      .max = INT64_C(1) << 40,
      .unit = "bytes",
      RELOADABLE,
      .help = "Size of all keys and values of one agent." },
    { .key = "memory.tombstone_s",
      .type = SC_OPT_INT,
      AT(memory_tombstone_s),
      .dflt = "604800",
      .min = 1,
      .max = 366 * (int64_t)DAY_S,
      .unit = "seconds",
      RELOADABLE,
      .help = "How long a deletion is remembered: a sidecar that was away for longer may bring a "
              "deleted key back." },
    { .key = "memory.max_drift_s",
      .type = SC_OPT_INT,
      AT(memory_max_drift_s),
      .dflt = "300",
      .min = 1,
      .max = DAY_S,
      .unit = "seconds",
      .help = "How far ahead a clock may be: later stamps are refused by Redis's own clock, and "
              "no other clock follows them." },
    { .key = "memory.scan_s",
      .type = SC_OPT_INT,
      AT(memory_scan_s),
      .dflt = "60",
      .min = 1,
      .max = DAY_S,
      .unit = "seconds",
      RELOADABLE,
      .help = "How often everything is compared with Redis, to find what other programs wrote." },

    { .key = "peer.enabled",
      .type = SC_OPT_BOOL,
      AT(peer_enabled),
      .dflt = "true",
      .help = "Also carry messages from sidecar to sidecar over HTTP; needs a mesh.key." },

    { .key = "mesh.key",
      .type = SC_OPT_SECRET,
      AT(mesh_key),
      .min = 32,
      .max = SECRET_MAX,
      .check = sc_check_token,
      .help = "The mesh's shared key, 32 bytes or more, the same on every gateway: envelopes are "
              "signed with it and others refused." },
    { .key = "mesh.key_file",
      .type = SC_OPT_PATH,
      AT(mesh_key_file),
      .max = FILE_NAME_MAX,
      .help = "File with the mesh's shared key." },

    { .key = "log.level",
      .type = SC_OPT_ENUM,
      AT(log_level),
      .dflt = "info",
      .choices = "debug|info|warn|error",
      RELOADABLE,
      .help = "Least important lines to write to stderr." },
};

static const struct sc_option_group groups[] = {
    { "", "This sidecar" },
    { "cluster", "The mesh" },
    { "gateway", "The OpenClaw gateway beside us" },
    { "consul", "Consul: who is there" },
    { "redis", "Redis: carries messages" },
    { "http", "HTTP API, health pages, metrics" },
    { "control", "Control socket" },
    { "drain", "Leaving: sideclaw drain" },
    { "spool", "Messages on disk" },
    { "messages", "How messages are tried" },
    { "memory", "What agents remember" },
    { "peer", "Messages from sidecar to sidecar, for when Redis is away" },
    { "mesh", "Signatures" },
    { "log", "Log" },
};

const struct sc_option *sc_options(size_t *ret_n)
{
    *ret_n = SC_ARRAY_LEN(options);
    return options;
}

const struct sc_option_group *sc_option_groups(size_t *ret_n)
{
    *ret_n = SC_ARRAY_LEN(groups);
    return groups;
}

const struct sc_option *sc_option_find(const char *key)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(options); i++)
        if (sc_streq(options[i].key, key))
            return &options[i];
    return NULL;
}

bool sc_option_is_group(const char *name)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(groups); i++)
        if (*groups[i].name && sc_streq(groups[i].name, name))
            return true;
    return false;
}

bool sc_option_in_group(const struct sc_option *o, const char *group)
{
    const char *dot = strchr(o->key, '.');
    size_t n = dot ? (size_t)(dot - o->key) : 0;
    return strlen(group) == n && strncmp(o->key, group, n) == 0;
}

static char upper(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c;
}

char *sc_option_env(const struct sc_option *o)
{
    struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "SIDECLAW_");
    for (const char *p = o->key; *p; p++) {
        char c = upper(*p);
        if (c == '.')
            c = '_';
        sc_buf_addc(&b, c);
    }
    return sc_buf_steal(&b);
}

char *sc_option_flag(const struct sc_option *o)
{
    if (o->type == SC_OPT_SECRET)
        return NULL;
    struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "--");
    for (const char *p = o->key; *p; p++) {
        char c = *p;
        if (c == '.' || c == '_')
            c = '-';
        sc_buf_addc(&b, c);
    }
    return sc_buf_steal(&b);
}
