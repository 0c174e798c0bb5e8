#!/usr/bin/env python3
"""A bot API as Telegram's, for tests: a chat channel of a real gateway that needs no internet.

    python3 mock_telegram.py PORT

Nobody ever writes to the bot: it can be started, polls, and can be stopped.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

POLL_S = 5.0
BOT = {"id": 111, "is_bot": True, "first_name": "Mock", "username": "mock_bot"}
WEBHOOK = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}


def result(method: str, arguments: dict[str, Any]) -> Any:
    if method == "getMe":
        return BOT
    if method == "getWebhookInfo":
        return WEBHOOK
    if method.lower() == "getupdates":
        time.sleep(min(float(arguments.get("timeout") or 0), POLL_S))
        return []
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        url = urlparse(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        arguments: dict[str, Any] = {k: v[0] for k, v in parse_qs(url.query).items()}
        if raw and "json" in self.headers.get("Content-Type", ""):
            arguments.update(json.loads(raw))
        answer = result(url.path.rsplit("/", 1)[-1], arguments)
        data = json.dumps({"ok": True, "result": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
