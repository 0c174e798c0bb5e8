"""Messages between two gateways at the command line (issue 3, item 4)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import Pair
from support.fake_gateway import Run, TurnError
from support.sidecar import Sidecar
from support.wait import SLOW, eventually


def test_ask_prints_the_other_agents_answer(pair: Pair) -> None:
    assert pair.ask("what is up?") == "echo(bobby): what is up?"


def test_ask_with_json_gives_the_whole_object(pair: Pair) -> None:
    answer = pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "hi")
    assert answer["reply"]["body"] == "echo(bobby): hi"
    assert answer["timed_out"] is False
    assert answer["stage"] == "replied"
    assert answer["id"]


def test_ask_reaches_an_agent_of_the_own_gateway(pair: Pair) -> None:
    result = pair.jerry.cli("ask", "--from", "jerry", "--to", "scribe", "note this").ok()
    assert result.out.rstrip("\n") == "echo(scribe): note this"


def test_ask_works_in_the_other_direction_too(pair: Pair) -> None:
    assert (
        pair.bobby.cli("ask", "--from", "bobby", "--to", "scribe", "hi").ok().out.strip()
        == "echo(scribe): hi"
    )


def test_the_reply_runs_no_turn_at_the_asking_agent(pair: Pair) -> None:
    pair.ask("hi")
    assert pair.jerry_gateway.runs == []


def test_the_answer_comes_to_the_person_who_gives_no_sender(pair: Pair) -> None:
    assert pair.jerry.cli("ask", "--to", "bobby", "hi").ok().out.strip() == "echo(bobby): hi"


def test_send_prints_id_and_stage(pair: Pair) -> None:
    sent = pair.jerry.cli("send", "--from", "jerry", "--to", "bobby", "text").ok()
    shown = pair.jerry.json("send", "--from", "jerry", "--to", "bobby", "text")
    assert shown["stage"] in ("accepted", "sent") and len(shown["id"]) == 36
    assert any(word in sent.out for word in ("accepted", "sent"))


def test_send_is_followed_up_to_the_reply(pair: Pair) -> None:
    record = pair.jerry.wait_stage(pair.send("hi"), "replied")
    assert record["direction"] == "out"
    assert record["from"]["agent"] == "jerry" and record["to"]["agent"] == "bobby"
    assert record["to"]["gateway"] == "bobby-gateway"


def test_the_stages_have_their_times_in_order(pair: Pair) -> None:
    times = pair.jerry.wait_stage(pair.send("hi"), "replied")["times"]
    assert {"accepted", "stored", "replied"} <= set(times)
    # "sent" is when Redis's answer was read, and the receiver may have it stored by then.
    for order in (("accepted", "sent"), ("accepted", "stored", "delivered", "started", "replied")):
        known = [times[s] for s in order if s in times]
        assert known == sorted(known)


def test_the_receiving_side_shows_the_message_as_incoming(pair: Pair) -> None:
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "replied")
    record = pair.bobby.show(message)
    assert (record["direction"], record["body"], record["from"]["gateway"]) == (
        "in",
        "hi",
        "jerry-gateway",
    )


def test_send_to_agent_at_gateway(pair: Pair) -> None:
    pair.jerry.wait_stage(pair.send("hi", to="bobby@bobby-gateway"), "replied")
    assert pair.bobby_gateway.messages("bobby") == ["hi"]


def test_send_to_the_right_agent_at_the_wrong_gateway_does_not_arrive(pair: Pair) -> None:
    result = pair.jerry.cli("send", "--from", "jerry", "--to", "bobby@nowhere-gateway", "hi")
    if result.rc == 0:
        assert pair.bobby_gateway.messages("bobby") == []
    else:
        assert "nowhere-gateway" in result.err


def test_send_takes_the_text_from_stdin(pair: Pair) -> None:
    pair.jerry.cli("send", "--from", "jerry", "--to", "bobby", "-", stdin="two\nlines").ok()
    eventually(
        lambda: pair.bobby_gateway.messages("bobby") == ["two\nlines"], "bobby got the two lines"
    )


def test_send_takes_the_text_from_a_file(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("from a file")
    pair.jerry.cli("send", "--from", "jerry", "--to", "bobby", "--file", tmp_path / "note.txt").ok()
    eventually(
        lambda: pair.bobby_gateway.messages("bobby") == ["from a file"], "bobby got the file's text"
    )


def test_ask_takes_the_text_from_stdin(pair: Pair) -> None:
    result = pair.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "-", stdin="piped").ok()
    assert result.out.strip() == "echo(bobby): piped"


def test_a_missing_file_is_named(pair: Pair) -> None:
    result = pair.jerry.cli("send", "--to", "bobby", "--file", "/no/such/file")
    assert result.rc != 0 and "/no/such/file" in result.err


def test_the_senders_inbox_holds_the_reply(pair: Pair) -> None:
    message = pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "hi")["id"]
    inbox = pair.jerry.json("inbox", "jerry")
    assert inbox["agent"] == "jerry"
    [reply] = [m for m in inbox["messages"] if m["in_reply_to"] == message]
    assert (reply["kind"], reply["body"]) == ("reply", "echo(bobby): hi")


def test_inbox_read_prints_the_body(pair: Pair) -> None:
    reply = pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "hi")["reply"]["id"]
    assert "echo(bobby): hi" in pair.jerry.cli("inbox", "jerry", "read", reply).ok().out


def test_an_acknowledged_message_leaves_the_list_but_not_the_whole_list(pair: Pair) -> None:
    reply = pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "hi")["reply"]["id"]
    pair.jerry.cli("inbox", "jerry", "ack", reply).ok()
    assert reply not in [m["id"] for m in pair.jerry.json("inbox", "jerry")["messages"]]
    everything = {m["id"]: m for m in pair.jerry.json("inbox", "jerry", "--all")["messages"]}
    assert everything[reply]["acked"]


def test_inbox_for_people_is_a_table(pair: Pair) -> None:
    pair.ask("hi")
    assert "bobby" in pair.jerry.cli("inbox", "jerry").ok().out


def test_the_limit_bounds_the_inbox_list(pair: Pair) -> None:
    for n in range(3):
        pair.ask(str(n))
    assert len(pair.jerry.json("inbox", "jerry", "--limit", "2")["messages"]) == 2


def test_the_outbox_has_what_is_on_its_way_and_with_all_the_settled_too(pair: Pair) -> None:
    pair.bobby_gateway.stop()
    message = pair.send("hi")
    assert message in [m["id"] for m in pair.jerry.json("outbox")["messages"]]
    pair.bobby_gateway.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert message not in [m["id"] for m in pair.jerry.json("outbox")["messages"]]
    assert message in [m["id"] for m in pair.jerry.json("outbox", "--all")["messages"]]


def test_agents_lists_everyone_with_gateway_and_status(pair: Pair) -> None:
    agents = pair.jerry.agents()
    assert {"jerry", "scribe", "bobby", "infra"} <= set(agents)
    assert agents["bobby"]["gateway"] == "bobby-gateway" and agents["bobby"]["status"] == "active"
    assert agents["jerry"]["local"] and not agents["bobby"]["local"]


def test_agents_for_people_is_a_table(pair: Pair) -> None:
    out = pair.jerry.cli("agents").ok().out
    line = next(line for line in out.splitlines() if "bobby " in line)
    assert "bobby-gateway" in line and "active" in line


def test_gateways_lists_both(pair: Pair) -> None:
    gateways = pair.jerry.gateways()
    assert gateways["jerry-gateway"]["self"] and not gateways["bobby-gateway"]["self"]
    assert sorted(gateways["bobby-gateway"]["agents"]) == ["bobby", "infra"]
    assert gateways["bobby-gateway"]["status"] == "healthy"
    assert "bobby-gateway" in pair.jerry.cli("gateways").ok().out


def test_status_is_healthy_with_its_links_up(pair: Pair) -> None:
    eventually(lambda: pair.jerry.status()["health"] == "healthy", "healthy")
    status = pair.jerry.status()
    assert status["gateway"] == "jerry-gateway" and status["reasons"] == []
    assert set(status["links"]) == {"gateway", "redis", "peer", "consul"}
    assert status["links"]["gateway"]["state"] == "ready"
    assert status["pid"] == pair.jerry.process.pid
    assert "healthy" in pair.jerry.cli("status").ok().out


def test_status_counts_spooled_messages(pair: Pair) -> None:
    pair.bobby_gateway.stop()
    before = pair.jerry.status()["spool"]["outbox"]
    pair.send("hi")
    assert pair.jerry.status()["spool"]["outbox"] == before + 1


def test_the_thread_is_kept(pair: Pair) -> None:
    message = pair.jerry.json("send", "--from", "jerry", "--to", "bobby", "--thread", "t-1", "hi")[
        "id"
    ]
    pair.jerry.wait_stage(message, "replied")
    assert pair.bobby.show(message)["thread"] == "t-1"


def test_the_message_id_is_the_turns_idempotency_key(pair: Pair) -> None:
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "replied")
    assert [r.key for r in pair.bobby_gateway.runs] == [message]


def test_the_turn_says_that_another_agent_is_speaking(pair: Pair) -> None:
    pair.ask("hi")
    provenance = pair.bobby_gateway.runs[0].params["inputProvenance"]
    assert provenance["kind"] == "inter_session"
    assert "jerry" in str(provenance)


def test_one_session_per_remote_peer(pair: Pair) -> None:
    pair.ask("one")
    pair.ask("two")
    pair.jerry.cli("ask", "--from", "scribe", "--to", "bobby", "three").ok()
    one, two, three = (r.session for r in pair.bobby_gateway.runs)
    assert one == two != three
    assert one.startswith("agent:bobby:")


def test_messages_of_one_sender_arrive_in_order(pair: Pair) -> None:
    texts = [f"n{i}" for i in range(20)]
    ids = [pair.send(t) for t in texts]
    pair.jerry.wait_stage(ids[-1], "replied")
    assert pair.bobby_gateway.messages("bobby") == texts


def test_sixty_four_questions_at_once_get_their_own_answers(pair: Pair) -> None:
    """From two agents, as more than sixty a minute from one to another count as a loop."""

    def ask(n: int) -> str:
        sender = "jerry" if n % 2 else "scribe"
        result = pair.jerry.cli("ask", "--from", sender, "--to", "bobby", f"q{n}")
        return result.ok().out.strip()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert answers == [f"echo(bobby): q{n}" for n in range(64)]


def test_a_body_of_200_kib_comes_back_whole(pair: Pair) -> None:
    text = "0123456789abcdef" * (200 * 64)
    answer = pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "-", stdin=text)
    assert answer["reply"]["body"] == "echo(bobby): " + text


def test_any_unicode_text_comes_back_as_it_was(pair: Pair) -> None:
    text = 'Grüße, "wörld" \\ \t 🦀\n{"json": [1]} \u2028 end'
    assert (
        pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "-", stdin=text)["reply"]["body"]
        == "echo(bobby): " + text
    )


def test_a_body_over_256_kib_is_refused_in_words(pair: Pair) -> None:
    result = pair.jerry.cli(
        "send", "--from", "jerry", "--to", "bobby", "-", stdin="x" * (256 * 1024 + 1)
    )
    assert result.rc == 1
    assert "body" in result.err and "try:" in result.err
    assert pair.ask("still here") == "echo(bobby): still here"


def test_an_unknown_recipient_is_refused_with_the_nearest_name(pair: Pair) -> None:
    result = pair.jerry.cli("send", "--from", "jerry", "--to", "boby", "hi")
    assert result.rc == 1
    assert "boby" in result.err and "bobby" in result.err.replace("boby", "")


def test_an_unknown_id_is_an_error(pair: Pair) -> None:
    result = pair.jerry.cli("show", "019b0000-0000-7000-8000-000000000000")
    assert result.rc == 1 and "019b0000" in result.err


def test_a_message_nobody_takes_dies_after_its_ttl(pair: Pair) -> None:
    pair.bobby.process.kill()
    message = pair.jerry.json("send", "--from", "jerry", "--to", "bobby", "--ttl", "1", "hi")["id"]
    record = pair.jerry.wait_stage(message, "dead", within=20)
    assert any(word in record["reason"].lower() for word in ("ttl", "expired", "too old")), record[
        "reason"
    ]


def test_ask_gives_up_with_exit_75(pair: Pair) -> None:
    done = threading.Event()

    def slow(run: Run) -> str:
        done.wait(30)
        return "late"

    pair.bobby_gateway.turn = slow
    result = pair.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "--timeout", "1", "hi")
    done.set()
    assert result.rc == 75
    assert "try:" in result.err


def test_an_answer_after_the_timeout_still_comes_to_the_inbox(pair: Pair) -> None:
    done = threading.Event()

    def slow(run: Run) -> str:
        done.wait(30)
        return "late"

    pair.bobby_gateway.turn = slow
    assert (
        pair.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "--timeout", "1", "hi").rc == 75
    )
    done.set()
    eventually(
        lambda: "late" in [m["body"] for m in pair.jerry.json("inbox", "jerry")["messages"]],
        "the late answer",
    )


def test_a_turn_of_seconds_is_waited_for(pair: Pair) -> None:
    def slow(run: Run) -> str:
        time.sleep(3)
        return "thought about it"

    pair.bobby_gateway.turn = slow
    assert pair.ask("hi") == "thought about it"


def test_a_long_turn_shows_as_started_and_the_agent_as_busy(pair: Pair) -> None:
    done = threading.Event()

    def slow(run: Run) -> str:
        done.wait(30)
        return "done"

    pair.bobby_gateway.turn = slow
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "started")
    eventually(lambda: pair.bobby.agents()["bobby"]["status"] == "busy", "bobby is busy")
    done.set()
    pair.jerry.wait_stage(message, "replied")


def test_a_failed_turn_is_an_error_with_its_reason(pair: Pair) -> None:
    def fail(run: Run) -> str:
        raise TurnError("the model has no credit left")

    pair.bobby_gateway.turn = fail
    result = pair.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "hi")
    assert result.rc == 1
    assert "no credit left" in result.err


def test_a_failed_turn_leaves_the_message_dead_with_the_reason(pair: Pair) -> None:
    def fail(run: Run) -> str:
        raise TurnError("the model has no credit left")

    pair.bobby_gateway.turn = fail
    record = pair.jerry.wait_stage(pair.send("hi"), "dead")
    assert "no credit left" in record["reason"]


def test_an_empty_answer_is_an_answer(pair: Pair) -> None:
    pair.bobby_gateway.turn = lambda run: ""
    assert pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "hi")["reply"]["body"] == ""


def test_too_many_messages_in_one_thread_are_stopped(mesh: Any, start_pair: Any) -> None:
    pair = start_pair(mesh, messages__thread_rate=5)
    results = [
        pair.jerry.cli("send", "--from", "jerry", "--to", "bobby", "--thread", "loop", f"n{i}")
        for i in range(8)
    ]
    refused = [r for r in results if r.rc != 0]
    assert refused, "eight messages of one thread passed a limit of five a minute"
    assert "thread" in refused[0].err
    assert pair.ask("another thread") == "echo(bobby): another thread"


def test_the_daemons_agent_id_is_the_default_sender(mesh: Any, start_pair: Any) -> None:
    pair = start_pair(mesh, agent_id="scribe")
    message = pair.jerry.json("send", "--to", "bobby", "hi")["id"]
    assert pair.jerry.show(message)["from"]["agent"] == "scribe"


def test_the_same_id_twice_is_one_message(pair: Pair) -> None:
    body = {
        "to": "bobby",
        "from": "jerry",
        "body": "once",
        "id": "019b1111-0000-7000-8000-000000000001",
    }
    first = pair.jerry.http("POST", "/v1/messages", body)
    second = pair.jerry.http("POST", "/v1/messages", body)
    assert first.status == second.status == 202
    assert first.json()["id"] == second.json()["id"] == body["id"]
    pair.jerry.wait_stage(body["id"], "replied")
    assert pair.bobby_gateway.messages("bobby") == ["once"]


@pytest.mark.parametrize(
    "bad", ["a/b", "..", ".", "has space", "x" * 300, "", "tab\tbed", "new\nline"]
)
def test_an_agent_id_that_cannot_be_is_refused_by_name(pair: Pair, bad: str) -> None:
    result = pair.jerry.cli("send", "--from", "jerry", "--to", bad, "hi")
    assert result.rc in (1, 2), result.out
    assert "to" in result.err
    assert pair.jerry.process.alive


@pytest.mark.parametrize("bad", ["a/b", "..", "has space", "x" * 300])
def test_a_sender_that_cannot_be_is_refused_by_name(pair: Pair, bad: str) -> None:
    result = pair.jerry.cli("send", "--from", bad, "--to", "bobby", "hi")
    assert result.rc in (1, 2), result.out
    assert "from" in result.err


def test_invalid_utf8_from_stdin_is_refused(pair: Pair) -> None:
    result = pair.jerry.cli(
        "send", "--from", "jerry", "--to", "bobby", "-", stdin=b"bad \xff\xfe bytes"
    )
    assert result.rc in (1, 2) and "UTF-8" in result.err
    assert pair.ask("fine") == "echo(bobby): fine"


def test_a_nul_from_stdin_is_refused(pair: Pair) -> None:
    result = pair.jerry.cli("send", "--from", "jerry", "--to", "bobby", "-", stdin=b"nul\x00byte")
    assert result.rc in (1, 2) and result.err
    assert pair.bobby_gateway.runs == []


def test_send_returns_quickly(pair: Pair) -> None:
    """Not a benchmark (tests/bench is): catches a daemon that makes the caller wait for a transport."""
    begin = time.monotonic()
    pair.send("hi")
    assert time.monotonic() - begin < 1.0 * SLOW


def test_the_daemon_away_is_exit_75_with_a_remedy(alone: Sidecar) -> None:
    alone.stop()
    result = alone.cli("status")
    assert result.rc == 75
    assert "sideclaw:" in result.err and "try:" in result.err


def test_a_command_nobody_knows_is_exit_2(alone: Sidecar) -> None:
    result = alone.cli("sned", "--to", "bobby", "hi")
    assert result.rc == 2
    assert "sned" in result.err
