"""The configuration of a fake gateway: config.get and config.patch as OpenClaw 2026.9.6 answered them."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any, Iterator, Sequence

from .fake_protocol import Refused

REDACTED = "__OPENCLAW_REDACTED__"
SECRET = ("token", "apiKey", "password")


def redact(value: Any, secret: bool = False) -> Any:
    """Texts under `headers` and `env`, and those named like secrets, are never shown."""
    if isinstance(value, dict):
        return {
            k: redact(v, secret or k in ("headers", "env") or k in SECRET) for k, v in value.items()
        }
    if isinstance(value, list):
        return [redact(v, secret) for v in value]
    return REDACTED if secret and isinstance(value, str) else value


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def shrunk(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Lists that lose entries."""
    if isinstance(old, list):
        if not isinstance(new, list) or any(e not in new for e in old):
            yield path
    elif isinstance(old, dict):
        for key, value in old.items():
            inner = new.get(key) if isinstance(new, dict) else None
            yield from shrunk(value, inner, f"{path}.{key}" if path else key)


def changed(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            inner = f"{path}.{key}" if path else key
            if key in old and key in new:
                yield from changed(old[key], new[key], inner)
            else:
                yield inner
    elif old != new:
        yield path


class FakeConfig:
    def __init__(self, agents: Sequence[str]) -> None:
        self.value: dict[str, Any] = {
            "gateway": {"mode": "local", "auth": {"mode": "token", "token": "secret"}},
            "agents": {"entries": {a: {"name": a.capitalize()} for a in agents}},
        }
        self.writes: list[list[str]] = []  # what each write changed
        self.between = lambda: None  # runs between a read and the write that follows

    @property
    def hash(self) -> str:
        return hashlib.sha256(json.dumps(self.value).encode()).hexdigest()

    def get(self) -> dict[str, Any]:
        shown = redact(self.value)
        answer = {
            "path": "/fake/openclaw.json",
            "exists": True,
            "valid": True,
            "hash": self.hash,
            "parsed": shown,
            "resolved": shown,
        }
        self.between()
        return copy.deepcopy(answer)

    def patch(self, p: dict[str, Any]) -> dict[str, Any]:
        if p.get("baseHash") != self.hash:
            raise Refused(
                "INVALID_REQUEST", "config changed since last load; re-run config.get and retry"
            )
        new = merge(self.value, json.loads(p["raw"]))
        lost = [s for s in shrunk(self.value, new) if s not in (p.get("replacePaths") or ())]
        if lost:
            raise Refused(
                "INVALID_REQUEST",
                f"config.patch would remove entries from array path(s): {', '.join(lost)}. Pass"
                " replacePaths with the exact path(s) when this is intentional",
            )
        paths = list(changed(self.value, new))
        if not paths:
            return {"ok": True, "noop": True, "changedPaths": [], "path": "/fake/openclaw.json"}
        self.value = new
        self.writes.append(paths)
        return {"ok": True, "changedPaths": paths, "hash": self.hash, "path": "/fake/openclaw.json"}
