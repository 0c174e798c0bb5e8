/* `sideclawd --spool ...`: what `sideclaw spool` becomes. A process of its own, because SQLite is
 * not the shell command's, and checking a gigabyte is not the daemon's loop's. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sideclaw/app.h"
#include "sideclaw/buf.h"
#include "sideclaw/mem.h"
#include "sideclaw/spool_tools.h"
#include "sideclaw/value.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, BAD_CONFIG = 78 };

static int fail(const struct sc_err *err)
{
    (void)fprintf(stderr, "sideclaw: spool: %s\n", err->text);
    if (err->remedy[0])
        (void)fprintf(stderr, "  try: %s\n", err->remedy);
    return err->code == SC_ECONFIG ? BAD_CONFIG : FAILED;
}

static void on_progress(void *ctx, const char *what, int64_t done, int64_t total)
{
    (void)ctx;
    if (total)
        (void)fprintf(stderr, "sideclaw: spool: %s, %lld of %lld\n", what, (long long)done,
                      (long long)total);
    else
        (void)fprintf(stderr, "sideclaw: spool: %s\n", what);
}

/* Written, or not: a full disk shows when the buffer goes. */
static int finish(int code)
{
    if (fflush(stdout) == 0)
        return code;
    (void)fputs(
        "sideclaw: spool: cannot write the result: its reader is gone or the disk is full\n",
        stderr);
    return FAILED;
}

/* ---- check ---- */

static void on_problem(void *ctx, const char *text)
{
    sc_value_add_str(ctx, text);
}

static struct sc_value *box_value(const struct sc_spool_box *b)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_int(v, "messages", b->messages);
    sc_value_set_int(v, "open", b->open);
    sc_value_set_int(v, "dead", b->dead);
    sc_value_set_int(v, "bytes", b->bytes);
    return v;
}

static void print_json(const char *path, const struct sc_spool_report *r,
                       const struct sc_value *problems)
{
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_value_set_str(v, "path", path);
    sc_value_set_bool(v, "ok", r->problems == 0);
    sc_value_set_int(v, "schema", r->schema);
    sc_value_set_int(v, "known_schema", r->known_schema);
    sc_value_set_int(v, "file_bytes", r->file_bytes);
    sc_value_set_int(v, "free_bytes", r->free_bytes);
    sc_value_set_int(v, "log_bytes", r->log_bytes);
    sc_value_set(v, "outbox", box_value(&r->outbox));
    sc_value_set(v, "inbox", box_value(&r->inbox));
    sc_value_set_int(v, "seen", r->seen);
    sc_value_set_int(v, "lanes", r->lanes);
    sc_value_set_int(v, "problems", r->problems);
    sc_value_set(v, "found", sc_value_ref(problems));
    sc_value_dump_pretty(v, &out);
    (void)puts(sc_buf_str(&out));
}

static void print_box(const char *name, const char *waits, const struct sc_spool_box *b)
{
    (void)printf("%-10s %lld messages, %lld %s, %lld dead, %lld bytes\n", name,
                 (long long)b->messages, (long long)b->open, waits, (long long)b->dead,
                 (long long)b->bytes);
}

static void print_text(const char *path, const struct sc_spool_report *r,
                       const struct sc_value *problems)
{
    (void)printf("spool      %s\nschema     %d%s\n", path, r->schema,
                 r->schema < r->known_schema ? ", brought up to date by the next start" : "");
    (void)printf("file       %lld bytes, %lld of them free; its log has %lld\n",
                 (long long)r->file_bytes, (long long)r->free_bytes, (long long)r->log_bytes);
    print_box("outbox", "on their way", &r->outbox);
    print_box("inbox", "unsettled", &r->inbox);
    (void)printf("%-10s %lld ids, %lld pairs of agents\n", "memory", (long long)r->seen,
                 (long long)r->lanes);
    for (size_t i = 0; i < sc_value_count(problems); i++)
        (void)printf("  - %s\n", sc_value_text(sc_value_at(problems, i)));
    if (r->problems == 0)
        (void)puts("everything is as it should be");
    else
        (void)printf("%lld problems\n  try: stop the daemon, keep a copy of the file, then "
                     "sqlite3 %s .recover > spool.sql\n",
                     (long long)r->problems, path);
}

static int check(const char *path, const struct sc_spool_command *cmd)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_spool_report report;
    sc_auto_value struct sc_value *problems = sc_value_array();
    const struct sc_spool_tool tool = { .progress = on_progress, .ctx = problems };
    if (sc_spool_check(path, cmd->full, &tool, on_problem, &report, &err) < 0)
        return fail(&err);
    if (cmd->json)
        print_json(path, &report, problems);
    else
        print_text(path, &report, problems);
    return finish(report.problems ? FAILED : DONE);
}

/* ---- compact ---- */

static int compact(const char *path, const struct sc_spool_command *cmd)
{
    struct sc_err err = SC_ERR_INIT;
    int64_t before = 0, after = 0;
    const struct sc_spool_tool tool = { .progress = on_progress };
    if (sc_spool_compact(path, &tool, &before, &after, &err) < 0)
        return fail(&err);
    if (cmd->json)
        (void)printf("{\"before\": %lld, \"after\": %lld}\n", (long long)before, (long long)after);
    else
        (void)printf("%s: %lld bytes, %lld before\n", path, (long long)after, (long long)before);
    return finish(DONE);
}

/* ---- export ---- */

static bool on_line(void *ctx, const char *json, size_t n)
{
    (void)ctx;
    return fwrite(json, 1, n, stdout) == n && putchar('\n') != EOF;
}

static int export(const char *path, const struct sc_spool_command *cmd)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_spool_export what = {
        .out = cmd->out || !cmd->in, .in = cmd->in || !cmd->out, .all = cmd->all, .line = on_line
    };
    if (sc_spool_export(path, &what, &err) < 0)
        return fail(&err);
    return finish(ferror(stdout) ? FAILED : DONE);
}

/* ---- which ---- */

/* The spool of the configuration, unless a file is named; the caller frees. */
static char *find_path(const struct sc_app_args *args, const struct sc_spool_command *cmd,
                       struct sc_err *err)
{
    struct sc_config cfg = { 0 };
    if (cmd->file)
        return sc_xstrdup(cmd->file);
    if (sc_config_load(&cfg, args->config_file, args->argc, args->argv, args->envp, err) < 0)
        return NULL;
    char *path = sc_xasprintf("%s/spool.db", cfg.state_dir);
    sc_config_fini(&cfg);
    return path;
}

int sc_app_spool(const struct sc_app_args *args, const struct sc_spool_command *cmd)
{
    static const struct {
        const char *name;
        int (*run)(const char *path, const struct sc_spool_command *cmd);
    } actions[] = { { "check", check }, { "compact", compact }, { "export", export } };
    struct sc_err err = SC_ERR_INIT;
    for (size_t i = 0; i < SC_ARRAY_LEN(actions); i++) {
        if (!sc_streq(actions[i].name, cmd->action))
            continue;
        sc_auto_free char *path = find_path(args, cmd, &err);
        return path ? actions[i].run(path, cmd) : fail(&err);
    }
    (void)fprintf(stderr, "sideclaw: spool: there is no action '%.40s': check, compact or export\n",
                  cmd->action);
    return USAGE;
}
