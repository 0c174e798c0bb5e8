"""What clients were promised against what really happened: lost, twice, out of order, said too early.

The ledger believes nobody's word but a client's own answers, what gateways were told, and what agents
read. What the sidecars report is compared with that. It is filled from several threads while a test
runs; `violations()` is the verdict.

Order is judged by what a client can know: a message is before another of its pair when it was surely
accepted before the other can have been. One whose answer was lost may have been accepted by any of
its attempts.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable, Optional

STAGES = ("accepted", "sent", "stored", "delivered", "started", "replied", "dead")
RANK = {stage: n for n, stage in enumerate(STAGES)}
SHOWN = 5  # violations of one kind that a report spells out


@dataclass
class Post:
    """One message as its client knows it."""

    id: str
    home: str  # the sidecar that it is given to
    frm: str
    to: str
    body: str
    turn: bool  # its receiver's gateway runs a turn, and a reply is owed
    attempt: int = 0  # the latest
    earliest: Optional[int] = None  # the first attempt that may have been taken
    latest: Optional[int] = None  # the attempt that was answered with 202
    deliveries: int = 0
    replies: int = 0


@dataclass
class Row:
    """A message in a spool: of the outbox, or of the inbox."""

    id: str
    stage: str
    reason: Optional[str]


@dataclass
class Verdict:
    """Plain numbers, and each thing that must not be."""

    accepted: int = 0
    delivered: int = 0
    replies: int = 0
    dead: Counter[str] = field(default_factory=Counter)  # by reason
    ambiguous: int = 0  # of the dead: nobody can know whether the turn ran
    refused: Counter[str] = field(default_factory=Counter)  # answers that were no, by code
    unanswered: int = 0  # answers that never came; asked again
    samples: int = 0  # stages compared while it ran
    faults: Counter[str] = field(default_factory=Counter)  # violations by kind
    shown: list[str] = field(default_factory=list)

    def blame(self, kind: str, text: str) -> None:
        self.faults[kind] += 1
        if self.faults[kind] <= SHOWN:
            self.shown.append(f"{kind}: {text}")

    def lines(self) -> list[str]:
        dead = ", ".join(f"{n} {why}" for why, n in sorted(self.dead.items())) or "0"
        refused = ", ".join(f"{n} {code}" for code, n in sorted(self.refused.items())) or "0"
        return [
            f"accepted {self.accepted}, delivered {self.delivered}, replies {self.replies}, dead {dead}",
            f"lost {self.faults['lost']}, twice {self.faults['twice']},"
            f" out of order {self.faults['order']}, said too early {self.faults['early']},"
            f" other violations {sum(self.faults.values()) - sum(self.faults[k] for k in MAIN)}",
            f"ambiguous {self.ambiguous}, refused and asked again {refused},"
            f" answers lost and asked again {self.unanswered}, stages compared {self.samples}",
        ]


MAIN = ("lost", "twice", "order", "early")


class Ledger:
    """Violations by kind: lost, twice, order, early (a stage beyond the truth), nowhere (delivered though
    never accepted), body (another text), dead (a wrong or unexplained death), spool (a row that should
    or should not be there)."""

    def __init__(self) -> None:
        self.posts: dict[str, Post] = {}
        self.order: dict[tuple[str, str], list[str]] = {}  # ids as they were delivered
        self._tick = 0
        self._lock = threading.Lock()
        self._acked: set[str] = set()
        self._read: set[str] = set()
        self._ended: set[str] = set()  # turns that ran to their end
        self._dead: dict[str, str] = {}  # the sender's word for why, by id
        self._open: set[str] = set()  # accepted, and not delivered or not answered
        self._found = Verdict()

    # --- the client's side ---
    def asking(self, post: Post) -> None:
        """Before each attempt; those of a pair in the order in which the daemon will read them."""
        with self._lock:
            self._tick += 1
            post.attempt = self._tick
            self.posts[post.id] = post

    def accepted(self, post: Post) -> None:
        with self._lock:
            if post.latest is not None:
                return
            post.latest = post.attempt
            if post.earliest is None:
                post.earliest = post.attempt
            self._found.accepted += 1
            self._settle(post)

    def refused(self, post: Post, code: str) -> None:
        with self._lock:
            self._found.refused[code] += 1

    def unanswered(self, post: Post) -> None:
        """The connection ended first: it may have been accepted, and is asked again with its id."""
        with self._lock:
            if post.earliest is None:
                post.earliest = post.attempt
            self._found.unanswered += 1

    # --- the receiver's side ---
    def read(self, agent: str, id: str, frm: str, body: str) -> bool:
        """A message in an agent's inbox. False: it was read before, and will be acknowledged again."""
        with self._lock:
            if id in self._acked:
                self._found.blame("twice", f"{id} shown to {agent} again after its acknowledgement")
            if id in self._read:
                return False
            self._read.add(id)
            self._deliver(agent, id, frm, body)
            return True

    def acked(self, id: str) -> None:
        with self._lock:
            self._acked.add(id)

    def told(self, agent: str, id: str, frm: str, body: str) -> None:
        """A gateway started a turn. Each call is one turn that really ran."""
        with self._lock:
            self._deliver(agent, id, frm, body)

    def turn_ended(self, id: str) -> None:
        with self._lock:
            self._ended.add(id)

    def replied(self, agent: str, id: str, in_reply_to: str, body: str) -> None:
        """A reply in the inbox of the one who asked, when it is first read."""
        with self._lock:
            if id in self._read:
                if id in self._acked:
                    self._found.blame("twice", f"reply {id} shown again after its acknowledgement")
                return
            self._read.add(id)
            post = self.posts.get(in_reply_to)
            if post is None or post.frm != agent:
                self._found.blame("nowhere", f"{agent} got a reply to {in_reply_to}, not its own")
                return
            post.replies += 1
            self._found.replies += 1
            self._settle(post)
            if post.replies > 1:
                self._found.blame("twice", f"reply to {post.id} ({post.frm} to {post.to})")
            if post.body not in body:
                self._found.blame("body", f"the reply to {post.id} is another's: {body[:60]!r}")

    def _deliver(self, agent: str, id: str, frm: str, body: str) -> None:
        post = self.posts.get(id)
        if post is None or post.to != agent or post.frm != frm:
            self._found.blame("nowhere", f"{agent} got {id} from {frm}, which nobody sent so")
            return
        post.deliveries += 1
        if post.deliveries > 1:
            self._found.blame("twice", f"{id} from {frm} to {agent}")
            return
        if body != post.body:
            self._found.blame("body", f"{id}: {body[:60]!r} instead of {post.body[:60]!r}")
        self._found.delivered += 1
        self._settle(post)
        self.order.setdefault((frm, agent), []).append(id)

    # --- what is still open, for those who wait ---
    def _settle(self, post: Post) -> None:
        done = post.deliveries and (not post.turn or post.replies)
        if post.latest is None or done:
            self._open.discard(post.id)
        else:
            self._open.add(post.id)

    def open(self) -> set[str]:
        """Accepted, and either not delivered or not answered where an answer is owed."""
        with self._lock:
            return set(self._open)

    @property
    def n_accepted(self) -> int:
        return self._found.accepted

    @property
    def n_delivered(self) -> int:
        return self._found.delivered

    # --- the sidecars' word ---
    def claim(self, id: str, stage: str, truth: Callable[[], Optional[str]]) -> None:
        """A sender's sidecar says `stage`; the truth, looked at afterwards, must be as far."""
        if RANK[stage] < RANK["stored"] or stage == "dead":
            return
        there = truth()
        with self._lock:
            self._found.samples += 1
            self._compare(id, stage, there)

    def _compare(self, id: str, stage: str, there: Optional[str]) -> None:
        post = self.posts.get(id)
        if there is None or RANK[there] < RANK[stage]:
            self._found.blame("early", f"{id} is {stage}, its receiver has {there or 'nothing'}")
        elif post and RANK[stage] >= RANK["started"] and post.turn and not post.deliveries:
            self._found.blame("early", f"{id} is {stage}, but no gateway was told")

    def spools(self, home: str, outbox: Iterable[Row], inboxes: dict[str, Row]) -> None:
        """At the end: the outbox of a sidecar beside the inboxes (by id) of all the others."""
        known = {}
        for row in outbox:
            known[row.id] = row
            self._check_row(home, row, inboxes.get(row.id))
        for post in self.posts.values():
            if post.home == home and post.latest is not None and post.id not in known:
                self._found.blame("spool", f"{post.id} was accepted and is not in {home}'s outbox")

    def _check_row(self, home: str, row: Row, there: Optional[Row]) -> None:
        post = self.posts.get(row.id)
        if post is None or post.earliest is None:
            self._found.blame("spool", f"{row.id} is in {home}'s outbox and was refused")
        elif row.stage == "dead":
            self._check_dead(post, row)
        elif RANK[row.stage] >= RANK["stored"]:
            self._compare(row.id, row.stage, there.stage if there else None)

    def _check_dead(self, post: Post, row: Row) -> None:
        why = self._dead[post.id] = (row.reason or "").split(":")[0]
        self._found.dead[why or "without a reason"] += 1
        if not why:
            self._found.blame("dead", f"{post.id} is dead without a reason")
        elif why == "ambiguous":
            self._found.ambiguous += 1
        elif post.deliveries:
            self._found.blame("dead", f"{post.id} was delivered and is called dead: {row.reason}")

    # --- the verdict ---
    def verdict(self, ambiguous_ok: bool = False) -> Verdict:
        """Once: it adds what only the end can show."""
        with self._lock:
            found = self._found
            for post in self.posts.values():
                self._check_end(post)
            for (frm, to), ids in self.order.items():
                self._check_order(frm, to, ids)
            if found.ambiguous and not ambiguous_ok:
                found.blame("dead", f"{found.ambiguous} ambiguous, and no gateway was harmed")
            return found

    def _check_end(self, post: Post) -> None:
        if post.deliveries and post.earliest is None:
            self._found.blame("nowhere", f"{post.id} was delivered, and refused to its client")
        if post.id in self._dead:
            return
        if post.latest is not None and not post.deliveries:
            self._found.blame("lost", f"{post.id} from {post.frm} to {post.to}")
        if post.turn and post.id in self._ended and not post.replies:
            self._found.blame("lost", f"the reply to {post.id} ({post.frm} to {post.to})")

    def _check_order(self, frm: str, to: str, ids: list[str]) -> None:
        newest = self.posts[ids[0]]
        for id in ids:
            post = self.posts[id]
            if post.latest is not None and newest.earliest and post.latest < newest.earliest:
                self._found.blame("order", f"{frm} to {to}: {id} after {newest.id}")
            if (post.earliest or 0) > (newest.earliest or 0):
                newest = post


def violations(verdict: Verdict) -> list[str]:
    return verdict.shown + [
        f"{kind}: {n - SHOWN} more" for kind, n in verdict.faults.items() if n > SHOWN
    ]


# --- the spool files, as DESIGN 1.6 lets anybody read them ---

QUERY = "SELECT lower(hex(id)), stage, reason FROM {table} WHERE kind = 0"


def as_id(text: str) -> str:
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def spool_rows(state: Path, table: str) -> list[Row]:
    """The messages (kind 0) of `inbox` or `outbox`."""
    db = sqlite3.connect(f"file:{state / 'spool.db'}?mode=ro", uri=True)
    try:
        return [
            Row(as_id(id), STAGES[stage], reason)
            for id, stage, reason in db.execute(QUERY.format(table=table))
        ]
    finally:
        db.close()


def inbox_stage(state: Path, id: str) -> Optional[str]:
    """How far the receiver's own disk says that a message got."""
    db = sqlite3.connect(f"file:{state / 'spool.db'}?mode=ro", uri=True)
    try:
        row = db.execute(
            "SELECT stage FROM inbox WHERE id = ?", (bytes.fromhex(id.replace("-", "")),)
        ).fetchone()
    finally:
        db.close()
    return STAGES[row[0]] if row else None
