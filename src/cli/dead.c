/* dead.c: dead letters: list them, look at one, give them another life, take them from the list. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "sideclaw/mem.h"

/* ---- list ---- */

static void show_list(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "ID", "DIR", "FROM", "TO", "DIED", "RAN", "REASON" };
    const struct sc_value *rows = sc_value_get(v, "messages"), *total = sc_value_get(v, "total");
    size_t n = sc_value_count(rows);
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < n; i++) {
        const struct sc_value *m = sc_value_at(rows, i), *times = sc_value_get(m, "times");
        bool ran = sc_value_get(times, "delivered") || sc_value_get(times, "started");
        sc_table_cell(&t, sc_value_get_str(m, "id"));
        sc_table_cell(&t, sc_value_get_str(m, "direction"));
        sc_table_cell(&t, sc_value_get_str(sc_value_get(m, "from"), "agent"));
        sc_table_cell(&t, sc_value_get_str(sc_value_get(m, "to"), "agent"));
        sc_table_cell(&t, sc_age(sc_value_get_str(times, "dead"), age));
        sc_table_cell(&t, sc_value_get_bool(m, "ambiguous", false) ? "unknown"
                          : ran                                    ? "yes"
                                                                   : "no");
        sc_table_cell(&t, sc_value_get_str(m, "reason"));
    }
    sc_table_end(&t, w, "no dead letters");
    int64_t all = sc_value_get_int(total, "out", 0) + sc_value_get_int(total, "in", 0);
    if (n && (int64_t)n < all)
        sc_writer_line(w, "%zu of %lld; --limit N shows more", n, (long long)all);
}

/* What chooses dead letters; the caller frees. NULL: a mistake, which was printed. */
static struct sc_value *choice(const struct sc_cli *cli, const struct sc_args *args)
{
    if (sc_args_has(args, "--in") && sc_args_has(args, "--out")) {
        (void)sc_cli_usage(cli, "--in and --out exclude each other; without both, both are meant");
        return NULL;
    }
    struct sc_value *params = sc_value_object();
    if (sc_args_has(args, "--in"))
        sc_value_set_str(params, "direction", "in");
    if (sc_args_has(args, "--out"))
        sc_value_set_str(params, "direction", "out");
    return params;
}

static struct sc_value *wide_choice(const struct sc_cli *cli, const struct sc_args *args)
{
    struct sc_value *params = choice(cli, args);
    if (params && sc_args_has(args, "--agent"))
        sc_value_set_str(params, "agent", sc_args_text(args, "--agent"));
    if (params && sc_args_has(args, "--reason"))
        sc_value_set_str(params, "reason", sc_args_text(args, "--reason"));
    return params;
}

static int list(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = wide_choice(cli, args);
    if (!params)
        return SC_EXIT_USAGE;
    if (args->n_words > 1)
        return sc_cli_usage(cli, "list takes no words");
    if (sc_args_has(args, "--limit"))
        sc_value_set_int(params, "limit", sc_args_int(args, "--limit", 0));
    return sc_cli_show(cli, "dead.list", params, show_list);
}

static int show(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words != 2)
        return sc_cli_usage(cli, "show takes one message id");
    sc_auto_value struct sc_value *params = choice(cli, args);
    if (!params)
        return SC_EXIT_USAGE;
    sc_value_set_str(params, "id", args->words[1]);
    return sc_cli_show(cli, "dead.get", params, sc_show_message);
}

/* ---- retry and drop ---- */

struct verb {
    const char *name, *one, *all, *count;
};
static const struct verb retry = { "retry", "dead.retry", "dead.retry_all", "retried" };
static const struct verb drop = { "drop", "dead.drop", "dead.drop_all", "dropped" };

static void show_retried(struct sc_writer *w, const struct sc_value *v)
{
    const char *id = sc_value_get_str(v, "id"), *as = sc_value_get_str(v, "retried_as");
    if (!as)
        sc_writer_line(w, "%s  dropped", id);
    else if (sc_streq(id, as))
        sc_writer_line(w, "%s  lives again", id);
    else
        sc_writer_line(w, "%s  lives again as %s", id, as);
}

/* The others are tried, too, when one is refused. */
static int each(struct sc_cli *cli, const struct sc_args *args, const struct verb *verb,
                struct sc_value *params)
{
    int worst = SC_EXIT_OK;
    for (int i = 1; i < args->n_words; i++) {
        sc_value_set_str(params, "id", args->words[i]);
        int code = sc_cli_show(cli, verb->one, params, show_retried);
        worst = code == SC_EXIT_OK ? worst : code;
    }
    return worst;
}

/* What several calls came to. */
struct sum {
    const struct verb *verb;
    int64_t done, refused;
    struct sc_value *reasons;
};

