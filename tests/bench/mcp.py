"""What MCP adds to an operation, and what the process costs that carries it over stdio."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import time
from typing import Any, Callable

from footprint import memory_kib
from rig import CALM, Rig, Row
from support.sidecar import Sidecar, program

AGENT = "sink"
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


def frame(method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


class Stdio:
    """`sideclaw mcp`, asked and answered a line at a time."""

    def __init__(self, sidecar: Sidecar) -> None:
        argv = [str(program("sideclaw")), "--socket", str(sidecar.socket), "mcp", "--agent", AGENT]
        self.start = time.perf_counter()
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.child.stdin and self.child.stdout
        self.put, self.get = self.child.stdin, self.child.stdout
        assert b"serverInfo" in self.ask(frame("initialize", HELLO))
        self.ready_ms = 1000 * (time.perf_counter() - self.start)

    def ask(self, line: bytes) -> bytes:
        self.put.write(line + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = self.get.read(1 << 16)
            assert more, "sideclaw mcp ended"
            answer += more
        return answer

    def close(self) -> None:
        self.put.close()
        self.child.wait(10)
        self.get.close()


class Http:
    """One connection that stays open, as a client's does."""

    def __init__(self, sidecar: Sidecar, token: str) -> None:
        self.conn = http.client.HTTPConnection("127.0.0.1", sidecar.port)
        self.headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": str(HELLO["protocolVersion"]),
        }

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        self.conn.request(method, path, body, self.headers)
        answer = self.conn.getresponse()
        text = answer.read()
        assert answer.status in (200, 202), f"{answer.status}: {text!r}"
        return text


def microseconds(call: Callable[[], bytes], expect: bytes) -> float:
    start = time.perf_counter()
    answer = call()
    took = 1e6 * (time.perf_counter() - start)
    # In a text the quotes are escaped: what is expected is in the structured result.
    assert expect in answer, answer
    return took


def added(sidecar: Sidecar, stdio: Stdio, runs: int) -> dict[str, Any]:
    """Medians of the same operation in three ways, in turn, so that a busy moment hits all."""
    api = Http(sidecar, sidecar.token)
    over_http = Http(sidecar, sidecar.json("token", AGENT)["token"])
    message = {"to": "operator", "body": "x" * 1024}
    as_body = json.dumps({**message, "from": AGENT}).encode()
    jobs = {
        # a read that costs next to nothing
        "agent_discover": ({}, lambda: api.ask("GET", "/v1/agents"), b'"agents":'),
        # a write, which is on disk when it is answered
        "send_message": (message, lambda: api.ask("POST", "/v1/messages", as_body), b'"stage":'),
    }
    out: dict[str, Any] = {}
    for tool, (arguments, direct, expect) in jobs.items():
        call = frame("tools/call", {"name": tool, "arguments": arguments})
        ways = {
            "api": direct,
            "http": lambda call=call: over_http.ask("POST", f"/mcp/{AGENT}", call),
            "stdio": lambda call=call: stdio.ask(call),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        order = list(ways)
        for _ in range(runs):
            order.append(order.pop(0))  # nobody always comes after the same
            for way in order:
                taken[way].append(microseconds(ways[way], expect))
        out[tool] = {f"{way}_us_p50": round(statistics.median(v), 1) for way, v in taken.items()}
        for way in ("http", "stdio"):
            out[tool][f"{way}_added_us_p50"] = round(out[tool][f"{way}_us_p50"] - out[tool]["api_us_p50"], 1)
    return out


def mcp(rig: Rig) -> Row:
    """A tool call over MCP beside the same operation on the API, and `sideclaw mcp` itself."""
    row, mesh = Row(), rig.mesh()
    try:
        sidecar = mesh.add("mcp-gateway", gateway=False, config_agents=[{"id": AGENT}], **CALM)
        ready = []
        for _ in range(rig.pick(200, 10)):
            short = Stdio(sidecar)
            ready.append(short.ready_ms)
            short.close()
        stdio = Stdio(sidecar)
        row.measured = {
            **added(sidecar, stdio, rig.pick(2000, 50)),
            "rss_kib": memory_kib(stdio.child.pid)["rss"],
            "ready_ms_p50": round(statistics.median(ready), 2),
        }
        stdio.close()
    finally:
        mesh.stop()
    tools = [v for v in row.measured.values() if isinstance(v, dict)]
    for way in ("http", "stdio"):
        worst = max(t[f"{way}_added_us_p50"] for t in tools)
        row.at_most(f"{way}_added_ms_p50", worst / 1000, 1, "1 ms")
    row.at_most("rss_mb", row.measured["rss_kib"] / 1024, 4, "4 MB")
    row.at_most("ready_ms_p50", row.measured["ready_ms_p50"], 5, "5 ms")
    return row
