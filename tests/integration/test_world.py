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
from support.wait import holds_for
from support.world import World

MESSAGES = int(os.environ.get("SIDECLAW_WORLD_MESSAGES", "100000"))
WANTED = [name for name in os.environ.get("SIDECLAW_WORLD_FAULTS", "").split(",") if name]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    w = World(tmp_path)
    try:
        yield w.start()
    finally:
        w.stop()


def chosen(world: World) -> list[Fault]:
    names = {f.name for f in CATALOGUE}
    assert set(WANTED) <= names, f"no such fault: {set(WANTED) - names}"
    return [f for f in CATALOGUE if not WANTED or f.name in WANTED]


@pytest.mark.world
def test_every_fault_in_turn_loses_doubles_and_disorders_nothing(world: World) -> None:
    begin = time.monotonic()
    rng = random.Random(4)
    world.start_traffic()
    assert world.watch
    possible = [f for f in chosen(world) if not f.why_not(world)]
    share = MESSAGES // (len(possible) + 1)
    print(f"\n{MESSAGES} messages, {len(possible)} faults", flush=True)
    for fault in possible:
        world.watch.reset()
        world.grant(share, fault.hold)
        started = time.monotonic()
        with fault.run(world):
            holds_for(lambda: world.alive_senders(), "the clients run", fault.hold)
        healed = time.monotonic()
        world.wait_accepted(within=60)
        world.wait_delivered(within=60)
        world.compare_some(rng)
        used = max(world.watch.usage.values(), key=lambda u: u.cpu)
        print(
            f"  {fault.name:26} {healed - started:5.1f} s, recovered {time.monotonic() - healed:5.1f} s,"
            f" busiest second {used.cpu * 100:3.0f} % of a processor, {used.rss_mb:.1f} MB, {used.fds} fds",
            flush=True,
        )
    world.grant(MESSAGES - share * len(possible), 0)
    world.wait_accepted(within=120)
    world.wait_delivered(within=120)
    world.stop_traffic()
    verdict = world.verdict(ambiguous_ok=True)
    print("\n".join(verdict.lines()), f"\n{time.monotonic() - begin:.0f} s", flush=True)
    for fault in chosen(world):
        if fault.why_not(world):
            print(f"not injected: {fault.name}: {fault.why_not(world)}")
    assert not violations(verdict), "\n".join(violations(verdict))
    assert verdict.accepted >= MESSAGES - 1
