"""What looking at the gateway costs: a daemon beside a gateway minus one without, both at rest at the same
time, with everything else (Consul, Redis) as in production."""

from __future__ import annotations

import time

from footprint import cpu_seconds
from rig import CALM, Rig, Row
from support.wait import eventually


def probing(rig: Rig) -> Row:
    """Looking at a gateway that is well: processor time, and what is asked of the gateway."""
    row, mesh, seconds = Row(), rig.mesh(), rig.pick(60, 6)
    try:
        beside = mesh.add("jerry-gateway", ["jerry"], gateway__cli="", **CALM)
        without = mesh.add("idle-gateway", gateway=False, **CALM)
        gateway = beside.gateway
        eventually(lambda: beside.status()["health"] == "healthy", "healthy", within=30)
        first = gateway.pages
        eventually(lambda: gateway.pages >= first + 3, "the start is over", within=30)
        pids = {"beside": beside.process.pid, "without": without.process.pid}
        before, pages, calls = (
            {who: cpu_seconds(pid) for who, pid in pids.items()},
            gateway.pages,
            len(gateway.requests),
        )
        start = time.monotonic()
        time.sleep(seconds)  # the measurement itself, not a wait for something
        used = {who: cpu_seconds(pid) - before[who] for who, pid in pids.items()}
        took = time.monotonic() - start
        asked = gateway.pages - pages
        probing_s = used["beside"] - used["without"]
        row.measured = {
            "over_seconds": seconds,
            **{f"{who}_cpu_percent": round(100 * s / took, 4) for who, s in used.items()},
            "probing_cpu_percent": round(100 * probing_s / took, 4),
            "pages_per_minute": round(60 * asked / took, 1),
            "calls_per_minute": round(60 * (len(gateway.requests) - calls) / took, 1),
            "us_per_page": round(1e6 * probing_s / max(asked, 1)),
        }
    finally:
        mesh.stop()
    row.at_most("probing_cpu_percent", row.measured["probing_cpu_percent"], 0.3, "0.3 % of a processor")
    return row
