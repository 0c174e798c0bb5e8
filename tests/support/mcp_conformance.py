"""The public MCP conformance suite, run against a server of ours, and what it found."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from .mcp_clients import node, kit
from .ports import free_port
from .process import clean_env
from .proxy import network
from .wait import SLOW

REVISIONS = ("2025-11-25", "2026-07-28")
BAD = ("FAILURE", "WARNING")  # what the suite itself counts as failed


@dataclass
class Scenario:
    name: str
    checks: list[dict[str, Any]]

    def bad(self, and_untestable: bool = True) -> dict[str, str]:
        """Check id: what is wrong. Untestable is what needs a tool of the suite's that is not there."""
        return {
            c["id"]: c.get("errorMessage") or str(c)
            for c in self.checks
            if c["status"] in BAD and (and_untestable or not c.get("details", {}).get("untestable"))
        }

    @property
    def passed(self) -> int:
        return sum(c["status"] == "SUCCESS" for c in self.checks)


def run_suite(url: str, revision: str, folder: Path) -> dict[str, Scenario]:
    """Every scenario that the revision has for servers, scored or not."""
    program = kit() / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    argv = node(program, "server", "--url", url, "--requirements", revision, "-o", folder)
    done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, timeout=120 * SLOW)
    found = {}
    for file in sorted(folder.glob("server-*/checks.json")):
        stamped = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+", file.parent.name)
        assert stamped, file
        found[stamped[1]] = Scenario(stamped[1], json.loads(file.read_text()))
    said = done.stdout[-2000:] + done.stderr[-2000:]
    assert found, f"the suite wrote nothing (exit {done.returncode}):\n{said}"
    return found


@contextmanager
def with_token(port: int, path: str, token: str) -> Iterator[str]:
    """A URL that needs no token: the suite has none to send. Every other byte of a request is the suite's."""
    near = free_port()

    async def requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            writer.write(head[:-2] + b"Authorization: Bearer " + token.encode() + b"\r\n\r\n" + body)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection("127.0.0.1", port)
        both = (requests(reader, far), answers(far_reader, writer))
        ways = [asyncio.ensure_future(way) for way in both]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (far, writer):
            end.close()

    async def listen() -> asyncio.AbstractServer:
        return await asyncio.start_server(serve, "127.0.0.1", near)

    async def close(server: asyncio.AbstractServer) -> None:
        server.close()

    server = network().do(listen())
    try:
        yield f"http://127.0.0.1:{near}{path}"
    finally:
        network().do(close(server))
