"""What every row stands on: one Consul and one Redis, meshes made on demand, the driver, the raw floor."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from support.consul import Consul
from support.mesh import Mesh
from support.redis import Redis
from support.sidecar import Sidecar, program

BYTES = 1024
# As in production, so that no heartbeat of a test's pace is in the figures.
CALM = {
    "consul__heartbeat_s": 15,
    "consul__session_ttl_s": 30,
    "messages__retry_min_ms": 1000,
    "messages__retry_max_ms": 60000,
    "log__level": "info",
}


@dataclass
class Row:
    """What was measured, and each figure that has a target beside the formula of its target."""

    measured: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def at_most(self, what: str, value: float, target: float, formula: str) -> None:
        self._add(what, value, "<=", target, formula, value <= target)

    def at_least(self, what: str, value: float, target: float, formula: str) -> None:
        self._add(what, value, ">=", target, formula, value >= target)

    def _add(self, what: str, value: float, sign: str, target: float, formula: str, ok: bool) -> None:
        self.targets.append(
            {
                "what": what,
                "value": round(value, 3),
                "must_be": f"{sign} {round(target, 3)}",
                "formula": formula,
                "ok": ok,
            }
        )

    def json(self) -> dict[str, Any]:
        return {
            "ok": all(t["ok"] for t in self.targets),
            "targets": self.targets,
            "measured": self.measured,
        }


def start_driver(*args: object) -> "subprocess.Popen[str]":
    """A driver that talks with us while it works: it reads lines and prints lines."""
    return subprocess.Popen(
        [str(a) for a in (program("sideclaw_bench"), *args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def driver(*args: object, timeout: float = 300) -> dict[str, Any]:
    argv = [str(a) for a in (program("sideclaw_bench"), *args)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=timeout, check=True)
    return dict(json.loads(done.stdout))


class Rig:
    def __init__(self, folder: Path, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self.consul = Consul(folder / "consul")
        self.redis = Redis(folder / "redis")
        self._meshes = 0

    def start(self) -> "Rig":
        self.consul.start()
        self.redis.start()
        return self

    def stop(self) -> None:
        self.redis.stop()
        self.consul.stop()

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    # --- sidecars ---
    def mesh(self) -> Mesh:
        self._meshes += 1
        return Mesh(self.folder / f"mesh{self._meshes}", self.consul, self.redis)

    def pair(self, mesh: Mesh, agents: Optional[list[str]] = None, **options: Any) -> "Pair":
        """A source and a sink without gateways: a message ends in the inbox of one of the sink's agents."""
        chosen = {**CALM, "gateway": False, **options}
        names = agents or ["sink"]
        source = mesh.add("source-gateway", **chosen)
        sink = mesh.add("sink-gateway", config_agents=[{"id": a} for a in names], **chosen)
        source.wait_agents(*names)
        return Pair(self, mesh, source, sink)

    # --- the floor, in the same run ---
    def raw_fsync(self) -> dict[str, Any]:
        count = self.pick(400, 100)
        return dict(driver("raw-fsync", "--folder", self.folder, "--count", count, "--warm-up", 20)["fsync"])

    def raw_one_way(self, rate: int, size: int = BYTES) -> dict[str, Any]:
        count = self.pick(3000, 500)
        args = ["--port", self.redis.port, "--rate", rate, "--count", count, "--warm-up", 200]
        return dict(driver("raw-latency", *args, "--bytes", size)["one_way"])

    def raw_flood(self, job: str, in_flight: int) -> dict[str, Any]:
        count = self.pick(200000, 20000)
        redis = f"redis={self.redis.process.pid}"
        args = ["--port", self.redis.port, "--in-flight", in_flight, "--count", count, "--pid", redis]
        return driver(job, *args)


@dataclass
class Pair:
    rig: Rig
    mesh: Mesh
    source: Sidecar
    sink: Sidecar

    def args(self) -> list[object]:
        """Where the driver submits, where it sees the receipts, and whose processor time it takes."""
        pids = {
            "sender": self.source.process.pid,
            "receiver": self.sink.process.pid,
            "redis": self.rig.redis.process.pid,
        }
        flat = [x for name, pid in pids.items() for x in ("--pid", f"{name}={pid}")]
        channel = self.mesh.channel(self.source.name)
        port = self.rig.redis.port
        return ["--port", port, "--socket", self.source.socket, "--channel", channel, "--bytes", BYTES, *flat]

    def _commits(self) -> dict[str, float]:
        both = {"sender": self.source, "receiver": self.sink}
        return {who: s.metric("sideclaw_spool_commits_total") for who, s in both.items()}

    def send(self, **options: Any) -> dict[str, Any]:
        more = [x for k, v in options.items() for x in ("--" + k.replace("_", "-"), v)]
        before = self._commits()
        result = driver("send", *self.args(), *more)
        messages = options["count"] + options.get("warm_up", 0)
        commits = {who: round((n - before[who]) / messages, 3) for who, n in self._commits().items()}
        return {**result, "commits_per_message": commits}


def middle(values: list[float]) -> float:
    return statistics.median(values)


def machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "kernel": os.uname().release,
        "load_average": [round(x, 2) for x in os.getloadavg()],
    }
