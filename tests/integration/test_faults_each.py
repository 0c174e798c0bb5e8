"""Each fault of the world by itself, with a few hundred messages, so that a failure has a name.

    python3 -m pytest tests/integration/test_faults_each.py -k redis-frozen
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Iterator

import pytest
from conftest import FAILED
from support.faults import CATALOGUE, Fault
from support.ledger import violations
from support.machine import cpu_seconds, fd_count
from support.wait import eventually, holds_for
from support.world import World

MESSAGES = 300
IDLE_S = 4.0


class Worlds:
    """One with and one without the peer path, for all tests; a test that fails takes its world with it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, 0
        self.kept: dict[bool, World] = {}

    def get(self, peer: bool) -> World:
        if peer not in self.kept:
            self.made += 1
            self.kept[peer] = world = World(self.folder / f"world{self.made}", peer)
            world.start()
        return self.kept[peer]

    def drop(self, world: World) -> None:
        del self.kept[world.peer]
        world.stop()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    made = Worlds(tmp_path_factory.mktemp("worlds"))
    yield made
    for world in made.kept.values():
        world.stop()


@pytest.fixture
def world(worlds: Worlds, request: pytest.FixtureRequest) -> Iterator[World]:
    spec = getattr(request.node, "callspec", None)
    world = worlds.get(bool(spec and spec.params["fault"].peer))
    yield world
    if request.node.stash.get(FAILED, False):
        worlds.drop(world)


def case(fault: Fault) -> object:
    """Those that must outlast a deadline of seconds are for the group that has minutes."""
    marks = [pytest.mark.world] if fault.hold > 4 else []
    return pytest.param(fault, id=fault.name, marks=marks)


@pytest.mark.parametrize("fault", [case(f) for f in CATALOGUE])
def test_nothing_is_lost_doubled_or_disordered_by(world: World, fault: Fault) -> None:
    if fault.why_not(world):
        pytest.skip(fault.why_not(world))
    world.start_traffic()
    world.grant(MESSAGES, fault.hold)
    with fault.run(world):
        end = time.monotonic() + fault.hold
        for name, link in fault.down:
            sidecar = world.sidecars[name]
            said = eventually(
                lambda: (s := sidecar.link(link))["state"] not in ("up", "ready") and s,
                f"{name} says that {link} is not up",
                fault.hold,
            )
            assert said["detail"] and said["remedy"], said
        holds_for(world.alive_senders, "the clients run", end - time.monotonic())
        world.compare_some(random.Random(1))
    world.wait_accepted(within=30)
    world.wait_delivered(within=30)
    world.stop_traffic()
    verdict = world.verdict(fault.ambiguous)
    assert not violations(verdict), "\n".join(violations(verdict))
    assert verdict.accepted == MESSAGES
    for sidecar in world.sidecars.values():
        for link in ("redis", "consul"):
            sidecar.wait_link(link, "up", within=30)
        sidecar.wait_link("gateway", "ready", within=30)


def test_waiting_costs_next_to_nothing(world: World) -> None:
    """Everything is away and a hundred messages wait: no spinning, no new descriptors, no new memory."""
    world.start_traffic()
    for link in world.links():
        link.cut()
    for name, sidecar in world.sidecars.items():
        world.gateway(name).stop()
        sidecar.wait_link("redis", "down")
    world.grant(100, 0)
    world.wait_accepted()
    pids = {n: s.process.pid for n, s in world.sidecars.items()}
    before = {n: (cpu_seconds(p), fd_count(p)) for n, p in pids.items()}
    holds_for(world.alive_senders, "the clients run", IDLE_S)
    for name, pid in pids.items():
        used, files = cpu_seconds(pid) - before[name][0], fd_count(pid) - before[name][1]
        assert used / IDLE_S < 0.10, f"{name} used {used / IDLE_S:.0%} of a processor for nothing"
        assert files < 16, f"{name} has {files} descriptors more"
    for name in world.sidecars:
        world.gateway(name).start()
    for link in world.links():
        link.heal()
    world.wait_delivered(within=30)
    world.stop_traffic()
    assert not violations(world.verdict())
