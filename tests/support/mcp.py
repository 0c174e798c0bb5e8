"""Our own small MCP client, over HTTP and over `sideclaw mcp`: it can also say what no good client says."""

from __future__ import annotations

import json
import select
import subprocess
from typing import Any, Mapping, Optional

from .process import clean_env
from .sidecar import SANITIZER, Answer, Sidecar, program
from .wait import SLOW

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
}


def request(method: str, params: Optional[Mapping[str, Any]] = None, rid: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": rid, "method": method, "params": dict(params or {})}


def modern(method: str, params: Optional[Mapping[str, Any]] = None, rid: Any = 1) -> dict[str, Any]:
    return request(method, {**(params or {}), "_meta": META}, rid)


def call(tool: str, arguments: Mapping[str, Any], rid: Any = 1) -> dict[str, Any]:
    return request("tools/call", {"name": tool, "arguments": dict(arguments)}, rid)


def token_of(sidecar: Sidecar, agent: str) -> str:
    return sidecar.cli("token", agent).ok().out.strip()


def headers_of(message: Mapping[str, Any]) -> dict[str, str]:
    """Those that a client of 2026-07-28 sends with the message."""
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": str(message["method"])}
    if message["method"] == "tools/call":
        headers["Mcp-Name"] = str(message["params"]["name"])
    return headers


def post(
    sidecar: Sidecar,
    agent: str,
    message: Any,
    token: Optional[str] = None,
    headers: Optional[Mapping[str, str]] = None,
) -> Answer:
    """One frame to /mcp/AGENT, with his own token unless another (or "": none) is given."""
    return sidecar.http(
        "POST",
        f"/mcp/{agent}",
        message,
        token=token_of(sidecar, agent) if token is None else token,
        headers={"Accept": "application/json, text/event-stream", **(headers or {})},
    )


class Stdio:
    """`sideclaw mcp` as a client runs it."""

    def __init__(self, sidecar: Sidecar, agent: Optional[str] = None, **env: str) -> None:
        argv = [str(program("sideclaw")), "--socket", str(sidecar.socket), "mcp"]
        self.popen = subprocess.Popen(
            argv + (["--agent", agent] if agent else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_env(env),
        )
        self.buf = b""

    def __enter__(self) -> "Stdio":
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe:
                pipe.close()

    def write(self, data: bytes) -> None:
        assert self.popen.stdin
        self.popen.stdin.write(data)
        self.popen.stdin.flush()

    def send(self, *messages: Any) -> None:
        self.write(b"".join(json.dumps(m).encode() + b"\n" for m in messages))

    def receive(self, within: float = 15.0) -> Any:
        """The next frame."""
        assert self.popen.stdout
        while b"\n" not in self.buf:
            ready, _, _ = select.select([self.popen.stdout], [], [], within * SLOW)
            assert ready, f"no frame within {within * SLOW:g} s"
            data = self.popen.stdout.read1(1 << 20)  # type: ignore[attr-defined]
            assert data, f"it ended: {self.popen.wait()}"
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return json.loads(line)

    def ask(self, message: Any, within: float = 15.0) -> Any:
        self.send(message)
        answer = self.receive(within)
        assert answer["id"] == message["id"], answer
        return answer

    def end(self, within: float = 15.0) -> tuple[int, list[Any], str]:
        """Close its standard input: exit code, the frames still owed, standard error."""
        out, err = self.popen.communicate(timeout=within * SLOW)
        text = err.decode(errors="replace")
        assert not SANITIZER.search(text), text
        frames = [json.loads(line) for line in (self.buf + out).splitlines() if line]
        return self.popen.returncode, frames, text
