"""Who can do it: agents declare themselves, are found, and get what is sent to a capability (issue 5,
point 2); and the mail of agents that nobody wakes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator

import pytest
from conftest import Pair
from support.mesh import Mesh
from support.sidecar import Sidecar
from support.wait import eventually


@pytest.fixture
def helpers(mesh: Mesh, start_pair: Callable[..., Pair]) -> Pair:
    """jerry, scribe and the resting clerk here; bobby and infra there, who both keep backups."""
    pair = start_pair(mesh)
    for agent in ("bobby", "infra"):
        register(pair.bobby, agent, capabilities=["backups"])
    eventually(
        lambda: len(found(pair.jerry, capability="backups")) == 2, "jerry knows both helpers"
    )
    return pair


def register(sidecar: Sidecar, agent: str, **what: Any) -> dict[str, Any]:
    return dict(sidecar.http("POST", f"/v1/agents/{agent}", what).json())


def found(sidecar: Sidecar, **query: str) -> dict[str, dict[str, Any]]:
    flags = [word for k, v in query.items() for word in (f"--{k}", v)]
    return {a["id"]: a for a in sidecar.json("agents", *flags)["agents"]}


def send(sidecar: Sidecar, capability: str, **more: Any) -> dict[str, Any]:
    body = {"from": "jerry", "capability": capability, "body": "keep a copy", **more}
    return dict(sidecar.http("POST", "/v1/messages", body).json())


@contextmanager
def long_turns(pair: Pair) -> Iterator[None]:
    """Turns on bobby's gateway last until the end of the block."""
    over = threading.Event()
    pair.bobby_gateway.turn = lambda run: "done" if over.wait(60) else "never"
    try:
        yield
    finally:
        over.set()


def test_an_agent_declares_itself_and_is_found_elsewhere(pair: Pair) -> None:
    told = register(
        pair.jerry,
        "clerk",
        capabilities=["filing"],
        labels=["group=office", "shift=day"],
        description="Files what it gets.",
    )
    assert told["changed"] is True and told["woken"] is False
    there = eventually(lambda: found(pair.bobby, capability="filing"), "bobby knows the clerk")
    clerk = there["clerk"]
    assert clerk["gateway"] == "jerry-gateway" and clerk["reachable"] and clerk["via"] == "redis"
    assert sorted(clerk["labels"]) == ["group=office", "shift=day"]
    assert clerk["description"] == "Files what it gets."
    assert pair.mesh.consul.get_json(pair.mesh.key("agents/clerk/about"))["labels"] == {
        "group": "office",
        "shift": "day",
    }
    for query in ({"group": "office"}, {"group": "shift=day"}):
        assert list(found(pair.bobby, **query)) == ["clerk"]
    assert found(pair.bobby, group="night") == {}


def test_saying_it_again_changes_nothing_and_it_survives_a_restart(pair: Pair) -> None:
    register(pair.jerry, "clerk", capabilities=["filing"])
    assert register(pair.jerry, "clerk", capabilities=["filing"])["changed"] is False
    pair.jerry.restart()
    assert pair.jerry.agents()["clerk"]["capabilities"] == ["filing"]
    assert register(pair.jerry, "clerk", capabilities=["mail"])["changed"] is True
    assert pair.jerry.agents()["clerk"]["capabilities"] == ["mail"]


def test_a_name_of_another_gateway_is_refused(pair: Pair) -> None:
    answer = pair.jerry.http("POST", "/v1/agents/bobby", {"capabilities": ["x"]})
    assert "bobby-gateway" in answer.problem(409)["detail"]


def test_a_bad_label_is_named(pair: Pair) -> None:
    answer = pair.jerry.http("POST", "/v1/agents/clerk", {"labels": ["lab"]})
    assert "NAME=VALUE" in answer.problem(400)["detail"]


def test_a_capability_finds_somebody_and_says_whom(helpers: Pair) -> None:
    sent = send(helpers.jerry, "backups", wait_ms=20000)
    assert sent["to"] == "bobby" and sent["gateway"] == "bobby-gateway"
    assert sent["reply"]["body"] == "echo(bobby): keep a copy"


