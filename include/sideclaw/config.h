/* config.h: the options, as one table, and the values read from file, environment and flags. */
#ifndef SIDECLAW_CONFIG_H
#define SIDECLAW_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/agent.h"
#include "sideclaw/err.h"

/* An agent the configuration adds, or whose capabilities it extends. */
struct sc_config_agent {
    char *id;
    struct sc_strv capabilities;
};

/* Values; every field is a row of the table in app/options.c. Strings are owned, never NULL (""
 * when unset). */
struct sc_config {
    char *agent_id, *state_dir;
    char *cluster_id, *cluster_prefix;
    char *gateway_name, *gateway_url, *gateway_token, *gateway_token_file, *gateway_auth;
    char *gateway_pid_file, *gateway_process, *gateway_task, *gateway_cli;
    bool gateway_enabled;
    int64_t gateway_start_grace_s, gateway_turn_timeout_s;
    bool consul_enabled, consul_register_service, consul_tls, consul_tls_verify;
    char *consul_addr, *consul_token, *consul_token_file;
    char *consul_ca_file, *consul_cert_file, *consul_key_file, *consul_tls_server_name;
    int64_t consul_heartbeat_s, consul_session_ttl_s;
    struct sc_strv consul_tags;
    char *consul_service_address, *consul_check_type, *consul_check_page, *consul_check_url;
    int64_t consul_check_interval_s, consul_deregister_critical_service_after_s;
    bool redis_enabled;
    char *redis_url, *redis_password, *redis_password_file;
    char *redis_sentinel_password, *redis_sentinel_password_file;
    char *redis_ca_file, *redis_cert_file, *redis_key_file;
    int64_t redis_stream_max_len, redis_stream_max_age_s;
    bool http_enabled, peer_enabled;
    char *http_listen, *http_peer_url, *http_token, *http_token_file;
    char *control_socket;
    int64_t drain_notice_s, drain_disk_free_bytes;
    char *spool_synchronous;
    int64_t spool_retention_s, spool_max_bytes, spool_max_messages;
    int64_t messages_ttl_s, messages_retry_min_ms, messages_retry_max_ms, messages_max_hops,
        messages_thread_rate, messages_agent_queue_max, messages_agent_outbox_max;
    int64_t memory_agent_max_keys, memory_agent_max_bytes, memory_tombstone_s, memory_max_drift_s,
        memory_scan_s;
    char *memory_readable;
    char *mesh_key, *mesh_key_file;
    char *log_level;
    struct sc_config_agent *agents;
    size_t n_agents;
    struct sc_strv labels; /* "key=value" */
};

void sc_config_fini(struct sc_config *c);

/* sc_config_load: defaults, then `file` (NULL: none), then the environment, then the flags. argv
 * has neither the program's name nor the flags the caller took (--config, --check). On failure
 * `err` is the first error, which names file and line, variable or flag, the key and the remedy
 * (SC_ECONFIG); ret is untouched. */
int sc_config_load(struct sc_config *ret, const char *file, int argc, char *const *argv,
                   char *const *envp, struct sc_err *err) SC_MUST_CHECK;

/* sc_config_check: as load, but names everything that is wrong and what is merely doubtful
 * (warnings: an unknown SIDECLAW_* variable, a secret that others may read). Returns the number of
 * errors; creates nothing. */
typedef void sc_config_note_fn(void *ctx, bool is_error, const struct sc_err *note);
int sc_config_check(const char *file, int argc, char *const *argv, char *const *envp,
                    sc_config_note_fn *fn, void *ctx);

/* sc_config_secrets: read every *_file into its secret, and make the http token if there is none.
 * Separate, because `--check` must not create files. A secret given itself wins over its file. */
int sc_config_secrets(struct sc_config *c, struct sc_err *err) SC_MUST_CHECK;

/* sc_config_reload: load and secrets again; copies only reloadable options into `live` and names,
 * in `ret_ignored`, those that changed and need a restart. `live` is untouched on failure. */
int sc_config_reload(struct sc_config *live, const char *file, int argc, char *const *argv,
                     char *const *envp, struct sc_strv *ret_ignored,
                     struct sc_err *err) SC_MUST_CHECK;

/* Views of the table. format: "text" (--help), "sample" (a file), "markdown" (docs), "man". */
struct sc_buf;
int sc_config_print(const char *format, struct sc_buf *out, struct sc_err *err) SC_MUST_CHECK;

#endif
