"""Several sidecars with a fake gateway each, sharing a Consul and a Redis."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any, Optional, Sequence

from .consul import Consul
from .fake_gateway import FakeGateway
from .redis import Redis
from .sidecar import Sidecar

_meshes = itertools.count(1)


class Mesh:
    """Names in Consul and Redis begin with a prefix of its own, so tests can share the servers.

    Times are short, so that what a sidecar does "after a while" happens within a test; a Consul session
    lives at least 10 s, that is Consul's own floor.
    """

    def __init__(self, folder: Path, consul: Optional[Consul], redis: Optional[Redis]) -> None:
        self.folder, self._consul, self._redis = folder, consul, redis
        self.prefix = f"t{os.getpid()}x{next(_meshes)}"
        self.sidecars: dict[str, Sidecar] = {}
        self.gateways: dict[str, FakeGateway] = {}

    @property
    def consul(self) -> Consul:
        assert self._consul, "this mesh has no Consul"
        return self._consul

    @property
    def redis(self) -> Redis:
        assert self._redis, "this mesh has no Redis"
        return self._redis

    def options(self, gateway: Optional[FakeGateway]) -> dict[str, Any]:
        return {
            "cluster.prefix": self.prefix,
            "cluster.id": "test",
            "gateway.enabled": gateway is not None,
            "gateway.url": gateway.url if gateway else None,
            "gateway.token": gateway.token if gateway else None,
            "consul.enabled": self._consul is not None,
            "consul.addr": self._consul.addr if self._consul else None,
            "consul.token": (self._consul.token if self._consul else None) or None,
            "consul.heartbeat_s": 1,
            "consul.session_ttl_s": 10,
            "redis.enabled": self._redis is not None,
            "redis.url": self.redis_url(),
            "messages.retry_min_ms": 100,
            "messages.retry_max_ms": 1000,
        }

    def redis_url(self) -> Optional[str]:
        if self._redis is None:
            return None
        secret = f":{self._redis.password}@" if self._redis.password else ""
        return f"redis://{secret}127.0.0.1:{self._redis.port}"

    def add(
        self,
        name: str,
        agents: Sequence[str] = (),
        gateway: bool = True,
        start: bool = True,
        config_agents: Sequence[dict[str, Any]] = (),
        **options: Any,
    ) -> Sidecar:
        """A sidecar and its gateway; option names with "__" for ".", None leaves a key out.

        `agents` are those of the gateway, `config_agents` those of the sidecar's configuration.
        """
        fake = None
        if gateway:
            fake = self.gateways[name] = FakeGateway(agents, token=f"token-{name}")
        chosen = {**self.options(fake), **{k.replace("__", "."): v for k, v in options.items()}}
        if config_agents:
            chosen["agents"] = list(config_agents)
        sidecar = self.sidecars[name] = Sidecar(self.folder, name, chosen)
        sidecar.gateway = fake
        return sidecar.start() if start else sidecar

    def wait_whole(self, within: float = 20.0) -> "Mesh":
        """Until every sidecar sees every agent of every gateway."""
        everyone = [a for g in self.gateways.values() for a in g.agents]
        for s in self.sidecars.values():
            s.wait_agents(*everyone, within=within)
        return self

    def key(self, path: str) -> str:
        return f"{self.prefix}/{path}"

    def stream(self, agent: str) -> str:
        return f"{self.prefix}:agents:{agent}:inbox"

    def channel(self, gateway: str) -> str:
        return f"{self.prefix}:inbox:{gateway}"

    def stop(self) -> None:
        """Stop everything first, so that one sidecar's complaint does not leave another running."""
        running = [s for s in self.sidecars.values() if s.process.popen is not None]
        # -9 is a test's own doing; everything else but 0, now or earlier, is a sidecar that crashed.
        codes = {s.name: s.process.stop() for s in running if s.process.returncode != -9}
        crashed = [s for s in running if codes.get(s.name, 0) != 0]
        for g in self.gateways.values():
            g.stop()
        if self._consul and self._consul.process.alive and not self._consul.process.state() == "T":
            self._consul.delete(self.prefix + "/", recurse=True)
        for s in running:
            s.check_sanitizers()
        assert not crashed, "\n".join(
            f"{s.name} ended with {s.process.returncode}\n{s.process.tail()}" for s in crashed
        )
