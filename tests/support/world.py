"""Two sidecars with everything around them, each thread of it in a test's hands.

    alpha ---- proxies ---- Redis, Consul, each other ---- proxies ---- beta
      |                                                                  |
    fake gateway: ta, ua; inboxes: a0..a3                              tb, ub; b0..b3

Beta lives in a network namespace of its own where we may make one. Messages go both ways between all
inbox agents, and from those to the agents of the other gateway, who answer.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from pathlib import Path
from typing import Any, Iterator, Optional

from . import ledger as ledgers
from .consul import Consul
from .ledger import Ledger, Post, Verdict
from .machine import Disk, FakeTime, Watch
from .mesh import Mesh
from .netns import Netns
from .peer import KEY
from .proxy import Proxy
from .redis import Redis
from .rpc import Refused, Rpc
from .sidecar import Sidecar
from .traffic import Reader, Sender, new_id, watch_turns
from .wait import Timeout, eventually

NAMES = ("alpha", "beta")
SIZES = (80, 200, 200, 1024)
BIG, BIG_EVERY = 40 * 1024, 400
TURN_EVERY = 10


def other(name: str) -> str:
    return NAMES[1 - NAMES.index(name)]


class World:
    """With `peer` the sidecars have a mesh key, and talk to each other when Redis is away."""

    def __init__(self, folder: Path, peer: bool = False) -> None:
        self.folder, self.peer = folder, peer
        self.redis = Redis(folder, keep=True)
        self.consul = Consul(folder / "consul", keep=True)
        self.mesh = Mesh(folder, self.consul, self.redis)
        self.disks: dict[str, Disk] = {}
        self.clocks: dict[str, FakeTime] = {}
        self.redis_link: dict[str, Proxy] = {}
        self.consul_link: dict[str, Proxy] = {}
        self.peer_link: dict[str, Proxy] = {}  # by whom it leads to
        self.ledger = Ledger()
        self.senders: dict[str, Sender] = {}
        self.readers: dict[str, Reader] = {}
        self.watch: Optional[Watch] = None
        self.faketime = not FakeTime.why_not()
        self.netns = Netns()
        self._numbers = itertools.count()

    # --- life ---
    def start(self) -> "World":
        self.netns.start()
        self.redis.start()
        self.consul.start()
        for name in NAMES:
            self._add(name)
        for sidecar in self.sidecars.values():
            sidecar.wait_agents(*self.agents(), within=40)
            sidecar.wait_link("gateway", "ready", within=20)
        self.watch = Watch(self.sidecars)
        self.watch.start()
        return self

    def _add(self, name: str) -> None:
        letter = name[0]
        apart = name == "beta" and not self.netns.why_not
        host = self.netns.outside if apart else "127.0.0.1"
        self.redis_link[name] = Proxy(self.redis.port, host)
        self.consul_link[name] = Proxy(self.consul.port, host)
        self.disks[name] = Disk(self.folder / f"{name}.disk")
        sidecar = self.mesh.add(
            name,
            [f"t{letter}", f"u{letter}"],
            start=False,
            config_agents=[{"id": f"{letter}{n}"} for n in range(4)],
            redis__url=f"redis://{self.redis_link[name].address}",
            consul__addr=f"http://{self.consul_link[name].address}",
            state_dir=str(self.disks[name].path / "state"),
            drain__disk_free_bytes=0,  # a full disk is about the spool here; test_drain.py has the rest
            messages__thread_rate=1000000,
            log__level="info",
        )
        sidecar.state = self.disks[name].path / "state"
        if apart:
            self._move_apart(sidecar)
        if self.peer:
            self._open_peer(sidecar, apart)
        if self.faketime:
            self.clocks[name] = FakeTime(self.folder, name)
            sidecar.process.env.update(self.clocks[name].env())
        sidecar.start()

    def _move_apart(self, sidecar: Sidecar) -> None:
        self.gateway_link = Proxy(sidecar.gateway.port, self.netns.outside)
        sidecar.write_config(
            gateway__url=f"ws://{self.gateway_link.address}",
            http__listen=f"{self.netns.inside}:{sidecar.port}",
        )
        sidecar.process.argv = self.netns.command(*sidecar.process.argv)

    def _open_peer(self, sidecar: Sidecar, apart: bool) -> None:
        """The way from the other one to this one, with an end where each of them is."""
        target = self.netns.inside if apart else "127.0.0.1"
        host = "127.0.0.1" if apart or self.netns.why_not else self.netns.outside
        link = self.peer_link[sidecar.name] = Proxy(sidecar.port, host, target)
        sidecar.write_config(mesh__key=KEY, http__peer_url=f"http://{link.address}")

    @property
    def sidecars(self) -> dict[str, Sidecar]:
        return self.mesh.sidecars

    @property
    def alpha(self) -> Sidecar:
        return self.sidecars["alpha"]

    @property
    def beta(self) -> Sidecar:
        return self.sidecars["beta"]

    def links(self) -> list[Proxy]:
        """All ways from one sidecar to anywhere."""
        parts = (self.redis_link, self.consul_link, self.peer_link)
        return [link for part in parts for link in part.values()]

    def gateway(self, name: str) -> Any:
        return self.sidecars[name].gateway

    def inboxes(self, name: str) -> list[str]:
        return [f"{name[0]}{n}" for n in range(4)]

    def agents(self) -> list[str]:
        return [a for n in NAMES for a in (*self.inboxes(n), f"t{n[0]}", f"u{n[0]}")]

    def stop(self) -> None:
        """Everything, in an order in which each complaint still has somebody to hear it."""
        try:
            if self.watch:
                self.watch.stop()
            self.stop_traffic()
            self.mesh.stop()
        finally:
            for proxy in self.links():
                proxy.stop()
            self.redis.stop()
            self.consul.stop()
            for disk in self.disks.values():
                disk.stop()
            self.netns.stop()
            for sidecar in self.sidecars.values():
                FakeTime.clean_up(sidecar.process.pids)

    # --- traffic ---
    def start_traffic(self) -> Ledger:
        """A new ledger, with clients of both sidecars writing into it."""
        self.ledger = Ledger()
        for name, sidecar in self.sidecars.items():
            watch_turns(self.ledger, sidecar.gateway)
            self.senders[name] = Sender(self.ledger, sidecar, self._posts(name))
            self.readers[name] = Reader(self.ledger, sidecar, self.inboxes(name))
        for thread in (*self.senders.values(), *self.readers.values()):
            thread.start()
        return self.ledger

    def stop_traffic(self) -> None:
        threads = (*self.senders.values(), *self.readers.values())
        self.senders, self.readers = {}, {}
        for thread in threads:
            thread.stop()

    def _posts(self, home: str) -> Iterator[Post]:
        """Without end: nine of ten to the other's inboxes, the tenth to an agent that answers."""
        far = other(home)[0]
        plain = itertools.cycle(itertools.product(self.inboxes(home), self.inboxes(other(home))))
        turns = itertools.cycle(
            [(f"{home[0]}{n}", f"{'tu'[n % 2]}{far}") for n in range(4)]
        )
        for n in itertools.count(1):
            turn = n % TURN_EVERY == 0
            frm, to = next(turns if turn else plain)
            size = BIG if n % BIG_EVERY == 7 else SIZES[n % len(SIZES)]
            body = f"{home} {next(self._numbers)} ".ljust(size, "x")
            yield Post(new_id(), home, frm, to, body, turn)

    def grant(self, messages: int, seconds: float) -> None:
        """Both sides may send half of so many more, spread over that time."""
        for n, sender in enumerate(self.senders.values()):
            sender.budget.grant((messages + n) // 2, seconds)
            sender.idle.clear()

    def wait_accepted(self, within: float = 60) -> None:
        eventually(
            lambda: all(s.idle.is_set() for s in self.alive_senders()),
            "every message was accepted",
            within,
        )

    def alive_senders(self) -> list[Sender]:
        """Those who send; raises what went wrong with a client, or with a sidecar that ended by itself."""
        for sidecar in self.sidecars.values():
            code = sidecar.process.returncode
            if code not in (None, -9):  # a test's own doing
                raise RuntimeError(f"{sidecar.name} ended with {code}")
        for s in (*self.senders.values(), *self.readers.values()):
            if s.failure:
                raise s.failure
        return list(self.senders.values())

    def wait_delivered(self, ids: Optional[set[str]] = None, within: float = 60) -> None:
        """Until those (or all) that are open now are delivered, and answered where that is owed."""
        wanted = self.ledger.open() if ids is None else ids

        def done() -> bool:
            self.alive_senders()
            return not wanted & self.ledger.open()

        try:
            eventually(done, "everything that was accepted is delivered", within, poll=0.05)
        except Timeout as e:
            raise Timeout(f"{e}\n" + "\n".join(self.explain())) from None

    def explain(self, most: int = 5) -> list[str]:
        """What both ends say about some messages that are still on their way."""
        left = sorted(self.ledger.open())
        out = [f"{len(left)} of {self.ledger.n_accepted} are still open"]
        for id in left[:most]:
            post = self.ledger.posts[id]
            out.append(f"{id} {post.frm} to {post.to} delivered {post.deliveries}:")
            for sidecar in self.sidecars.values():
                with contextlib.suppress(OSError, Refused, ValueError):
                    with Rpc(sidecar.socket, 2.0) as rpc:
                        row = rpc.call("message.get", id=id)
                        row["body"] = f"{len(row['body'])} bytes"
                        out.append(f"  {sidecar.name}: {row}")
        return out

    # --- the truth ---
    def compare_some(self, rng: random.Random, n: int = 20) -> None:
        """Ask a sender how far some of its messages are, then look at the receiver's disk."""
        recent = list(self.ledger.order.values())
        open_ids = list(itertools.islice(self.ledger.open(), 200))
        ids = [o[-1] for o in recent if o] + open_ids
        for id in rng.sample(ids, min(n, len(ids))):
            post = self.ledger.posts[id]
            there = self.sidecars[other(post.home)].state
            with contextlib.suppress(OSError, Refused):
                with Rpc(self.sidecars[post.home].socket, 2.0) as rpc:
                    stage = rpc.call("message.get", timeout=2.0, id=id)["stage"]
                self.ledger.claim(id, stage, lambda: ledgers.inbox_stage(there, id))

    def verdict(self, ambiguous_ok: bool = False) -> Verdict:
        """With everything quiet: the ledger's word after it saw both spools."""
        rows = {
            n: (ledgers.spool_rows(s.state, "outbox"), ledgers.spool_rows(s.state, "inbox"))
            for n, s in self.sidecars.items()
        }
        for name, (outbox, _) in rows.items():
            inbox = {row.id: row for row in rows[other(name)][1]}
            mine = [row for row in outbox if row.id in self.ledger.posts]
            self.ledger.spools(name, mine, inbox)
        return self.ledger.verdict(ambiguous_ok)
