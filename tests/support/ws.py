"""WebSocket framing (RFC 6455) for both sides: whole text messages, ping and close; no extensions."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import struct
import threading
from typing import Mapping, Optional

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Closed(ConnectionError):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed {code} {reason}")
        self.code, self.reason = code, reason


def accept_key(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def masked(data: bytes, mask: bytes) -> bytes:
    n = len(data)
    pad = (mask * (n // 4 + 1))[:n]
    return (
        (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(n, "big") if n else b""
    )


class WebSocket:
    """One established connection. send() may be called from any thread, recv() from one."""

    def __init__(self, sock: socket.socket, client: bool, rest: bytes = b"") -> None:
        self.sock, self.client, self.buf = sock, client, rest
        self.lock = threading.Lock()

    def _read(self, n: int) -> bytes:
        while len(self.buf) < n:
            data = self.sock.recv(65536)
            if not data:
                raise Closed(1006, "end of stream")
            self.buf += data
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def send_frame(self, op: int, data: bytes) -> None:
        n, bit = len(data), 0x80 if self.client else 0
        head = bytes([0x80 | op]) + (
            bytes([bit | n])
            if n < 126
            else struct.pack("!BH", bit | 126, n) if n < 65536 else struct.pack("!BQ", bit | 127, n)
        )
        if self.client:
            mask = os.urandom(4)
            head, data = head + mask, masked(data, mask)
        with self.lock:
            self.sock.sendall(head + data)

    def send(self, text: str) -> None:
        self.send_frame(TEXT, text.encode())

    def recv(self) -> str:
        """The next whole message; answers pings on the way."""
        message = b""
        while True:
            b0, b1 = self._read(2)
            n = b1 & 0x7F
            if n == 126:
                n = struct.unpack("!H", self._read(2))[0]
            elif n == 127:
                n = struct.unpack("!Q", self._read(8))[0]
            mask = self._read(4) if b1 & 0x80 else b""
            data = self._read(n)
            if mask:
                data = masked(data, mask)
            op = b0 & 0x0F
            if op == CLOSE:
                code = struct.unpack("!H", data[:2])[0] if len(data) >= 2 else 1005
                raise Closed(code, data[2:].decode(errors="replace"))
            if op == PING:
                self.send_frame(PONG, data)
            elif op in (0, 1, 2):
                message += data
                if b0 & 0x80:
                    return message.decode()

    def close(self, code: int = 1000, reason: str = "") -> None:
        try:
            self.send_frame(CLOSE, struct.pack("!H", code) + reason.encode())
        except OSError:
            pass
        self.abort()

    def abort(self) -> None:
        """Drop the connection without a word."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


def connect(
    port: int,
    timeout: Optional[float] = 30.0,
    tls: Optional[ssl.SSLContext] = None,
    headers: Optional[Mapping[str, str]] = None,
    source: str = "",
) -> WebSocket:
    sock = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
    if tls:
        sock = tls.wrap_socket(sock)
    key = base64.b64encode(os.urandom(16)).decode()
    fields = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        **(headers or {}),
    }
    head_sent = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
    sock.sendall(f"GET / HTTP/1.1\r\n{head_sent}\r\n".encode())
    buf = b""
    while b"\r\n\r\n" not in buf:
        data = sock.recv(4096)
        if not data:
            raise ConnectionError("closed during the handshake")
        buf += data
    head, rest = buf.split(b"\r\n\r\n", 1)
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        raise ConnectionError(head.decode(errors="replace"))
    return WebSocket(sock, client=True, rest=rest)
