/* Turns against a scripted gateway: the straight way, and every way back after a loss. */
#include "gateway_fixture.h"
#include "sideclaw/limits.h"

#define RUN_1 "00000000-0000-0000-0000-000000000001"

#define USER_ROW "{\"role\":\"user\",\"content\":\"hi\",\"idempotencyKey\":\"" RUN_1 ":user\"}"
#define ANSWER_ROW                                                                                 \
    "{\"role\":\"assistant\",\"stopReason\":\"stop\",\"content\":[{\"type\":\"text\",\"text\":"    \
    "\"from history\"}]}"
#define HISTORY(rows, active)                                                                      \
    "{\"messages\":[" rows "],\"sessionInfo\":{\"hasActiveRun\":" active "}}"

Test(gateway_turns, goes_from_accepted_to_the_reply)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", "");
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
    cr_assert_eq(f.news.n, 0, "nothing is told before run has returned");
    until(f.loop, seen(&f, "agent.wait") == 1);
    cr_assert(told(&f, "turn 1 accepted"));
    event(&f, "agent",
          "{\"runId\":\"" RUN_1 "\",\"stream\":\"lifecycle\","
          "\"data\":{\"phase\":\"start\"}}");
    until_told(&f, "turn 1 started");
    sc_auto_free char *id = sc_xstrdup(sc_value_get_str(line_of(&f, "agent.wait")->last, "id"));
    uint64_t answers = sc_histogram_count(sc_gateway_ws_answered(f.gw));
    cr_assert_gt(answers, 2, "the log-in, who is there, `agent`");
    respond(f.server.last, id, WAIT_OK, RUN_1);
    until_told(&f, "turn 1 replied");
    cr_assert_eq(sc_histogram_count(sc_gateway_ws_answered(f.gw)), answers,
                 "a turn's end is not the gateway's time to answer");
    cr_assert_str_eq(sc_buf_str(&f.news),
                     "turn 1 accepted: \nturn 1 started: \nturn 1 replied: echo\n");
    fini(&f);
}

Test(gateway_turns, hands_over_who_asks_and_what)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
    until_told(&f, "turn 1 replied");
    const struct sc_value *p = params(&f, "agent"), *from = sc_value_get(p, "inputProvenance");
    cr_assert_str_eq(sc_value_get_str(p, "agentId"), "jerry");
    cr_assert_str_eq(sc_value_get_str(p, "sessionKey"), "agent:jerry:mesh:gw-b:bobby");
    cr_assert_str_eq(sc_value_get_str(p, "message"), "hi");
    cr_assert_str_eq(sc_value_get_str(p, "idempotencyKey"), RUN_1);
    cr_assert_eq(sc_value_get_bool(p, "deliver", true), false);
    cr_assert_eq(sc_value_get_int(p, "timeout", 0), 60);
    cr_assert_str_eq(sc_value_get_str(from, "kind"), "inter_session");
    cr_assert_str_eq(sc_value_get_str(from, "sourceSessionKey"), "agent:Bobby:mesh:gw-B");
    cr_assert_str_eq(sc_value_get_str(from, "sourceChannel"), "mesh");
    cr_assert_not_null(strstr(sc_value_get_str(p, "extraSystemPrompt"), "\"Bobby\""));
    cr_assert_str_eq(sc_value_get_str(line_of(&f, "agent")->last, "traceparent"), "00-trace-01");
    fini(&f);
}

Test(gateway_turns, takes_the_second_answer_when_it_comes_first)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", UNAVAILABLE("busy"));
    script(&f, "agent.2",
           "{\"runId\":\"@KEY@\",\"status\":\"ok\",\"result\":{\"payloads\":"
           "[{\"text\":\"one\"},{\"text\":null},{\"text\":\"two\"}]}}");
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
    until_told(&f, "turn 1 replied: one\ntwo\n");
    until(f.loop, seen(&f, "agent.wait") == 1); /* its answer finds nobody, and harms nobody */
    cr_assert_eq(sc_map_count(f.gw->turns), 0);
    fini(&f);
}

