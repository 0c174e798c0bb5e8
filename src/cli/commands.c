/* commands.c: the table of commands. Help is a view of it. */
#include <string.h>

#include "command.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/task.h"

#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define F_ALL                                                                                      \
    {                                                                                              \
        .name = "--all", .help = "also what is done with"                                          \
    }
#define F_LIMIT                                                                                    \
    {                                                                                              \
        .name = "--limit", .value = "N", .min = 1, .max = SC_LIST_MAX,                             \
        .help = "rows at most (100)"                                                               \
    }
#define F_MESSAGE                                                                                  \
    { .name = "--to", .value = "AGENT", .help = "receiver: AGENT or AGENT@GATEWAY" },              \
        { .name = "--capability",                                                                  \
          .value = "WORD",                                                                         \
          .help = "instead: whoever can do this and is least busy" },                              \
        { .name = "--from",                                                                        \
          .value = "AGENT",                                                                        \
          .help = "sender (default: $AGENT_ID, the daemon's agent_id, or operator)" },             \
        { .name = "--thread", .value = "T", .help = "conversation it belongs to" },                \
        { .name = "--ttl",                                                                         \
          .value = "S",                                                                            \
          .min = 1,                                                                                \
          .max = SC_TTL_MAX_S,                                                                     \
          .help = "give up after S seconds" },                                                     \
        { .name = "--id",                                                                          \
          .value = "UUID",                                                                         \
          .help = "your own id: sending it again changes nothing" },                               \
    {                                                                                              \
        .name = "--file", .value = "F", .help = "take the text from file F (-: standard input)"    \
    }

static const struct sc_flag no_flags[] = { END };
static const struct sc_flag send_flags[] = { F_MESSAGE, END };
static const struct sc_flag ask_flags[] = {
    F_MESSAGE,
    { .name = "--timeout",
      .value = "S",
      .min = 1,
      .max = SC_WAIT_MAX_MS / 1000,
      .help = "wait at most S seconds for the reply (120)" },
    END,
};
static const struct sc_flag list_flags[] = { F_ALL, F_LIMIT, END };
static const struct sc_flag agents_flags[] = {
    { .name = "--gateway", .value = "NAME", .help = "only agents of this gateway" },
    { .name = "--capability", .value = "WORD", .help = "only agents that can do this" },
    { .name = "--group", .value = "LABEL", .help = "only with this label: NAME=VALUE, or a group" },
    { .name = "--status", .value = "S", .help = "only active, busy or offline ones" },
    END,
};

static const struct sc_flag events_flags[] = {
    { .name = "--follow", .help = "stay, and print what happens from now on" },
    { .name = "--kind", .value = "WORD", .help = "only this kind; with push: which it is (note)" },
    { .name = "--from", .value = "AGENT", .help = "with push: who says so" },
    F_LIMIT,
    END,
};
static const struct sc_flag health_flags[] = {
    { .name = "--watch", .help = "stay, and print it again whenever it changes" },
    END,
};
static const struct sc_flag wait_flags[] = {
    { .name = "--for",
      .value = "WHAT",
      .help = "healthy (default), traffic, live, degraded, draining or dead" },
    { .name = "--timeout",
      .value = "S",
      .min = 0,
      .max = SC_HEALTH_WAIT_MAX_S,
      .help = "give up after S seconds (60)" },
    END,
};
static const struct sc_flag dead_flags[] = {
    { .name = "--agent", .value = "A", .help = "only from or to this agent" },
    { .name = "--in", .help = "only what came here" },
    { .name = "--out", .help = "only what was sent from here" },
    { .name = "--reason", .value = "TEXT", .help = "only with a reason that begins so" },
    F_LIMIT,
    { .name = "--all", .help = "retry or drop all that match" },
    { .name = "--force", .help = "retry also what ran, or may have run" },
    { .name = "--yes", .help = "drop without asking" },
    END,
};
static const struct sc_flag memory_flags[] = {
    { .name = "--ttl",
      .value = "S",
      .min = 1,
      .max = SC_MEMORY_TTL_MAX_S,
      .help = "set: forget it after S seconds" },
    { .name = "--file", .value = "F", .help = "set: take the value from file F (-: stdin)" },
    { .name = "--prefix", .value = "P", .help = "list: only keys that begin so" },
    { .name = "--after", .value = "KEY", .help = "list: only keys behind this one" },
    F_LIMIT,
    { .name = "--values", .help = "list: with their values" },
    END,
};
#define F_SECONDS(flag, text)                                                                      \
    {                                                                                              \
        .name = (flag), .value = "S", .min = 0, .max = SC_TASK_TIME_MAX_S, .help = (text)          \
    }
