"""A network namespace with one cable to ours: packets can be lost there, which no proxy can do."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess


_numbers = itertools.count()


def ip(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["ip", *args], capture_output=True, text=True)


class Netns:
    """Its end is `inside`, ours `outside`. Named after our process, so that two runs do not meet."""

    def __init__(self) -> None:
        number = (os.getpid() * 8 + next(_numbers) % 8) % 8192
        self.name = f"sideclaw{number}"
        self.ours, self.theirs = f"sco{number}", f"sci{number}"
        net = f"10.{200 + number // 256}.{number % 256}"
        self.outside, self.inside = f"{net}.1", f"{net}.2"
        self.why_not = ""  # else: it could not be made

    def start(self) -> "Netns":
        if os.geteuid() != 0 or not shutil.which("ip"):
            self.why_not = "a network namespace needs root and iproute2"
            return self
        for step in (
            ("netns", "add", self.name),
            ("link", "add", self.ours, "type", "veth", "peer", "name", self.theirs),
            ("link", "set", self.theirs, "netns", self.name),
            ("addr", "add", f"{self.outside}/24", "dev", self.ours),
            ("link", "set", self.ours, "up"),
            ("-n", self.name, "addr", "add", f"{self.inside}/24", "dev", self.theirs),
            ("-n", self.name, "link", "set", self.theirs, "up"),
            ("-n", self.name, "link", "set", "lo", "up"),
        ):
            done = ip(*step)
            if done.returncode != 0:
                self.stop()
                self.why_not = f"ip {' '.join(step)}: {done.stderr.strip()}"
                break
        return self

    def command(self, *argv: object) -> list[str]:
        """argv, run inside; `ip` becomes that program, so its pid is the one that was started."""
        return ["ip", "netns", "exec", self.name, *(str(a) for a in argv)]

    def unplug(self) -> None:
        """Our end: those inside keep their route, and their packets vanish without a word."""
        assert ip("link", "set", self.ours, "down").returncode == 0

    def plug_in(self) -> None:
        assert ip("link", "set", self.ours, "up").returncode == 0

    def shape(self, *netem: str) -> str:
        """Loss, delay, reordering as tc-netem(8) says them; none: as before. Empty when it worked."""
        on = ["replace", "dev", self.ours, "root", "netem", *netem]
        off = ["del", "dev", self.ours, "root"]
        done = subprocess.run(["tc", "qdisc", *(on if netem else off)], capture_output=True, text=True)
        return done.stderr.strip() if done.returncode else ""

    def why_no_shape(self) -> str:
        """Empty: this kernel can."""
        if self.why_not:
            return self.why_not
        why = self.shape("delay", "1ms")
        if not why:
            self.shape()
        return why and f"tc netem: {why}"

    def stop(self) -> None:
        ip("link", "del", self.ours)
        ip("netns", "del", self.name)
