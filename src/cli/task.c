/* task.c: the mesh's task queue: push, look, take, end. */
#include <string.h>

#include "command.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

static void show_list(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "ID",  "STATE",  "TRY", "PRIO",
                                         "FOR", "HOLDER", "AGE", "TASK" };
    const struct sc_value *rows = sc_value_get(v, "tasks");
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *m = sc_value_at(rows, i);
        const char *agent = sc_value_get_str(m, "agent"), *group = sc_value_get_str(m, "group"),
                   *capability = sc_value_get_str(m, "capability");
        sc_table_cell(&t, sc_value_get_str(m, "id"));
        sc_table_cell(&t, sc_value_get_str(m, "state"));
        sc_table_cellf(&t, "%lld/%lld", (long long)sc_value_get_int(m, "attempts", 0),
                       (long long)sc_value_get_int(m, "max_attempts", 0));
        sc_table_cellf(&t, "%lld", (long long)sc_value_get_int(m, "priority", 0));
        sc_table_cellf(&t, "%s%s",
                       capability ? "can "
                       : group    ? "group "
                                  : "",
                       agent        ? agent
                       : capability ? capability
                       : group      ? group
                                    : "any");
        sc_table_cell(&t, sc_value_get_str(m, "holder"));
        sc_table_cell(&t, sc_age(sc_value_get_str(m, "created"), age));
        sc_table_cell(&t, sc_value_get_str(m, "body"));
    }
    sc_table_end(&t, w, "no tasks");
    int64_t unread = sc_value_get_int(v, "unread", 0);
    if (unread)
        sc_writer_line(w, "%lld more in the list, which the next one who pops looks at",
                       (long long)unread);
}

static void show_task(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const fields[] = { "from",  "agent",    "capability", "group",
                                          "home",  "holder",   "fence",      "created",
                                          "until", "finished", "reason" };
    sc_writer_field(w, "id", sc_value_get_str(v, "id"));
    sc_writer_field(w, "state", sc_value_get_str(v, "state"));
    for (size_t i = 0; i < SC_ARRAY_LEN(fields); i++)
        sc_writer_field(w, fields[i], sc_value_get_str(v, fields[i]));
    if (sc_value_get(v, "max_attempts"))
        sc_writer_line(w, "%-10s %lld of %lld", "attempts",
                       (long long)sc_value_get_int(v, "attempts", 0),
                       (long long)sc_value_get_int(v, "max_attempts", 0));
    if (sc_value_get_str(v, "body")) {
        sc_writer_line(w, "%s", "");
        sc_writer_body(w, sc_value_get_str(v, "body"));
    }
    if (sc_value_get_str(v, "result")) {
        sc_writer_line(w, "%s", "\nresult:");
        sc_writer_body(w, sc_value_get_str(v, "result"));
    }
}

static void show_state(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s  %s", sc_value_get_str(v, "id"), sc_value_get_str(v, "state"));
}

static void show_popped(struct sc_writer *w, const struct sc_value *v)
{
    const struct sc_value *task = sc_value_get(v, "task");
    if (sc_value_is_object(task))
        show_task(w, task);
    else
        sc_writer_line(w, "nothing to do");
}

/* --- push --- */

static void copy_text(struct sc_value *params, const struct sc_args *args, const char *flag,
                      const char *name)
{
    if (sc_args_has(args, flag))
        sc_value_set_str(params, name, sc_args_text(args, flag));
}

static void copy_int(struct sc_value *params, const struct sc_args *args, const char *flag,
                     const char *name)
{
    if (sc_args_has(args, flag))
        sc_value_set_int(params, name, sc_args_int(args, flag, 0));
}

/* The words behind the action. */
static struct sc_args rest(const struct sc_args *args, int skip)
{
    struct sc_args a = *args;
    a.words += skip;
    a.n_words -= skip;
    return a;
}

