"""Visitors of a web site under test: so many requests a second, whatever happens to it, and what became
of each. Half of them keep a cookie, as browsers do. Each comes from a loopback address of its own, since
proxies count what one address does."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

PATIENCE_S = 60.0
CROWD = 3000  # visitors at once, when they all have to wait
BROWSERS = 40  # at the least


@dataclass
class Visit:
    phase: str
    began: float
    ended: float = 0.0
    status: int = 0  # 0: no answer
    cookie: str = ""  # of whom the proxy chose
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class Visitor:
    """One connection at a time, kept."""

    address: str
    keeps_cookie: bool
    cookie: str = ""
    streams: Optional[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = None

    async def answer(self, port: int, tls: ssl.SSLContext, host: str, path: str) -> tuple[int, str]:
        """The status and the cookie that is good for who answered."""
        if not self.streams:
            self.streams = await asyncio.open_connection(
                "127.0.0.1", port, ssl=tls, local_addr=(self.address, 0)
            )
        reader, writer = self.streams
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (h.partition(":") for h in head[1:])}
        await reader.readexactly(int(headers["content-length"]))
        chosen = headers.get("set-cookie", self.cookie).split(";")[0]
        if self.keeps_cookie:
            self.cookie = chosen
        if headers.get("connection", "").lower() == "close":
            self.leave()
        return int(head[0].split()[1]), chosen

    def leave(self) -> None:
        streams, self.streams = self.streams, None
        if streams:
            streams[1].transport.abort()


@dataclass
class Visitors:
    """begin(), then phase("…") whenever something happens; visits are those of the phase they began in."""

    port: int
    tls: ssl.SSLContext
    host: str
    path: str
    rate: float = 200.0
    visits: list[Visit] = field(default_factory=list)
    phase: str = "before"

    def __post_init__(self) -> None:
        self._all: list[Visitor] = []
        # By whether they keep cookies: who waits must not leave only the lucky ones to ask.
        self._idle: dict[bool, list[Visitor]] = {False: [], True: []}
        self._idle[True] = [self._newcomer(True) for _ in range(BROWSERS)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def begin(self) -> "Visitors":
        self._thread.start()
        return self

    def end(self) -> None:
        """No more; those who wait are waited for."""
        self._over.set()
        self._thread.join(PATIENCE_S + 10)
        assert not self._thread.is_alive()

    def of(self, phase: str) -> list[Visit]:
        return [v for v in list(self.visits) if v.phase == phase]

    def under_way(self) -> int:
        return sum(not v.ended for v in list(self.visits))

    def came(self, phase: str, test: Callable[[Visit], bool] = lambda v: v.ok) -> int:
        """How many of this phase are answered, and so."""
        return sum(bool(v.ended) and test(v) for v in self.of(phase))

    # --- in its thread ---
    async def _run(self) -> None:
        began, n, tasks = time.monotonic(), 0, set()
        while not self._over.is_set():
            task = asyncio.create_task(self._visit(n % 2 == 0))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            n += 1
            await asyncio.sleep(max(0.0, began + n / self.rate - time.monotonic()))
        await asyncio.gather(*tasks)
        for visitor in self._all:
            visitor.leave()

    def _newcomer(self, keeps_cookie: bool) -> Visitor:
        n = len(self._all)
        assert n < CROWD, "nobody is answered any more"
        self._all.append(Visitor(f"127.1.{n // 250}.{n % 250 + 1}", keeps_cookie))
        return self._all[-1]

    async def _visit(self, keeps_cookie: bool) -> None:
        idle = self._idle[keeps_cookie]
        visitor = idle.pop(0) if idle else self._newcomer(keeps_cookie)
        visit = Visit(self.phase, time.monotonic())
        self.visits.append(visit)
        try:
            visit.status, visit.cookie = await asyncio.wait_for(
                visitor.answer(self.port, self.tls, self.host, self.path), PATIENCE_S
            )
        except (OSError, EOFError, asyncio.TimeoutError, KeyError, ValueError) as e:
            visit.error = repr(e)
            visitor.leave()
        visit.ended = time.monotonic()
        idle.append(visitor)


def figures(visits: list[Visit]) -> dict[str, Any]:
    """For a line of JSON."""
    times = sorted(v.seconds for v in visits) or [0.0]
    failed = [v for v in visits if not v.ok]
    return {
        "requests": len(visits),
        "failed": len(failed),
        "failures": dict(Counter(str(v.status or v.error) for v in failed)),
        "over_1_s": sum(t > 1 for t in times),
        "p99_ms": round(times[int(len(times) * 0.99)] * 1000),
        "slowest_ms": round(times[-1] * 1000),
    }
