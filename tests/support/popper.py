"""An agent that takes tasks: a process of its own, so that it can be killed and frozen like one.

    popper.py SOCKET AGENT LEDGER WORK_MS

Each line of the ledger is one thing it was told: "got ID FENCE", "done ID FENCE", "late ID FENCE" (kept, and
not yet confirmed), "stale ID FENCE". It ends when killed.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.rpc import Refused, Rpc  # noqa: E402

IDLE_S = 0.05


class Popper:
    def __init__(self, socket: Path, agent: str, ledger: Path, work_ms: int) -> None:
        self.socket, self.agent, self.work_ms = socket, agent, work_ms
        self.ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, what: str, task: str, fence: str) -> None:
        os.write(self.ledger, f"{what} {task} {fence}\n".encode())

    def one(self, rpc: Rpc) -> None:
        task = rpc.call("task.pop", agent=self.agent)["task"]
        if task is None:
            time.sleep(IDLE_S)
            return
        self.note("got", task["id"], task["fence"])
        time.sleep(random.uniform(0, self.work_ms / 1000))
        mine = {"id": task["id"], "fence": task["fence"], "agent": self.agent}
        try:
            if random.random() < 0.05:
                rpc.call("task.fail", reason="today not", **mine)
                return
            answer = rpc.call("task.complete", result=f"by {self.agent}", timeout=15, **mine)
        except Refused as e:
            self.note("stale" if e.code == "conflict" else f"refused-{e.code}", task["id"], task["fence"])
            return
        self.note("done" if answer["state"] == "done" else "late", task["id"], task["fence"])

    def run(self) -> None:
        while True:
            try:
                with Rpc(self.socket, timeout=5) as rpc:
                    while True:
                        self.one(rpc)
            except (OSError, ConnectionError, TimeoutError, Refused):
                time.sleep(IDLE_S)  # the sidecar was killed, frozen, or has no queue: come again


if __name__ == "__main__":
    Popper(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])).run()
