"""The control socket: JSON-RPC, one line each, many calls under way at once."""

from __future__ import annotations

import json
import select
import socket
from pathlib import Path
from typing import Any, Optional


class Refused(Exception):
    """The daemon answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.error = error

    @property
    def code(self) -> str:
        return str((self.error.get("data") or {}).get("code") or self.error.get("code"))


class Rpc:
    """One connection. Answers come in any order and are known by the number that send() gave."""

    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.poll = select.poll()  # not select(): a test may have more than 1024 descriptors
        self.poll.register(self.sock, select.POLLIN)
        self.buf = b""
        self.n = 0

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "Rpc":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, *calls: tuple[str, dict[str, Any]]) -> list[int]:
        """Write the calls in one go; their numbers."""
        lines, numbers = [], []
        for method, params in calls:
            self.n += 1
            numbers.append(self.n)
            lines.append(
                json.dumps({"jsonrpc": "2.0", "id": self.n, "method": method, "params": params})
            )
        self.sock.sendall(("\n".join(lines) + "\n").encode())
        return numbers

    def answers(self, wait: float) -> list[dict[str, Any]]:
        """What has arrived, after at most `wait` seconds. ConnectionError when the daemon hung up."""
        if not self.poll.poll(wait * 1000):
            return []
        data = self.sock.recv(1 << 20)
        if not data:
            raise ConnectionError("the daemon closed the control connection")
        self.buf += data
        *lines, self.buf = self.buf.split(b"\n")
        return [json.loads(line) for line in lines if line]

    def call(self, method: str, timeout: Optional[float] = None, **params: Any) -> Any:
        """One call and its result; the connection must have no others under way."""
        wait = timeout or self.sock.gettimeout() or 10.0
        [number] = self.send((method, params))
        for _ in range(1000):
            for answer in self.answers(wait):
                if answer.get("id") == number:
                    if "error" in answer:
                        raise Refused(answer["error"])
                    return answer["result"]
        raise TimeoutError(method)
