/* What Redis says, in words that help: one table from its error codes to ours. */
#include <string.h>

#include "redis_link.h"
#include "sideclaw/mem.h"

struct meaning {
    const char *word;   /* anywhere in the text: scripts wrap the errors of their commands */
    const char *detail; /* after "redis at host:port " */
    const char *remedy;
    enum sc_code code;
    bool server; /* the server is unfit, not the command */
};

static const char password_remedy[] =
    "put it in REDIS_URL (redis://:PASSWORD@host:port) or in redis.password_file";

static const struct meaning meanings[] = {
    { "NOAUTH", "asks for a password", password_remedy, SC_EAUTH, true },
    { "WRONGPASS", "refuses the user or the password",
      "check them in REDIS_URL or redis.password_file", SC_EAUTH, true },
    { "invalid password", "refuses the password", "check it in REDIS_URL or redis.password_file",
      SC_EAUTH, true },
    { "no password is set", "has no password, but one was given",
      "take it out of the configuration, or set requirepass there", SC_EAUTH, true },
    { "without any password configured", "has no password, but one was given",
      "take it out of the configuration, or set requirepass there", SC_EAUTH, true },
    { "NOPERM", "does not let this user do what a sidecar does",
      "grant it: ACL SETUSER <user> ~<prefix>:* &<prefix>:* +@all -@dangerous", SC_EPERM, true },
    { "LOADING", "is still loading its data", "wait: it comes up by itself", SC_EAWAY, true },
    { "READONLY", "is a read-only replica", "point redis.url at the primary", SC_EAWAY, true },
    { "MASTERDOWN", "is a replica that lost its primary", "point redis.url at the primary",
      SC_EAWAY, true },
    { "MISCONF", "cannot save to its disk and takes no writes",
      "free its disk, or see its log; CONFIG SET stop-writes-on-bgsave-error no", SC_EAWAY, true },
    { "OOM ", "is out of memory (maxmemory)", "raise maxmemory there, or free some", SC_EAWAY,
      true },
    { "max number of clients", "has too many clients", "raise maxclients there", SC_EAWAY, true },
    { "DENIED", "is in protected mode", "set requirepass and bind there", SC_EPERM, true },
    { "NOREPLICAS", "has too few replicas to take writes",
      "start its replicas, or lower min-replicas-to-write", SC_EAWAY, true },
    { "CLUSTERDOWN", "is a cluster that is down", "see CLUSTER INFO there", SC_EAWAY, true },
    { "MOVED", "is a cluster, which the sidecar does not speak", "use one without cluster-enabled",
      SC_EAWAY, true },
    { "DB index", "has no such database", "use a smaller number at the end of redis.url",
      SC_ECONFIG, true },
    { "unknown command", "lacks a command that the sidecar needs",
      "use Redis 5 or newer, with no commands renamed", SC_EPROTO, true },
    { "WRONGTYPE", "holds something else under the name of a stream",
      "see its type with redis-cli TYPE, and rename it", SC_EPROTO, false },
    /* hiredis's own words and the operating system's */
    { "Protocol error", "does not speak Redis's protocol", "check host and port in redis.url",
      SC_EPROTO, true },
    { "Connection refused", "refuses connections", "start Redis: redis-server", SC_EAWAY, true },
    { "No route to host", "cannot be reached (no route)",
      "check the address in redis.url and the network", SC_EAWAY, true },
    { "unreachable", "cannot be reached (network unreachable)",
      "check the address in redis.url and the network", SC_EAWAY, true },
    { "Server closed", "closed the connection", "", SC_EAWAY, true },
    { "reset by peer", "closed the connection", "", SC_EAWAY, true },
    { "Broken pipe", "closed the connection", "", SC_EAWAY, true },
};

static void say(const struct sc_redis_url *url, enum sc_code code, const char *detail,
                const char *remedy, struct sc_err *ret)
{
    bool v6 = strchr(url->host, ':') != NULL;
    (void)sc_fail(ret, code, "redis at %s%s%s:%u %s", v6 ? "[" : "", url->host, v6 ? "]" : "",
                  url->port, detail);
    (void)sc_err_remedy(ret, "%s", remedy);
}

bool sc_redis_explain(const struct sc_redis_url *url, const char *text, struct sc_err *ret)
{
    char unknown[160];
    for (size_t i = 0; i < SC_ARRAY_LEN(meanings); i++) {
        const struct meaning *m = &meanings[i];
        if (strstr(text, m->word)) {
            say(url, m->code, m->detail, m->remedy, ret);
            return m->server;
        }
    }
    /* Redis quotes the command's name in its errors, and never the arguments of AUTH. */
    (void)snprintf(unknown, sizeof unknown, "says: %.140s", *text ? text : "no reason");
    say(url, SC_EAWAY, unknown, "", ret);
    return false;
}
