"""Durable messages a second, from a submission on one control socket to `stored` at the other sidecar.

The driver prepares every line first and then only counts newlines, so that Python is not what is measured.
Beside it, in the same run: raw pipelined PUBLISH to a subscriber, and raw fsync.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

from support.mesh import Mesh

BODY = "x" * 1024


def submit_all(path: Path, count: int, in_flight: int) -> float:
    """Seconds until the last of `count` submissions was answered."""
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": i, "method": "message.send",
                    "params": {"to": "sink", "body": BODY}}).encode() + b"\n"
        for i in range(count)
    ]
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    sent = answered = 0
    start = time.monotonic()
    while answered < count:
        window = min(count, answered + in_flight)
        if sent < window:
            sock.sendall(b"".join(lines[sent:window]))
            sent = window
        answered += sock.recv(1 << 16).count(b"\n")
    return time.monotonic() - start


def stored(mesh: Mesh) -> int:
    db = sqlite3.connect(f"file:{mesh.sidecars['sink-gateway'].state}/spool.db?mode=ro", uri=True)
    with db:
        return int(db.execute("select count(*) from inbox").fetchone()[0])


def durable(mesh: Mesh, count: int, in_flight: int) -> dict[str, Any]:
    source = mesh.sidecars["source-gateway"]
    before, start = stored(mesh), time.monotonic()
    submitting = submit_all(source.socket, count, in_flight)
    while stored(mesh) < before + count:
        assert time.monotonic() - start < 120, "not everything was stored"
        time.sleep(0.01)
    total = time.monotonic() - start
    return {
        "messages": count,
        "in_flight": in_flight,
        "accepted_per_s": round(count / submitting),
        "stored_per_s": round(count / total),
    }


def raw_pubsub(port: int, count: int) -> int:
    """Pipelined PUBLISH of 1 KiB, counted at a subscriber: messages a second."""
    sub = socket.create_connection(("127.0.0.1", port))
    sub.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\nraw\r\n")
    sub.recv(4096)
    one = b"*3\r\n$7\r\nPUBLISH\r\n$3\r\nraw\r\n$1024\r\n" + BODY.encode() + b"\r\n"
    batch = one * 64
    push = len(b"*3\r\n$7\r\nmessage\r\n$3\r\nraw\r\n$1024\r\n") + 1024 + 2
    pub = socket.create_connection(("127.0.0.1", port))
    start, got, sent = time.monotonic(), 0, 0
    while got < count * push:
        if sent < count and sent * push - got < 512 * push:
            pub.sendall(batch)
            sent += 64
        while select.select([pub], [], [], 0)[0]:
            pub.recv(1 << 16)
        got += len(sub.recv(1 << 18))
    return round(count / (time.monotonic() - start))


def raw_fsync_ms(folder: Path, runs: int = 200) -> float:
    fd = os.open(folder / "fsync.probe", os.O_CREAT | os.O_WRONLY)
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        os.write(fd, BODY.encode())
        os.fdatasync(fd)
        taken.append(1000 * (time.perf_counter() - start))
    os.close(fd)
    return round(sorted(taken)[runs // 2], 3)