Test(gateway_turns, an_empty_reply_is_a_reply)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait",
           "{\"runId\":\"@KEY@\",\"status\":\"ok\",\"terminalReply\":{\"disposition\":\"empty\"}}");
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
    until_told(&f, "turn 1 replied: \n");
    fini(&f);
}

Test(gateway_turns, fail_or_come_again_as_the_gateway_says)
{
    static const struct {
        const char *agent, *wait, *told;
    } cases[] = {
        { "!{\"code\":\"INVALID_REQUEST\",\"message\":\"unknown agent id\"}", NULL,
          "turn 1 failed: unknown agent id\n" },
        { UNAVAILABLE("x"), NULL, "turn 1 again: not now\n" },
        { "!{\"code\":\"UNAVAILABLE\",\"message\":\"SESSION_WORK_START_CHANGED\"}", NULL,
          "turn 1 again: SESSION_WORK_START_CHANGED\n" },
        { "!{\"code\":\"BUSY\",\"message\":\"full\",\"retryable\":true}", NULL,
          "turn 1 again: full\n" },
        { ACCEPTED, "{\"runId\":\"@KEY@\",\"status\":\"error\",\"error\":\"the model refused\"}",
          "turn 1 accepted: \nturn 1 failed: the model refused\n" },
        { ACCEPTED,
          "{\"runId\":\"@KEY@\",\"status\":\"timeout\",\"endedAt\":5,\"error\":\"too slow\"}",
          "turn 1 accepted: \nturn 1 failed: no answer within 60 s: too slow\n" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        struct fix f;
        init(&f);
        start_ready(&f);
        script(&f, "agent", cases[i].agent);
        if (cases[i].wait)
            script(&f, "agent.wait", cases[i].wait);
        cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
        until(f.loop, sc_map_count(f.gw->turns) == 0);
        cr_expect_str_eq(sc_buf_str(&f.news), cases[i].told);
        fini(&f);
    }
}

Test(gateway_turns, a_refusal_because_it_stops_is_a_state_too)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent", UNAVAILABLE("gateway-restarting"));
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
    until_told(&f, "turn 1 again: not now\n");
    cr_assert(told(&f, "state draining"));
    fini(&f);
}

Test(gateway_turns, end_at_their_deadline)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", "");
    cr_assert_eq(run_turn(&f, 1, false, 0), SC_OK);
    cr_assert_eq(run_turn(&f, 2, false, 1), SC_OK);
    until_told(&f, "turn 1 again: the gateway did not take the message in time\n");
    until_told(&f, "turn 2 failed: no answer within 1 s\n");
    fini(&f);
}

Test(gateway_turns, are_bounded_and_named_once)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent", "");
    for (unsigned i = 0; i < SC_GATEWAY_TURNS_MAX; i++)
        cr_assert_eq(run_turn(&f, (uint8_t)i, false, 60), SC_OK);
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_EEXIST);
    struct sc_turn one_more = { .id = { .b = { 1 } },
                                .agent = "jerry",
                                .from_agent = "b",
                                .from_gateway = "g",
                                .body = "hi",
                                .timeout_s = 1 };
    cr_assert_eq(f.port.ops->run(f.port.impl, &one_more, NULL), SC_EBUSY);
    until(f.loop, seen(&f, "agent") == SC_GATEWAY_TURNS_MAX);
    fini(&f);
}

Test(gateway_turns, come_again_when_the_sidecar_stops)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", "");
    cr_assert_eq(run_turn(&f, 1, false, 60), SC_OK);
    until_told(&f, "turn 1 accepted");
    sc_gateway_ws_close(f.gw);
    cr_assert_not(told(&f, "again"), "queued, not at once");
    until_told(&f, "turn 1 again");
    fini(&f);
}

/* ---- after a loss ---- */

static void run_and_lose(struct fix *f)
{
    init(f);
    start_ready(f);
    script(f, "agent.wait", "");
    cr_assert_eq(run_turn(f, 1, false, 60), SC_OK);
    until_told(f, "turn 1 accepted");
    until(f->loop, seen(f, "agent.wait") == 1);
    conn_drop(f->server.last);
    until_told(f, "state absent");
}