static const struct sc_flag task_flags[] = {
    { .name = "--for", .value = "AGENT", .help = "push: only for this agent, who is woken" },
    { .name = "--capability", .value = "WORD", .help = "push: only for agents that can do this" },
    { .name = "--group", .value = "NAME", .help = "push: only for gateways of this group" },
    { .name = "--priority",
      .value = "N",
      .min = 0,
      .max = SC_TASK_PRIORITY_MAX,
      .help = "push: 0 to 9, the highest first (5)" },
    { .name = "--attempts",
      .value = "N",
      .min = 1,
      .max = SC_TASK_ATTEMPTS_MAX,
      .help = "push: before it is dead (3)" },
    F_SECONDS("--lease", "push: without a sign of life (60)"),
    F_SECONDS("--timeout", "push: until its end, whatever happens (none)"),
    F_SECONDS("--delay", "push: before it may be taken"),
    F_SECONDS("--backoff", "push: before the second attempt, then doubling (5)"),
    { .name = "--id", .value = "ID", .help = "push: your own id: again changes nothing" },
    { .name = "--file",
      .value = "F",
      .help = "push: take the text from file F (-: standard input)" },
    { .name = "--agent", .value = "A", .help = "who pushes, takes or ends it" },
    { .name = "--give-up", .help = "fail: nobody needs to try again" },
    { .name = "--state", .value = "WORD", .help = "list: queued, waiting, running, done, dead..." },
    F_LIMIT,
    END,
};
static const struct sc_flag spool_flags[] = {
    { .name = "--file", .value = "SPOOL.DB", .help = "this spool (default: the daemon's)" },
    { .name = "--config", .value = "FILE", .help = "the spool of this configuration" },
    { .name = "--full", .help = "check the indexes against the tables, too" },
    { .name = "--in", .help = "export only what came here" },
    { .name = "--out", .help = "export only what was sent from here" },
    { .name = "--all", .help = "export also what is settled" },
    END,
};

static const struct sc_flag drain_flags[] = {
    { .name = "--why", .value = "TEXT", .help = "the reason, for whoever looks at the status" },
    { .name = "--wait", .help = "until it is ready to stop" },
    { .name = "--timeout",
      .value = "S",
      .min = 1,
      .max = SC_WAIT_MAX_MS / 1000,
      .help = "with --wait: at most S seconds (600)" },
    END,
};
static const struct sc_flag mcp_flags[] = {
    { .name = "--agent",
      .value = "AGENT",
      .help = "in whose name (default: $AGENT_ID, the daemon's agent_id, or operator)" },
    END,
};
static const struct sc_flag openclaw_flags[] = {
    { .name = "--agent", .value = "A", .many = true, .help = "only this agent (again for more)" },
    { .name = "--dry-run", .help = "say what would change, and change nothing" },
    { .name = "--uninstall", .help = "take exactly ours away again" },
    { .name = "--file", .value = "PATH", .help = "change this file, do not ask the gateway" },
    { .name = "--no-skill", .help = "leave the gateway's skills alone" },
    END,
};

