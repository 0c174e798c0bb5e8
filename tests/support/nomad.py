"""A real Nomad agent, and jobs of nomad/ made to fit a test: two on one node, with little patience."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Optional, Sequence

from .consul import Consul
from .nomad_job import FOLDER, SECRETS
from .ports import free_port
from .process import Process, clean_env
from .redis import Redis
from .sidecar import ROOT, Result, program, run
from .wait import eventually

GATEWAY = """#!{python}
import os, sys, threading
sys.path.insert(0, {tests!r})
from support.fake_gateway import FakeGateway
port = int(sys.argv[sys.argv.index("--port") + 1])
FakeGateway({agents!r}, token=os.environ["OPENCLAW_GATEWAY_TOKEN"], port=port)
open(os.path.join(os.environ["OPENCLAW_STATE_DIR"], "pid"), "w").write(str(os.getpid()))
threading.Event().wait()
"""
DETECT = "env_aws,env_gce,env_azure,env_digitalocean"  # these would ask a cloud's address, and wait


def find_nomad() -> Optional[str]:
    return shutil.which("nomad")


class Nomad:
    """`nomad agent -dev` with raw_exec; `names` are its jobs, each with a folder of its own."""

    def __init__(self, folder: Path, consul: Consul, names: Sequence[str]) -> None:
        self.folder, self.consul = folder, consul
        self.program = str(find_nomad())
        self.port = free_port()
        self.addr = f"http://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self.state = {n: folder / n for n in names}
        for path in self.state.values():
            path.mkdir()
        config = folder / "nomad.json"
        config.write_text(json.dumps(self._config(), indent=1))
        self.process = Process(
            "nomad", [self.program, "agent", "-dev", f"-config={config}"], folder
        )

    def _config(self) -> dict[str, Any]:
        return {
            "bind_addr": "127.0.0.1",
            "log_level": "INFO",
            "disable_update_check": True,
            "ports": {"http": self.port, "rpc": free_port(), "serf": free_port()},
            "consul": {"address": self.consul.addr.removeprefix("http://")},
            "client": {
                "options": {"fingerprint.denylist": DETECT},
                "max_kill_timeout": "6m",
                "meta": {f"{n}_state": str(path) for n, path in self.state.items()},
            },
            "plugin": [{"raw_exec": [{"config": [{"enabled": True}]}]}],
        }

    def start(self) -> "Nomad":
        self.process.start()
        eventually(lambda: self.nodes()[0]["Status"] == "ready", "Nomad's node is ready", 60)
        return self

    def stop(self) -> None:
        """The jobs first: what raw_exec runs outlives its agent."""
        stop = ("job", "stop", "-purge", "-detach", "-no-shutdown-delay")
        try:
            if self.process.alive:
                for name in self.state:
                    self.cli(*stop, name, check=False)
                eventually(lambda: not self.running(), "no allocation runs", 60)
        finally:
            self.process.stop()

    def nodes(self) -> list[dict[str, Any]]:
        return list(self.api("GET", "/v1/nodes"))

    def running(self) -> list[dict[str, Any]]:
        return [a for a in self.api("GET", "/v1/allocations") if a["ClientStatus"] == "running"]

    def api(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.addr + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as e:
            raise OSError(f"Nomad {method} {path}: {e.code} {e.read()!r}") from None

    def cli(self, *args: object, check: bool = True) -> Result:
        done = run(self.program, *args, env=clean_env({"NOMAD_ADDR": self.addr}))
        return done.ok() if check else done

    def events(self, job: str, task: str) -> list[str]:
        """What happened to a task, in Nomad's words."""
        (alloc,) = self.api("GET", f"/v1/job/{job}/allocations")
        return [e["DisplayMessage"] for e in alloc["TaskStates"][task]["Events"]]


class Placement:
    """gateway-raw-exec.nomad.hcl with a name and ports of its own."""

    def __init__(self, nomad: Nomad, name: str, agents: Sequence[str], redis: Redis) -> None:
        self.nomad, self.name = nomad, name
        self.gateway_port, self.port = free_port(), free_port()
        self.state = nomad.state[name]
        self.socket = self.state / "sideclaw/control.sock"
        self.openclaw = self.state / "openclaw.py"
        self.openclaw.write_text(
            GATEWAY.format(
                python=sys.executable, tests=str(ROOT / "tests"), agents=list(agents)
            )
        )
        self.openclaw.chmod(0o755)
        self.file = self.state / f"{name}.nomad.hcl"
        self.file.write_text(self._text())
        path = f"nomad/jobs/{name}"
        nomad.api("PUT", f"/v1/var/{path}", {"Path": path, "Items": SECRETS})
        variables = {
            "gateway": f"{name}-gateway",
            "consul_addr": nomad.consul.addr,
            "redis_url": f"redis://127.0.0.1:{redis.port}",
            "openclaw": self.openclaw,
            "sideclawd": program("sideclawd"),
            "bind": "loopback",
            "stop_timeout": "15s",
        }
        chosen = [f"-var={k}={v}" for k, v in variables.items()]
        nomad.cli("job", "run", "-detach", *chosen, self.file)

    def _text(self) -> str:
        text = (FOLDER / "gateway-raw-exec.nomad.hcl").read_text()
        for old, new in (
            ('job "openclaw-gateway"', f'job "{self.name}"'),
            ("meta.openclaw_state", f"meta.{self.name}_state"),
            ("static       = 18789", f"static       = {self.gateway_port}"),
            ("static       = 18790", f"static       = {self.port}"),
            ('grace           = "300s"', 'grace           = "10s"'),
            ("start_grace_s = 300;", "start_grace_s = 5;"),
            ('shutdown_delay = "10s"', 'shutdown_delay = "1s"'),
        ):
            assert text.count(old), f"the job no longer says {old}"
            text = text.replace(old, new)
        return text

    def cli(self, *args: object) -> Result:
        return run(program("sideclaw"), "--socket", self.socket, *args)

    def json(self, *args: object) -> Any:
        return self.cli("--json", *args).json()

    def sidecar_pid(self) -> int:
        return int(self.json("status")["pid"])

    def gateway_pid(self) -> int:
        return int((self.state / "openclaw/pid").read_text())

    def page(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as a:
                return int(a.status)
        except urllib.error.HTTPError as e:
            return e.code


def opinion(*args: object) -> "subprocess.CompletedProcess[str]":
    """What the nomad command says of a file; no agent is needed."""
    return subprocess.run(
        [str(find_nomad()), *map(str, args)], capture_output=True, text=True, timeout=120
    )
