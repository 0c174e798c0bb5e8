"""Agents and gateways that exist in Consul only: what a sidecar of a large mesh has to know.

Their keys are locked by a session, as those of living gateways are; else a sidecar would mark them dead.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import threading
from typing import Any, Iterator, Optional

from support.consul import Consul

OPS_PER_TXN = 64


class Crowd:
    def __init__(self, consul: Consul, prefix: str) -> None:
        self.consul, self.prefix = consul, prefix
        body = json.dumps({"Name": "bench", "Checks": [], "Behavior": "delete"}).encode()
        self.session = str(consul.api("PUT", "/v1/session/create", body)["ID"])

    def _write(self, pairs: Iterator[tuple[str, str]]) -> None:
        batch: list[dict[str, Any]] = []
        for key, value in pairs:
            coded = base64.b64encode(value.encode()).decode()
            op = {"Verb": "lock", "Key": f"{self.prefix}/{key}", "Value": coded, "Session": self.session}
            batch.append({"KV": op})
            if len(batch) == OPS_PER_TXN:
                self._flush(batch)
                batch = []
        if batch:
            self._flush(batch)

    def _flush(self, batch: list[dict[str, Any]]) -> None:
        self.consul.api("PUT", "/v1/txn", json.dumps(batch).encode())

    @staticmethod
    def _pairs(gateways: int, agents_each: int, only: Optional[int] = None) -> Iterator[tuple[str, str]]:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        for g in range(gateways) if only is None else (only,):
            gateway = f"crowd-gateway-{g:04}"
            agents = [f"crowd-agent-{g * agents_each + i:06}" for i in range(agents_each)]
            for agent in agents:
                yield f"agents/{agent}/gateway", gateway
                yield f"agents/{agent}/capabilities", '["general-qa","slack"]'
                yield f"agents/{agent}/status", "active"
                yield f"agents/{agent}/last_seen", now
            yield f"gateways/{gateway}/url", f"ws://{gateway}.tailnet:18789"
            yield f"gateways/{gateway}/peer_url", ""
            yield f"gateways/{gateway}/agents", json.dumps(agents)
            yield f"gateways/{gateway}/status", "healthy"
            yield f"gateways/{gateway}/labels", '{"os":"linux"}'
            yield f"gateways/{gateway}/load", '{"turns":0}'
            yield f"gateways/{gateway}/last_heartbeat", now

    def arrive(self, gateways: int, agents_each: int) -> None:
        self._write(self._pairs(gateways, agents_each))

    def _beat(self, gateways: int, agents_each: int, period_s: float, stop: threading.Event) -> None:
        """Each gateway in its turn, spread over the period, as jitter does with real ones."""
        g = 0
        while not stop.wait(period_s / gateways):
            pairs = self._pairs(gateways, agents_each, only=g % gateways)
            self._write((k, v) for k, v in pairs if k.endswith(("/last_seen", "/status", "/last_heartbeat")))
            g += 1

    @contextlib.contextmanager
    def beating(self, gateways: int, agents_each: int, period_s: float) -> Iterator[None]:
        """Heartbeats of the crowd: times and states written again, as sidecars do."""
        stop = threading.Event()
        args = (gateways, agents_each, period_s, stop)
        beats = threading.Thread(target=self._beat, args=args, daemon=True)
        beats.start()
        try:
            yield
        finally:
            stop.set()
            beats.join()

    def leave(self) -> None:
        self.consul.api("PUT", f"/v1/session/destroy/{self.session}")
