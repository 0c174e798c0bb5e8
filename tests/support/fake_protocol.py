"""The wire shapes of the fake gateway: what OpenClaw 2026.9.6 answered when it was asked (protocol 4)."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from typing import Any, Optional

from . import ed25519

VERSION = "2026.9.6"
SCOPES_FREE = {
    ("gateway-client", "backend"),
    ("cli", "cli"),
}  # keep their scopes without a device key
CLIENT_IDS = {
    "gateway-client",
    "cli",
    "openclaw-probe",
    "node-host",
    "test",
    "openclaw-control-ui",
    "webchat-ui",
    "webchat",
    "openclaw-tui",
    "openclaw-macos",
    "openclaw-ios",
    "openclaw-android",
}
CLIENT_MODES = {"backend", "cli", "probe", "node", "test", "ui", "webchat"}
METHODS = [
    "health",
    "status",
    "agents.list",
    "agents.create",
    "agent",
    "agent.wait",
    "chat.history",
    "channels.status",
    "config.get",
    "config.patch",
    "skills.status",
    "tools.catalog",
    "models.list",
    "system.info",
]


class Refused(Exception):
    """A request's error answer; with close, the connection ends after it."""

    def __init__(
        self,
        code: str,
        message: str,
        details: Optional[dict[str, Any]] = None,
        close: Optional[int] = None,
        retry_ms: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.close = close
        self.error: dict[str, Any] = {"code": code, "message": message}
        if retry_ms is not None:
            self.error.update(retryable=True, retryAfterMs=retry_ms)
        if details:
            self.error["details"] = details


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def unpad(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def challenge() -> dict[str, Any]:
    return {
        "nonce": os.urandom(16).hex(),
        "ts": now_ms(),
        "capabilities": ["model-catalog-snapshot"],
    }


def starting() -> Refused:
    return Refused(
        "UNAVAILABLE",
        "gateway starting; retry shortly",
        {"reason": "startup-sidecars"},
        close=1013,
        retry_ms=500,
    )


def check_client(p: dict[str, Any]) -> None:
    client = p.get("client") or {}
    for field, known in (("id", CLIENT_IDS), ("mode", CLIENT_MODES)):
        if client.get(field) not in known:
            raise Refused(
                "INVALID_REQUEST",
                f"invalid connect params: at /client/{field}: must be equal to one"
                " of the allowed values",
                close=1008,
            )
    if not p.get("minProtocol", 0) <= 4 <= p.get("maxProtocol", 0):
        raise Refused("INVALID_REQUEST", "protocol mismatch", {"expectedProtocol": 4}, close=1002)


def check_device(p: dict[str, Any], sent: dict[str, Any]) -> None:
    """The Ed25519 log-in: the key's own fingerprint, our nonce, and a signature over both."""

    def bad(code: str, message: str) -> Refused:
        return Refused("INVALID_REQUEST", message, {"code": f"DEVICE_AUTH_{code}"}, close=1008)

    device, client = p["device"], p["client"]
    try:
        key, signature = unpad(device["publicKey"]), unpad(device["signature"])
    except (KeyError, ValueError):
        raise bad("PUBLIC_KEY_INVALID", "device public key invalid") from None
    if device.get("id") != hashlib.sha256(key).hexdigest():
        raise bad("DEVICE_ID_MISMATCH", "device identity mismatch")
    if device.get("nonce") != sent["nonce"]:
        raise bad("NONCE_MISMATCH", "device nonce mismatch")
    if abs(device.get("signedAt", 0) - now_ms()) > 120_000:
        raise bad("SIGNATURE_EXPIRED", "device signature expired")
    token = (p.get("auth") or {}).get("token") or ""
    text = "|".join(
        [
            "v3",
            device["id"],
            client["id"],
            client["mode"],
            p.get("role", ""),
            ",".join(p.get("scopes") or ()),
            str(device["signedAt"]),
            token,
            sent["nonce"],
            client.get("platform", ""),
            client.get("deviceFamily", ""),
        ]
    )
    if not ed25519.verify(key, text.encode(), signature):
        raise bad("SIGNATURE_INVALID", "device signature invalid")


def check_auth(
    p: dict[str, Any], sent: dict[str, Any], token: str, device_tokens: dict[str, str]
) -> dict[str, Any]:
    """Returns hello's `auth`. The order of the checks is the real gateway's, as far as it was seen."""
    check_client(p)
    given = (p.get("auth") or {}).get("token") or ""
    device = p.get("device")
    who = (p["client"]["id"], p["client"]["mode"])
    if not given and not device:
        raise Refused(
            "NOT_PAIRED",
            "device identity required",
            {"code": "DEVICE_IDENTITY_REQUIRED"},
            close=1008,
        )
    if given != token and not (
        device and given and device_tokens.get(device.get("id", "")) == given
    ):
        raise Refused(
            "INVALID_REQUEST",
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            {
                "code": "AUTH_TOKEN_MISMATCH",
                "authReason": "token_mismatch",
                "canRetryWithDeviceToken": False,
                "recommendedNextStep": "update_auth_credentials",
            },
            close=1008,
        )
    scopes = list(p.get("scopes") or ())
    auth: dict[str, Any] = {"method": "token", "role": "operator", "scopes": scopes}
    if device:
        check_device(p, sent)
        if who != (
            "gateway-client",
            "backend",
        ):  # that one gets no device token (seen on the real one)
            auth["deviceToken"] = device_tokens.setdefault(
                device["id"], "device-" + os.urandom(8).hex()
            )
    elif who not in SCOPES_FREE:
        auth["scopes"] = []
    return auth


def hello(auth: dict[str, Any], boot_id: str, tick_ms: int) -> dict[str, Any]:
    # The real list has 466 methods: without some weight a client's frame handling is never tried.
    methods = METHODS + [f"fake.method.{i}.of.no.use" for i in range(466 - len(METHODS))]
    return {
        "type": "hello-ok",
        "protocol": 4,
        "server": {
            "version": VERSION,
            "buildId": "fake-for-tests",
            "bootId": boot_id,
            "connId": os.urandom(8).hex(),
        },
        "features": {
            "methods": methods,
            "events": [
                "agent",
                "chat",
                "tick",
                "health",
                "shutdown",
                "config.changed",
                "gateway.suspension",
            ],
        },
        "snapshot": {
            "suspension": {"phase": "accepting"},
            "presence": [],
            "health": {},
            "stateVersion": {"presence": 1, "health": 1},
            "uptimeMs": 1000,
        },
        "auth": auth,
        "policy": {"maxPayload": 26214400, "maxBufferedBytes": 52428800, "tickIntervalMs": tick_ms},
    }


def agent_row(agent_id: str) -> dict[str, Any]:
    return {
        "id": agent_id,
        "kind": "agent",
        "name": agent_id.capitalize(),
        "workspace": f"/fake/{agent_id}",
        "model": {"primary": "mock/echo"},
        "thinkingLevels": [{"id": "off", "label": "off"}],
        "agentRuntime": {"id": "auto", "source": "implicit"},
    }


def health_page(
    path: str, starting_up: bool, draining: bool, uptime_ms: int
) -> tuple[int, dict[str, Any]]:
    """(status, body) of the three probes and their short names."""
    if path in ("/health", "/healthz"):
        return 200, {"ok": True, "status": "live"}
    failing = ["startup-sidecars"] if starting_up else ["gateway-draining"] if draining else []
    if path in ("/ready", "/readyz"):
        return 503 if failing else 200, {
            "ready": not failing,
            "failing": failing,
            "uptimeMs": uptime_ms,
        }
    word = "starting" if starting_up else "draining" if draining else "started"
    body: dict[str, Any] = {
        "ok": not failing,
        "status": word,
        "version": VERSION,
        "uptimeMs": uptime_ms,
    }
    if starting_up:
        body["pendingReason"] = "startup-sidecars"
    return 503 if failing else 200, body
