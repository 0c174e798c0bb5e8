"""What two sidecars add to a question: the same gateway, asked straight and through the mesh."""

from __future__ import annotations

import json
import socket
import statistics
import time
import uuid
from typing import Any

from support.gateway_client import GatewayClient
from support.mesh import Mesh


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


def added_ms(mesh: Mesh, runs: int) -> dict[str, Any]:
    """Alternating, so that a busy moment of the machine hits both the same."""
    gateway = mesh.gateways["bobby-gateway"]
    control = Control(str(mesh.sidecars["jerry-gateway"].socket))
    direct, through = [], []
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
    return {
        "runs": runs,
        "direct_ms_p50": round(statistics.median(direct), 3),
        "through_ms_p50": round(statistics.median(through), 3),
        "added_ms_p50": round(statistics.median(through) - statistics.median(direct), 3),
        "through_ms_p99": round(sorted(through)[int(runs * 0.99)], 3),
    }