Test(gateway_resume, asks_for_the_run_it_began)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", WAIT_OK);
    until_told(&f, "turn 1 replied: echo\n");
    cr_assert_eq(seen(&f, "agent"), 1);
    cr_assert_eq(seen(&f, "chat.history"), 0);
    fini(&f);
}

Test(gateway_resume, finds_the_answer_in_the_history)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history", HISTORY(USER_ROW "," ANSWER_ROW, "false"));
    until_told(&f, "turn 1 replied: from history\n");
    cr_assert_eq(seen(&f, "agent"), 1, "the model does not run twice");
    cr_assert_str_eq(sc_value_get_str(params(&f, "chat.history"), "sessionKey"),
                     "agent:jerry:mesh:gw-b:bobby");
    fini(&f);
}

Test(gateway_resume, hands_over_again_what_never_arrived)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    until(f.loop, seen(&f, "agent") == 2);
    script(&f, "agent.wait", WAIT_OK);
    until_told(&f, "turn 1 replied: echo\n");
    cr_assert_str_eq(sc_value_get_str(params(&f, "agent"), "idempotencyKey"), RUN_1);
    fini(&f);
}

/* The gateway took it, and came back with its memory wiped: a second turn would be a guess. */
Test(gateway_resume, does_not_run_again_what_a_wiped_gateway_had_taken)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "connect", HELLO_OF("boot-2"));
    script(&f, "agent.wait", WAIT_UNKNOWN);
    until_told(&f, "turn 1 lost: the gateway took it, and has no trace of it any more\n");
    cr_assert_eq(seen(&f, "agent"), 1);
    fini(&f);
}

/* The session remembers other messages and not this one: it never got there. */
Test(gateway_resume, runs_what_a_restarted_gateway_surely_never_began)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "connect", HELLO_OF("boot-2"));
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history",
           HISTORY("{\"role\":\"user\",\"idempotencyKey\":\"other:user\"}," ANSWER_ROW, "false"));
    until(f.loop, seen(&f, "agent") == 2);
    fini(&f);
}

static void resume_of_an_earlier_life(bool taken, bool started, const char *history,
                                      const char *told_last)
{
    struct fix f;
    struct sc_err err = SC_ERR_INIT;
    struct sc_turn t = make_turn(1, true, 60);
    t.was_taken = taken;
    t.was_started = started;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history", history);
    cr_assert_eq(f.port.ops->run(f.port.impl, &t, &err), SC_OK);
    if (told_last)
        until_told(&f, told_last);
    else
        until(f.loop, seen(&f, "agent") == 1);
    cr_assert_eq(seen(&f, "agent"), told_last ? 0 : 1);
    fini(&f);
}

Test(gateway_resume, does_not_run_again_what_an_earlier_life_saw_taken)
{
    resume_of_an_earlier_life(true, false, HISTORY("", "false"), "turn 1 lost");
}

Test(gateway_resume, does_not_run_again_what_was_seen_to_run)
{
    resume_of_an_earlier_life(true, true, HISTORY(ANSWER_ROW, "false"), "turn 1 lost");
}

Test(gateway_resume, runs_what_nobody_ever_took)
{
    resume_of_an_earlier_life(false, false, HISTORY("", "false"), NULL);
}

Test(gateway_resume, waits_for_what_is_still_queued)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "connect", HELLO_OF("boot-2"));
    script(&f, "agent.wait", "{\"runId\":\"@KEY@\",\"status\":\"pending\"}");
    until(f.loop, seen(&f, "chat.history") >= 2);
    script(&f, "agent.wait", WAIT_OK);
    until_told(&f, "turn 1 replied: echo\n");
    cr_assert_eq(seen(&f, "agent"), 1);
    fini(&f);
}

