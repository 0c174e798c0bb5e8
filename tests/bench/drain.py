"""A hundred thousand messages that could not be sent, and how fast they leave when they can."""

from __future__ import annotations

import json
import threading
from subprocess import Popen
from typing import Any

from rig import Pair, Rig, Row, driver, start_driver

LIVE_RATE = 200


class Outage:
    """Nobody logs in to Redis any more, and who was in is thrown out, except who only listens by our wish.

    Not a stopped server: the driver keeps its subscription, and so sees the first message that leaves.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair, self.redis = pair, pair.rig.redis

    def begin(self) -> None:
        with self.redis.client() as c:
            c.call("CONFIG", "SET", "requirepass", "away")
            ids = [
                part.split("=", 1)[1]
                for line in self._clients(c)
                if "name=sideclaw:" in line
                for part in line.split()
                if part.startswith("id=")
            ]
            for one in ids:
                c.call("CLIENT", "KILL", "ID", one)
        for sidecar in (self.pair.source, self.pair.sink):
            sidecar.wait_link("redis", "down")

    @staticmethod
    def _clients(c: Any) -> list[str]:
        return str(c.call("CLIENT", "LIST")).splitlines()

    def end(self) -> None:
        with self.redis.client() as c:
            c.call("AUTH", "away")
            c.call("CONFIG", "SET", "requirepass", "")


def line(job: "Popen[str]", word: str) -> str:
    assert job.stdout
    text = job.stdout.readline()
    assert text.startswith(word), f"the driver said {text!r} instead of {word}"
    return text[len(word) :]


class Live:
    """Paced messages to another agent, in portions, while something lasts."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.portions = pair, []  # type: ignore[var-annotated]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def portion(self, count: int) -> dict[str, Any]:
        args = ["--to", "live", "--rate", LIVE_RATE, "--in-flight", 100000, "--count", count]
        return dict(driver("send", *self.pair.args(), *args)["latency"])

    def _run(self) -> None:
        while not self.stop.is_set():
            self.portions.append(self.portion(LIVE_RATE))

    def end(self) -> list[dict[str, Any]]:
        self.stop.set()
        self.thread.join()
        return self.portions


def drain(rig: Rig) -> Row:
    """Consul away, Redis away, 100,000 accepted, Redis back: messages a second, and live traffic meanwhile.

    Consul stays away to the end, because it would carry some of the messages.
    """
    row, mesh, count = Row(), rig.mesh(), rig.pick(100000, 5000)
    job = None
    try:
        pair = rig.pair(mesh, ["sink", "live"])
        live = Live(pair)
        live.portion(200)  # scripts, caches
        rig.consul.stop()
        pair.source.wait_link("consul", "down")
        before = live.portion(rig.pick(2000, 200))
        job = start_driver("drain", *pair.args(), "--count", count, "--in-flight", 256)
        line(job, "ready")
        outage = Outage(pair)
        outage.begin()
        assert job.stdin
        job.stdin.write("go\n")
        job.stdin.flush()
        accepted = json.loads(line(job, "accepted "))
        outage.end()
        line(job, "draining")
        live.thread.start()
        drained = json.loads(line(job, ""))
        job.wait()
        during = live.end()
        after = live.portion(rig.pick(1000, 200))
        counters = {"sender": pair.source.status()["counters"], "receiver": pair.sink.status()["counters"]}
    finally:
        if job:
            job.kill()
        mesh.stop()
        if not rig.consul.process.alive:
            rig.consul.start()
    # A portion that began before the end of the drain is counted whole, but for the last.
    whole = during[:-1] or during
    worst = max(d["p99_us"] for d in whole)
    row.measured = {
        "messages": count,
        "accepted": accepted,
        "per_s": drained["stored_per_s"],
        "drained": drained,
        "live_before": before,
        "live_during": during,
        "live_after": after,
        "resent": counters["sender"]["retried"],
        "duplicates": counters["receiver"]["duplicates"],
        "counters": counters,
    }
    row.at_least("drained_per_s", drained["stored_per_s"], 10000, "10,000 messages a second")
    row.at_most("live_p99_us", worst, 2 * before["p99_us"], "2 x its p99 before the drain")
    return row
