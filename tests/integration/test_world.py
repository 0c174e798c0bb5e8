"""100,000 messages between two real sidecars while everything around them fails in turn (issue 4).

Run alone it takes minutes:  python3 -m pytest tests/integration/test_world.py -s
SIDECLAW_WORLD_MESSAGES and SIDECLAW_WORLD_FAULTS (names, comma-separated) make it smaller.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Iterator

import pytest
from support.faults import CATALOGUE, Fault
from support.ledger import violations
from support.wait import Timeout, holds_for
from support.world import World

MESSAGES = int(os.environ.get("SIDECLAW_WORLD_MESSAGES", "100000"))
WANTED = [name for name in os.environ.get("SIDECLAW_WORLD_FAULTS", "").split(",") if name]


PATIENCE_S = 2.0  # for a recovery, before the next fault comes


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    w = World(tmp_path, peer=True)
    try:
        yield w.start()
    finally:
        w.stop()


def possible(world: World) -> list[Fault]:
    names = {f.name for f in CATALOGUE}
    assert set(WANTED) <= names, f"no such fault: {set(WANTED) - names}; there are {names}"
    chosen = [f for f in CATALOGUE if not WANTED or f.name in WANTED]
    for fault in chosen:
        if fault.why_not(world):
            print(f"  not injected: {fault.name}: {fault.why_not(world)}")
    return [f for f in chosen if not f.why_not(world)]


def recovery(world: World) -> str:
    """How long until everything that was accepted has arrived; the next fault does not wait for ever."""
    begin = time.monotonic()
    try:
        world.wait_accepted(PATIENCE_S)
        world.wait_delivered(within=PATIENCE_S)
    except Timeout:
        return f"recovering, {len(world.ledger.open())} open"
    return f"recovered in {time.monotonic() - begin:.1f} s"


def suffer(world: World, fault: Fault, messages: int) -> None:
    assert world.watch
    world.watch.reset()
    world.grant(messages, fault.hold)
    begin = time.monotonic()
    with fault.run(world):
        holds_for(world.alive_senders, "the clients run", fault.hold)
    seconds = time.monotonic() - begin
    then = recovery(world)
    used = max(world.watch.usage.values(), key=lambda u: u.cpu)
    print(
        f"  {fault.name:36} {seconds:4.1f} s, {then:20} {used.cpu * 100:3.0f} % processor,"
        f" {used.rss_mb:5.1f} MB, {used.fds} fds",
        flush=True,
    )


@pytest.mark.world
def test_every_fault_in_turn_loses_doubles_and_disorders_nothing(world: World) -> None:
    begin = time.monotonic()
    rng = random.Random(4)
    faults = possible(world)
    share = MESSAGES // (len(faults) + 1)
    print(f"\n{MESSAGES} messages, {len(faults)} faults", flush=True)
    world.start_traffic()
    for fault in faults:
        suffer(world, fault, share)
        world.compare_some(rng)
    world.grant(MESSAGES - share * len(faults), 0)
    world.wait_accepted(within=60)
    world.wait_delivered(within=120)
    world.stop_traffic()
    verdict = world.verdict(ambiguous_ok=True)
    print("\n".join(verdict.lines()))
    print(f"faults injected {len(faults)}, seconds {time.monotonic() - begin:.0f}", flush=True)
    assert not violations(verdict), "\n".join(violations(verdict))
    assert verdict.accepted == MESSAGES
