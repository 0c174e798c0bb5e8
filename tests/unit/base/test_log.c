#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/parse.h"

static sc_mono no_mono(void *impl)
{
    (void)impl;
    return (sc_mono){ 0 };
}

static sc_wall noon(void *impl)
{
    (void)impl;
    return (sc_wall){ 1771243200120 };
}

struct pair {
    struct sc_log *log;
    int in, out;
};

static struct pair open_log(enum sc_log_level level, const char *node)
{
    int fds[2];
    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct sc_clock clock = { .mono = no_mono, .wall = noon, .impl = NULL };
    return (
        struct pair){ .log = sc_log_new(fds[1], level, node, clock), .in = fds[0], .out = fds[1] };
}

static const char *read_log(const struct pair *p, char buf[8192])
{
    ssize_t n = read(p->in, buf, 8191);
    buf[n > 0 ? n : 0] = 0;
    return buf;
}

static void close_log(struct pair *p)
{
    sc_log_free(p->log);
    (void)close(p->in);
    (void)close(p->out);
}

Test(log, one_line_of_key_value)
{
    char buf[8192];
    struct pair p = open_log(SC_LOG_INFO, "gw-1");
    struct sc_id id = { { 1, 2 } };
    sc_log_info(p.log, "msg.sent", SC_ID("id", &id), SC_S("to", "planner"), SC_I("attempt", 2));
    cr_assert_str_eq(read_log(&p, buf),
                     "ts=2026-02-16T12:00:00.120Z level=info event=msg.sent node=gw-1 "
                     "id=01020000-0000-0000-0000-000000000000 to=planner attempt=2\n");
    close_log(&p);
}

Test(log, no_fields_no_node)
{
    char buf[8192];
    struct pair p = open_log(SC_LOG_DEBUG, NULL);
    sc_log_debug(p.log, "tick");
    cr_assert_str_eq(read_log(&p, buf), "ts=2026-02-16T12:00:00.120Z level=debug event=tick\n");
    close_log(&p);
}

Test(log, below_the_level_nothing_is_written_or_evaluated)
{
    char buf[8192];
    int evaluated = 0;
    struct pair p = open_log(SC_LOG_WARN, NULL);
    sc_log_info(p.log, "quiet", SC_I("n", ++evaluated));
    cr_assert_eq(evaluated, 0);
    cr_assert_str_eq(read_log(&p, buf), "");
    sc_log_set_level(p.log, SC_LOG_DEBUG);
    sc_log_debug(p.log, "loud", SC_I("n", ++evaluated));
    cr_assert_eq(evaluated, 1);
    cr_assert_neq(*read_log(&p, buf), 0);
    sc_log_error(NULL, "nowhere", SC_S("x", "y"));
    close_log(&p);
}

static const char *value_of(const struct pair *p, const char *value, char buf[8192])
{
    sc_log_warn(p->log, "e", SC_S("v", value));
    (void)read_log(p, buf);
    const char *v = strstr(buf, " v=");
    cr_assert(v);
    return v + 3;
}

Test(log, values_are_quoted_when_needed)
{
    char buf[8192];
    struct pair p = open_log(SC_LOG_INFO, NULL);
    cr_assert_str_eq(value_of(&p, "", buf), "\"\"\n");
    cr_assert_str_eq(value_of(&p, NULL, buf), "\"\"\n");
    cr_assert_str_eq(value_of(&p, "two words", buf), "\"two words\"\n");
    cr_assert_str_eq(value_of(&p, "a=b", buf), "\"a=b\"\n");
    cr_assert_str_eq(value_of(&p, "say \"hi\" \\o/", buf), "\"say \\\"hi\\\" \\\\o/\"\n");
    cr_assert_str_eq(value_of(&p, "caf\xc3\xa9", buf), "caf\xc3\xa9\n");
    close_log(&p);
}

