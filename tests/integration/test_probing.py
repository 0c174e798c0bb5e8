"""What looking at the gateway costs: processor time, and no process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest
from support.board import page, signals, wrong
from support.machine import children, children_had, cpu_ns, reads
from support.mesh import Mesh
from support.process import Process, clean_env
from support.sidecar import Sidecar
from support.wait import eventually

PAGES = 10  # asked for in the meantime; at 33 a minute
# A page that we serve, with its connection, is about as much work as one that we ask for. Per page asked
# for there are three looks of other kinds, most of them at our own memory. So at 33 pages a minute, 0.3 %
# of a processor is kept while a page served takes less than 450 us.
WORK = 12
ALLOC = "3f1c2a77-0000-4000-8000-5c1de0c1a0a1"


@pytest.fixture
def cli(tmp_path: Path) -> tuple[Path, Path]:
    """An `openclaw` that writes down its calls."""
    tool, calls = tmp_path / "openclaw", tmp_path / "calls"
    tool.write_text(f"#!/bin/sh\necho called >>{calls}\necho '{{}}'\n")
    tool.chmod(0o700)
    return tool, calls


def until_asked(sidecar: Sidecar, pages: int) -> None:
    last = sidecar.gateway.pages + pages
    eventually(lambda: sidecar.gateway.pages >= last, f"{pages} pages asked for", within=60)


def ns_of(sidecar: Sidecar, do: Callable[[], object]) -> int:
    before = cpu_ns(sidecar.process.pid)
    do()
    return cpu_ns(sidecar.process.pid) - before


def at_rest(make_mesh: Callable[..., Mesh], **options: Any) -> tuple[Sidecar, Sidecar]:
    """One with a gateway, one without, and nothing else to do."""
    mesh = make_mesh(None, None)
    sidecar = mesh.add("jerry-gateway", ["jerry"], log__level="info", **options)
    idle = mesh.add("idle", gateway=False, log__level="info")
    eventually(lambda: not wrong(sidecar), "all is well")
    until_asked(sidecar, 3)  # what is done once is done
    return sidecar, idle


def test_probing_spawns_nothing_and_costs_little(
    make_mesh: Callable[..., Mesh], cli: tuple[Path, Path]
) -> None:
    tool, calls = cli
    sidecar, idle = at_rest(make_mesh, gateway__cli=str(tool))
    sidecar.process.wait_log(r"event=gateway\.baseline ")
    pid, idle_ns = sidecar.process.pid, [0]
    had, rounds = children_had(pid), sidecar.gateway.requests.count("health")
    assert had > 0 and children(pid) == [], "the baseline's child was counted"
    looks = lambda: until_asked(sidecar, PAGES)
    spent = ns_of(sidecar, lambda: idle_ns.append(ns_of(idle, looks)))
    assert sidecar.gateway.requests.count("health") >= rounds + 2
    assert children_had(pid) == had and children(pid) == []
    assert calls.read_text() == "called\n"
    served = ns_of(sidecar, lambda: [page(sidecar, "/health/live") for _ in range(100)]) / 100
    probing = (spent - idle_ns[-1]) / PAGES
    print(f"{probing / 1000:.0f} us for a page asked for, {served / 1000:.0f} us for one served")
    assert probing < WORK * served


def test_a_process_once_found_is_not_searched_again(make_mesh: Callable[..., Mesh]) -> None:
    """By Nomad's task, where nobody sees whose the socket is: all processes were looked into every 2 s."""
    sidecar, _ = at_rest(make_mesh)
    url = f"ws://[::ffff:127.0.0.1]:{sidecar.gateway.port}"  # an address that is not known to be ours
    sidecar.stop()
    sidecar.process.env.update(NOMAD_ALLOC_ID=ALLOC)
    sidecar.write_config(gateway__url=url)
    env = {"NOMAD_ALLOC_ID": ALLOC, "NOMAD_TASK_NAME": "gateway"}
    task = Process("task", ["sleep", "600"], sidecar.folder, env=clean_env(env)).start()
    try:
        sidecar.start()
        detail = lambda: signals(sidecar)["gateway_process"]["detail"]
        eventually(lambda: f"process {task.pid}, by its Nomad" in detail(), "found")
        processes = len([p for p in os.listdir("/proc") if p.isdigit()])
        until_asked(sidecar, 3)
        before = reads(sidecar.process.pid)
        until_asked(sidecar, PAGES)
        read = reads(sidecar.process.pid) - before
        print(f"{read / processes:.2f} reads per process of this machine")
        assert read < 6 * processes, "at most one search while 9 looks at it were taken"
    finally:
        task.stop()
