/* What Redis says, in words that help: one table from its error codes to ours. */
#include <string.h>

#include "redis_link.h"
#include "sideclaw/mem.h"

struct meaning {
    const char *word;   /* anywhere in the text: scripts wrap the errors of their commands */
    const char *detail; /* after "redis at host:port "; NULL: the text itself */
    const char *remedy;
    enum sc_code code;
    bool server;          /* the server is unfit, not the command */
    const char *failover; /* the remedy when Sentinel looks after it; NULL: the same */
};

static const char password_remedy[] =
    "put it in REDIS_URL (redis://:PASSWORD@host:port) or in redis.password_file";

static const char failing_over[] = "wait: the sentinels are changing the primary";

/* What it does not say, its log does: it was stopped, CLIENT KILL, or a subscriber fell behind. */
static const char closed_remedy[] =
    "see its log; \"overcoming of output buffer limits\" wants a larger client-output-buffer-limit";

static const struct meaning meanings[] = {
    { .word = "NOAUTH",
      .detail = "asks for a password",
      .remedy = password_remedy,
      .code = SC_EAUTH,
      .server = true },
    { .word = "WRONGPASS",
      .detail = "refuses the user or the password",
      .remedy = "check them in REDIS_URL or redis.password_file",
      .code = SC_EAUTH,
      .server = true },
    { .word = "invalid password",
      .detail = "refuses the password",
      .remedy = "check it in REDIS_URL or redis.password_file",
      .code = SC_EAUTH,
      .server = true },
    { .word = "no password is set",
      .detail = "has no password, but one was given",
      .remedy = "take it out of the configuration, or set requirepass there",
      .code = SC_EAUTH,
      .server = true },
    { .word = "without any password configured",
      .detail = "has no password, but one was given",
      .remedy = "take it out of the configuration, or set requirepass there",
      .code = SC_EAUTH,
      .server = true },
    { .word = "NOPERM",
      .detail = "does not let this user do what a sidecar does",
      .remedy = "grant it: ACL SETUSER <user> ~<prefix>:* &<prefix>:* +@all -@dangerous",
      .code = SC_EPERM,
      .server = true },
    { .word = "BUSY Redis",
      .detail = "is busy with a script that does not end",
      .remedy = "wait, or end it there: SCRIPT KILL or FUNCTION KILL",
      .code = SC_EAWAY,
      .server = true },
    { .word = "LOADING",
      .detail = "is still loading its data",
      .remedy = "wait: it comes up by itself",
      .code = SC_EAWAY,
      .server = true },
    { .word = "READONLY",
      .detail = "is a read-only replica",
      .remedy = "point redis.url at the primary",
      .code = SC_EAWAY,
      .server = true,
      .failover = failing_over },
    { .word = "MASTERDOWN",
      .detail = "is a replica that lost its primary",
      .remedy = "point redis.url at the primary",
      .code = SC_EAWAY,
      .server = true,
      .failover = failing_over },
    { .word = "MISCONF",
      .detail = "cannot save to its disk and takes no writes",
      .remedy = "free its disk, or see its log; CONFIG SET stop-writes-on-bgsave-error no",
      .code = SC_EAWAY,
      .server = true },
    { .word = "OOM ",
      .detail = "is out of memory (maxmemory)",
      .remedy = "raise maxmemory there, or free some",
      .code = SC_EAWAY,
      .server = true },
    { .word = "max number of clients",
      .detail = "has too many clients",
      .remedy = "raise maxclients there",
      .code = SC_EAWAY,
      .server = true },
    { .word = "DENIED",
      .detail = "is in protected mode",
      .remedy = "set requirepass and bind there",
      .code = SC_EPERM,
      .server = true },
    { .word = "NOREPLICAS",
      .detail = "has too few replicas to take writes",
      .remedy = "start its replicas, or lower min-replicas-to-write",
      .code = SC_EAWAY,
      .server = true },
    { .word = "CLUSTERDOWN",
      .detail = "is a cluster that is down",
      .remedy = "see CLUSTER INFO there",
      .code = SC_EAWAY,
      .server = true },
    { .word = "MOVED",
      .detail = "is a cluster, which the sidecar does not speak",
      .remedy = "use one without cluster-enabled",
      .code = SC_EAWAY,
      .server = true },
    { .word = "DB index",
      .detail = "has no such database",
      .remedy = "use a smaller number at the end of redis.url",
      .code = SC_ECONFIG,
      .server = true },
    { .word = "unknown command",
      .detail = "lacks a command that the sidecar needs",
      .remedy = "use Redis 5 or newer, with no commands renamed",
      .code = SC_EPROTO,
      .server = true },
    { .word = "WRONGTYPE",
      .detail = "holds something else under the name of a stream",
      .remedy = "see its type with redis-cli TYPE, and rename it",
      .code = SC_EPROTO },
    /* hiredis's own words and the operating system's */
    { .word = "TLS certificate: ",
      .remedy = "set redis.ca_file to the authority that signed it; the certificate must name the "
                "host of redis.url",
      .code = SC_EAUTH,
      .server = true },
    { .word = "TLS: ",
      .remedy = "it may want a certificate of ours: redis.cert_file and redis.key_file",
      .code = SC_EAUTH,
      .server = true },
    { .word = "Protocol error",
      .detail = "does not speak Redis's protocol",
      .remedy = "check host and port in redis.url",
      .code = SC_EPROTO,
      .server = true },
    { .word = "Connection refused",
      .detail = "refuses connections",
      .remedy = "start Redis: redis-server",
      .code = SC_EAWAY,
      .server = true,
      .failover = "wait: the sentinels choose another primary; else start it: redis-server" },
    { .word = "No route to host",
      .detail = "cannot be reached (no route)",
      .remedy = "check the address in redis.url and the network",
      .code = SC_EAWAY,
      .server = true },
    { .word = "unreachable",
      .detail = "cannot be reached (network unreachable)",
      .remedy = "check the address in redis.url and the network",
      .code = SC_EAWAY,
      .server = true },
    { .word = "Server closed",
      .detail = "closed the connection",
      .remedy = closed_remedy,
      .code = SC_EAWAY,
      .server = true },
    { .word = "reset by peer",
      .detail = "closed the connection",
      .remedy = closed_remedy,
      .code = SC_EAWAY,
      .server = true },
    { .word = "Broken pipe",
      .detail = "closed the connection",
      .remedy = closed_remedy,
      .code = SC_EAWAY,
      .server = true },
};

