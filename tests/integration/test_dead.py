"""Dead letters as an operator sees them: listed, looked at, given another life, dropped (issue 4, item 3)."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import Any

from conftest import Pair
from support.fake_gateway import Run, TurnError
from support.mesh import Mesh
from support.process import clean_env
from support.sidecar import Sidecar, program
from support.wait import eventually


def fail(run: Run) -> str:
    raise TurnError("no such model")


def letters(sidecar: Sidecar, *args: str) -> list[dict[str, Any]]:
    return list(sidecar.json("dead", "list", *args)["messages"])


def failed_turn(pair: Pair, text: str = "hi", to: str = "bobby") -> str:
    pair.bobby_gateway.turn = fail
    message = pair.send(text, to=to)
    pair.jerry.wait_stage(message, "dead")
    eventually(lambda: message in [m["id"] for m in letters(pair.bobby)], "it is listed there, too")
    pair.bobby_gateway.turn = lambda run: f"echo({run.agent}): {run.message}"
    return message


def unroutable(pair: Pair, ttl: int = 4) -> str:
    """A message that nothing can carry dies at its ttl; the receiver never hears of it."""
    pair.bobby.process.pause()
    sent = pair.jerry.json("send", "--from", "jerry", "--to", "bobby", "--ttl", str(ttl), "late")
    pair.jerry.wait_stage(sent["id"], "dead", within=30)
    return str(sent["id"])


def test_no_dead_letters(alone: Sidecar) -> None:
    assert letters(alone) == []
    assert "no dead letters" in alone.cli("dead", "list").ok().out
    assert alone.cli("dead").ok().out == alone.cli("dead", "list").ok().out


def test_a_failed_turn_is_listed_at_both_ends(pair: Pair) -> None:
    message = failed_turn(pair)
    [sent] = letters(pair.jerry)
    [came] = letters(pair.bobby)
    assert (sent["id"], sent["direction"]) == (message, "out")
    assert (came["id"], came["direction"]) == (message, "in")
    assert "no such model" in sent["reason"] and "no such model" in came["reason"]
    table = pair.jerry.cli("dead", "list").ok().out
    assert message in table and "no such model" in table
    assert "started" in sent["times"], "so the table's column RAN says yes"
    assert pair.jerry.metric("sideclaw_dead_letters", direction="out") == 1
    assert pair.bobby.metric("sideclaw_dead_letters", direction="in") == 1


def test_the_list_can_be_narrowed(pair: Pair) -> None:
    first, second = failed_turn(pair, to="bobby"), failed_turn(pair, to="infra")
    ids = [m["id"] for m in letters(pair.jerry)]
    assert ids == [first, second], "in the order of their deaths"
    assert [m["id"] for m in letters(pair.jerry, "--agent", "infra")] == [second]
    assert letters(pair.jerry, "--in") == []
    assert [m["id"] for m in letters(pair.jerry, "--out", "--limit", "1")] == [first]
    assert letters(pair.jerry, "--reason", "loop") == []
    assert "1 of 2" in pair.jerry.cli("dead", "list", "--limit", "1").ok().out


def test_show_tells_everything_about_one(pair: Pair) -> None:
    message = failed_turn(pair)
    shown = pair.jerry.json("dead", "show", message)
    assert shown["stage"] == "dead" and shown["body"] == "hi"
    assert pair.jerry.cli("dead", "show", message).ok().out == pair.jerry.cli("show", message).out


def test_a_living_message_is_none(pair: Pair) -> None:
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "replied")
    for action in (["show"], ["retry"], ["drop", "--yes"]):
        result = pair.jerry.cli("dead", *action, message)
        assert result.rc == 1 and "not dead, but replied" in result.err, result.err


def test_what_ran_is_not_run_again_without_force(pair: Pair) -> None:
    message = failed_turn(pair)
    for sidecar in (pair.jerry, pair.bobby):
        result = sidecar.cli("dead", "retry", message)
        assert result.rc == 1 and "a turn ran" in result.err and "--force" in result.err
    assert len(pair.bobby_gateway.runs) == 1


def test_with_force_the_sender_repeats_it_as_a_new_message(pair: Pair) -> None:
    message = failed_turn(pair)
    new = pair.jerry.json("dead", "retry", "--force", message)["retried_as"]
    assert new != message
    pair.jerry.wait_stage(new, "replied")
    assert pair.bobby_gateway.messages("bobby") == ["hi", "hi"]
    assert pair.jerry.show(message)["retried_as"] == new
    assert pair.jerry.show(new)["retry_of"] == message
    assert letters(pair.jerry) == []
    again = pair.jerry.cli("dead", "retry", "--force", message)
    assert again.rc == 1 and new in again.err


def test_with_force_the_receiver_gives_it_another_turn(pair: Pair) -> None:
    message = failed_turn(pair)
    assert pair.bobby.json("dead", "retry", "--force", message)["retried_as"] == message
    shown = pair.bobby.wait_stage(message, "replied")
    assert shown["ambiguous"] is True and shown["revived"]
    assert "no such model" in shown["last_error"]
    assert len(pair.bobby_gateway.runs) == 2
    eventually(
        lambda: "echo(bobby): hi" in [m["body"] for m in pair.jerry.json("inbox", "jerry")["messages"]],
        "the answer reaches its sender",
    )
    assert pair.jerry.show(message)["replied_by"]


def test_one_that_nobody_ever_heard_of_lives_again_under_its_id(mesh: Mesh) -> None:
    """bobby's sidecar is not there at all, and no copy waits for it anywhere."""
    jerry = mesh.add("jerry-gateway", ["jerry"])
    bobby = mesh.add("bobby-gateway", ["bobby"])
    mesh.wait_whole()
    bobby.stop()
    sent = jerry.json("send", "--from", "jerry", "--to", "bobby@bobby-gateway", "--ttl", "10", "late")
    shown = jerry.wait_stage(sent["id"], "dead", within=30)
    assert shown["ambiguous"] is True, "nobody said that it did not arrive"
    mesh.redis.call("DEL", mesh.stream("bobby"))
    mesh.consul.delete(mesh.prefix + "/agents/bobby/inbox/", recurse=True)
    mesh.consul.delete(mesh.prefix + "/gateways/bobby-gateway/inbox/", recurse=True)
    assert jerry.json("dead", "retry", sent["id"])["retried_as"] == sent["id"]
    bobby.start()
    jerry.wait_stage(sent["id"], "replied", within=60)
    assert mesh.gateways["bobby-gateway"].messages("bobby") == ["late"]