def test_a_burst_is_spread(helpers: Pair) -> None:
    chosen = [send(helpers.jerry, "backups")["to"] for _ in range(6)]
    assert {chosen.count(a) for a in ("bobby", "infra")} <= {2, 3, 4}, chosen


def test_the_same_id_goes_to_the_same_agent(helpers: Pair) -> None:
    id = "019b0000-0000-7000-8000-00000000abcd"
    first = send(helpers.jerry, "backups", id=id)
    assert [send(helpers.jerry, "backups", id=id)["to"] for _ in range(3)] == [first["to"]] * 3


def test_the_sender_is_not_chosen(helpers: Pair) -> None:
    answer = helpers.bobby.http(
        "POST", "/v1/messages", {"from": "bobby", "capability": "backups", "body": "you do it"}
    )
    assert answer.json()["to"] == "infra"


def test_nobody_can_do_it(helpers: Pair) -> None:
    answer = helpers.jerry.http(
        "POST", "/v1/messages", {"from": "jerry", "capability": "cooking", "body": "soup"}
    )
    assert "cooking" in answer.problem(404)["detail"]


@pytest.mark.parametrize("body", [{}, {"to": "bobby", "capability": "backups"}])
def test_either_an_agent_or_a_capability(helpers: Pair, body: dict[str, str]) -> None:
    helpers.jerry.http("POST", "/v1/messages", {"body": "hi", **body}).problem(400)


def test_a_busy_one_is_avoided(helpers: Pair) -> None:
    with long_turns(helpers):
        helpers.jerry.json("send", "--from", "jerry", "--to", "bobby", "take your time")
        eventually(
            lambda: found(helpers.jerry, status="busy").get("bobby"), "jerry sees bobby busy"
        )
        assert send(helpers.jerry, "backups")["to"] == "infra"


def test_one_on_a_stopped_gateway_is_skipped(helpers: Pair) -> None:
    register(helpers.jerry, "scribe", capabilities=["backups"])
    helpers.bobby.stop()
    eventually(
        lambda: not found(helpers.jerry, capability="backups")["bobby"]["reachable"],
        "jerry knows that bobby cannot be reached",
    )
    assert found(helpers.jerry, capability="backups")["scribe"]["via"] == "here"
    assert send(helpers.jerry, "backups")["to"] == "scribe"


def test_when_all_are_away_it_is_said_and_who_could_wait_for_it(helpers: Pair) -> None:
    helpers.bobby.stop()
    eventually(
        lambda: found(helpers.jerry, capability="backups")["infra"]["status"] == "offline",
        "jerry knows that they are away",
    )
    answer = helpers.jerry.http(
        "POST", "/v1/messages", {"from": "jerry", "capability": "backups", "body": "copy"}
    )
    assert "can be reached now" in answer.problem(503)["detail"]


def test_the_command_line_sends_to_a_capability(helpers: Pair) -> None:
    out = helpers.jerry.cli("send", "--from", "jerry", "--capability", "backups", "hi").ok().out
    assert out.rstrip().endswith(("to bobby", "to infra"))
    asked = helpers.jerry.cli("ask", "--from", "jerry", "--capability", "backups", "hi").ok().out
    assert asked.startswith("echo(")


# --- the mail of agents that nobody wakes ---


@pytest.fixture
def clerk(pair: Pair) -> Pair:
    register(pair.jerry, "clerk", capabilities=["filing"])
    pair.bobby.wait_agents("clerk")
    return pair


def mail(sidecar: Sidecar, agent: str, query: str = "") -> dict[str, Any]:
    return dict(sidecar.http("GET", f"/v1/agents/{agent}/mail{query}").json())


def to_clerk(pair: Pair, text: str, **more: Any) -> str:
    body = {"from": "bobby", "to": "clerk", "body": text, **more}
    id = str(pair.bobby.http("POST", "/v1/messages", body).json()["id"])
    pair.bobby.wait_stage(id, "delivered")
    return id