const struct sc_command sc_commands[] = {
    { .name = "send",
      .usage = "--to AGENT [--file F | - | TEXT...]",
      .summary = "send a message; prints its id and stage",
      .help = "The message is on disk when this returns, and is tried until it arrives or its time "
              "is up. `sideclaw show ID` says how far it got.",
      .flags = send_flags,
      .examples = "  sideclaw send --to bobby \"the build is green\"\n"
                  "  sideclaw send --capability backups \"keep a copy of /srv\"\n"
                  "  git log -1 | sideclaw send --to bobby --from jerry\n",
      .run = sc_cmd_send },
    { .name = "ask",
      .usage = "--to AGENT [--timeout S] [--file F | - | TEXT...]",
      .summary = "send a message and wait for the reply",
      .help = "Prints the reply's text. When the time is up (exit 75) the reply still comes to the "
              "sender's inbox.",
      .flags = ask_flags,
      .examples = "  sideclaw ask --to bobby \"how full is the disk?\"\n"
                  "  sideclaw --json ask --to bobby --timeout 300 --file question.txt\n",
      .run = sc_cmd_ask },
    { .name = "inbox",
      .usage = "AGENT [list | read ID | ack ID... | reply ID TEXT...]",
      .summary = "what came for an agent of this gateway",
      .help = "Without an action the messages that are not acknowledged are listed.",
      .flags = list_flags,
      .examples = "  sideclaw inbox jerry\n  sideclaw inbox jerry read ID\n"
                  "  sideclaw inbox jerry ack ID\n"
                  "  sideclaw inbox jerry reply ID \"done\"\n",
      .run = sc_cmd_inbox },
    { .name = "outbox",
      .usage = "",
      .summary = "what was sent from here and is on its way",
      .flags = list_flags,
      .examples = "  sideclaw outbox --all --limit 20\n",
      .run = sc_cmd_outbox },
    { .name = "show",
      .usage = "ID",
      .summary = "one message and its history, on either end",
      .help =
          "Every stage with its time, how often and by which transport it was tried, its reply, "
          "and whether\nit cannot be known that a turn ran for it (ambiguous).",
      .flags = no_flags,
      .examples = "  sideclaw show ID\n"
                  "  sideclaw --json show ID | jq .history\n",
      .run = sc_cmd_show },
    { .name = "dead",
      .usage = "[list | show ID | retry ID... | drop ID...]",
      .summary = "dead letters: what will not be delivered any more",
      .help = "A retry never gives one message two turns: what may have run already needs --force "
              "(column RAN).\nA dropped one leaves this list; `sideclaw show` still knows it.",
      .flags = dead_flags,
      .examples = "  sideclaw dead list --agent bobby\n"
                  "  sideclaw dead retry ID\n"
                  "  sideclaw dead retry --all --reason 'unknown recipient'\n"
                  "  sideclaw dead drop --all --in --yes\n",
      .run = sc_cmd_dead },
    { .name = "memory",
      .usage = "set AGENT KEY [VALUE... | -] | get AGENT KEY | list AGENT | delete AGENT KEY...",
      .summary = "what an agent remembers: keys with values",
      .help = "Kept here and in Redis, where any program may read and write them "
              "(<prefix>:agents:AGENT:memory:KEY).\nWhile Redis is away all this works on the copy "
              "here; the later write of both sides wins.",
      .flags = memory_flags,
      .examples = "  sideclaw memory set jerry current-task \"backup of consul\"\n"
                  "  sideclaw memory get jerry current-task\n"
                  "  sideclaw memory list jerry --prefix project-\n"
                  "  sideclaw memory delete jerry current-task\n",
      .run = sc_cmd_memory },
    { .name = "task",
      .usage =
          "[list | push TEXT... | show ID | retry ID... | cancel ID... |\n"
          "                      pop | done ID FENCE [RESULT...] | fail ID FENCE [REASON...] | "
          "renew ID FENCE]",
      .summary = "the mesh's task queue",
      .help = "Whoever is fit and free takes the next task, has it for a while (its lease), and "
              "ends it with\nthe fence that came with it. A lease that runs out gives the task "
              "back. Without an action the\ntasks are listed. In the shell: redis-cli lpush "
              "openclaw:shared:task-queue backup-consul",
      .flags = task_flags,
      .examples = "  sideclaw task push backup-consul\n"
                  "  sideclaw task push --capability nomad --priority 9 restart the web job\n"
                  "  sideclaw --json task pop --agent infra\n"
                  "  sideclaw task done task-123 1763719000123456@gw-1 it runs again\n"
                  "  sideclaw task list --state dead\n",
      .run = sc_cmd_task },
    { .name = "spool",
      .usage = "check | compact | export",
      .summary = "the messages on disk: check, shrink or write them out",
      .help = "check and export work while the daemon runs and while it does not; compact needs it "
              "stopped.",
      .flags = spool_flags,
      .examples = "  sideclaw spool check\n"
                  "  sideclaw spool export --out > waiting.jsonl\n"
                  "  sideclaw spool compact --file /var/lib/sideclaw/spool.db\n",
      .run = sc_cmd_spool },
    { .name = "status",
      .usage = "",
      .summary = "this sidecar: its links, spool and counters",
      .flags = no_flags,
      .run = sc_cmd_status },
    { .name = "agents",
      .usage = "",
      .summary = "the agents of the mesh",
      .flags = agents_flags,
      .examples = "  sideclaw agents --capability slack\n",
      .run = sc_cmd_agents },
    { .name = "gateways",
      .usage = "",
      .summary = "the gateways of the mesh",
      .flags = no_flags,
      .run = sc_cmd_gateways },
    { .name = "mcp",
      .usage = "[--agent AGENT]",
      .summary = "serve an agent's tools to an MCP client on stdin and stdout",
      .help = "Frames of JSON-RPC, one a line. Many sessions, or another host: use the HTTP "
              "endpoint of\n`sideclaw token`, which needs no process each.",
      .flags = mcp_flags,
      .examples = "  sideclaw mcp --agent jerry\n",
      .run = sc_cmd_mcp },
    { .name = "token",
      .usage = "AGENT",
      .summary = "print the token of an agent for its MCP endpoint",
      .help = "The agent's MCP client sends it to http://HOST:PORT/mcp/AGENT as a bearer token.",
      .flags = no_flags,
      .examples = "  sideclaw token jerry\n"
                  "  sideclaw --json token jerry | jq -r .url\n",
      .run = sc_cmd_token },
    { .name = "events",
      .usage = "[--follow] | push TEXT...",
      .summary = "what happened in the mesh, and what happens",
      .help = "The newest first: gateways that came and went, dead messages, what agents told "
              "everybody.\nWith --follow one line each, with --json one object a line.",
      .flags = events_flags,
      .examples = "  sideclaw events --limit 50\n"
                  "  sideclaw --json events --follow | jq .text\n"
                  "  sideclaw events push --kind alert \"the UPS is on battery\"\n",
      .run = sc_cmd_events },
    { .name = "health",
      .usage = "[--watch]",
      .summary = "the health board; exit 1 when draining or dead",
      .help = "Every signal with its state, since when, and what went wrong last. With --watch "
              "it is printed whenever it\nchanges; with --json, too, one object a line.",
      .flags = health_flags,
      .run = sc_cmd_health },
    { .name = "drain",
      .usage = "[--why TEXT] [--wait [--timeout S]]",
      .summary = "take no new work here and let turns end, before a stop",
      .help =
          "Others keep their messages for this gateway, /health/traffic says 503, and what runs "
          "ends. It lasts\nuntil `sideclaw undrain`, also over a restart. With --wait: exit 0 "
          "when it may be stopped, 75 when\nthe time is up before that, or somebody took it back.",
      .flags = drain_flags,
      .examples = "  sideclaw drain --why \"new disk\" --wait --timeout 300 && systemctl stop "
                  "openclaw\n",
      .run = sc_cmd_drain },
    { .name = "undrain",
      .usage = "",
      .summary = "take the drain back; exit 1 when something else still drains",
      .flags = no_flags,
      .run = sc_cmd_undrain },
    { .name = "wait",
      .usage = "[--for WHAT] [--timeout S]",
      .summary = "wait until the sidecar and its gateway are well; for scripts",
      .help = "Exit 0 as soon as it is so, 75 with the reasons when the time is up. A daemon that "
              "does not run yet is waited\nfor, too. traffic: /health/traffic says 200; live: "
              "/health/live does.",
      .flags = wait_flags,
      .examples = "  sideclaw wait --for healthy --timeout 60\n"
                  "  sideclaw wait --for traffic && announce\n",
      .run = sc_cmd_wait },
    { .name = "openclaw",
      .usage = "install [--agent A]... [--dry-run] [--uninstall] [--file PATH]",
      .summary = "give the gateway's agents the mesh as tools",
      .help = "Adds to the gateway's configuration an MCP server for each agent, a deny list that "
              "keeps the others'\naway from it, and the skill sideclaw-mesh. Run it again after "
              "agents came or went; what is right\nalready stays. When the gateway does not run, "
              "its file is changed: $OPENCLAW_CONFIG_PATH, else\nopenclaw.json in "
              "$OPENCLAW_STATE_DIR or ~/.openclaw. No token is ever printed.",
      .flags = openclaw_flags,
      .examples = "  sideclaw openclaw install --dry-run\n"
                  "  sideclaw openclaw install --agent jerry --agent scribe\n"
                  "  sideclaw openclaw install --uninstall\n",
      .run = sc_cmd_openclaw },
    { .name = "config",
      .usage = "check [FILE] | sample | options",
      .summary = "check a configuration, or print one to begin with",
      .flags = no_flags,
      .examples = "  sideclaw config sample > sideclaw.conf\n"
                  "  sideclaw config check sideclaw.conf\n",
      .run = sc_cmd_config },
    { .name = "run",
      .usage = "[--config FILE] [sideclawd's flags]",
      .summary = "become the daemon",
      .help = "Everything after `run` goes to sideclawd; `sideclawd --help` lists it.",
      .flags = no_flags,
      .examples = "  sideclaw run --config sideclaw.conf\n",
      .raw = true,
      .run = sc_cmd_run },
    { .name = "version",
      .usage = "",
      .summary = "print the version",
      .flags = no_flags,
      .run = sc_cmd_version },
    { .name = "help",
      .usage = "[COMMAND]",
      .summary = "say more about a command",
      .flags = no_flags,
      .run = sc_cmd_help },
    END,
};

