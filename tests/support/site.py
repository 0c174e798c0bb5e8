"""Two gateways with a sidecar each behind one Traefik, as the job nomad/gateways.nomad.hcl puts them there."""

from __future__ import annotations

import json
import re
import socket
import sys
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Union

from . import nomad_job
from .consul import Consul
from .gateway_client import GatewayClient
from .mesh import Mesh
from .openclaw import OpenClaw
from .ports import free_port
from .process import Process, clean_env
from .sidecar import Sidecar
from .traefik import Traefik, trusting
from .visitors import Visitors
from .wait import eventually

JOB = nomad_job.Job(nomad_job.FOLDER / "gateways.nomad.hcl")
CONSUL = nomad_job.FOLDER.parent / "consul"
HOST = "openclaw.example.org"
COOKIE = "openclaw"


class FakeProcess:
    """The fake gateway in a process of its own, so that it can be killed and stopped."""

    def __init__(self, folder: Path, name: str, agent: str) -> None:
        self.name, self.port, self.token = name, free_port(), f"token-{agent}"
        self.url = f"ws://127.0.0.1:{self.port}"
        self.cmdline = f"support.fake_gateway {self.port}"
        argv = [sys.executable, "-m", *self.cmdline.split(), self.token, agent]
        env = clean_env({"PYTHONPATH": str(Path(__file__).resolve().parents[1])})
        self.process = Process(f"{name}-own", argv, folder, env=env)

    def start(self, slowly: bool = False) -> None:
        """Slowly: it starts until it gets SIGUSR2."""
        self.process.env["FAKE_GATEWAY_STARTING"] = "1" if slowly else ""
        self.process.start()

    def stop(self) -> None:
        self.process.stop()


Gateway = Union[FakeProcess, OpenClaw]


def tags_with_file() -> list[str]:
    """What consul/traefik-dynamic.yaml says the tags are where that file is used."""
    text = (CONSUL / "traefik-dynamic.yaml").read_text()
    return re.findall(r"^#   (traefik\.\S+)$", text, re.M)


def register(consul: Consul, sidecar: Sidecar, gateway: Gateway, tags: list[str]) -> None:
    """As Nomad would: the service of the job, with its check for Traefik."""
    service = JOB.service("openclaw-gateway")
    check = next(c for c in service.all("check") if c.attrs["name"] == "traffic")
    body = {
        "ID": f"_nomad-task-{sidecar.name}",
        "Name": "openclaw-gateway",
        "Tags": tags,
        "Address": "127.0.0.1",
        "Port": gateway.port,
        "Meta": {"gateway": sidecar.name},
        "Check": {
            "Name": "traffic",
            "HTTP": sidecar.url + check.attrs["path"],
            "Interval": check.attrs["interval"],
            "Timeout": check.attrs["timeout"],
        },
    }
    consul.api("PUT", "/v1/agent/service/register", json.dumps(body).encode())


@dataclass
class Side:
    sidecar: Sidecar
    gateway: Gateway
    cookie: str = ""  # by which Traefik leads a browser to it

    def drain(self, *args: object) -> None:
        self.sidecar.cli("drain", *args, timeout=90).ok()

    def undrain(self) -> None:
        self.sidecar.cli("undrain").ok()

    def wait(self, state: str = "traffic") -> None:
        self.sidecar.cli("wait", "--for", state, "--timeout", "180", timeout=200).ok()


class Site:
    def __init__(self, folder: Path, page: str, with_file: bool) -> None:
        self.page = page
        own = JOB.service("openclaw-gateway").attrs["tags"]
        self.tags = tags_with_file() if with_file else own
        self.consul = Consul(folder / "consul", acl=True).start()
        self.mesh = Mesh(folder, self.consul, None)
        self.traefik = Traefik(folder / "traefik", self.consul)
        self.sides: list[Side] = []

    def add(self, gateway: Gateway, **options: Any) -> Side:
        options = {
            "gateway__enabled": True,
            "gateway__url": gateway.url,
            "gateway__token": gateway.token,
            "consul__register_service": False,  # the job's is the one
            **options,
        }
        sidecar = self.mesh.add(gateway.name, gateway=False, **options)
        register(self.consul, sidecar, gateway, self.tags)
        self.sides.append(Side(sidecar, gateway))
        return self.sides[-1]

    def open(self) -> "Site":
        """Traefik sends requests to one, then to the other: that is how their cookies are known."""
        self.traefik.start()
        for side in self.sides:
            side.wait()
        for side, other in zip(self.sides, reversed(self.sides)):
            other.drain()
            eventually(lambda: not self.in_catalog(other), "one is out of the catalog", within=30)
            eventually(lambda: len(self.cookies()) == 1, "one is left", within=30)
            (side.cookie,) = self.cookies()
            other.undrain()
            eventually(lambda: len(self.cookies()) == 2, "both are back", within=30)
        return self

    def cookies(self) -> set[str]:
        """Of whom newcomers are sent to."""
        browsers = [Browser(self) for _ in range(8)]
        assert all(b.status() == 200 for b in browsers)
        return {b.cookie for b in browsers}

    def visitors(self) -> Visitors:
        return Visitors(self.traefik.websecure, trusting(), HOST, self.page)

    def whole(self) -> None:
        for side in self.sides:
            side.undrain()
            side.wait()
        eventually(lambda: self.cookies() == {s.cookie for s in self.sides}, "whole", within=60)

    def in_catalog(self, side: Side) -> bool:
        """Is it there with its checks passing?"""
        rows = self.consul.api("GET", "/v1/health/service/openclaw-gateway?passing=true")
        return any(r["Service"]["Port"] == side.gateway.port for r in rows)

    def close(self) -> None:
        self.mesh.stop()
        assert self.traefik.stop() == 0

    def end(self) -> None:
        """Whatever happened, nothing is left running."""
        self.traefik.process.kill()
        for s in self.mesh.sidecars.values():
            s.process.kill()
        for side in self.sides:
            side.gateway.process.kill()
        self.consul.stop()


class Browser:
    """Keeps its cookie."""

    def __init__(self, site: Site, cookie: str = "") -> None:
        self.site, self.cookie = site, cookie

    def headers(self) -> dict[str, str]:
        return {"Host": HOST, **({"Cookie": self.cookie} if self.cookie else {})}

    def status(self) -> int:
        door = HTTPSConnection("127.0.0.1", self.site.traefik.websecure, context=trusting())
        door.request("GET", self.site.page, headers=self.headers())
        answer = door.getresponse()
        answer.read()
        door.close()
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).split(";")[0]
        return answer.status

    def get(self) -> tuple[int, str]:
        """The status, and the cookie of the gateway that answered."""
        return self.status(), self.cookie

    def socket(self, token: str, source: str = "") -> GatewayClient:
        door = self.site.traefik.websecure
        return GatewayClient(
            door, token, tls=trusting(), headers=self.headers(), source=source
        )


def outer_address() -> str:
    """Of this machine, as others see it; "" when it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        address = str(s.getsockname()[0])
    return "" if address.startswith("127.") else address
