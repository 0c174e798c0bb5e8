"""What a daemon keeps in memory of a large mesh and of a full spool."""

from __future__ import annotations

import time

from crowd import Crowd
from footprint import memory_kib
from rig import CALM, Rig, Row
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
        time.sleep(rig.pick(20, 1))  # the measurement: at least one heartbeat, which reads it all again
        later = memory_kib(one.process.pid)
        one.json("agents")
        row.measured = {
            "agents": count,
            "before": before,
            "arrived": arrived,
            "restarted": again,
            "after_a_heartbeat": later,
            "after_listing_them_all": memory_kib(one.process.pid),
        }
    finally:
        crowd.leave()
        mesh.stop()
    most = max(x["rss_anon"] for x in (arrived, again, later)) / 1024
    row.at_most("rss_anon_mb", most, 12, "12 MB with 10,000 agents, the most of all moments looked at")
    return row