def test_a_look_is_short_and_newest_first(clerk: Pair) -> None:
    ids = [to_clerk(clerk, f"paper {i}") for i in range(3)]
    long = to_clerk(clerk, "ä" * 3000)
    seen = mail(clerk.jerry, "clerk", "?limit=2")
    assert [m["id"] for m in seen["messages"]] == [long, ids[2]] and seen["more"] is True
    assert seen["messages"][0]["body"] == "ä" * 1000 and seen["messages"][0]["body_bytes"] == 6000
    assert "with its id" in seen["note"]
    assert mail(clerk.jerry, "clerk", f"?id={long}")["messages"][0]["body"] == "ä" * 3000
    clerk.jerry.http("POST", f"/v1/agents/clerk/inbox/{long}/ack")
    assert [m["id"] for m in mail(clerk.jerry, "clerk")["messages"]] == ids[::-1]


def test_a_woken_agent_sees_only_what_no_turn_takes(pair: Pair) -> None:
    pair.jerry.wait_stage(pair.send("hi"), "replied")
    assert mail(pair.bobby, "bobby")["messages"] == []
    [reply] = eventually(lambda: mail(pair.jerry, "jerry")["messages"], "the reply came")
    assert reply["kind"] == "reply" and reply["body"] == "echo(bobby): hi"


def test_a_reply_goes_where_it_belongs(clerk: Pair) -> None:
    id = to_clerk(clerk, "file this", thread="papers")
    answer = clerk.jerry.http("POST", f"/v1/agents/clerk/inbox/{id}/reply", {"body": "filed"})
    assert answer.status == 202 and answer.json()["to"] == "bobby"
    clerk.bobby.wait_stage(id, "replied")
    status = clerk.bobby.http("GET", f"/v1/messages/{id}/status").json()
    assert status["stage"] == "replied" and status["settled"] is True
    assert status["reply"]["body"] == "filed" and status["reply"]["thread"] == "papers"
    assert status["reply"]["in_reply_to"] == id and status["reply"]["from"] == "clerk"
    assert mail(clerk.jerry, "clerk")["messages"] == [], "answered is read"


def test_a_reply_ends_a_wait(clerk: Pair) -> None:
    def answer() -> bool:
        for m in mail(clerk.jerry, "clerk")["messages"]:
            clerk.jerry.cli("inbox", "clerk", "reply", m["id"], "yes,", "filed").ok()
            return True
        return False

    got: list[str] = []
    asking = threading.Thread(
        target=lambda: got.append(
            clerk.bobby.cli("ask", "--from", "bobby", "--to", "clerk", "filed?").ok().out
        )
    )
    asking.start()
    eventually(answer, "the clerk has mail")
    asking.join()
    assert got == ["yes, filed\n"]


def test_replying_twice_is_told(clerk: Pair) -> None:
    id = to_clerk(clerk, "file this")
    path = f"/v1/agents/clerk/inbox/{id}/reply"
    first = clerk.jerry.http("POST", path, {"body": "filed"}).json()["id"]
    problem = clerk.jerry.http("POST", path, {"body": "filed"}).problem(409)
    assert first in problem["detail"]
    clerk.bobby.wait_stage(id, "replied")
    assert len(mail(clerk.bobby, "bobby")["messages"]) == 1


def test_a_turn_answers_by_itself(pair: Pair) -> None:
    with long_turns(pair):
        id = pair.send("take your time")
        pair.jerry.wait_stage(id, "started")
        answer = pair.bobby.http("POST", f"/v1/agents/bobby/inbox/{id}/reply", {"body": "early"})
    assert "at its end" in answer.problem(409)["detail"]


def test_another_ones_message_is_not_found(clerk: Pair) -> None:
    id = to_clerk(clerk, "for the clerk")
    clerk.jerry.http("POST", f"/v1/agents/scribe/inbox/{id}/reply", {"body": "x"}).problem(404)
    clerk.jerry.http("GET", f"/v1/agents/scribe/mail?id={id}").problem(404)
