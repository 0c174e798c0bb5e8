"""Programs that die at the worst moment: no message is lost, none is acted on twice (DESIGN 1)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from conftest import Pair
from support.fake_gateway import Run
from support.mesh import Mesh
from support.wait import eventually


def test_receiver_killed_while_sending_gets_it_after_its_restart_once(pair: Pair) -> None:
    pair.bobby.process.kill()
    message = pair.send("where are you?")
    pair.bobby.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["where are you?"]


def test_many_messages_over_a_receiver_restart_each_arrive_once(pair: Pair) -> None:
    def send(n: int) -> str:
        return pair.send(f"n{n}")

    with ThreadPoolExecutor(4) as pool:
        first = [pool.submit(send, n) for n in range(20)]
        pair.bobby.process.kill()
        second = [pool.submit(send, n) for n in range(20, 40)]
        pair.bobby.start()
        ids = [f.result() for f in first + second]
    for message in ids:
        pair.jerry.wait_stage(message, "replied", within=90)
    assert sorted(pair.bobby_gateway.messages("bobby")) == sorted(f"n{n}" for n in range(40))


def test_receiver_killed_in_the_middle_of_a_turn_runs_it_once(pair: Pair) -> None:
    """The gateway knows the message id as idempotency key, so handing it over again gives the same turn."""
    go_on = threading.Event()

    def slow(run: Run) -> str:
        go_on.wait(30)
        return "finished in spite of it"

    pair.bobby_gateway.turn = slow
    message = pair.send("long work")
    eventually(lambda: len(pair.bobby_gateway.runs) == 1, "the turn runs")
    pair.bobby.process.kill()
    go_on.set()
    pair.bobby.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert len(pair.bobby_gateway.runs) == 1
    assert "finished in spite of it" in [
        m["body"] for m in pair.jerry.json("inbox", "jerry")["messages"]
    ]


def test_sender_killed_after_accepting_still_delivers(pair: Pair) -> None:
    pair.bobby.process.kill()
    message = pair.send("promised")
    pair.jerry.process.kill()
    pair.bobby.start()
    pair.jerry.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["promised"]


def test_the_reply_reaches_a_sender_that_was_away(pair: Pair) -> None:
    go_on = threading.Event()

    def slow(run: Run) -> str:
        go_on.wait(30)
        return "for when you are back"

    pair.bobby_gateway.turn = slow
    pair.send("think about it")
    eventually(lambda: len(pair.bobby_gateway.runs) == 1, "the turn runs")
    pair.jerry.process.kill()
    go_on.set()
    pair.jerry.start()
    eventually(
        lambda: "for when you are back"
        in [m["body"] for m in pair.jerry.json("inbox", "jerry")["messages"]],
        "the reply is in jerry's inbox",
        within=60,
    )


def test_a_message_to_a_stopped_gateway_is_stored_then_delivered(pair: Pair) -> None:
    pair.bobby_gateway.stop()
    pair.bobby.wait_link("gateway", "absent")
    message = pair.send("for later")
    assert pair.jerry.wait_stage(message, "stored")["stage"] == "stored"
    pair.bobby_gateway.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["for later"]


def test_a_connection_cut_during_a_turn_loses_no_answer(pair: Pair) -> None:
    go_on = threading.Event()

    def slow(run: Run) -> str:
        go_on.wait(30)
        return "the whole answer"

    pair.bobby_gateway.turn = slow
    message = pair.send("long work")
    eventually(lambda: len(pair.bobby_gateway.runs) == 1, "the turn runs")
    pair.bobby_gateway.drop()
    go_on.set()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert len(pair.bobby_gateway.runs) == 1


def test_a_gateway_restarted_after_the_turn_is_not_asked_to_run_it_again(pair: Pair) -> None:
    """A restarted gateway has forgotten its idempotency keys; only chat.history still knows the turn."""
    pair.bobby_gateway.lose_answers = True
    message = pair.send("done before the restart")
    eventually(lambda: len(pair.bobby_gateway.history) == 1, "the turn is in the history")
    pair.bobby_gateway.stop()
    pair.bobby_gateway.lose_answers = False
    pair.bobby_gateway.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert len(pair.bobby_gateway.runs) == 1
    bodies = [m["body"] for m in pair.jerry.json("inbox", "jerry")["messages"]]
    assert "echo(bobby): done before the restart" in bodies


def test_a_frozen_sidecar_catches_up(pair: Pair) -> None:
    pair.bobby.process.pause()
    message = pair.send("are you awake?")
    pair.bobby.process.resume()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["are you awake?"]


def test_a_stopped_sender_keeps_its_messages(pair: Pair) -> None:
    pair.bobby.process.kill()
    message = pair.send("keep this")
    pair.jerry.restart()
    assert pair.jerry.show(message)["body"] == "keep this"
    pair.bobby.start()
    pair.jerry.wait_stage(message, "replied", within=60)


def test_everything_down_and_up_in_the_wrong_order(mesh: Mesh) -> None:
    """Sidecars first, gateways last."""
    jerry = mesh.add("jerry-gateway", ["jerry"], start=False)
    bobby = mesh.add("bobby-gateway", ["bobby"], start=False)
    for g in mesh.gateways.values():
        g.stop()
    jerry.start()
    bobby.start()
    for g in mesh.gateways.values():
        g.start()
    mesh.wait_whole(within=60)
    assert (
        jerry.cli("ask", "--from", "jerry", "--to", "bobby", "hi").ok().out.strip()
        == "echo(bobby): hi"
    )
