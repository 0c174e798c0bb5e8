"""Free loopback ports, below the kernel's ephemeral range so that no outgoing connection takes one."""

from __future__ import annotations

import os
import random
import socket

LOW, HIGH = 12000, 30000
_random = random.Random(os.getpid() ^ int.from_bytes(os.urandom(4), "big"))
_given: set[int] = set()


def is_free(port: int) -> bool:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((host, port))
        except OSError as e:
            if family == socket.AF_INET6 and e.errno in (97, 99):  # a machine without IPv6
                continue
            return False
    return True


def free_port(span: int = 1) -> int:
    """A port that nobody listens on; with span, the first of so many neighbours (OpenClaw derives some)."""
    for _ in range(1000):
        port = _random.randrange(LOW, HIGH - span)
        wanted = range(port, port + span)
        if not _given.intersection(wanted) and all(is_free(p) for p in wanted):
            _given.update(wanted)
            return port
    raise RuntimeError("no free port found")