void sc_redis_say(const struct sc_redis_url *at, enum sc_code code, const char *detail,
                  struct sc_err *ret)
{
    const char *host = at->at.host;
    bool v6 = host && strchr(host, ':') != NULL;
    if (host)
        (void)sc_fail(ret, code, "redis at %s%s%s:%u %s", v6 ? "[" : "", host, v6 ? "]" : "",
                      at->at.port, detail);
    else
        (void)sc_fail(ret, code, "redis (%s, by Sentinel) %s", at->primary, detail);
}

bool sc_redis_explain(const struct sc_redis_url *at, const char *text, struct sc_err *ret)
{
    static const struct meaning unknown = { .word = "", .remedy = "", .code = SC_EAWAY };
    const struct meaning *m = &unknown;
    char says[160];
    for (size_t i = 0; i < SC_ARRAY_LEN(meanings) && m == &unknown; i++)
        if (strstr(text, meanings[i].word))
            m = &meanings[i];
    /* Redis quotes the command's name in its errors, and never the arguments of AUTH. */
    (void)snprintf(says, sizeof says, "says: %.140s", *text ? text : "no reason");
    sc_redis_say(at, m->code, m->detail ? m->detail : says, ret);
    (void)sc_err_remedy(ret, "%s", at->primary && m->failover ? m->failover : m->remedy);
    return m->server;
}
