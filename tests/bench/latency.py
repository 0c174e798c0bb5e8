"""Submitted on one sidecar's control socket until the other has it on disk, at 1,000 messages a second."""

from __future__ import annotations

from rig import Rig, Row, middle

RATE = 1000


def latency(rig: Rig) -> Row:
    """1 KiB at 1,000 messages a second, until the receiver has it on disk.

    Raw and ours take turns: what the machine does meanwhile is in both. What the driver sees is a receipt, so
    the figure holds one way through Redis more than its name says; `without_receipt` takes that way off. The
    target is held against the figure as it was seen.
    """
    row, mesh = Row(), rig.mesh()
    rounds = []
    try:
        pair = rig.pair(mesh)
        pair.send(rate=RATE, in_flight=100000, count=1000, warm_up=0)  # caches, scripts, file sizes
        for _ in range(rig.pick(5, 1)):
            raw = {"one_way": rig.raw_one_way(RATE), "fsync": rig.raw_fsync()}
            count = rig.pick(5000, 1000)
            rounds.append({**raw, "send": pair.send(rate=RATE, in_flight=100000, count=count, warm_up=500)})
    finally:
        mesh.stop()

    def of(part: str, key: str) -> float:
        return middle([float((r[part].get("latency") or r[part])[key]) for r in rounds])

    p50, p99 = of("send", "p50_us"), of("send", "p99_us")
    one_way, fsync = of("one_way", "p50_us"), of("fsync", "p50_us")
    row.measured = {
        "p50_us": p50,
        "p99_us": p99,
        "without_receipt_p50_us": round(p50 - one_way, 1),
        "raw_one_way_p50_us": one_way,
        "raw_one_way_p99_us": of("one_way", "p99_us"),
        "raw_fsync_p50_us": fsync,
        "raw_fsync_p99_us": of("fsync", "p99_us"),
        "cpu_us_per_message": rounds[-1]["send"]["cpu_us_per_message"],
        "commits_per_message": rounds[-1]["send"]["commits_per_message"],
        "rounds": rounds,
    }
    target = one_way + 2 * fsync + 300
    row.at_most("p50_us", p50, target, "raw one-way p50 + 2 x raw fsync p50 + 300")
    row.at_most("p99_us", p99, 5 * p50, "5 x p50")
    return row
