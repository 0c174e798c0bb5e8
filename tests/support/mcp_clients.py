"""MCP clients that others wrote: the public inspector, the Python SDK and both lines of the TypeScript SDK.

scripts/lib/mcp.sh installs them. Each takes the same Server and gives the same Call, so that one test is all.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Protocol

from .process import clean_env
from .sidecar import ROOT
from .wait import SLOW

PROGRAMS = ROOT / "tests/mcp"
TIMEOUT_S = 20.0 * SLOW
LEGACY, MODERN = "legacy", "modern"  # `initialize`, and server/discover with nothing remembered


@lru_cache(maxsize=None)
def kit() -> Path:
    """The folder they are installed in; scripts/lib/mcp.sh alone knows its name."""
    script = ". scripts/lib.sh && mcp_path"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("the MCP clients are missing\n  try: scripts/test --only mcp (it installs them)")
    return Path(done.stdout.strip())


def node(*argv: object) -> list[str]:
    return [str(a) for a in (kit() / "node_modules/node/bin/node", *argv)]


@dataclass(frozen=True)
class Server:
    """Where to connect: a command to start, or a URL with its token."""

    command: tuple[str, ...] = ()
    env: Optional[Mapping[str, str]] = None
    url: str = ""
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def json(self) -> dict[str, Any]:
        if self.url:
            return {"url": self.url, "headers": self.headers}
        return {"command": self.command[0], "args": list(self.command[1:]), "env": dict(self.env or {})}


@dataclass
class Call:
    """A tools/call as the client reports it. `refused`: it was no result, or not one the client accepts."""

    result: dict[str, Any]
    refused: str = ""

    @property
    def is_error(self) -> bool:
        return bool(self.result.get("isError"))

    @property
    def text(self) -> str:
        return "\n".join(c.get("text", "") for c in self.result.get("content", ()))

    def value(self) -> Any:
        """The structured result of a call that must succeed; the text must be a copy of it."""
        assert not self.refused and not self.is_error, self.refused or self.text
        assert json.loads(self.text) == self.result["structuredContent"], self.text
        return self.result["structuredContent"]


class Client(Protocol):
    protocol: Optional[str]  # the revision it speaks with the server, where it tells

    def tools(self) -> dict[str, dict[str, Any]]: ...

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Call: ...

    def close(self) -> None: ...


class Sdk:
    """A client that stays connected: tests/mcp/python_sdk.py or typescript_sdk.mjs, a line of JSON a call."""

    def __init__(self, argv: list[str], server: Server, era: str) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.child = subprocess.Popen(argv, **pipes, env=clean_env(), text=True, bufsize=1)
        self.protocol: Optional[str] = None
        try:
            to = {**server.json(), "era": era, "timeout_s": TIMEOUT_S}
            self.protocol = self._ask(to)["protocol"]
        except BaseException:
            self.close()
            raise

    def _ask(self, line: dict[str, Any]) -> Any:
        answer = self._exchange(line)
        assert "ok" in answer, answer.get("error")
        return answer["ok"]

    def _exchange(self, line: dict[str, Any]) -> dict[str, Any]:
        assert self.child.stdin and self.child.stdout
        self.child.stdin.write(json.dumps(line) + "\n")
        if not select.select([self.child.stdout], [], [], 2 * TIMEOUT_S)[0]:
            raise AssertionError(f"{self.child.args!r} says nothing to {line}")
        text = self.child.stdout.readline()
        assert text, f"{self.child.args!r} ended (exit {self.child.wait(TIMEOUT_S)})"
        return dict(json.loads(text))

    def tools(self) -> dict[str, dict[str, Any]]:
        return {t["name"]: t for t in self._ask({})["tools"]}

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Call:
        answer = self._exchange({"tool": tool, "arguments": dict(arguments)})
        return Call(answer.get("ok") or {}, answer.get("error", ""))

    def close(self) -> None:
        """It closes its own connection once its input ends."""
        assert self.child.stdin and self.child.stdout
        self.child.stdin.close()
        try:
            self.child.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class Inspector:
    """The public inspector's command line: a process and a connection for each method."""

    TOOL_FAILED = 5

    def __init__(self, folder: Path, server: Server, era: str) -> None:
        self.protocol: Optional[str] = None  # it does not tell
        self.folder, self.era = folder, era
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "servers.json"
        entry = {"type": "streamable-http", **server.json()} if server.url else server.json()
        # A file and not the command line: there is a token in it.
        with open(os.open(self.config, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
            json.dump({"mcpServers": {"sideclaw": entry}}, f)

    def _run(self, *args: str) -> "subprocess.CompletedProcess[str]":
        program = kit() / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
        argv = node(program, "--cli", "--config", self.config, "--server", "sideclaw")
        argv += ["--protocol-era", self.era, *args]
        env = clean_env({"HOME": str(self.folder), "MCP_INSPECTOR_SECRET_STORE": "memory"})
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=2 * TIMEOUT_S)

    def tools(self) -> dict[str, dict[str, Any]]:
        """With --strict it also fails on schemas that some client would not take."""
        done = self._run("--method", "tools/list", "--strict")
        assert done.returncode == 0, done.stderr + done.stdout
        return {t["name"]: t for t in json.loads(done.stdout)["tools"]}

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Call:
        what = ("--tool-name", tool, "--tool-args-json", json.dumps(dict(arguments)))
        done = self._run("--method", "tools/call", *what)
        if done.returncode not in (0, self.TOOL_FAILED):
            return Call({}, done.stderr.strip() or done.stdout)
        return Call(json.loads(done.stdout))

    def close(self) -> None:
        pass


def _python(_folder: Path, server: Server, era: str) -> Client:
    return Sdk([str(kit() / "python/bin/python"), str(PROGRAMS / "python_sdk.py")], server, era)


def _typescript(line: str) -> Callable[[Path, Server, str], Client]:
    script = PROGRAMS / "typescript_sdk.mjs"
    return lambda _folder, server, era: Sdk(node(script, kit(), line), server, era)


# name: how it connects, and the eras it knows. The 1.x line of the TypeScript SDK knows no stateless one.
CLIENTS: dict[str, tuple[Callable[[Path, Server, str], Client], tuple[str, ...]]] = {
    "python": (_python, (LEGACY, MODERN)),
    "typescript-1": (_typescript("sdk"), (LEGACY,)),
    "typescript-2": (_typescript("client"), (LEGACY, MODERN)),
    "inspector": (Inspector, (LEGACY, MODERN)),
}
