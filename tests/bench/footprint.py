"""What an idle daemon costs, how fast it is there, and what the shell command takes.

Every figure is read from the kernel (/proc, wait4), not from the programs themselves.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from rig import CALM, Rig, Row
from support.sidecar import Sidecar, program
from support.wait import eventually


def memory_kib(pid: int) -> dict[str, int]:
    wanted = {"VmRSS": "rss", "RssAnon": "rss_anon", "VmHWM": "rss_peak"}
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {wanted[k]: int(v.split()[0]) for k, v in (x.split(":", 1) for x in lines) if k in wanted}


def cpu_seconds(pid: int) -> float:
    """Of its threads that still live, in nanoseconds' steps."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks) / 1e9


def over(pid: int, seconds: float) -> dict[str, Any]:
    """Memory and CPU over a stretch in which nobody sends anything."""
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)  # the measurement itself, not a wait for something
    used = cpu_seconds(pid) - before
    return {
        **memory_kib(pid),
        "cpu_percent": round(100 * used / (time.monotonic() - start), 3),
        "over_seconds": seconds,
    }


def stripped_bytes(folder: Path) -> dict[str, int]:
    sizes = {}
    for name in ("sideclawd", "sideclaw"):
        copy = folder / name
        shutil.copy(program(name), copy)
        subprocess.run(["strip", copy], check=True)
        sizes[name] = copy.stat().st_size
    return sizes


def ready_ms(sidecar: Sidecar, runs: int) -> float:
    """From exec until the control socket answers, dependencies up; median of restarts."""
    times = []
    for _ in range(runs):
        sidecar.stop()
        start = time.monotonic()
        sidecar.start(wait=False)
        while not sidecar.socket.exists():
            time.sleep(0.0005)
        sidecar.process.wait_log(r"\bevent=daemon\.ready\b")
        times.append(1000 * (time.monotonic() - start))
    return round(statistics.median(times), 1)


def idle(rig: Rig) -> Row:
    """A daemon with a gateway, Consul and Redis, and nothing to do: memory, CPU, start, size."""
    row, mesh = Row(), rig.mesh()
    try:
        jerry = mesh.add("jerry-gateway", ["jerry"], **CALM)
        mesh.add("bobby-gateway", ["bobby"], **CALM)
        mesh.wait_whole()
        row.measured = {
            **over(jerry.process.pid, rig.pick(60, 3)),
            "ready_ms_p50": ready_ms(jerry, rig.pick(5, 1)),
            "stripped_bytes": stripped_bytes(rig.folder),
        }
    finally:
        mesh.stop()
    row.at_most("rss_anon_mb", row.measured["rss_anon"] / 1024, 4, "4 MB")
    return row


# --- the shell command ---


def one_process(argv: list[str], env: dict[str, str]) -> float:
    """Wall milliseconds of one program, from fork to wait."""
    start = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(argv[0], argv, env, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    elapsed = 1000 * (time.perf_counter() - start)
    assert status == 0, f"{argv} ended with {status}"
    return elapsed


def peak_kib(sidecar: Sidecar) -> int:
    """Peak RSS of the command while it waits for an answer that nobody gives.

    Not ru_maxrss: a child that Python spawns inherits Python's own high-water mark.
    """
    base = [program("sideclaw"), "--socket", sidecar.socket]
    argv = [*base, "ask", "--to", "operator", "--timeout", "2", "x" * 1024]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        stat = Path(f"/proc/{child.pid}/stat")
        socket_fd = Path(f"/proc/{child.pid}/fd/3")
        eventually(lambda: socket_fd.is_socket() and " S " in stat.read_text(), "it waits")
        peak = memory_kib(child.pid)["rss_peak"]
        child.wait()
    return peak


def process(rig: Rig) -> Row:
    """The whole `sideclaw send`, to the durable answer, beside `/bin/true` and `sideclaw version`."""
    row, mesh = Row(), rig.mesh()
    taken: dict[str, list[float]] = {"send": [], "true": [], "version": []}
    runs = rig.pick(500, 30)
    try:
        pair = rig.pair(mesh)
        env = {"PATH": os.environ["PATH"]}
        base = [str(program("sideclaw")), "--socket", str(pair.source.socket)]
        for _ in range(runs):
            taken["send"].append(one_process([*base, "send", "--to", "sink", "x" * 1024], env))
            taken["true"].append(one_process(["/bin/true"], env))
            taken["version"].append(one_process([*base, "version"], env))
        row.measured = {
            "runs": runs,
            **{f"{k}_ms_p50": round(statistics.median(v), 2) for k, v in taken.items()},
            **{f"{k}_ms_p99": round(sorted(v)[int(runs * 0.99)], 2) for k, v in taken.items()},
            "raw_fsync_p50_us": rig.raw_fsync()["p50_us"],
            "peak_rss_kib": peak_kib(pair.source),
        }
    finally:
        mesh.stop()
    row.at_most("send_ms_p50", row.measured["send_ms_p50"], 4, "4 ms")
    return row
