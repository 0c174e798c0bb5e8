/* options.h: the one table of options. File, environment, flags, --help, the sample file and the
 * reference are views of it. */
#ifndef SIDECLAW_APP_OPTIONS_H
#define SIDECLAW_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/config.h"
#include "sideclaw/err.h"

enum sc_option_type {
    SC_OPT_STRING,
    SC_OPT_PATH,
    SC_OPT_SECRET, /* has no flag: anybody may read argv; never printed */
    SC_OPT_ENUM,
    SC_OPT_INT,
    SC_OPT_BOOL,
    SC_OPT_AGENTS, /* struct sc_config's agents and n_agents */
    SC_OPT_LABELS, /* struct sc_strv of "key=value" */
    SC_OPT_LINES   /* struct sc_strv; max: how many */
};

/* One option. A field of struct sc_config at `offset`: char * (strings), int64_t or bool. */
struct sc_option {
    const char *key; /* "redis.url" */
    enum sc_option_type type;
    bool reloadable; /* SIGHUP applies it */
    size_t offset;
    const char *dflt;      /* as text; NULL: computed (dflt_help says how) or empty */
    const char *dflt_help; /* what --help shows instead of dflt; NULL */
    int64_t min, max;      /* of an integer; of a string its length in bytes when it is set */
    const char *unit;      /* of an integer; NULL */
    const char *choices;   /* of an enum: "device|token" */
    /* Looks at a value that is not empty; may replace it by its normal form. NULL: anything goes.
     */
    int (*check)(char **value, struct sc_err *err);
    const char *alias; /* an environment variable of another program that means the same; NULL */
    const char *help;  /* a sentence */
};

/* A section of the help and of the sample file: the word before the dot. */
struct sc_option_group {
    const char *name; /* "" for keys without a dot */
    const char *help;
};

const struct sc_option *sc_options(size_t *ret_n);
const struct sc_option_group *sc_option_groups(size_t *ret_n);
const struct sc_option *sc_option_find(const char *key);
/* Is `name` the first part of some key ("redis")? */
bool sc_option_is_group(const char *name);
bool sc_option_in_group(const struct sc_option *o, const char *group);

/* Names derived from the key; the caller frees. */
char *sc_option_env(const struct sc_option *o);  /* SIDECLAW_REDIS_URL */
char *sc_option_flag(const struct sc_option *o); /* --redis-url; NULL for a secret */

/* --- option_value.c: one value into struct sc_config; SC_EINVAL says what is wrong with it --- */
int sc_option_set_str(struct sc_config *c, const struct sc_option *o, const char *value,
                      struct sc_err *err) SC_MUST_CHECK;
int sc_option_set_int(struct sc_config *c, const struct sc_option *o, int64_t value,
                      struct sc_err *err) SC_MUST_CHECK;
void sc_option_set_bool(struct sc_config *c, const struct sc_option *o, bool value);
/* From text of any type: a variable, a flag, a default. */
int sc_option_parse(struct sc_config *c, const struct sc_option *o, const char *text,
                    struct sc_err *err) SC_MUST_CHECK;
/* What the value must be, for the error about a wrong type: "a whole number". */
const char *sc_option_expects(const struct sc_option *o);

char **sc_option_str(struct sc_config *c, const struct sc_option *o);
struct sc_strv *sc_option_strv(struct sc_config *c, const struct sc_option *o);
bool sc_option_equal(const struct sc_config *a, const struct sc_config *b,
                     const struct sc_option *o);
void sc_option_move(struct sc_config *dst, struct sc_config *src, const struct sc_option *o);

/* --- option_lists.c: `agents`, `labels` and lines --- */
int sc_config_add_agent(struct sc_config *c, const char *id, struct sc_strv *take_capabilities,
                        struct sc_err *err) SC_MUST_CHECK;
int sc_config_add_label(struct sc_config *c, const char *key, const char *value,
                        struct sc_err *err) SC_MUST_CHECK;
void sc_config_clear_agents(struct sc_config *c);
int sc_config_parse_agents(struct sc_config *c, const char *text, struct sc_err *err) SC_MUST_CHECK;
int sc_config_parse_labels(struct sc_config *c, const char *text, struct sc_err *err) SC_MUST_CHECK;
/* A list of any strings: as text, lines, since each may have commas and blanks. */
int sc_config_set_lines(struct sc_config *c, const struct sc_option *o, struct sc_strv *take,
                        struct sc_err *err) SC_MUST_CHECK;
int sc_config_parse_lines(struct sc_config *c, const struct sc_option *o, const char *text,
                          struct sc_err *err) SC_MUST_CHECK;

/* --- option_check.c --- */
int sc_check_name(char **value, struct sc_err *err);
int sc_check_ws_url(char **value, struct sc_err *err);
int sc_check_consul_addr(char **value, struct sc_err *err);
int sc_check_redis_url(char **value, struct sc_err *err);
int sc_check_peer_url(char **value, struct sc_err *err);
int sc_check_listen(char **value, struct sc_err *err);
int sc_check_socket_path(char **value, struct sc_err *err);
int sc_check_memory_readable(char **value, struct sc_err *err);
int sc_check_token(char **value, struct sc_err *err);
int sc_check_address(char **value, struct sc_err *err);
int sc_check_http_url(char **value, struct sc_err *err);
int sc_check_host_name(char **value, struct sc_err *err);

#endif
