"""A small client of a gateway's WebSocket RPC, for the tests' own hands (not what sideclawd uses)."""

from __future__ import annotations

import json
import ssl
from typing import Any, Mapping, Optional

from . import ws

SCOPES = ["operator.read", "operator.write", "operator.admin"]


class RpcError(AssertionError):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(json.dumps(error))
        self.error = error


class GatewayClient:
    def __init__(
        self,
        port: int,
        token: str,
        timeout: float = 120.0,
        client: tuple[str, str] = ("gateway-client", "backend"),
        tls: Optional[ssl.SSLContext] = None,
        headers: Optional[Mapping[str, str]] = None,
        source: str = "",
    ) -> None:
        self.ws = ws.connect(port, timeout, tls, headers, source)
        self.next_id = 0
        self.events: list[dict[str, Any]] = []
        self.challenge = json.loads(self.ws.recv())
        self.hello = self.call(
            "connect",
            {
                "minProtocol": 4,
                "maxProtocol": 4,
                "role": "operator",
                "scopes": SCOPES,
                "caps": ["agent-kind"],
                "client": {
                    "id": client[0],
                    "version": "0.1",
                    "platform": "linux",
                    "mode": client[1],
                },
                "auth": {"token": token},
            },
        )

    def __enter__(self) -> "GatewayClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.ws.close()

    def call(
        self, method: str, params: Optional[dict[str, Any]] = None, final: bool = False
    ) -> Any:
        """One request. `agent` answers twice; final=True waits for the second answer."""
        self.next_id += 1
        rid = f"t{self.next_id}"
        self.ws.send(
            json.dumps({"type": "req", "id": rid, "method": method, "params": params or {}})
        )
        while True:
            message = json.loads(self.ws.recv())
            if message.get("type") == "event":
                self.events.append(message)
            elif message.get("id") == rid:
                if not message["ok"]:
                    raise RpcError(message["error"])
                if not (final and message["payload"].get("status") == "accepted"):
                    return message["payload"]

    def turn(
        self, agent: str, text: str, key: str, session: str = "test", seconds: int = 120
    ) -> str:
        """One agent turn; the reply's text."""
        self.call(
            "agent",
            {
                "agentId": agent,
                "sessionKey": f"agent:{agent}:mesh:{session}",
                "message": text,
                "idempotencyKey": key,
                "deliver": False,
                "inputProvenance": {"kind": "inter_session", "sourceChannel": "mesh"},
            },
        )
        done = self.call("agent.wait", {"runId": key, "timeoutMs": seconds * 1000})
        return str((done.get("terminalReply") or {}).get("text"))
