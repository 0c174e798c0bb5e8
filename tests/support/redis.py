"""A real Redis server on a port of its own: with or without a password, in memory or keeping its data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Sequence

from .ports import free_port
from .process import Process
from .resp import Client, RedisError
from .wait import eventually


class Redis:
    def __init__(
        self,
        folder: Path,
        password: str = "",
        keep: bool = False,
        name: str = "redis",
        more: Sequence[object] = (),
    ) -> None:
        program = shutil.which("redis-server")
        if not program:
            raise RuntimeError(
                "redis-server is missing\n  try: scripts/test (it installs what is missing)"
            )
        self.password = password
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.data = folder / f"{name}-data"
        self.data.mkdir(parents=True, exist_ok=True)
        argv: list[object] = [
            program,
            "--port",
            self.port,
            "--bind",
            "127.0.0.1",
            "--dir",
            self.data,
            "--save",
            "",
            "--appendonly",
            "yes" if keep else "no",
        ]
        if keep:
            argv += ["--appendfsync", "always"]
        if password:
            argv += ["--requirepass", password, "--masterauth", password]
        argv += more
        self.process = Process(name, argv, folder)

    def start(self) -> "Redis":
        self.process.start()
        eventually(self.ping, "Redis answers PING")
        return self

    def ping(self) -> bool:
        if not self.process.alive:
            raise RuntimeError("Redis ended:\n" + self.process.tail())
        return self.call("PING") == "PONG"

    def lose_everything(self) -> None:
        """Its files are gone; it must not run."""
        assert not self.process.alive
        shutil.rmtree(self.data)
        self.data.mkdir()

    def stop(self) -> None:
        self.process.stop()

    def client(self, password: str = "") -> Client:
        return Client(self.port, password or self.password)

    def call(self, *args: "str | bytes | int") -> Any:
        with self.client() as c:
            return c.call(*args)

    def entries(self, stream: str) -> list[Any]:
        return self.call("XRANGE", stream, "-", "+") or []


__all__ = ["Client", "Redis", "RedisError"]