const struct sc_command *sc_command_find(const char *name)
{
    for (const struct sc_command *c = sc_commands; c->name; c++)
        if (sc_streq(c->name, name))
            return c;
    return NULL;
}

static void flag_line(struct sc_writer *w, const char *name, const char *value, const char *help)
{
    sc_auto_free char *left = sc_xasprintf("%s%s%s", name, value ? " " : "", value ? value : "");
    sc_writer_line(w, "  %-18s %s", left, help);
}

static void global_flags(struct sc_writer *w)
{
    flag_line(w, "--socket", "PATH", "the daemon's control socket (default: $SIDECLAW_SOCKET,");
    sc_writer_line(w, "  %-18s control.sock in its state folder)", "");
    flag_line(w, "--json", NULL, "print the daemon's answer as JSON");
    flag_line(w, "--help", NULL, "this");
    flag_line(w, "--version", NULL, "print the version");
}

void sc_command_help(struct sc_writer *w, const struct sc_command *c)
{
    sc_writer_line(w, "usage: sideclaw %s%s%s", c->name, *c->usage ? " " : "", c->usage);
    sc_writer_line(w, "\n%s.", c->summary);
    if (c->help)
        sc_writer_line(w, "%s", c->help);
    sc_writer_line(w, "\nflags:");
    for (const struct sc_flag *f = c->flags; f->name; f++)
        flag_line(w, f->name, f->value, f->help);
    global_flags(w);
    if (c->examples)
        sc_writer_line(w, "\nexamples:\n%.*s", (int)strlen(c->examples) - 1, c->examples);
}

void sc_commands_help(struct sc_writer *w)
{
    sc_writer_line(w, "usage: sideclaw [--socket PATH] [--json] COMMAND [ARGS]\n\n"
                      "One mesh of independent OpenClaw gateways: send messages between their "
                      "agents, and see\nwhat became of them.\n\ncommands:");
    for (const struct sc_command *c = sc_commands; c->name; c++)
        sc_writer_line(w, "  %-10s %s", c->name, c->summary);
    sc_writer_line(w, "\nflags:");
    global_flags(w);
    sc_writer_line(w, "\nexit codes: 0 done, 1 failed, 2 usage, 75 the daemon or a dependency is "
                      "away, 78 bad configuration\n\nMore: sideclaw help COMMAND");
}
