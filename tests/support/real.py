"""Two real OpenClaw gateways with a mock model, a sidecar beside each."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .consul import Consul
from .mesh import Mesh
from .openclaw import OpenClaw
from .ports import free_port
from .process import Process
from .redis import Redis
from .sidecar import Sidecar

AGENTS = {"jerry-gateway": ["jerry", "scribe"], "bobby-gateway": ["bobby", "infra"]}


def add(mesh: Mesh, name: str, gateway: OpenClaw, **options: Any) -> Sidecar:
    return mesh.add(
        name,
        gateway=False,
        gateway__enabled=True,
        **{"gateway__url": gateway.url, "gateway__token": gateway.token, **options},
    )


def mock_llm(folder: Path) -> tuple[Process, int]:
    port = free_port()
    program = Path(__file__).with_name("mock_llm.py")
    argv = [sys.executable, program, port, folder / "asked.jsonl"]
    return Process("mock-llm", argv, folder), port


@dataclass
class Real:
    mesh: Mesh
    llm: Process
    jerry: Sidecar
    bobby: Sidecar
    jerry_gateway: OpenClaw
    bobby_gateway: OpenClaw

    @classmethod
    def start(cls, folder: Path, consul: Consul, redis: Redis) -> "Real":
        """The sidecars start first and wait for their gateways, which start together."""
        llm, llm_port = mock_llm(folder)
        gateways = [OpenClaw(folder, n, agents, llm_port) for n, agents in AGENTS.items()]
        mesh = Mesh(folder / "sidecars", consul, redis)
        llm.start()
        for g in gateways:
            g.start(wait=False)
        real = cls(mesh, llm, *(add(mesh, g.name, g) for g in gateways), *gateways)
        try:
            for g in gateways:
                g.wait_ready()
            for s in (real.jerry, real.bobby):
                s.wait_agents(*(a for agents in AGENTS.values() for a in agents), within=60)
        except BaseException:
            real.end()
            raise
        return real

    def end(self) -> None:
        """Whatever happened, nothing is left running."""
        for s in self.mesh.sidecars.values():
            s.process.stop()
        gateways = (self.jerry_gateway, self.bobby_gateway)
        for g in gateways:
            g.process.signal(15) if g.process.alive else None
        for g in gateways:
            g.stop()
        self.llm.stop()