def certain(sidecar: Sidecar, message: str) -> None:
    """The receiver came back, turned the late copy away, and said so."""
    eventually(
        lambda: sidecar.show(message)["reason"] == "expired: it came after its ttl",
        "its receiver's word",
        within=60,
    )
    assert sidecar.show(message)["ambiguous"] is False


def test_one_that_its_receiver_turned_away_goes_as_a_new_message(pair: Pair) -> None:
    message = unroutable(pair)
    assert pair.jerry.show(message)["ambiguous"] is True
    pair.bobby.process.resume()
    certain(pair.jerry, message)
    new = pair.jerry.json("dead", "retry", message)["retried_as"]
    assert new != message
    pair.jerry.wait_stage(new, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["late"]


def test_retry_all_with_a_reason(pair: Pair) -> None:
    messages = [unroutable(pair), unroutable(pair)]
    pair.bobby.process.resume()
    for message in messages:
        certain(pair.jerry, message)
    third = failed_turn(pair, "failed")
    nothing = pair.jerry.json("dead", "retry", "--all", "--reason", "loop")
    assert (nothing["retried"], nothing["refused"]) == (0, 0)
    done = pair.jerry.json("dead", "retry", "--all", "--reason", "expired")
    assert (done["retried"], done["refused"]) == (2, 0)
    for message in messages:
        pair.jerry.wait_stage(pair.jerry.show(message)["retried_as"], "replied", within=60)
    left = pair.jerry.cli("dead", "retry", "--all")
    assert left.rc == 1 and "refused 1" in left.out and third in left.out


def test_drop_takes_it_from_the_list_and_keeps_its_history(pair: Pair) -> None:
    message = failed_turn(pair)
    pair.bobby.cli("dead", "drop", "--yes", message).ok()
    assert letters(pair.bobby) == []
    assert pair.bobby.show(message)["stage"] == "dead"
    assert pair.bobby.metric("sideclaw_dead_letters", direction="in") == 0
    again = pair.bobby.cli("dead", "drop", "--yes", message)
    assert again.rc == 1 and "dropped already" in again.err


def test_drop_all(pair: Pair) -> None:
    for to in ("bobby", "infra"):
        failed_turn(pair, to=to)
    assert pair.jerry.json("dead", "drop", "--all", "--yes", "--agent", "infra")["dropped"] == 1
    assert [m["to"]["agent"] for m in letters(pair.jerry)] == ["bobby"]
    assert pair.jerry.json("dead", "drop", "--all", "--yes")["dropped"] == 1
    assert letters(pair.jerry) == []


def test_drop_needs_a_yes_where_nobody_can_be_asked(pair: Pair) -> None:
    message = failed_turn(pair)
    result = pair.jerry.cli("dead", "drop", message)
    assert result.rc == 2 and "--yes" in result.err
    assert len(letters(pair.jerry)) == 1


def answer_on_a_terminal(sidecar: Sidecar, answer: str, *args: str) -> int:
    """Run the command on a terminal of its own, and answer its question."""
    master, slave = pty.openpty()
    command = [str(program("sideclaw")), "--socket", str(sidecar.socket), *args]
    child = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=clean_env(), close_fds=True
    )
    os.close(slave)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(master, 1024)
    os.write(master, answer.encode() + b"\n")
    code = child.wait(30)
    os.close(master)
    return code


