"""Clients of a mesh under test: senders that keep many messages under way, readers that empty inboxes.

They outlive whatever happens to their sidecar: they connect again, and ask again with the same ids for
what was not answered. Everything they learn goes into the ledger.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from typing import Iterator, Optional, Sequence

from .fake_gateway import FakeGateway, Run
from .ledger import Ledger, Post
from .rpc import Rpc
from .sidecar import Sidecar

WINDOW = 96  # calls under way on one connection; the daemon reads no more than 256
AGAIN_S = 0.05  # after a refusal, before it is asked again


def new_id() -> str:
    """Time-ordered, as the daemon's own are."""
    n = (int(time.time() * 1000) << 80) | (0x7 << 76) | (2 << 62)
    return str(uuid.UUID(int=n | (uuid.uuid4().int & ((1 << 62) - 1))))


class Budget:
    """How many messages may have been sent by now: so many a second, up to a total."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left, self._rate, self._since = 0.0, 0.0, time.monotonic()
        self._ready = 0.0

    def grant(self, messages: int, seconds: float) -> None:
        """So many more, spread over that time."""
        with self._lock:
            self._settle()
            self._left += messages
            self._rate = self._left / seconds if seconds > 0 else float("inf")

    def _settle(self) -> None:
        now = time.monotonic()
        amount = min(self._left, self._rate * (now - self._since)) if self._left else 0.0
        self._left, self._ready, self._since = self._left - amount, self._ready + amount, now

    def take(self, most: int) -> int:
        with self._lock:
            self._settle()
            # At the end all of it: shares of a message add up to a little less than a whole one.
            n = min(most, int(self._ready) if self._left > 0 else round(self._ready))
            self._ready -= n
            return n

    @property
    def left(self) -> int:
        with self._lock:
            self._settle()
            return round(self._left + self._ready)


class Sender(threading.Thread):
    """Gives one sidecar messages of its pairs in turn, in order, until each one is accepted."""

    def __init__(self, ledger: Ledger, sidecar: Sidecar, posts: Iterator[Post]) -> None:
        super().__init__(name=f"sender-{sidecar.name}", daemon=True)
        self.ledger, self.sidecar, self.posts = ledger, sidecar, posts
        self.budget = Budget()
        self.failure: Optional[BaseException] = None
        self._again: deque[Post] = deque()  # unanswered or refused, in their first order
        self._under_way: dict[int, Post] = {}
        self._rpc: Optional[Rpc] = None
        self._ending = threading.Event()
        self.idle = threading.Event()  # nothing granted is left to send or to be answered

    def stop(self) -> None:
        self._ending.set()
        self.join(30)
        if self.failure:
            raise self.failure

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                try:
                    self._step()
                except OSError:
                    self._hung_up()
                    self._ending.wait(AGAIN_S)
        except BaseException as e:
            self.failure = e
        if self._rpc:
            self._rpc.close()

    def _hung_up(self) -> None:
        if self._rpc:
            self._rpc.close()
        self._rpc = None
        for post in self._under_way.values():
            self.ledger.unanswered(post)
        self._ask_again()

    def _ask_again(self) -> None:
        """What was under way, before what has never been tried; in the order of their first attempt."""
        self._again.extendleft(reversed(self._under_way.values()))
        self._under_way = {}

    def _step(self) -> None:
        if self._rpc is None:
            self._rpc = Rpc(self.sidecar.socket)
        self._send()
        refused: list[Post] = []
        self._receive(0.01, refused)
        if not refused:
            return
        # Later ones of the same pair may be accepted meanwhile: they are first then, and no fault.
        while self._under_way and not self._ending.is_set():
            self._receive(0.1, refused)
        refused.sort(key=lambda post: post.attempt)
        self._again.extendleft(reversed(refused))
        self._ending.wait(AGAIN_S)

    def _next(self) -> list[Post]:
        room = WINDOW - len(self._under_way)
        batch = [self._again.popleft() for _ in range(min(room, len(self._again)))]
        batch += [next(self.posts) for _ in range(self.budget.take(room - len(batch)))]
        return batch

    def _send(self) -> None:
        assert self._rpc
        batch = self._next()
        if not batch and not self._under_way and self.budget.left == 0:
            self.idle.set()
        elif batch:
            self.idle.clear()
        if not batch:
            return
        for post in batch:
            self.ledger.asking(post)
        first = self._rpc.n + 1
        for n, post in enumerate(batch):  # before the write: it may fail in the middle
            self._under_way[first + n] = post
        self._rpc.send(*(("message.send", self._params(post)) for post in batch))

    @staticmethod
    def _params(post: Post) -> dict[str, str]:
        return {"id": post.id, "from": post.frm, "to": post.to, "body": post.body}

    def _receive(self, wait: float, refused: list[Post]) -> None:
        assert self._rpc
        for answer in self._rpc.answers(wait):
            post = self._under_way.pop(answer["id"])
            if "error" not in answer:
                self.ledger.accepted(post)
                continue
            error = answer["error"]
            self.ledger.refused(post, str((error.get("data") or {}).get("code")))
            refused.append(post)


class Reader(threading.Thread):
    """Reads the inboxes of a sidecar's agents and acknowledges what it read."""

    def __init__(self, ledger: Ledger, sidecar: Sidecar, agents: Sequence[str]) -> None:
        super().__init__(name=f"reader-{sidecar.name}", daemon=True)
        self.ledger, self.sidecar, self.agents = ledger, sidecar, agents
        self.failure: Optional[BaseException] = None
        self._ending = threading.Event()

    def stop(self) -> None:
        self._ending.set()
        self.join(30)
        if self.failure:
            raise self.failure

    def run(self) -> None:
        rpc: Optional[Rpc] = None
        try:
            while not self._ending.is_set():
                try:
                    rpc = rpc or Rpc(self.sidecar.socket)
                    if not self._round(rpc):
                        self._ending.wait(0.02)
                except OSError:
                    if rpc:
                        rpc.close()
                    rpc = None
                    self._ending.wait(AGAIN_S)
        except BaseException as e:
            self.failure = e
        if rpc:
            rpc.close()

    def _round(self, rpc: Rpc) -> int:
        """How many were there."""
        calls = rpc.send(*(("inbox.list", {"agent": a, "limit": 200}) for a in self.agents))
        lists = self._gather(rpc, calls)
        rows = [
            (agent, row)
            for number, agent in zip(calls, self.agents)
            for row in lists[number].get("result", {}).get("messages", [])
        ]
        for agent, row in rows:
            self._read(agent, row)
        for at in range(0, len(rows), WINDOW):
            part = rows[at : at + WINDOW]
            calls = rpc.send(*(("inbox.ack", {"agent": a, "id": r["id"]}) for a, r in part))
            answers = self._gather(rpc, calls)
            for number, (_, row) in zip(calls, part):
                if "error" not in answers[number]:
                    self.ledger.acked(row["id"])
        return len(rows)

    def _read(self, agent: str, row: dict) -> None:  # type: ignore[type-arg]
        if row["kind"] == "reply":
            self.ledger.replied(agent, row["id"], row["in_reply_to"], row["body"])
        else:
            self.ledger.read(agent, row["id"], row["from"]["agent"], row["body"])

    def _gather(self, rpc: Rpc, calls: Sequence[int]) -> dict[int, dict]:  # type: ignore[type-arg]
        got: dict[int, dict] = {}  # type: ignore[type-arg]
        while len(got) < len(calls):
            if self._ending.is_set():
                raise OSError("stopped")
            for answer in rpc.answers(0.1):
                got[answer["id"]] = answer
        return got


def watch_turns(ledger: Ledger, gateway: FakeGateway) -> None:
    """Each turn that the gateway really runs goes into the ledger, and is answered with its text."""

    def turn(run: Run) -> str:
        sender = run.params.get("sessionKey", "")
        ledger.told(run.agent, run.key, sender_of(str(sender)), run.message)
        ledger.turn_ended(run.key)
        return f"re: {run.message}"

    gateway.turn = turn


def sender_of(session: str) -> str:
    """The mesh's session keys end with the sender."""
    return session.rsplit(":", 1)[-1].split("@")[0]
