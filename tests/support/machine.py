"""What a machine does to a sidecar: its disk, its clock, and what the sidecar uses of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .sidecar import Sidecar, program

DISK_MB = 2048


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


def sanitized() -> bool:
    """Its memory is then the sanitizer's (freed blocks are kept back), and says nothing of ours."""
    linked = subprocess.run(["ldd", str(program("sideclawd"))], capture_output=True, text=True)
    return "san.so" in linked.stdout


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
        return "a sanitizer's runtime must come first" if sanitized() else ""

    def env(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
        }

    @staticmethod
    def clean_up(pids: list[int]) -> None:
        """What libfaketime leaves in shared memory of processes that were killed."""
        for pid in pids:
            for left in Path("/dev/shm").glob(f"*faketime_*_{pid}"):
                left.unlink(missing_ok=True)

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


def cpu_ns(pid: int) -> int:
    """Of its threads that still live."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks)


def children_had(pid: int) -> int:
    """Page faults of children that ended and were waited for: every child has some, so it grows with each."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[8])


def children(pid: int) -> list[str]:
    return [c for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]


def reads(pid: int) -> int:
    """Calls of read(2) and its kin so far."""
    words = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(words["syscr"])


def rss_anon_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no RssAnon")


def fd_count(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
