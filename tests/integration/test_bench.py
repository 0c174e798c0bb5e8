"""The benchmark itself: every row runs, and what it says can be true. Never how fast."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.sidecar import build_folder, run

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_of_the_benchmark_runs() -> None:
    if not (build_folder() / "sideclaw_bench").exists():
        pytest.skip("this build has no load driver (SIDECLAW_BENCH)")
    bench = ROOT / "tests/bench/run"
    names = {line.split()[0] for line in run(bench, "--list").ok().out.splitlines()}
    done = run(bench, "--quick", "--build", build_folder(), timeout=240)
    assert done.rc == 0, done.err
    rows = json.loads(done.out)["rows"]
    assert set(rows) == names
    throughput = rows["throughput"]["measured"]
    assert all(0 < r["ratio_to_raw"] < 1 for r in throughput.values()), throughput
    latency = rows["latency"]["measured"]
    assert latency["p50_us"] > latency["raw_fsync_p50_us"], "durable cannot be faster than the disk"
    assert rows["drain"]["measured"]["accepted"]["stored_already"] == 0
