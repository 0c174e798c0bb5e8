"""The streams of absent and of full receivers: bounded, counted, and read when there is room again."""

from __future__ import annotations

import re
from typing import Callable

from conftest import Pair
from support.mesh import Mesh
from support.wait import eventually, holds_for

MANY = {"messages__thread_rate": 100000}


def xranges(mesh: Mesh) -> int:
    found = re.search(r"cmdstat_xrange:calls=(\d+)", mesh.redis.call("INFO", "commandstats"))
    return int(found[1]) if found else 0


def test_what_is_trimmed_unread_is_counted_and_comes_from_the_spool(
    mesh: Mesh, start_pair: Callable[..., Pair]
) -> None:
    pair = start_pair(mesh, redis__stream_max_len=100, **MANY)
    pair.bobby.process.kill()
    bodies = [f"n{i}" for i in range(1200)]
    for text in bodies:
        pair.send(text)
    trimmed = eventually(
        lambda: pair.jerry.metric("sideclaw_redis_trimmed_entries_total", reason="length"), "counted"
    )
    left = len(mesh.redis.entries(mesh.stream("bobby")))
    assert left + trimmed <= len(bodies), "no message has more than one copy there"
    line = pair.jerry.process.wait_log(r"event=redis\.trimmed .*agent=bobby")
    assert "spools still have them" in line
    pair.bobby.start()
    eventually(lambda: len(pair.bobby_gateway.messages("bobby")) >= len(bodies), "all arrive", 90)
    assert pair.bobby_gateway.messages("bobby") == bodies


def test_a_receiver_without_room_leaves_messages_in_the_stream(
    mesh: Mesh,
) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"], **MANY)
    bobby = mesh.add("bobby-gateway", ["bobby"], spool__max_messages=100)
    mesh.wait_whole()
    mesh.gateways["bobby-gateway"].stop()  # so that what arrives stays
    for i in range(300):
        jerry.json("send", "--from", "jerry", "--to", "bobby", f"n{i}")
    bobby.process.wait_log("event=spool.refused", within=30)
    assert mesh.redis.entries(mesh.stream("bobby")), "what was refused waits there"
    before = xranges(mesh)
    holds_for(lambda: bobby.process.alive, "it lives", 3)
    assert xranges(mesh) - before < 10, "it reads again and again what it has no room for"
