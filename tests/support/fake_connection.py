"""One TCP connection of the fake gateway: plain HTTP (the health pages) or, after the upgrade, frames."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, Optional

from . import fake_protocol as protocol
from . import ws
from .fake_protocol import Refused

if TYPE_CHECKING:
    from .fake_gateway import FakeGateway

PAGES = ("/health", "/healthz", "/startup", "/startupz", "/ready", "/readyz")


class Connection:
    """One TCP connection: plain HTTP or, after the upgrade, frames."""

    def __init__(self, gateway: "FakeGateway", sock: socket.socket) -> None:
        self.gateway, self.sock = gateway, sock
        self.ws: Optional[ws.WebSocket] = None
        self.logged_in = False
        self.scopes: list[str] = []
        self.seq = 0

    def abort(self) -> None:
        self.logged_in = False
        ws.WebSocket(self.sock, client=False).abort()

    def close(self, code: int, reason: str) -> None:
        if self.ws:
            self.ws.close(code, reason)
        self.abort()

    def send(self, frame: dict[str, Any]) -> None:
        try:
            if self.ws:
                self.ws.send(json.dumps(frame, separators=(",", ":")))
        except OSError:
            self.abort()

    def event(self, name: str, payload: dict[str, Any]) -> None:
        self.seq += 1
        self.send({"type": "event", "event": name, "payload": payload, "seq": self.seq})

    def reply(self, rid: str, payload: dict[str, Any]) -> None:
        self.send({"type": "res", "id": rid, "ok": True, "payload": payload})

    def refuse(self, rid: str, refused: Refused, payload: Optional[dict[str, Any]] = None) -> None:
        frame = {"type": "res", "id": rid, "ok": False, "error": refused.error}
        if payload:
            frame["payload"] = payload
        self.send(frame)

    def serve(self) -> None:
        buf = b""
        while True:
            while b"\r\n\r\n" not in buf:
                data = self.sock.recv(8192)
                if not data:
                    return
                buf += data
            head, buf = buf.split(b"\r\n\r\n", 1)
            self.gateway.wait_thawed()
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                k.strip().lower(): v.strip()
                for k, _, v in (line.partition(":") for line in lines[1:])
            }
            if headers.get("upgrade", "").lower() == "websocket":
                return self.serve_websocket(headers, buf)
            self.serve_http(lines[0])
            if headers.get("connection", "").lower() == "close":
                return

    def serve_http(self, request_line: str) -> None:
        method, path = (request_line.split(" ") + ["", ""])[:2]
        path, _, query = path.partition("?")
        self.gateway.pages += 1
        kind = "application/json; charset=utf-8"
        if path == "/work":
            status, text = self.work(query), json.dumps({"fake": self.gateway.port})
        elif path not in PAGES:
            status, text, kind = 404, "Not Found", "text/plain; charset=utf-8"
        elif method not in ("GET", "HEAD"):
            status, text, kind = 405, "Method Not Allowed", "text/plain; charset=utf-8"
        else:
            g = self.gateway
            status, body = protocol.health_page(path, g.starting, g.draining, g.uptime_ms())
            text = json.dumps(body, separators=(",", ":"))
        data = text.encode()
        self.sock.sendall(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + (b"" if method == "HEAD" else data)
        )

    def work(self, milliseconds: str) -> int:
        """No page of a real one: a request that takes a while, and which gateway it came to."""
        time.sleep(float(milliseconds or 0) / 1000)
        return 503 if self.gateway.starting else 200

    def serve_websocket(self, headers: dict[str, str], rest: bytes) -> None:
        if self.gateway.draining:
            self.sock.sendall(
                b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            return
        accept = ws.accept_key(headers.get("sec-websocket-key", ""))
        self.sock.sendall(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        self.ws = ws.WebSocket(self.sock, client=False, rest=rest)
        sent = protocol.challenge()
        self.send({"type": "event", "event": "connect.challenge", "payload": sent})
        if not self.log_in(sent):
            return
        while True:
            self.request(json.loads(self.ws.recv()))

    def log_in(self, sent: dict[str, Any]) -> bool:
        assert self.ws
        g, request = self.gateway, json.loads(self.ws.recv())
        g.wait_thawed()
        rid = str(request.get("id"))
        try:
            if request.get("method") != "connect":
                raise Refused(
                    "INVALID_REQUEST",
                    "invalid handshake: first request must be connect",
                    close=1008,
                )
            if g.starting:
                raise protocol.starting()
            auth = protocol.check_auth(request.get("params") or {}, sent, g.token, g.device_tokens)
        except Refused as e:
            g.refusals.append(str(e))
            self.refuse(rid, e)
            self.close(e.close or 1008, str(e))
            return False
        g.connects.append(request["params"])
        self.reply(rid, protocol.hello(auth, g.boot_id, g.tick_ms))
        self.logged_in, self.scopes = True, auth["scopes"]
        return True

    def request(self, message: dict[str, Any]) -> None:
        self.gateway.wait_thawed()
        rid = str(message.get("id"))
        try:
            payload = self.gateway.handle(self, rid, message)
        except Refused as e:
            self.refuse(rid, e)
        else:
            if payload is not None:
                self.reply(rid, payload)
