/* health.c: the health board, now, whenever it changes, or when it is as a script needs it. */
#include <stdio.h>
#include <time.h>

#include "command.h"
#include "control_client.h"
#include "sideclaw/clock.h"
#include "sideclaw/mem.h"

enum { CALL_MS = 5000, LOOK_MS = 250, WATCH_MS = 1000, WAIT_S = 60 };

static const char *text_of(const struct sc_value *v, const char *key)
{
    const char *s = sc_value_get_str(v, key);
    return s ? s : "";
}

static void show_reasons(struct sc_writer *w, const struct sc_value *reasons)
{
    for (size_t i = 0; i < sc_value_count(reasons); i++)
        sc_writer_line(w, "  - %s", sc_value_text(sc_value_at(reasons, i)));
}

/* What is, or when nothing is wrong what was. */
static void add_words(struct sc_table *t, const struct sc_value *signal)
{
    const char *detail = text_of(signal, "detail"), *error = text_of(signal, "last_error");
    char age[24];
    if (*detail || !*error) {
        sc_table_cell(t, detail);
        return;
    }
    sc_auto_free char *was =
        sc_xasprintf("last: %s (%s ago)", error, sc_age(text_of(signal, "last_error_at"), age));
    sc_table_cell(t, was);
}

static void show_health(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "SIGNAL", "STATE", "SINCE", "DETAIL" };
    const struct sc_value *signals = sc_value_get(v, "signals"), *pages = sc_value_get(v, "pages");
    struct sc_table t;
    char age[24];
    sc_writer_word(w, text_of(v, "status"));
    sc_writer_line(w, "  (/health %lld, /health/traffic %lld, /health/live %lld)",
                   (long long)sc_value_get_int(pages, "health", 0),
                   (long long)sc_value_get_int(pages, "traffic", 0),
                   (long long)sc_value_get_int(pages, "live", 0));
    show_reasons(w, sc_value_get(v, "reasons"));
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(signals); i++) {
        const struct sc_value *s = sc_value_at(signals, i);
        sc_table_cell(&t, sc_value_get_str(s, "name"));
        sc_table_cell(&t, sc_value_get_str(s, "state"));
        sc_table_cell(&t, sc_age(sc_value_get_str(s, "since"), age));
        add_words(&t, s);
    }
    sc_table_end(&t, w, "no signals");
}

static struct sc_value *look(const struct sc_cli *cli, struct sc_err *err)
{
    const struct sc_control_request req = { .socket = cli->socket,
                                            .method = "health.get",
                                            .timeout_ms = CALL_MS };
    return sc_control_call(&req, err);
}

static void pause_ms(int64_t ms)
{
    const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL); /* cut short by a signal: one look more */
}

/* ---- health ---- */

/* Everything but the times: a detail may count seconds, and is no change worth a page. */
static bool is_news(const struct sc_value *a, const struct sc_value *b)
{
    const struct sc_value *old = sc_value_get(a, "signals"), *new = sc_value_get(b, "signals");
    if (!a || !sc_value_equal(sc_value_get(a, "status"), sc_value_get(b, "status")) ||
        !sc_value_equal(sc_value_get(a, "pages"), sc_value_get(b, "pages")))
        return true;
    for (size_t i = 0; i < sc_value_count(new); i++)
        if (!sc_streq(text_of(sc_value_at(old, i), "state"), text_of(sc_value_at(new, i), "state")))
            return true;
    return false;
}

static bool print(struct sc_cli *cli, const struct sc_value *v)
{
    if (cli->json) {
        sc_value_dump(v, &cli->writer.out);
        sc_buf_addc(&cli->writer.out, '\n');
    } else {
        show_health(&cli->writer, v);
        sc_writer_line(&cli->writer, "%s", "");
    }
    return sc_writer_flush(&cli->writer);
}