static void show_sum(struct sc_writer *w, const struct sc_value *v)
{
    const struct sc_value *reasons = sc_value_get(v, "reasons");
    bool retried = sc_value_get(v, "retried") != NULL;
    sc_writer_line(w, "%s %lld, refused %lld", retried ? "retried" : "dropped",
                   (long long)sc_value_get_int(v, retried ? "retried" : "dropped", 0),
                   (long long)sc_value_get_int(v, "refused", 0));
    for (size_t i = 0; i < sc_value_count(reasons); i++) {
        const struct sc_value *r = sc_value_at(reasons, i);
        sc_writer_line(w, "  %s  %s", sc_value_get_str(r, "id"), sc_value_get_str(r, "reason"));
    }
}

static void add(struct sum *s, const struct sc_value *result)
{
    enum { REASONS_MAX = 100 };
    const struct sc_value *reasons = sc_value_get(result, "reasons");
    s->done += sc_value_get_int(result, s->verb->count, 0);
    s->refused += sc_value_get_int(result, "refused", 0);
    for (size_t i = 0; i < sc_value_count(reasons); i++)
        if (sc_value_count(s->reasons) < REASONS_MAX)
            sc_value_add(s->reasons, sc_value_ref(sc_value_at(reasons, i)));
}

/* A call takes a thousand; those it refused stay at the front, and are passed over. */
static int all(struct sc_cli *cli, const struct verb *verb, struct sc_value *params)
{
    struct sum s = { .verb = verb, .reasons = sc_value_array() };
    bool more = true;
    int code = SC_EXIT_OK;
    while (more && code == SC_EXIT_OK) {
        sc_value_set_int(params, "skip", s.refused);
        sc_auto_value struct sc_value *result = sc_cli_call(cli, verb->all, params, &code);
        more = sc_value_get_bool(result, "more", false);
        add(&s, result);
    }
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_value_set_int(v, verb->count, s.done);
    sc_value_set_int(v, "refused", s.refused);
    sc_value_set(v, "reasons", s.reasons);
    cli->writer.ops->result(&cli->writer, v, show_sum);
    return code == SC_EXIT_OK && s.refused ? SC_EXIT_FAILED : code;
}

static bool is_yes(const char *answer)
{
    return answer[0] == 'y' || answer[0] == 'Y';
}

/* May it be done? Where nobody can be asked, --yes has to say so. */
static int confirm(const struct sc_cli *cli, const struct sc_args *args)
{
    char answer[16] = "";
    if (sc_args_has(args, "--yes"))
        return SC_EXIT_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return sc_cli_usage(cli, "nobody can be asked here whether to drop them: give --yes");
    if (sc_args_has(args, "--all"))
        (void)fputs("drop all dead letters that match? [y/N] ", stderr);
    else
        (void)fprintf(stderr, "drop %d dead letter%s? [y/N] ", args->n_words - 1,
                      args->n_words == 2 ? "" : "s");
    if (!fgets(answer, sizeof answer, stdin) || !is_yes(answer)) {
        (void)fputs("nothing was dropped\n", stderr);
        return SC_EXIT_FAILED;
    }
    return SC_EXIT_OK;
}

static int act(struct sc_cli *cli, const struct sc_args *args, const struct verb *verb)
{
    bool everything = sc_args_has(args, "--all");
    if (everything == (args->n_words > 1))
        return sc_cli_usage(cli, "%s takes message ids, or --all", verb->name);
    if (!everything && (sc_args_has(args, "--agent") || sc_args_has(args, "--reason")))
        return sc_cli_usage(cli, "--agent and --reason choose among --all");
    sc_auto_value struct sc_value *params = everything ? wide_choice(cli, args) : choice(cli, args);
    if (!params)
        return SC_EXIT_USAGE;
    if (sc_args_has(args, "--force")) {
        if (verb == &drop)
            return sc_cli_usage(cli, "--force is for retry");
        sc_value_set_bool(params, "force", true);
    }
    int code = verb == &drop ? confirm(cli, args) : SC_EXIT_OK;
    if (code != SC_EXIT_OK)
        return code;
    return everything ? all(cli, verb, params) : each(cli, args, verb, params);
}

int sc_cmd_dead(struct sc_cli *cli, const struct sc_args *args)
{
    const char *action = args->n_words > 0 ? args->words[0] : "list";
    if (sc_streq(action, "list"))
        return list(cli, args);
    if (sc_streq(action, "show"))
        return show(cli, args);
    if (sc_streq(action, "retry"))
        return act(cli, args, &retry);
    if (sc_streq(action, "drop"))
        return act(cli, args, &drop);
    return sc_cli_usage(cli, "there is no action '%.40s': list, show ID, retry ID... or drop ID...",
                        action);
}
