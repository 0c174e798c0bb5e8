"""What two sidecars add to a question: the same gateway, asked straight and through the mesh."""

from __future__ import annotations

import json
import socket
import statistics
import time
import uuid

from rig import CALM, Rig, Row
from support.gateway_client import GatewayClient


class Control:
    """One connection to the control socket: what `sideclaw ask` does, without starting a process."""

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")

    def ask(self, text: str) -> str:
        params = {"to": "bobby", "from": "operator", "body": text, "wait_ms": 10000}
        call = {"jsonrpc": "2.0", "id": 1, "method": "message.send", "params": params}
        self.sock.sendall(json.dumps(call).encode() + b"\n")
        answer = json.loads(self.file.readline())
        return str(answer["result"]["reply"]["body"])


def ask(rig: Rig) -> Row:
    """Alternating, so that a busy moment of the machine hits both the same."""
    row, mesh, runs = Row(), rig.mesh(), rig.pick(500, 30)
    direct, through = [], []
    try:
        jerry = mesh.add("jerry-gateway", ["jerry"], **CALM)
        mesh.add("bobby-gateway", ["bobby"], **CALM)
        mesh.wait_whole()
        gateway, control = mesh.gateways["bobby-gateway"], Control(str(jerry.socket))
        one_way, fsync = rig.raw_one_way(1000)["p50_us"], rig.raw_fsync()["p50_us"]
        with GatewayClient(gateway.port, gateway.token) as client:
            client.turn("bobby", "warm", str(uuid.uuid4()))
            control.ask("warm")
            for i in range(runs):
                start = time.perf_counter()
                client.turn("bobby", f"question {i}", str(uuid.uuid4()))
                middle = time.perf_counter()
                assert control.ask(f"question {i}") == f"echo(bobby): question {i}"
                direct.append(1000 * (middle - start))
                through.append(1000 * (time.perf_counter() - middle))
    finally:
        mesh.stop()
    added = statistics.median(through) - statistics.median(direct)
    floor = (2 * one_way + 4 * fsync) / 1000
    row.measured = {
        "runs": runs,
        "direct_ms_p50": round(statistics.median(direct), 3),
        "through_ms_p50": round(statistics.median(through), 3),
        "through_ms_p99": round(sorted(through)[int(runs * 0.99)], 3),
        "added_ms_p50": round(added, 3),
        "raw_one_way_p50_us": one_way,
        "raw_fsync_p50_us": fsync,
        "floor_ms": round(floor, 3),
    }
    row.at_most("above_floor_ms", added - floor, 0.6, "added p50 - 2 x raw one-way - 4 x raw fsync <= 0.6")
    return row
