"""One real gateway with a chat channel, a sidecar beside it, and all that the sidecar leans on, each of
which a test may break: its own Consul, Redis, disk, and a neighbour in the mesh."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .board import HEALTHY, Checks, Verdict, signals, verdict, wrong
from .consul import Consul
from .machine import Disk
from .mesh import Mesh
from .openclaw import OpenClaw
from .peer import KEY
from .ports import free_port
from .process import Process
from .proxy import Proxy
from .real import add, mock_llm
from .redis import Redis
from .sidecar import Sidecar
from .wait import eventually

NAME = "jerry-gateway"


def with_telegram(port: int) -> dict[str, Any]:
    channel = {
        "enabled": True,
        "botToken": "111:mock",
        "apiRoot": f"http://127.0.0.1:{port}",
        "dmPolicy": "open",
        "allowFrom": ["*"],
    }
    return {
        "channels": {"telegram": channel},
        "bindings": [{"agentId": "jerry", "match": {"channel": "telegram", "accountId": "default"}}],
        "plugins": {
            "allow": ["memory-core", "telegram"],
            "entries": {"memory-core": {"config": {"dreaming": {"enabled": False}}}},
        },
    }


def counted_cli(folder: Path, gateway: OpenClaw) -> Path:
    """OpenClaw's command, which writes down that it was called."""
    tool = folder / "openclaw"
    keep = ("HOME", "PATH", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH")
    env = [f"{k}={gateway.process.env[k]}" for k in keep]
    words = shlex.join(["env", *env, *map(str, gateway.cli)])
    tool.write_text(f'#!/bin/sh\necho "$*" >>{shlex.quote(str(folder / "calls"))}\nexec {words} "$@"\n')
    tool.chmod(0o700)
    return tool


@dataclass
class World:
    folder: Path
    consul: Consul
    redis: Redis
    helpers: list[Process]
    gateway: OpenClaw
    disk: Disk
    mesh: Mesh = field(init=False)
    sidecar: Sidecar = field(init=False)
    neighbour: Sidecar = field(init=False)
    outsider: Sidecar = field(init=False)  # the same gateway over a bad network
    proxy: Proxy = field(init=False)
    checks: Checks = field(init=False)
    lives: int = 1  # of the sidecar

    @classmethod
    def start(cls, folder: Path) -> "World":
        llm, llm_port = mock_llm(folder)
        port = free_port()
        argv = [sys.executable, Path(__file__).with_name("mock_telegram.py"), port]
        helpers = [llm, Process("mock-telegram", argv, folder)]
        gateway = OpenClaw(folder, NAME, ["jerry", "scribe"], llm_port, more=with_telegram(port))
        world = cls(
            folder,
            Consul(folder / "consul", keep=True),
            Redis(folder / "redis"),
            helpers,
            gateway,
            Disk(folder / "disk"),
        )
        try:
            world._start()
        except BaseException:
            world.stop()
            raise
        return world

    def _start(self) -> None:
        for helper in self.helpers:
            helper.start()
        self.gateway.start(wait=False)
        self.consul.start()
        self.redis.start()
        self.mesh = Mesh(self.folder / "sidecars", self.consul, self.redis)
        self.neighbour = self.mesh.add("bobby-gateway", ["bobby"], mesh__key=KEY)
        self.sidecar = add(
            self.mesh,
            NAME,
            self.gateway,
            mesh__key=KEY,
            drain__notice_s=0,
            state_dir=str(self.disk.path / "state"),
            gateway__cli=str(counted_cli(self.folder, self.gateway)),
        )
        self.sidecar.state = self.disk.path / "state"
        self.checks = Checks(self.consul, self.sidecar).register()
        self.gateway.wait_ready()
        self._start_outsider()
        self.whole(60)

    def _start_outsider(self) -> None:
        pid_file = self.folder / "gateway.pid"
        pid_file.write_text(f"{self.gateway.process.pid}\n")
        self.proxy = Proxy(self.gateway.port)
        self.outsider = add(
            Mesh(self.folder / "outside", None, None),
            "outside-gateway",
            self.gateway,
            gateway__url=f"ws://{self.proxy.address}",
            gateway__pid_file=str(pid_file),
            gateway__cli="",
        )

    def whole(self, within: float = 30) -> None:
        """Everything is well, here and in Consul."""
        eventually(lambda: not wrong(self.sidecar), "nothing is wrong", within)
        pid = str(self.gateway.process.pid)
        eventually(lambda: pid in self.process_row()["detail"], "it sees the process", 40)
        self.says(HEALTHY)

    def restart(self, **changed: Any) -> None:
        self.sidecar.write_config(**changed)
        self.sidecar.restart()
        self.lives += 1

    def process_row(self) -> dict[str, Any]:
        return signals(self.sidecar)["gateway_process"]

    def says(self, want: Verdict, within: float = 1) -> None:
        """On its pages, and a second later in Consul."""
        eventually(lambda: verdict(self.sidecar) == want, f"{want}", within)
        if self.consul.process.alive:
            eventually(lambda: self.checks.states() == want.in_consul(), f"Consul: {want}", 5)

    def deaths(self) -> int:
        return self.sidecar.process.text(whole=True).count("event=health.verdict health=dead")

    def patch(self, change: dict[str, Any]) -> None:
        with self.gateway.client() as client:
            answer = client.call("config.get")
            words = {"raw": json.dumps(change), "baseHash": answer["hash"]}
            client.call("config.patch", words)

    def call(self, method: str, **params: Any) -> Any:
        with self.gateway.client() as client:
            return client.call(method, params)

    def cli_calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def stop(self) -> None:
        outside = getattr(self, "outsider", None)
        for s in [*getattr(self, "mesh", Mesh(self.folder, None, None)).sidecars.values(), outside]:
            if s is not None:
                s.process.stop()
        self.gateway.stop()
        if outside is not None:
            self.proxy.stop()
        for thing in (*self.helpers, self.redis, self.consul, self.disk):
            thing.stop()
