"""What two sidecars add to a question: the same gateway, asked straight and through the mesh."""

from __future__ import annotations

from drain import line
from rig import BYTES, CALM, Rig, Row, driver, start_driver
from support.ports import free_port


def ask(rig: Rig) -> Row:
    """What two sidecars add to a question and its answer.

    The driver asks straight and through in turn, so that a busy moment hits both. The gateway is its own: one
    thread of C that answers at once.
    """
    row, mesh, port = Row(), rig.mesh(), free_port()
    gateway = start_driver("gateway", "--port", port, "--to", "bobby")
    try:
        line(gateway, "ready")
        source = mesh.add("source-gateway", gateway=False, **CALM)
        logged_in = {"gateway.url": f"ws://127.0.0.1:{port}", "gateway.token": "token-of-nothing"}
        more = {k.replace(".", "__"): v for k, v in logged_in.items()}
        options = {**CALM, **more, "gateway__enabled": True, "gateway__auth": "token"}
        mesh.add("bobby-gateway", gateway=False, **options)
        source.wait_agents("bobby")
        args = ["--socket", source.socket, "--port", port, "--to", "bobby", "--bytes", BYTES]
        rounds = []
        for _ in range(rig.pick(3, 1)):
            raw = {"one_way": rig.raw_one_way(1000), "fsync": rig.raw_fsync()}
            rounds.append({**raw, **driver("ask", *args, "--count", rig.pick(1000, 50), "--warm-up", 20)})
    finally:
        gateway.kill()
        mesh.stop()

    def p50(part: str) -> float:
        return sorted(float(r[part]["p50_us"]) for r in rounds)[len(rounds) // 2]

    added, floor = p50("through") - p50("straight"), 2 * p50("one_way") + 4 * p50("fsync")
    row.measured = {
        "straight_us_p50": p50("straight"),
        "through_us_p50": p50("through"),
        "added_us_p50": round(added, 1),
        "raw_one_way_us_p50": p50("one_way"),
        "raw_fsync_us_p50": p50("fsync"),
        "rounds": rounds,
    }
    row.at_most("added_p50_us", added, floor + 600, "2 x raw one-way + 4 x raw fsync + 600")
    return row
