"""A TCP proxy that a test owns: between a sidecar and one server, doing what bad networks do.

A byte stream is never given holes: TCP would not. What is held back arrives later, in order, or its
connection ends. All proxies of a process run on one thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Any, Callable, Coroutine, Optional, TypeVar

from .ports import free_port

T = TypeVar("T")
CHUNK = 65536
UP, DOWN = "up", "down"  # towards the server, towards the sidecar


class _Network(threading.Thread):
    """The loop that all proxies share."""

    def __init__(self) -> None:
        super().__init__(name="proxies", daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


_network: Optional[_Network] = None


def network() -> _Network:
    global _network
    if _network is None or not _network.is_alive():
        _network = _Network()
    return _network


class _Line:
    """One connection of a sidecar and the one to the server that belongs to it."""

    def __init__(self, proxy: "Proxy", near: asyncio.StreamWriter) -> None:
        self.proxy, self.near = proxy, near
        self.far: Optional[asyncio.StreamWriter] = None
        self.forgotten = False  # half open: the other end is gone, and nobody tells the sidecar
        self.left: Optional[int] = None  # bytes towards the sidecar before it is cut in mid-frame
        self.ended = False

    def reset(self) -> None:
        """RST and not FIN: nothing that is still on its way arrives."""
        self.ended = True
        for writer in (self.near, self.far):
            if writer is None:
                continue
            with contextlib.suppress(OSError, AttributeError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            writer.transport.abort()

    def forget(self) -> None:
        self.forgotten = True
        if self.far is not None:
            self.far.transport.abort()

    async def pump(
        self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(CHUNK):
            if self.proxy.delay_s:
                await asyncio.sleep(self.proxy.delay_s)
            await self.proxy.open_way(way)
            if self.forgotten:
                continue
            if way == DOWN and self.left is not None:
                data, self.left = data[: self.left], self.left - len(data)
            writer.write(data)
            self.proxy.carried[way] += len(data)
            await writer.drain()
            if self.left is not None and self.left <= 0:
                self.reset()
        if way == DOWN and self.forgotten:
            await asyncio.Event().wait()  # until the sidecar gives it up
        if writer.can_write_eof():
            writer.write_eof()

    async def run(self, reader: asyncio.StreamReader) -> None:
        await self.proxy.open_way(UP)
        far_reader, self.far = await asyncio.open_connection(
            self.proxy.target_host, self.proxy.target
        )
        up = asyncio.ensure_future(self.pump(UP, reader, self.far))
        down = asyncio.ensure_future(self.pump(DOWN, far_reader, self.near))
        try:
            done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.exception()
            if self.forgotten and not up.done():
                await asyncio.wait({up})
        finally:
            up.cancel()
            down.cancel()


class Proxy:
    """Listens on `port` and carries to `target`. Every fault lasts until heal()."""

    def __init__(
        self, target: int, host: str = "127.0.0.1", target_host: str = "127.0.0.1"
    ) -> None:
        self.target, self.target_host = target, target_host
        self.host, self.port = host, free_port()
        self.address = f"{host}:{self.port}"
        self.delay_s = 0.0
        self.accepted = 0
        self.carried = {UP: 0, DOWN: 0}  # bytes
        self._lines: set[_Line] = set()
        self._server: Optional[asyncio.AbstractServer] = None
        self._ways: dict[str, asyncio.Event] = {}
        self._truncate: Optional[int] = None
        self._do(self._listen)

    def _do(self, step: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return network().do(step())

    async def open_way(self, way: str) -> None:
        await self._ways[way].wait()

    async def _listen(self) -> None:
        for way in (UP, DOWN):
            self._ways.setdefault(way, asyncio.Event()).set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, self.host, self.port, limit=4 * CHUNK
            )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self, writer)
        line.left = self._truncate
        self._lines.add(line)
        self.accepted += 1
        try:
            await line.run(reader)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(line)
            if not line.ended:
                line.reset()

    async def _close_listener(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _reset_all(self) -> None:
        for line in list(self._lines):
            line.reset()

    # --- what a test may do to it ---
    def cut(self) -> "Proxy":
        """The machine is off: connections end with RST, new ones are refused."""

        async def step() -> None:
            await self._close_listener()
            await self._reset_all()

        self._do(step)
        return self

    def reset(self) -> "Proxy":
        """All present connections end with RST; new ones work."""
        self._do(self._reset_all)
        return self

    def blackhole(self, up: bool = True, down: bool = True) -> "Proxy":
        """Nothing arrives in these directions, and nothing says so. It all comes after heal(), as TCP
        repeats what was not acknowledged."""

        async def step() -> None:
            for way, closed in ((UP, up), (DOWN, down)):
                if closed:
                    self._ways[way].clear()

        self._do(step)
        return self

    def half_open(self) -> "Proxy":
        """The far end of each present connection is gone and never says so; new ones work."""

        async def step() -> None:
            for line in list(self._lines):
                line.forget()

        self._do(step)
        return self

    def delay(self, seconds: float) -> "Proxy":
        """Each piece of data waits that long, in both directions."""
        self.delay_s = seconds
        return self

    def truncate(self, after: int) -> "Proxy":
        """Each connection, present or new, ends after so many more bytes towards the sidecar."""

        async def step() -> None:
            self._truncate = after
            for line in self._lines:
                line.left = after

        self._do(step)
        return self

    def heal(self) -> "Proxy":
        async def step() -> None:
            self.delay_s, self._truncate = 0.0, None
            for line in self._lines:
                line.left = None
            await self._listen()

        self._do(step)
        return self

    @property
    def connections(self) -> int:
        return len(self._lines)

    def stop(self) -> None:
        self.cut()