static int watch(struct sc_cli *cli)
{
    sc_auto_value struct sc_value *last = NULL;
    for (;;) {
        struct sc_err err = SC_ERR_INIT;
        sc_auto_value struct sc_value *v = look(cli, &err);
        if (!v)
            return sc_cli_fail(cli, &err);
        if (is_news(last, v)) {
            if (!print(cli, v))
                return SC_EXIT_FAILED;
            sc_value_free(last);
            last = sc_value_ref(v);
        }
        pause_ms(WATCH_MS);
    }
}

int sc_cmd_health(struct sc_cli *cli, const struct sc_args *args)
{
    int code;
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words");
    if (sc_args_has(args, "--watch"))
        return watch(cli);
    sc_auto_value struct sc_value *v = sc_cli_call(cli, "health.get", NULL, &code);
    if (!v)
        return code;
    cli->writer.ops->result(&cli->writer, v, show_health);
    const char *status = sc_value_get_str(v, "status");
    bool works = sc_streq(status, "healthy") || sc_streq(status, "degraded");
    return works ? SC_EXIT_OK : SC_EXIT_FAILED;
}

/* ---- wait ---- */

static const struct {
    const char *word;
    const char *page; /* 200 is what is waited for; NULL: that verdict */
} goals[] = {
    { "healthy", NULL },  { "traffic", "traffic" }, { "live", "live" },
    { "degraded", NULL }, { "draining", NULL },     { "dead", NULL },
};

static int goal_of(const char *word)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(goals); i++)
        if (sc_streq(goals[i].word, word))
            return (int)i;
    return -1;
}

static bool is_reached(const struct sc_value *v, int goal)
{
    const char *page = goals[goal].page;
    return page ? sc_value_get_int(sc_value_get(v, "pages"), page, 0) == 200
                : sc_streq(text_of(v, "status"), goals[goal].word);
}

static void show_verdict(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_word(w, text_of(v, "status"));
    sc_writer_line(w, "%s", "");
}

/* The last look says why: for programs the whole board, for people the reasons. */
static int too_late(struct sc_cli *cli, const char *word, int64_t seconds, const struct sc_value *v,
                    const struct sc_err *why)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_value *reasons = sc_value_get(v, "reasons");
    (void)sc_fail(&err, SC_ETIMEDOUT, "not %s within %lld s: %.150s%s", word, (long long)seconds,
                  v ? "it is " : why->text, v ? text_of(v, "status") : "");
    int code = sc_cli_fail(cli, &err);
    if (cli->json && v)
        cli->writer.ops->result(&cli->writer, v, show_verdict);
    for (size_t i = 0; !cli->json && i < sc_value_count(reasons); i++)
        (void)fprintf(stderr, "  - %s\n", sc_value_text(sc_value_at(reasons, i)));
    return code;
}

int sc_cmd_wait(struct sc_cli *cli, const struct sc_args *args)
{
    const struct sc_clock clock = sc_clock_system();
    const char *word = sc_args_has(args, "--for") ? sc_args_text(args, "--for") : goals[0].word;
    int64_t seconds = sc_args_int(args, "--timeout", WAIT_S);
    int64_t until = sc_clock_mono(&clock).ms + seconds * 1000;
    int goal = goal_of(word);
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words; --for says what is waited for");
    if (goal < 0)
        return sc_cli_usage(cli, "--for is healthy, traffic, live, degraded, draining or dead");
    for (;;) {
        struct sc_err err = SC_ERR_INIT;
        sc_auto_value struct sc_value *v = look(cli, &err);
        if (v && is_reached(v, goal)) {
            cli->writer.ops->result(&cli->writer, v, show_verdict);
            return SC_EXIT_OK;
        }
        if (!v && err.code != SC_EAWAY && err.code != SC_ETIMEDOUT)
            return sc_cli_fail(cli, &err);
        int64_t left = until - sc_clock_mono(&clock).ms;
        if (left <= 0)
            return too_late(cli, word, seconds, v, &err);
        pause_ms(left < LOOK_MS ? left : LOOK_MS);
    }
}
