"""Does a message cost the same in a large mesh? Processor time of one, as the mesh grows."""

from __future__ import annotations

from typing import Any

from crowd import Crowd
from memory import known_agents
from rig import CALM, Pair, Rig, Row, middle
from support.wait import eventually

FLAT = 1.3
HERE_MAX = 1000  # agents of one gateway
ROUNDS = 3


def cost(pair: Pair, agents: int, count: int) -> dict[str, Any]:
    """Median over rounds of the processor time of one message: both sidecars and Redis, not the driver."""
    options = {"in_flight": 64, "count": count, "warm_up": count // 10, "agents": agents}
    rounds = [pair.send(to="sink-", **options) for _ in range(ROUNDS)]
    parts = {
        who: middle([r["cpu_us_per_message"][who] for r in rounds]) for who in ("sender", "receiver", "redis")
    }
    per_s = round(middle([r["stored_per_s"] for r in rounds]))
    return {**parts, "sum": round(sum(parts.values()), 2), "stored_per_s": per_s}


def in_mesh(rig: Rig, here: int, gateways: int, agents_each: int, count: int) -> dict[str, Any]:
    """`here` agents at the sink, each written to in turn, and a crowd of gateways that only exist."""
    mesh = rig.mesh()
    crowd = Crowd(rig.consul, mesh.prefix)
    try:
        crowd.arrive(gateways, agents_each)
        source = mesh.add("source-gateway", gateway=False, **CALM)
        # The driver numbers the agents only when there is more than one.
        names = [f"sink-{i}" for i in range(here)]
        sink = mesh.add("sink-gateway", gateway=False, config_agents=[{"id": n} for n in names], **CALM)
        everyone = here + gateways * agents_each
        eventually(lambda: known_agents(source) >= everyone, "everyone is known", within=60)
        return cost(Pair(rig, mesh, source, sink), here, count)
    finally:
        crowd.leave()
        mesh.stop()


def ratios(of: dict[str, dict[str, Any]]) -> float:
    """The worst against the smallest mesh."""
    first, *rest = of.values()
    return max(float(r["sum"]) / float(first["sum"]) for r in rest)


def growth(rig: Rig) -> Row:
    """10 to 10,000 agents and 2 to 200 gateways, of which two are real: processor time per message."""
    row, count = Row(), rig.pick(20000, 1000)
    sizes = (10, 100) if rig.quick else (10, 100, 1000, 10000)
    by_agents, by_gateways = {}, {}
    for n in sizes:
        here = min(n, HERE_MAX)
        elsewhere = (n - here) // 500
        by_agents[str(n)] = in_mesh(rig, here, elsewhere, 500 if elsewhere else 0, count)
    for n in (2, 20) if rig.quick else (2, 20, 200):
        by_gateways[str(n)] = in_mesh(rig, 10, n - 2, 5, count)
    row.measured = {"by_agents": by_agents, "by_gateways": by_gateways}
    row.at_most("agents_ratio", ratios(by_agents), FLAT, f"worst cost / cost with {sizes[0]} agents")
    row.at_most("gateways_ratio", ratios(by_gateways), FLAT, "worst cost / cost with 2 gateways")
    return row
