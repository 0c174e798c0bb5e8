"""One child process: its log, its end, and signals that go to its own pid only."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Mapping, Optional, Sequence

from .wait import SLOW, eventually

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1

# Every process started and not yet forgotten, so that a failing test can show all logs.
started: list["Process"] = []


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_env(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """An environment in which only what a test says configures a program."""
    keep = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "USER",
        "LSAN_OPTIONS",
        "ASAN_OPTIONS",
        "UBSAN_OPTIONS",
    )
    env = {k: os.environ[k] for k in keep if k in os.environ}
    env.update(extra or {})
    return env


class Process:
    def __init__(
        self,
        name: str,
        argv: Sequence[object],
        folder: Path,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[Path] = None,
    ) -> None:
        self.name = name
        self.argv = [str(a) for a in argv]
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.env = dict(env) if env is not None else clean_env()
        self.cwd = cwd
        self.popen: Optional[subprocess.Popen[bytes]] = None
        self.pids: list[int] = []  # of all its runs
        self.mark = 0  # where the log of the present run begins

    def start(self) -> "Process":
        assert not self.alive, f"{self.name} already runs"
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.mark = log.tell()
            self.popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                cwd=self.cwd,
                # A session of its own: Ctrl-C reaches us first, and we stop things in the right order.
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.pids.append(self.popen.pid)
        if self not in started:
            started.append(self)
        return self

    @property
    def pid(self) -> int:
        assert self.popen is not None, f"{self.name} was never started"
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    @property
    def returncode(self) -> Optional[int]:
        return None if self.popen is None else self.popen.poll()

    def signal(self, number: int) -> None:
        assert self.alive, f"{self.name} is not running (exit {self.returncode})"
        os.kill(self.pid, number)

    def pause(self) -> None:
        """Stop it in its tracks; it counts as frozen only once the kernel says so."""
        self.signal(signal.SIGSTOP)
        eventually(lambda: self.state() == "T", f"{self.name} stopped by SIGSTOP")

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        if self.alive:
            self.signal(signal.SIGKILL)
        if self.popen is not None:
            self.popen.wait()

    def stop(self, grace: float = 15.0) -> int:
        """SIGTERM, then SIGKILL after the grace time. Returns the exit code."""
        if self.popen is None:
            return 0
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.wait_exit(grace, kill=True)

    def wait_exit(self, within: float = 15.0, kill: bool = False) -> int:
        assert self.popen is not None
        try:
            return self.popen.wait(within * SLOW)
        except subprocess.TimeoutExpired:
            if not kill:
                raise AssertionError(f"{self.name} still runs after {within * SLOW:g} s") from None
            self.kill()
            return self.popen.wait()

    def text(self, whole: bool = False) -> str:
        """What it wrote in this run (or in all of its runs)."""
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as f:
            f.seek(0 if whole else self.mark)
            return f.read().decode(errors="replace")

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.text(whole=True).splitlines()[-lines:])

    def wait_log(self, pattern: str, within: float = 10.0, count: int = 1) -> str:
        """Wait until the present run's log has a line that matches; fails at once when the process ends."""
        end = time.monotonic() + within * SLOW
        while True:
            ended = not self.alive
            found = [line for line in self.text().splitlines() if re.search(pattern, line)]
            if len(found) >= count:
                return found[-1]
            if ended:
                raise AssertionError(
                    f"{self.name} ended (exit {self.returncode}) before {pattern!r}:\n{self.tail()}"
                )
            if time.monotonic() > end:
                raise AssertionError(
                    f"{self.name}: no line {pattern!r} within {within * SLOW:g} s:\n{self.tail()}"
                )
            time.sleep(0.005)
