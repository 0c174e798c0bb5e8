"""A FAKE OpenClaw gateway, for tests only: speaks WebSocket protocol 4 and the health pages, runs no model.

An agent answers `echo(<agent>): <text>` at once; a test puts its own function in `turn`. Unlike a real
one it can be told to be starting, frozen, draining, to drop connections and to lose answers. What it says
follows what a real 2026.9.6 said; the group `openclaw` of the tests holds both to the same behaviour.

    python3 -m support.fake_gateway PORT TOKEN AGENT...      serves until it is stopped

With FAKE_GATEWAY_STARTING=1 that one is starting until it gets SIGUSR2.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Sequence

from . import fake_protocol as protocol
from .fake_config import FakeConfig
from .fake_connection import Connection
from .fake_protocol import Refused
from .ports import free_port


class TurnError(Exception):
    """Raised by a turn function: the agent's turn fails with this text."""


@dataclass
class Run:
    """One agent turn, known by its idempotency key."""

    key: str
    agent: str
    session: str
    message: str
    params: dict[str, Any]
    traceparent: Optional[str] = None
    started_ms: int = 0
    boot: int = 0
    status: str = "running"  # then ok | error
    text: str = ""
    waiters: list[tuple["Connection", str]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def wait_answer(self) -> dict[str, Any]:
        if self.status == "running":
            return {"runId": self.key, "status": "timeout"}
        base = {
            "runId": self.key,
            "status": self.status,
            "startedAt": self.started_ms,
            "endedAt": protocol.now_ms(),
        }
        if self.status == "error":
            return {**base, "error": self.text}
        return {
            **base,
            "stopReason": "stop",
            "terminalReply": {"disposition": "visible", "text": self.text},
            "terminalReceipt": {"runId": self.key, "successfulToolNames": []},
        }


class FakeGateway:
    """Starts listening at once. Attributes may be changed while it runs, from the test's thread."""

    def __init__(
        self,
        agents: Sequence[str] = ("main",),
        token: str = "token",
        port: int = 0,
        tick_ms: int = 30000,
        starting: bool = False,
    ) -> None:
        self.agents = list(agents)
        self.token = token
        self.config = FakeConfig(agents)
        self.port = port or free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.tick_ms = tick_ms
        self.starting = starting  # 503 and UNAVAILABLE startup-sidecars
        self.draining = False  # takes no new work
        self.lose_answers = False  # turns run, but no answer reaches the caller
        self.turn: Callable[[Run], str] = lambda run: f"echo({run.agent}): {run.message}"
        self.runs: list[Run] = []  # every turn that really ran, in order
        self.replays = 0  # requests that named a key already known
        self.connects: list[dict[str, Any]] = []  # params of every accepted log-in
        self.refusals: list[str] = []  # messages of refused log-ins
        self.requests: list[str] = []  # method names
        self.pages = 0  # asked for over HTTP
        self.device_tokens: dict[str, str] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self._by_key: dict[str, Run] = {}
        self._lock = threading.RLock()
        self._connections: set[Connection] = set()
        self._sessions: dict[str, queue.Queue[tuple[Connection, str, Run]]] = {}
        self._thawed = threading.Event()
        self._thawed.set()
        self._listener: Optional[socket.socket] = None
        self._stopped = threading.Event()
        self.boots = 0
        self.start()

    # --- life, as a test directs it ---
    def start(self) -> "FakeGateway":
        """Listen (again) on the same port. A restart forgets all idempotency keys, as the real one does."""
        assert self._listener is None, "already listening"
        self.boots += 1
        self.boot_id, self.booted = f"boot-{self.boots}", time.monotonic()
        with self._lock:
            self._by_key.clear()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(511)  # as Node does
        self._listener = listener
        threading.Thread(
            target=self._accept, args=(listener,), name="fake-accept", daemon=True
        ).start()
        self._stopped = threading.Event()
        if self.tick_ms:
            threading.Thread(
                target=self._ticks, args=(self._stopped,), name="fake-ticks", daemon=True
            ).start()
        return self

    def stop(self) -> None:
        """Gone: refuses connections, and the present ones are closed as at a real stop."""
        if self._listener is None:
            return
        self.broadcast("shutdown", {"reason": "gateway stopping"})
        self._stopped.set()
        listener, self._listener = self._listener, None
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for c in self._take_connections():
            c.close(1012, "service restart")
        self.thaw()

    def freeze(self) -> None:
        """Accept connections and answer nothing, as a stalled event loop does."""
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    def wait_thawed(self) -> None:
        self._thawed.wait()

    def drop(self) -> None:
        """Cut every connection without a word."""
        for c in self._take_connections():
            c.abort()

    def add_agent(self, agent: str) -> None:
        self.agents.append(agent)
        self.config_changed()

    def remove_agent(self, agent: str) -> None:
        self.agents.remove(agent)
        self.config_changed()

    def config_changed(self) -> None:
        self.broadcast(
            "config.changed",
            {"path": "/fake/openclaw.json", "hash": "fake", "ts": protocol.now_ms()},
        )

    def say_raw(self, text: str) -> None:
        """Send every client a frame that no gateway would send. One that hung up a moment ago is none."""
        with self._lock:
            targets = [c.ws for c in self._connections if c.ws]
        for socket_ in targets:
            with contextlib.suppress(OSError):
                socket_.send(text)

    def broadcast(self, event: str, payload: dict[str, Any]) -> None:
        if not self._thawed.is_set():
            return
        with self._lock:
            targets = [c for c in self._connections if c.logged_in]
        for c in targets:
            c.event(event, payload)

    @property
    def clients(self) -> int:
        """How many are logged in."""
        with self._lock:
            return sum(c.logged_in for c in self._connections)

    def messages(self, agent: str) -> list[str]:
        """What the agent was told, in order."""
        with self._lock:
            return [r.message for r in self.runs if r.agent == agent]

    # --- serving ---
    def _take_connections(self) -> "list[Connection]":
        with self._lock:
            out = list(self._connections)
            self._connections.clear()
        return out

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c = Connection(self, sock)
            with self._lock:
                if self._listener is not listener:
                    c.abort()
                    return
                self._connections.add(c)
            threading.Thread(target=self._serve, args=(c,), name="fake-conn", daemon=True).start()

    def _serve(self, c: "Connection") -> None:
        try:
            c.serve()
        except (OSError, ValueError):
            pass
        finally:
            c.abort()
            with self._lock:
                self._connections.discard(c)

    def _ticks(self, stopped: threading.Event) -> None:
        while not stopped.wait(self.tick_ms / 1000):
            self.broadcast("tick", {"ts": protocol.now_ms()})

    def uptime_ms(self) -> int:
        return int((time.monotonic() - self.booted) * 1000)

    # --- methods ---
    def handle(
        self, c: "Connection", rid: str, request: dict[str, Any]
    ) -> Optional[dict[str, Any]]:
        """The payload to answer with; None when the answer comes otherwise."""
        method, p = request.get("method"), request.get("params") or {}
        with self._lock:
            self.requests.append(str(method))
        if method != "health" and "operator.read" not in c.scopes:
            raise Refused("FORBIDDEN", "missing scope: operator.read", {"code": "MISSING_SCOPE"})
        if method == "agents.list":
            return {
                "defaultId": self.agents[0] if self.agents else None,
                "ownership": "explicit",
                "mainKey": "main",
                "scope": "per-sender",
                "agents": [protocol.agent_row(a) for a in sorted(self.agents)],
            }
        if method == "health":
            return {
                "ok": True,
                "ts": protocol.now_ms(),
                "durationMs": 1,
                "channels": {},
                "agents": [{"agentId": a} for a in self.agents],
            }
        if method in ("config.get", "config.patch"):
            with self._lock:
                answer = self.config.get() if method == "config.get" else self.config.patch(p)
            if answer.get("changedPaths"):
                self.config_changed()
            return answer
        if method == "agent":
            return self._agent(c, rid, request, p)
        if method == "agent.wait":
            return self._wait(c, rid, p)
        if method == "chat.history":
            return {
                "sessionKey": p.get("sessionKey"),
                "messages": self.history.get(str(p.get("sessionKey")), [])[
                    -int(p.get("limit") or 200) :
                ],
            }
        if method == "channels.status":
            return {
                "ts": protocol.now_ms(),
                "channelOrder": [],
                "channels": {},
                "channelAccounts": {},
            }
        if method == "skills.status":
            return {"skills": []}
        if method == "tools.catalog":
            return {"agentId": p.get("agentId"), "groups": []}
        raise Refused("INVALID_REQUEST", f"unknown method: {method}")

    def _agent(
        self, c: "Connection", rid: str, request: dict[str, Any], p: dict[str, Any]
    ) -> Optional[dict[str, Any]]:
        key, agent = p.get("idempotencyKey"), p.get("agentId")
        if self.draining:
            raise Refused(
                "UNAVAILABLE",
                "agent unavailable during gateway restart",
                {"method": "agent", "reason": "gateway-restarting"},
                retry_ms=1000,
            )
        if not key:
            raise Refused(
                "INVALID_REQUEST",
                "invalid agent params: must have required property 'idempotencyKey'",
            )
        if agent not in self.agents:
            raise Refused("INVALID_REQUEST", f'invalid agent params: unknown agent id "{agent}"')
        session = str(p.get("sessionKey") or f"agent:{agent}:main").lower()
        with self._lock:
            run = self._by_key.get(key)
            if run:
                self.replays += 1
                if run.status == "running":
                    return {
                        "runId": key,
                        "status": "in_flight",
                        "sessionKey": session,
                        "agentId": agent,
                    }
                return self._final(run)
            run = Run(
                key,
                agent,
                session,
                str(p.get("message")),
                p,
                request.get("traceparent"),
                started_ms=protocol.now_ms(),
                boot=self.boots,
            )
            self._by_key[key] = run
            self.runs.append(run)
            work = self._sessions.get(session)
            if work is None:
                work = self._sessions[session] = queue.Queue()
                threading.Thread(
                    target=self._work, args=(work,), name="fake-session", daemon=True
                ).start()
        c.reply(
            rid,
            {
                "runId": key,
                "sessionKey": session,
                "agentId": agent,
                "status": "accepted",
                "acceptedAt": protocol.now_ms(),
            },
        )
        work.put((c, rid, run))
        return None

    def _work(self, work: "queue.Queue[tuple[Connection, str, Run]]") -> None:
        """Turns of one session run in order, those of different sessions at once."""
        while True:
            c, rid, run = work.get()
            with self._lock:
                if run.boot != self.boots:  # only queued when its gateway ended: nobody remembers it
                    continue
                self._remember_question(run)
            self.broadcast(
                "agent",
                {
                    "runId": run.key,
                    "sessionKey": run.session,
                    "agentId": run.agent,
                    "stream": "lifecycle",
                    "data": {"phase": "start", "startedAt": run.started_ms},
                },
            )
            try:
                run.text, status = self.turn(run), "ok"
            except TurnError as e:
                run.text, status = str(e), "error"
            with self._lock:
                run.status = status
                self._remember_answer(run)
                waiters, run.waiters = run.waiters, []
            run.done.set()
            self.wait_thawed()
            if self.lose_answers:
                continue
            if status == "ok":
                self.broadcast(
                    "chat",
                    {
                        "runId": run.key,
                        "sessionKey": run.session,
                        "agentId": run.agent,
                        "state": "final",
                        "stopReason": "stop",
                        "message": {
                            "role": "assistant",
                            "content": [{"type": "text", "text": run.text}],
                        },
                    },
                )
            for waiter, wait_id in waiters:
                waiter.reply(wait_id, run.wait_answer())
            try:
                c.reply(rid, self._final(run))
            except Refused as e:
                c.refuse(rid, e, {"runId": run.key, "status": "error", "summary": run.text})

    def _final(self, run: Run) -> dict[str, Any]:
        if run.status == "error":
            raise Refused("UNAVAILABLE", run.text)
        return {
            "runId": run.key,
            "status": "ok",
            "summary": "completed",
            "result": {
                "payloads": [{"text": run.text, "mediaUrl": None}],
                "meta": {"durationMs": 1},
            },
        }

    def _remember_question(self, run: Run) -> None:
        """chat.history outlives restarts, as on disk. What a person said is a bare string there (seen)."""
        rows = self.history.setdefault(run.session, [])
        user_key = f"{run.key}:user"
        rows.append(
            {
                "role": "user",
                "content": run.message,
                "idempotencyKey": user_key,
                "timestamp": run.started_ms,
                "__openclaw": {"idempotencyKey": user_key, "seq": len(rows) + 1},
            }
        )

    def _remember_answer(self, run: Run) -> None:
        rows = self.history.setdefault(run.session, [])  # a test may have wiped it meanwhile
        if run.status != "error":
            rows.append(
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": run.text}],
                    "stopReason": "stop",
                    "timestamp": protocol.now_ms(),
                    "__openclaw": {"runId": run.key, "seq": len(rows) + 1},
                }
            )

    def _wait(self, c: "Connection", rid: str, p: dict[str, Any]) -> Optional[dict[str, Any]]:
        key, timeout_ms = str(p.get("runId")), int(p.get("timeoutMs") or 30000)
        with self._lock:
            run = self._by_key.get(key)
            if run and run.status == "running":
                run.waiters.append((c, rid))
                threading.Thread(
                    target=self._expire, args=(c, rid, run, timeout_ms / 1000), daemon=True
                ).start()
                return None
        if run and self.lose_answers:
            return None
        return run.wait_answer() if run else {"runId": key, "status": "timeout"}

    def _expire(self, c: "Connection", rid: str, run: Run, seconds: float) -> None:
        if run.done.wait(seconds):
            return
        with self._lock:
            waiting = (c, rid) in run.waiters
            if waiting:
                run.waiters.remove((c, rid))
        if waiting:
            c.reply(rid, {"runId": run.key, "status": "timeout"})


if __name__ == "__main__":
    starts = os.environ.get("FAKE_GATEWAY_STARTING") == "1"
    fake = FakeGateway(sys.argv[3:], sys.argv[2], int(sys.argv[1]), starting=starts)
    signal.signal(signal.SIGUSR2, lambda *_: setattr(fake, "starting", False))
    print(
        f"fake gateway (for tests only) at {fake.url}, agents {', '.join(fake.agents)}", flush=True
    )
    threading.Event().wait()
