"""Durable messages a second, and where the processor time of one goes."""

from __future__ import annotations

from typing import Any

from rig import Rig, Row

IN_FLIGHT = {64: 1, 256: 1, 1024: 4}  # submitted and not yet stored: connections that carry them


def throughput(rig: Rig) -> Row:
    """Durable messages a second with 64, 256 and 1024 in flight, beside raw publish/subscribe."""
    row, mesh = Row(), rig.mesh()
    count = rig.pick(60000, 3000)
    results: dict[str, Any] = {}
    try:
        pair = rig.pair(mesh)
        pair.send(count=2000, in_flight=64)
        for in_flight, connections in IN_FLIGHT.items():
            raw = rig.raw_flood("raw-throughput", in_flight)
            ours = pair.send(in_flight=in_flight, connections=connections, count=count, warm_up=count // 10)
            cpu = sum(ours["cpu_us_per_message"].values())
            results[str(in_flight)] = {
                "stored_per_s": ours["stored_per_s"],
                "ratio_to_raw": round(ours["stored_per_s"] / raw["per_s"], 4),
                "raw_pubsub_per_s": raw["per_s"],
                "raw_script_per_s": rig.raw_flood("raw-script", in_flight)["per_s"],
                "cpu_us_per_message": ours["cpu_us_per_message"],
                "commits_per_message": ours["commits_per_message"],
                "cpu_us_per_message_sum": round(cpu, 2),
                "processors_busy": round(cpu * ours["stored_per_s"] / 1e6, 2),
                "latency_us": ours["latency"],
            }
    finally:
        mesh.stop()
    row.measured = results
    best = max(r["stored_per_s"] for r in results.values())
    row.at_least("best_stored_per_s", best, 20000, "20,000 with 64 in flight or more")
    ratio = max(r["ratio_to_raw"] for r in results.values())
    row.at_least("best_ratio_to_raw", ratio, 0.12, "12 % of raw publish/subscribe with as many in flight")
    return row
