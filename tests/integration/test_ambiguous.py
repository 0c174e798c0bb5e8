"""Exactly one turn per message; where it cannot be known, an explicit mark (issue 4, item 3)."""

from __future__ import annotations

import threading

from conftest import Pair
from support.fake_gateway import Run
from support.wait import eventually


def hanging_turn(pair: Pair) -> tuple[str, threading.Event]:
    go_on = threading.Event()

    def turn(run: Run) -> str:
        go_on.wait(60)
        return "too late"

    pair.bobby_gateway.turn = turn
    message = pair.send("do it once")
    pair.jerry.wait_stage(message, "started", within=30)
    return message, go_on


def wipe(pair: Pair) -> None:
    """The gateway restarts without its state: no idempotency keys, and no history either."""
    pair.bobby_gateway.stop()
    pair.bobby.wait_link("gateway", "absent")
    pair.bobby_gateway.history.clear()
    pair.bobby_gateway.start()


def test_a_turn_that_a_wiped_gateway_forgot_is_not_run_again(pair: Pair) -> None:
    message, go_on = hanging_turn(pair)
    wipe(pair)
    shown = pair.jerry.wait_stage(message, "dead", within=60)
    go_on.set()
    assert shown["ambiguous"] is True and shown["reason"].startswith("ambiguous:")
    assert pair.bobby.show(message)["ambiguous"] is True
    assert len(pair.bobby_gateway.runs) == 1
    for sidecar in (pair.jerry, pair.bobby):
        assert "ambiguous  yes" in sidecar.cli("show", message).ok().out
        [letter] = sidecar.json("dead", "list")["messages"]
        assert letter["ambiguous"] is True
        assert "unknown" in sidecar.cli("dead", "list").ok().out
        assert sidecar.status()["spool"]["ambiguous"] == 1
    assert pair.bobby.metric("sideclaw_ambiguous_letters", direction="in") == 1
    assert pair.jerry.metric("sideclaw_ambiguous_letters", direction="out") == 1


def test_the_same_when_the_sidecar_was_restarted_in_between(pair: Pair) -> None:
    message, go_on = hanging_turn(pair)
    eventually(lambda: pair.bobby.stage(message) == "started", "that is on disk")
    pair.bobby.process.kill()
    pair.bobby_gateway.stop()
    pair.bobby_gateway.history.clear()
    pair.bobby_gateway.start()
    pair.bobby.start()
    shown = pair.jerry.wait_stage(message, "dead", within=60)
    go_on.set()
    assert shown["ambiguous"] is True
    assert len(pair.bobby_gateway.runs) == 1


def test_an_ambiguous_one_runs_again_only_by_force(pair: Pair) -> None:
    message, go_on = hanging_turn(pair)
    wipe(pair)
    pair.jerry.wait_stage(message, "dead", within=60)
    go_on.set()
    refusal = pair.bobby.cli("dead", "retry", message)
    assert refusal.rc == 1 and "may have run" in refusal.err
    pair.bobby_gateway.turn = lambda run: "done"
    pair.bobby.cli("dead", "retry", "--force", message).ok()
    shown = pair.bobby.wait_stage(message, "replied", within=30)
    assert shown["ambiguous"] is True, "the mark stays: it may have run twice"
    assert len(pair.bobby_gateway.runs) == 2
    keys = [run.key for run in pair.bobby_gateway.runs]
    assert keys[0] == message and keys[1] != message


def test_a_restarted_gateway_that_remembers_is_not_ambiguous(pair: Pair) -> None:
    """Only its idempotency keys are gone: the history has the question, and then the answer."""
    message, go_on = hanging_turn(pair)
    pair.bobby_gateway.stop()
    pair.bobby.wait_link("gateway", "absent")
    go_on.set()
    pair.bobby_gateway.start()
    shown = pair.jerry.wait_stage(message, "replied", within=60)
    assert shown["ambiguous"] is False
    assert len(pair.bobby_gateway.runs) == 1


def test_a_message_the_gateway_never_took_is_simply_handed_over(pair: Pair) -> None:
    pair.bobby_gateway.stop()
    pair.bobby.wait_link("gateway", "absent")
    message = pair.send("when you are back")
    pair.jerry.wait_stage(message, "stored")
    pair.bobby_gateway.history.clear()
    pair.bobby_gateway.start()
    shown = pair.jerry.wait_stage(message, "replied", within=60)
    assert shown["ambiguous"] is False