def test_drop_asks_on_a_terminal(pair: Pair) -> None:
    message = failed_turn(pair)
    assert answer_on_a_terminal(pair.jerry, "n", "dead", "drop", message) == 1
    assert len(letters(pair.jerry)) == 1
    assert answer_on_a_terminal(pair.jerry, "y", "dead", "drop", message) == 0
    assert letters(pair.jerry) == []


def test_a_local_message_is_one_letter_and_lives_again_in_both_boxes(pair: Pair) -> None:
    pair.jerry_gateway.turn = fail
    message = pair.send("note this", to="scribe")
    pair.jerry.wait_stage(message, "dead")
    [letter] = letters(pair.jerry)
    assert letter["direction"] == "in"
    pair.jerry_gateway.turn = lambda run: "noted"
    pair.jerry.cli("dead", "retry", "--force", message).ok()
    pair.jerry.wait_stage(message, "replied")
    assert letters(pair.jerry) == []


def test_dropping_a_local_message_drops_it_whole(pair: Pair) -> None:
    pair.jerry_gateway.turn = fail
    message = pair.send("note this", to="scribe")
    pair.jerry.wait_stage(message, "dead")
    pair.jerry.cli("dead", "drop", "--yes", message).ok()
    assert letters(pair.jerry) == [] and letters(pair.jerry, "--out") == []


def test_the_list_survives_a_restart(pair: Pair) -> None:
    message = failed_turn(pair)
    pair.bobby.process.kill()
    pair.bobby.start()
    assert [m["id"] for m in letters(pair.bobby)] == [message]


def test_over_http(pair: Pair) -> None:
    message = failed_turn(pair)
    listed = pair.jerry.http("GET", "/v1/dead?direction=out&reason=no%20such").json()
    assert [m["id"] for m in listed["messages"]] == [message]
    assert listed["total"] == {"out": 1, "in": 0, "ambiguous": 0}
    assert pair.jerry.http("GET", f"/v1/dead/{message}").json()["body"] == "hi"
    problem = pair.jerry.http("POST", f"/v1/dead/{message}/retry", {}).problem(409)
    assert "--force" in problem["remedy"]
    answer = pair.jerry.http("POST", f"/v1/dead/{message}/retry", {"force": True})
    assert answer.status == 200 and answer.json()["retried_as"] != message
    pair.jerry.http("POST", f"/v1/dead/{message}/drop", {}).problem(404)
    assert pair.bobby.http("POST", "/v1/dead/drop", {}).json()["dropped"] == 1
    assert pair.jerry.http("GET", "/v1/dead", token="wrong").status == 401
    pair.jerry.http("GET", "/v1/dead?direction=sideways").problem(400)


def test_mistakes_are_usage_errors(alone: Sidecar) -> None:
    for args in (
        ["bury"],
        ["retry"],
        ["retry", "--all", "0197a000-0000-7000-8000-000000000000"],
        ["drop", "--force", "--yes", "0197a000-0000-7000-8000-000000000000"],
        ["list", "--in", "--out"],
        ["show"],
        ["retry", "--agent", "bobby", "0197a000-0000-7000-8000-000000000000"],
    ):
        assert alone.cli("dead", *args).rc == 2, args
    unknown = alone.cli("dead", "retry", "0197a000-0000-7000-8000-000000000000")
    assert unknown.rc == 1 and "sideclaw dead list" in unknown.err
