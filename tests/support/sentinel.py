"""A primary, a replica and three sentinels that watch over them, all on loopback ports of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from .ports import free_port
from .process import Process
from .redis import Redis
from .resp import Client
from .wait import eventually

NAME = "mymaster"
DOWN_AFTER_MS = 1000  # as short as makes sense; Redis's own default is 30 s


class Sentinel:
    def __init__(self, folder: Path, number: int, primary: Redis, password: str) -> None:
        self.port = free_port()
        self.password = password
        home = folder / f"sentinel{number}"
        home.mkdir(parents=True)
        config = home / "sentinel.conf"  # it writes to that file
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {home}",
            f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 2",
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {NAME} 5000",
        ]
        if primary.password:
            lines.append(f"sentinel auth-pass {NAME} {primary.password}")
        if password:
            lines.append(f"requirepass {password}")
        config.write_text("\n".join(lines) + "\n")
        program = shutil.which("redis-server")
        self.process = Process(f"sentinel{number}", [program, config, "--sentinel"], folder)

    def call(self, *args: "str | int") -> Any:
        with Client(self.port, self.password) as c:
            return c.call(*args)

    def primary_port(self) -> int:
        return int(self.call("SENTINEL", "get-master-addr-by-name", NAME)[1])

    def knows_all(self, sentinels: int) -> bool:
        flat = self.call("SENTINEL", "MASTER", NAME)
        seen = dict(zip(flat[::2], flat[1::2]))
        good = self.call("SENTINEL", "CKQUORUM", NAME).startswith("OK")
        return (
            good
            and seen["num-other-sentinels"] == str(sentinels - 1)
            and seen["num-slaves"] == "1"
            and seen["flags"] == "master"
        )


class Sentinels:
    """`password` is that of the Redis servers, `sentinel_password` the sentinels' own."""

    def __init__(self, folder: Path, password: str = "", sentinel_password: str = "") -> None:
        self.password, self.folder = password, folder
        # Without the delay a replica may not have its first copy when the test kills the primary.
        more = ["--repl-diskless-sync-delay", 0]
        first = Redis(folder, password, name="first", more=more)
        replica = [*more, "--replicaof", f"127.0.0.1 {first.port}"]
        self.servers = [first, Redis(folder, password, name="second", more=replica)]
        self.sentinels = [Sentinel(folder, n, first, sentinel_password) for n in (1, 2, 3)]

    @property
    def url(self) -> str:
        """redis.url for a sidecar."""
        places = ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels)
        secret = f":{self.password}@" if self.password else ""
        return f"redis+sentinel://{secret}{places}/{NAME}"

    def start(self) -> "Sentinels":
        for r in self.servers:
            r.start()
        for s in self.sentinels:
            s.process.start()
        for s in self.sentinels:
            eventually(lambda s=s: s.knows_all(len(self.sentinels)), f"{s.process.name} sees all", 30)
        eventually(lambda: "online" in str(self.primary.call("INFO", "replication")), "a replica", 30)
        return self

    def stop(self) -> None:
        for s in self.sentinels:
            s.process.stop()
        for r in self.servers:
            r.stop()

    @property
    def primary(self) -> Redis:
        """What the sentinels call so now."""
        port = self.sentinels[0].primary_port()
        return next(r for r in self.servers if r.port == port)

    def switch(self) -> Redis:
        """A planned failover, as for maintenance. Returns the new primary."""
        before = self.primary
        eventually(
            lambda: self.sentinels[0].call("SENTINEL", "FAILOVER", NAME) == "OK", "it begins", 20
        )
        return self.wait_moved(before)

    def wait_moved(self, before: Redis) -> Redis:
        eventually(
            lambda: all(s.primary_port() != before.port for s in self.sentinels),
            "every sentinel names another primary",
            30,
        )
        return self.primary