static int push(struct sc_cli *cli, const struct sc_args *args)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    const struct sc_args words = rest(args, 1);
    if (sc_cli_body(&words, &body, &err) < 0)
        return sc_cli_usage_err(cli, &err);
    sc_auto_value struct sc_value *params = sc_value_object();
    sc_value_set_str(params, "body", body.p);
    copy_text(params, args, "--for", "agent");
    copy_text(params, args, "--capability", "capability");
    copy_text(params, args, "--group", "group");
    copy_text(params, args, "--id", "id");
    copy_int(params, args, "--priority", "priority");
    copy_int(params, args, "--attempts", "max_attempts");
    copy_int(params, args, "--lease", "lease_s");
    copy_int(params, args, "--timeout", "timeout_s");
    copy_int(params, args, "--delay", "delay_s");
    copy_int(params, args, "--backoff", "backoff_s");
    copy_text(params, args, "--agent", "from");
    return sc_cli_show(cli, "task.push", params, show_state);
}

/* --- the others --- */

static int list(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    if (args->n_words > 1)
        return sc_cli_usage(cli, "list takes no words; --state chooses");
    copy_text(params, args, "--state", "state");
    copy_int(params, args, "--limit", "limit");
    return sc_cli_show(cli, "task.list", params, show_list);
}

static int pop(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    if (args->n_words > 1)
        return sc_cli_usage(cli, "pop takes no words; --agent says who takes it");
    copy_text(params, args, "--agent", "agent");
    return sc_cli_show(cli, "task.pop", params, show_popped);
}

static int show(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    if (args->n_words != 2)
        return sc_cli_usage(cli, "show takes one task id");
    sc_value_set_str(params, "id", args->words[1]);
    return sc_cli_show(cli, "task.get", params, show_task);
}

/* The others are tried, too, when one is refused. */
static int each(struct sc_cli *cli, const struct sc_args *args, const char *method)
{
    int worst = SC_EXIT_OK;
    if (args->n_words < 2)
        return sc_cli_usage(cli, "%s takes task ids", args->words[0]);
    for (int i = 1; i < args->n_words; i++) {
        sc_auto_value struct sc_value *params = sc_value_object();
        sc_value_set_str(params, "id", args->words[i]);
        int code = sc_cli_show(cli, method, params, show_state);
        worst = code == SC_EXIT_OK ? worst : code;
    }
    return worst;
}

/* done ID FENCE [RESULT...], fail ID FENCE [REASON...], renew ID FENCE */
static int with_lease(struct sc_cli *cli, const struct sc_args *args, const char *method,
                      const char *text)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    sc_auto_buf struct sc_buf said = SC_BUF_INIT;
    if (args->n_words < 3 || (!text && args->n_words > 3))
        return sc_cli_usage(cli, "%s takes a task id and its fence%s%s", args->words[0],
                            text ? ", and a " : "", text ? text : "");
    for (int i = 3; i < args->n_words; i++)
        sc_buf_addf(&said, "%s%s", i > 3 ? " " : "", args->words[i]);
    sc_value_set_str(params, "id", args->words[1]);
    sc_value_set_str(params, "fence", args->words[2]);
    if (said.n)
        sc_value_set_str(params, text, said.p);
    copy_text(params, args, "--agent", "agent");
    if (sc_args_has(args, "--give-up"))
        sc_value_set_bool(params, "retry", false);
    return sc_cli_show(cli, method, params, show_state);
}

int sc_cmd_task(struct sc_cli *cli, const struct sc_args *args)
{
    const char *action = args->n_words > 0 ? args->words[0] : "list";
    if (sc_args_has(args, "--give-up") && !sc_streq(action, "fail"))
        return sc_cli_usage(cli, "--give-up is for fail");
    if (sc_streq(action, "push"))
        return push(cli, args);
    if (sc_streq(action, "list"))
        return list(cli, args);
    if (sc_streq(action, "show"))
        return show(cli, args);
    if (sc_streq(action, "pop"))
        return pop(cli, args);
    if (sc_streq(action, "done"))
        return with_lease(cli, args, "task.complete", "result");
    if (sc_streq(action, "fail"))
        return with_lease(cli, args, "task.fail", "reason");
    if (sc_streq(action, "renew"))
        return with_lease(cli, args, "task.renew", NULL);
    if (sc_streq(action, "retry"))
        return each(cli, args, "task.retry");
    if (sc_streq(action, "cancel"))
        return each(cli, args, "task.cancel");
    return sc_cli_usage(cli,
                        "there is no action '%.40s': push, list, show, retry, cancel, pop, done, "
                        "fail or renew",
                        action);
}
