"""What a daemon keeps in memory of a large mesh and of a full spool."""

from __future__ import annotations

import time
from typing import Any

from crowd import Crowd
from footprint import memory_kib, over
from rig import CALM, Pair, Rig, Row
from spool import multiply
from support.sidecar import Sidecar
from support.wait import eventually

AGENTS_EACH = 500  # of one gateway; 1,000 is the most


def known_agents(sidecar: Sidecar) -> int:
    return int(sidecar.metric("sideclaw_agents", place="remote"))


def agents(rig: Rig) -> Row:
    """RssAnon of a daemon that knows 10,000 agents of other gateways, after it has settled."""
    row, mesh, count = Row(), rig.mesh(), rig.pick(10000, 1000)
    crowd = Crowd(rig.consul, mesh.prefix)
    try:
        one = mesh.add("one-gateway", gateway=False, config_agents=[{"id": "one"}], **CALM)
        before = memory_kib(one.process.pid)
        crowd.arrive(count // AGENTS_EACH, AGENTS_EACH)
        eventually(lambda: known_agents(one) >= count, f"{count} agents are known", within=60)
        arrived = memory_kib(one.process.pid)
        one.restart()
        eventually(lambda: known_agents(one) >= count, f"{count} agents are known again", within=60)
        again = memory_kib(one.process.pid)
        later = over(one.process.pid, rig.pick(20, 1))  # at least one heartbeat, which reads it all again
        with crowd.beating(count // AGENTS_EACH, AGENTS_EACH, period_s=15):
            busy = over(one.process.pid, rig.pick(20, 1))
        one.json("agents")
        row.measured = {
            "agents": count,
            "before": before,
            "arrived": arrived,
            "restarted": again,
            "after_a_heartbeat": later,
            "while_all_gateways_beat": busy,
            "after_listing_them_all": memory_kib(one.process.pid),
        }
    finally:
        crowd.leave()
        mesh.stop()
    most = max(x["rss_anon"] for x in (arrived, again, later, busy)) / 1024
    row.at_most("rss_anon_mb", most, 12, "12 MB with 10,000 agents, the most of all moments looked at")
    return row


# --- a million messages on disk ---

ROOM = {"spool__max_bytes": 8 << 30, "spool__max_messages": 4000000}


def fill(source: Sidecar, count: int) -> float:
    """One message to a gateway that is away, then its copies; MB of the file."""
    source.cli("send", "--to", "sink", "x" * 1024).ok()
    source.stop()
    path = source.state / "spool.db"
    multiply(path, count)
    return path.stat().st_size / 1e6


def start_s(sidecar: Sidecar) -> float:
    start = time.monotonic()
    sidecar.start()
    return time.monotonic() - start


def received(pair: Pair) -> int:
    return int(pair.sink.status()["counters"]["received"])


def watch(pair: Pair, count: int, seconds: float) -> dict[str, Any]:
    """The sender's most memory while messages leave, until all are there or the time is over."""
    most, first = 0, received(pair)
    eventually(lambda: received(pair) > first, "the first message arrives", within=30)
    begin, start = time.monotonic(), received(pair)
    last = start
    while last < first + count and time.monotonic() - begin < seconds:
        most = max(most, memory_kib(pair.source.process.pid)["rss_anon"])
        time.sleep(0.1)
        last = received(pair)
    took = time.monotonic() - begin
    return {"rss_anon_most": most, "arrived": last - first, "per_s": round((last - start) / took)}


def spooled(rig: Rig) -> Row:
    """RssAnon with 1,000,000 messages in the spool: at rest, and while they leave."""
    row, mesh, count = Row(), rig.mesh(), rig.pick(1000000, 20000)
    try:
        pair = rig.pair(mesh, **ROOM)
        rig.redis.stop()
        rig.consul.stop()  # it carries small messages, too
        pair.source.wait_link("redis", "down")
        pair.source.wait_link("consul", "down")
        megabytes = fill(pair.source, count)
        started = start_s(pair.source)
        eventually(lambda: pair.source.status()["spool"]["outbox"] >= count, "the spool was counted")
        rest = over(pair.source.process.pid, rig.pick(20, 1))
        rig.redis.start()
        draining = watch(pair, count, rig.pick(30, 5))
        row.measured = {
            "messages": count,
            "file_mb": round(megabytes),
            "start_s": round(started, 2),
            "at_rest": rest,
            "draining": draining,
            "receiver": memory_kib(pair.sink.process.pid),
        }
    finally:
        for server in (rig.redis, rig.consul):
            if not server.process.alive:
                server.start()
        mesh.stop()
    row.at_most("rss_anon_rest_mb", rest["rss_anon"] / 1024, 24, "24 MB at rest")
    row.at_most("rss_anon_draining_mb", draining["rss_anon_most"] / 1024, 24, "24 MB while draining")
    return row
