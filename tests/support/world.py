"""Two sidecars with everything around them, each thread of it in a test's hands.

    alpha ---- proxy ---- Redis, Consul ---- proxy ---- beta
      |                                                  |
    fake gateway: ta, ua; inboxes: a0..a3              tb, ub; b0..b3

Messages go both ways between all inbox agents, and from those to the agents of the other gateway, who
answer. Times are as short as the options allow. `Watch` measures the sidecars meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import random
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Optional

from . import ledger as ledgers
from .consul import Consul
from .ledger import Ledger, Post, Verdict
from .mesh import Mesh
from .proxy import Proxy
from .redis import Redis
from .rpc import Refused, Rpc
from .sidecar import Sidecar, program
from .traffic import Reader, Sender, new_id, watch_turns
from .wait import SLOW, eventually

NAMES = ("alpha", "beta")
DISK_MB = 2048
SIZES = (80, 200, 200, 1024)
BIG, BIG_EVERY = 40 * 1024, 400
TURN_EVERY = 10
_libc = ctypes.CDLL(None, use_errno=True)


def other(name: str) -> str:
    return NAMES[1 - NAMES.index(name)]


class Disk:
    """A folder on a file system of its own, which can be made full; a plain folder where we may not mount."""

    def __init__(self, path: Path) -> None:
        self.path, self.mounted = path, False
        path.mkdir(parents=True, exist_ok=True)
        self.why = "mounting a tmpfs needs root"
        if os.geteuid() == 0:
            self.mounted = self._mount(f"size={DISK_MB}m") == 0

    def _mount(self, options: str) -> int:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path)],
            capture_output=True,
            text=True,
        )
        self.why = done.stderr.strip()
        return done.returncode

    def fill(self) -> None:
        """No byte more fits."""
        used = os.statvfs(self.path)
        pages = used.f_blocks - used.f_bfree
        assert self._mount(f"remount,size={pages * used.f_frsize}") == 0, self.why

    def free(self) -> None:
        assert self._mount(f"remount,size={DISK_MB}m") == 0, self.why

    def stop(self) -> None:
        """What was on it is gone, unless SIDECLAW_WORLD_KEEP wants a copy beside it."""
        if self.mounted and os.environ.get("SIDECLAW_WORLD_KEEP"):
            shutil.copytree(self.path, self.path.with_suffix(".kept"), dirs_exist_ok=True)
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=True)
            self.mounted = False


class FakeTime:
    """libfaketime's settings for one sidecar: its wall clock jumps when a test says so."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.faketime"
        self.set(0)

    @staticmethod
    def library() -> Optional[Path]:
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        return found[0] if found else None

    @staticmethod
    def why_not() -> str:
        """Empty: it can be used."""
        if FakeTime.library() is None:
            return "libfaketime is not installed (scripts/test installs it: faketime)"
        linked = subprocess.run(
            ["ldd", str(program("sideclawd"))], capture_output=True, text=True
        ).stdout
        return "a sanitizer's runtime must come first" if "san.so" in linked else ""

    def env(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DISABLE_SHM": "1",  # a killed sidecar would leave its segment behind
        }

    def set(self, seconds: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self.file)


@dataclass
class Usage:
    """What a sidecar used while something was wrong."""

    cpu: float = 0.0  # the busiest second, as a share of one processor
    rss_mb: float = 0.0
    fds: int = 0


class Watch(threading.Thread):
    """Samples processor time, private memory and descriptors of the sidecars twice a second."""

    def __init__(self, sidecars: dict[str, Sidecar]) -> None:
        super().__init__(name="watch", daemon=True)
        self.sidecars = sidecars
        self.usage = {name: Usage() for name in sidecars}
        self._last: dict[str, tuple[int, float, float]] = {}
        self._ending = threading.Event()

    def reset(self) -> None:
        self.usage = {name: Usage() for name in self.sidecars}

    def stop(self) -> None:
        self._ending.set()
        self.join(5)

    def run(self) -> None:
        while not self._ending.wait(0.5):
            for name, sidecar in self.sidecars.items():
                with contextlib.suppress(OSError, AssertionError, ValueError):
                    self._sample(name, sidecar.process.pid)

    def _sample(self, name: str, pid: int) -> None:
        used, now, u = cpu_seconds(pid), time.monotonic(), self.usage[name]
        before = self._last.get(name)
        if before is None or before[0] != pid or now - before[2] >= 1:
            self._last[name] = (pid, used, now)
            if before is not None and before[0] == pid:
                u.cpu = max(u.cpu, (used - before[1]) / (now - before[2]))
        u.rss_mb = max(u.rss_mb, rss_anon_mb(pid))
        u.fds = max(u.fds, fd_count(pid))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_anon_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no RssAnon")


def fd_count(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


class World:
    def __init__(self, folder: Path, faketime: bool = True) -> None:
        self.folder = folder
        self.redis = Redis(folder, keep=True)
        self.consul = Consul(folder / "consul", keep=True)
        self.mesh = Mesh(folder, self.consul, self.redis)
        self.disks: dict[str, Disk] = {}
        self.clocks: dict[str, FakeTime] = {}
        self.redis_link: dict[str, Proxy] = {}
        self.consul_link: dict[str, Proxy] = {}
        self.ledger = Ledger()
        self.senders: dict[str, Sender] = {}
        self.readers: dict[str, Reader] = {}
        self.watch: Optional[Watch] = None
        self.faketime = faketime and not FakeTime.why_not()
        self._numbers = itertools.count()

    # --- life ---
    def start(self) -> "World":
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
        self.redis_link[name] = Proxy(self.redis.port)
        self.consul_link[name] = Proxy(self.consul.port)
        self.disks[name] = Disk(self.folder / f"{name}.disk")
        sidecar = self.mesh.add(
            name,
            [f"t{letter}", f"u{letter}"],
            start=False,
            config_agents=[{"id": f"{letter}{n}"} for n in range(4)],
            redis__url=f"redis://127.0.0.1:{self.redis_link[name].port}",
            consul__addr=f"http://127.0.0.1:{self.consul_link[name].port}",
            state_dir=str(self.disks[name].path / "state"),
            messages__thread_rate=1000000,
            log__level="info",
        )
        sidecar.state = self.disks[name].path / "state"
        sidecar.gateway.tick_ms = 1000
        if self.faketime:
            self.clocks[name] = FakeTime(self.folder, name)
            sidecar.process.env.update(self.clocks[name].env())
        sidecar.start()

    @property
    def sidecars(self) -> dict[str, Sidecar]:
        return self.mesh.sidecars

    @property
    def alpha(self) -> Sidecar:
        return self.sidecars["alpha"]

    @property
    def beta(self) -> Sidecar:
        return self.sidecars["beta"]

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
            for proxy in (*self.redis_link.values(), *self.consul_link.values()):
                proxy.stop()
            self.redis.stop()
            self.consul.stop()
            for disk in self.disks.values():
                disk.stop()

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
        for name, sender in self.senders.items():
            sender.budget.grant(messages // 2, seconds)
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
        except AssertionError as e:
            raise AssertionError(f"{e}\n" + "\n".join(self.explain())) from None

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
