"""`sideclaw show ID`: a message's whole history, on either end (issue 4, item 2)."""

from __future__ import annotations

from conftest import Pair
from support.mesh import Mesh
from support.wait import eventually


def test_the_history_has_every_stage_with_its_delay(pair: Pair) -> None:
    shown = pair.jerry.wait_stage(pair.send("hi"), "replied")
    steps = shown["history"]
    assert [s["stage"] for s in steps] == [s for s in shown["times"]]
    assert steps[0]["stage"] == "accepted" and "after_ms" not in steps[0]
    assert all(isinstance(s["after_ms"], int) for s in steps[1:])
    assert steps[-1]["stage"] == "replied"


def test_people_see_it_line_by_line(pair: Pair) -> None:
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "replied")
    out = pair.jerry.cli("show", message).ok().out
    assert "attempts   1, the last by redis" in out
    for stage in ("accepted", "stored", "replied"):
        assert stage in out
    assert "ms" in out.split("replied  ")[1].splitlines()[0], "what it took to get there"


def test_the_transport_is_named(pair: Pair) -> None:
    shown = pair.jerry.wait_stage(pair.send("hi"), "replied")
    assert shown["via"] == "redis"
    assert shown["next_attempt"] is None


def test_links_lead_forward_and_backward_at_both_ends(pair: Pair) -> None:
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "replied")
    reply = pair.jerry.show(message)["replied_by"]
    assert reply and pair.jerry.show(reply)["in_reply_to"] == message
    assert pair.bobby.show(message)["replied_by"] == reply
    assert pair.bobby.show(reply)["in_reply_to"] == message
    assert pair.jerry.show(message)["in_reply_to"] is None
    assert reply in pair.jerry.cli("show", message).ok().out


def test_one_that_waits_says_why_and_when_it_is_tried_next(mesh: Mesh) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"])
    bobby = mesh.add("bobby-gateway", ["bobby"])
    mesh.wait_whole()
    bobby.process.pause()
    message = jerry.json("send", "--from", "jerry", "--to", "bobby", "are you there?")["id"]
    eventually(lambda: jerry.show(message)["attempts"] >= 1, "it was tried again")
    shown = jerry.show(message)
    assert shown["stage"] == "sent" and shown["via"]
    assert shown["last_error"] == "it was sent, and no receipt came"
    assert shown["next_attempt"]
    out = jerry.cli("show", message).ok().out
    assert "next try" in out and "no receipt came" in out
    bobby.process.resume()
    jerry.wait_stage(message, "replied", within=60)


def test_without_any_transport_it_says_so(mesh: Mesh) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"], redis__enabled=False, consul__enabled=False)
    message = jerry.json("send", "--from", "jerry", "--to", "bobby@elsewhere", "hello?")["id"]
    eventually(lambda: jerry.show(message)["last_error"], "an attempt was made")
    assert "no transport" in jerry.show(message)["last_error"]
