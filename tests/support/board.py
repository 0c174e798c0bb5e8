"""What a sidecar says of its health: to people, to Traefik, to Nomad, and what Consul makes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterable

from .consul import Consul
from .sidecar import Sidecar

PAGES = {"health": "/health", "traffic": "/health/traffic", "live": "/health/live"}


def page(sidecar: Sidecar, path: str) -> int:
    return sidecar.http("GET", path, token="").status


def signals(sidecar: Sidecar) -> dict[str, dict[str, Any]]:
    board = sidecar.http("GET", "/health", token="").json()
    return {s["name"]: s for s in board["signals"]}


def states(sidecar: Sidecar, *names: str) -> list[str]:
    board = signals(sidecar)
    return [board[name]["state"] for name in names]


def wrong(sidecar: Sidecar) -> dict[str, str]:
    """Every signal that is neither well nor off."""
    return {n: s["state"] for n, s in signals(sidecar).items() if s["state"] not in ("ok", "off")}


@dataclass(frozen=True)
class Verdict:
    """What the three pages say; Consul's word for each status is its own."""

    health: int
    traffic: int
    live: int

    def in_consul(self, pages: Iterable[str] = PAGES) -> dict[str, str]:
        words = {200: "passing", 429: "warning", 503: "critical"}
        return {p: words[getattr(self, p)] for p in pages}


HEALTHY, DEGRADED = Verdict(200, 200, 200), Verdict(429, 200, 200)
STARTING, DRAINING, DEAD = Verdict(429, 503, 200), Verdict(503, 503, 200), Verdict(503, 503, 503)


def verdict(sidecar: Sidecar) -> Verdict:
    return Verdict(**{name: page(sidecar, path) for name, path in PAGES.items()})


class Checks:
    """A service in Consul as a Nomad job registers it: our three pages, each looked at once a second."""

    def __init__(self, consul: Consul, sidecar: Sidecar) -> None:
        self.consul, self.sidecar = consul, sidecar
        self.id = f"pages-of-{sidecar.name}"

    def register(self) -> "Checks":
        checks = [
            {
                "CheckID": f"{self.id}-{name}",
                "Name": name,
                "HTTP": self.sidecar.url + path,
                "Interval": "1s",
                "Timeout": "5s",
            }
            for name, path in PAGES.items()
        ]
        body = {"ID": self.id, "Name": "pages", "Port": self.sidecar.port, "Checks": checks}
        self.consul.api("PUT", "/v1/agent/service/register", json.dumps(body).encode())
        return self

    def states(self) -> dict[str, str]:
        found = self.consul.api("GET", "/v1/agent/checks")
        return {name: found[f"{self.id}-{name}"]["Status"] for name in PAGES}

    def own(self) -> str:
        """The state of the service that the sidecar registered by itself, looked at every 10 s."""
        found = self.consul.api("GET", "/v1/agent/checks")
        return str(found[f"service:openclaw-gateway-{self.sidecar.name}"]["Status"])