/* What an operator wants run again goes under a key of its own. */
Test(gateway_turns, run_under_the_key_they_are_given)
{
    struct fix f;
    struct sc_err err = SC_ERR_INIT;
    struct sc_turn t = make_turn(1, false, 60);
    t.run = sc_id_derive("run", "another");
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(&t.run, key);
    init(&f);
    start_ready(&f);
    cr_assert_eq(f.port.ops->run(f.port.impl, &t, &err), SC_OK);
    until_told(&f, "turn 1 replied: echo\n");
    cr_assert_str_eq(sc_value_get_str(params(&f, "agent"), "idempotencyKey"), key);
    fini(&f);
}

#define CONTINUED "{\"role\":\"user\",\"provenance\":{\"kind\":\"internal_system\"}}"
#define TOOL_ROW "{\"role\":\"assistant\",\"stopReason\":\"toolUse\"}"

Test(gateway_resume, waits_for_the_turn_the_gateway_continues)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history", HISTORY(USER_ROW "," CONTINUED "," TOOL_ROW, "true"));
    until(f.loop, seen(&f, "chat.history") >= 3); /* polls */
    cr_assert(told(&f, "turn 1 started"));
    script(&f, "chat.history", HISTORY(USER_ROW "," CONTINUED "," ANSWER_ROW, "false"));
    until_told(&f, "turn 1 replied: from history\n");
    cr_assert_eq(seen(&f, "agent"), 1);
    fini(&f);
}

Test(gateway_resume, reads_at_once_when_a_run_of_the_session_ends)
{
    struct fix f;
    run_and_lose(&f);
    f.gw->timing.poll = 60000; /* so only the event can tell */
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history", HISTORY(USER_ROW, "true"));
    until_told(&f, "turn 1 started");
    script(&f, "chat.history", HISTORY(USER_ROW "," ANSWER_ROW, "false"));
    event(&f, "chat",
          "{\"runId\":\"another\",\"sessionKey\":\"agent:jerry:mesh:gw-b:bobby\","
          "\"state\":\"final\"}");
    until_told(&f, "turn 1 replied: from history\n");
    fini(&f);
}

Test(gateway_resume, tells_how_an_interrupted_turn_failed)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history",
           HISTORY(USER_ROW ",{\"role\":\"assistant\",\"stopReason\":\"error\",\"content\":"
                            "[{\"type\":\"text\",\"text\":\"refused\"}]}",
                   "false"));
    until_told(&f, "turn 1 failed: refused\n");
    fini(&f);
}

Test(gateway_resume, does_not_take_the_next_turns_answer_for_its_own)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history",
           HISTORY(USER_ROW ",{\"role\":\"user\",\"idempotencyKey\":\"other:user\"}," ANSWER_ROW,
                   "false"));
    until(f.loop, seen(&f, "chat.history") >= 3);
    cr_assert_not(told(&f, "replied"));
    fini(&f);
}

Test(gateway_resume, looks_before_it_runs_when_asked_to)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", WAIT_UNKNOWN);
    script(&f, "chat.history", HISTORY(USER_ROW "," ANSWER_ROW, "false"));
    cr_assert_eq(run_turn(&f, 1, true, 60), SC_OK);
    until_told(&f, "turn 1 replied: from history\n");
    cr_assert_eq(seen(&f, "agent"), 0);
    cr_assert_str_eq(sc_buf_str(&f.news),
                     "turn 1 accepted: \nturn 1 started: \nturn 1 replied: from history\n");
    fini(&f);
}

Test(gateway_resume, waits_out_a_suspension)
{
    struct fix f;
    run_and_lose(&f);
    script(&f, "agent.wait", UNAVAILABLE("gateway-suspending"));
    script(&f, "chat.history", UNAVAILABLE("gateway-suspending"));
    until(f.loop, seen(&f, "chat.history") >= 3);
    script(&f, "chat.history", HISTORY(USER_ROW "," ANSWER_ROW, "false"));
    until_told(&f, "turn 1 replied: from history\n");
    fini(&f);
}

Test(gateway_resume, gives_back_what_it_could_not_resume_in_time)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    script(&f, "agent.wait", "");
    cr_assert_eq(run_turn(&f, 1, false, 1), SC_OK);
    until_told(&f, "turn 1 accepted");
    server_down(&f.server);
    until_told(&f, "turn 1 again: the gateway went away during the turn\n");
    fini(&f);
}