/* A forged second line, a colour, an 8-bit escape and one hidden in UTF-8 (U+009B is CSI). */
Test(log, hostile_values_neither_forge_a_line_nor_drive_a_terminal)
{
    char buf[8192];
    struct pair p = open_log(SC_LOG_INFO, NULL);
    cr_assert_str_eq(value_of(&p, "x\nts=1 level=error event=forged", buf),
                     "\"x\\nts=1 level=error event=forged\"\n");
    cr_assert_str_eq(value_of(&p, "\x1b[31m", buf), "\"\\x1b[31m\"\n");
    cr_assert_str_eq(value_of(&p, "\r\t\x01\x7f", buf), "\"\\x0d\\x09\\x01\\x7f\"\n");
    cr_assert_str_eq(value_of(&p,
                              "\x9b"
                              "31m",
                              buf),
                     "\"\\x9b31m\"\n");
    cr_assert_str_eq(value_of(&p,
                              "\xc2\x9b"
                              "31m",
                              buf),
                     "\"\\xc2\\x9b31m\"\n");
    cr_assert_str_eq(value_of(&p, "\xff\xc3", buf), "\"\\xff\\xc3\"\n");
    close_log(&p);
}

Test(log, a_line_is_valid_utf8_wherever_a_long_value_is_cut)
{
    char buf[8192], value[2048];
    struct pair p = open_log(SC_LOG_INFO, NULL);
    for (size_t shift = 0; shift < 4; shift++) {
        size_t n = shift;
        memset(value, 'x', shift);
        for (; n < 2000; n += 3)
            memcpy(value + n, "\xe2\x82\xac", 3);
        value[n] = 0;
        const char *v = value_of(&p, value, buf);
        cr_assert(sc_utf8_valid(v, strlen(v)));
        cr_assert_leq(strlen(v), 515);
    }
    close_log(&p);
}

Test(log, a_full_or_closed_log_loses_the_line_and_nothing_else)
{
    struct pair p = open_log(SC_LOG_INFO, NULL);
    for (int i = 0; i < 5000; i++)
        sc_log_info(p.log, "flood", SC_S("pad", "0123456789012345678901234567890123456789"));
    (void)signal(SIGPIPE, SIG_IGN); /* as sideclawd does */
    (void)close(p.in);
    sc_log_info(p.log, "nobody.reads");
    sc_log_free(p.log);
    (void)close(p.out);
}

Test(log, level_names)
{
    enum sc_log_level l = SC_LOG_DEBUG;
    cr_assert(sc_log_level_parse("error", &l));
    cr_assert_eq(l, SC_LOG_ERROR);
    cr_assert_not(sc_log_level_parse("ERROR", &l));
    cr_assert_not(sc_log_level_parse("", &l));
    cr_assert_not(sc_log_level_parse(NULL, &l));
    cr_assert_eq(l, SC_LOG_ERROR);
}

Test(log, a_turns_lines_are_written_together_at_its_end)
{
    char buf[8192];
    struct sc_err err = SC_ERR_INIT;
    struct pair p = open_log(SC_LOG_INFO, NULL);
    struct sc_loop *loop = sc_loop_new(&err);
    sc_log_gather(p.log, loop);
    sc_log_info(p.log, "one");
    sc_log_info(p.log, "two");
    cr_assert_str_eq(read_log(&p, buf), "");
    cr_assert_eq(sc_loop_turn(loop, 0, &err), SC_OK);
    cr_assert_str_eq(read_log(&p, buf), "ts=2026-02-16T12:00:00.120Z level=info event=one\n"
                                        "ts=2026-02-16T12:00:00.120Z level=info event=two\n");
    sc_log_gather(p.log, NULL);
    sc_loop_free(loop);
    close_log(&p);
}

Test(log, a_warning_is_written_at_once_with_what_led_to_it)
{
    char buf[8192];
    struct sc_err err = SC_ERR_INIT;
    struct pair p = open_log(SC_LOG_INFO, NULL);
    struct sc_loop *loop = sc_loop_new(&err);
    sc_log_gather(p.log, loop);
    sc_log_info(p.log, "before");
    sc_log_warn(p.log, "trouble");
    cr_assert(strstr(read_log(&p, buf), "event=before\n"));
    cr_assert(strstr(buf, "event=trouble\n"));
    sc_log_info(p.log, "after");
    sc_log_free(p.log); /* the loop's turn does not come any more */
    p.log = NULL;
    cr_assert(strstr(read_log(&p, buf), "event=after\n"));
    cr_assert_eq(sc_loop_turn(loop, 0, &err), SC_OK);
    sc_loop_free(loop);
    close_log(&p);
}
