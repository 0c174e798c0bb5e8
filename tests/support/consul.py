"""A real Consul agent on ports of its own: in memory, or keeping its data, with or without ACLs."""

from __future__ import annotations

import base64
import copy
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Optional

from .ports import free_port
from .process import Process
from .wait import eventually

ROOT_TOKEN = "11111111-2222-3333-4444-555555555555"


def find_consul() -> str:
    cache = (
        os.environ.get("SC_CACHE")
        or os.environ.get("SIDECLAW_CACHE")
        or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sideclaw"
        )
    )
    for path in (shutil.which("consul"), os.path.join(cache, "consul/usr/bin/consul")):
        if path and os.access(path, os.X_OK):
            return path
    raise RuntimeError("Consul is missing\n  try: scripts/test (it installs what is missing)")


def version(program: str) -> tuple[int, ...]:
    text = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (1, 8)


class Consul:
    def __init__(
        self,
        folder: Path,
        acl: bool = False,
        keep: bool = False,
        name: str = "consul",
        datacenter: str = "dc1",
        more: Optional[dict[str, Any]] = None,
    ) -> None:
        """more: further configuration; with a cert_file in it there is an HTTPS port, too."""
        self.folder, self.acl, self.keep = folder, acl, keep
        self.datacenter, self.wan_port = datacenter, free_port()
        self.more = dict(more or {})
        self.https_port = free_port() if "cert_file" in self.more else -1
        self.program = find_consul()
        self.port = free_port()
        self.addr = f"http://127.0.0.1:{self.port}"
        self.token = ROOT_TOKEN if acl else ""
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / f"{name}.json"
        config.write_text(json.dumps(self._config(), indent=1))
        mode = (
            ["-server", "-bootstrap-expect=1", f"-data-dir={folder / 'data'}"] if keep else ["-dev"]
        )
        self.process = Process(
            name, [self.program, "agent", *mode, f"-config-file={config}"], folder
        )

    def _config(self) -> dict[str, Any]:
        ports = {
            "http": self.port,
            "server": free_port(),
            "serf_lan": free_port(),
            "serf_wan": self.wan_port,
            "dns": -1,
            "grpc": -1,
            "https": self.https_port,
        }
        newer = version(self.program)
        if newer >= (1, 14):
            ports["grpc_tls"] = -1
        config: dict[str, Any] = {
            "node_name": "test",
            "datacenter": self.datacenter,
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "ports": ports,
            "log_level": "warn",
            "disable_update_check": True,
            "performance": {"raft_multiplier": 1},
            "enable_local_script_checks": False,
        }
        if self.acl:
            root = "initial_management" if newer >= (1, 11) else "master"
            config["acl"] = {
                "enabled": True,
                "default_policy": "deny",
                "tokens": {root: ROOT_TOKEN},
            }
        config.update(self.more)
        return config

    def start(self) -> "Consul":
        self.process.start()
        return self.wait_ready()

    def wait_ready(self) -> "Consul":
        def serving() -> bool:
            if not self.process.alive:
                raise RuntimeError("Consul ended:\n" + self.process.tail())
            return self.api("PUT", "/v1/kv/test/ready", b"1") is True

        eventually(serving, "Consul takes writes", within=40)
        self.api("DELETE", "/v1/kv/test/ready")
        return self

    def stop(self) -> None:
        self.process.stop()

    def api(
        self, method: str, path: str, body: Optional[bytes] = None, timeout: float = 10.0
    ) -> Any:
        """The JSON answer; None for 404."""
        request = urllib.request.Request(self.addr + path, data=body, method=method)
        if self.token:
            request.add_header("X-Consul-Token", self.token)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as e:
            if e.code == 404:
                return None
            raise OSError(
                f"Consul {method} {path}: {e.code} {e.read().decode(errors='replace')}"
            ) from None
        return json.loads(text) if text else None

    def entry(self, key: str) -> Optional[dict[str, Any]]:
        """The whole KV row: Value (base64), Session, Flags, ModifyIndex."""
        rows = self.api("GET", f"/v1/kv/{key}")
        return rows[0] if rows else None

    def get(self, key: str) -> Optional[str]:
        row = self.entry(key)
        return None if row is None else base64.b64decode(row["Value"] or "").decode()

    def get_json(self, key: str) -> Any:
        text = self.get(key)
        return None if text is None else json.loads(text)

    def put(self, key: str, value: "str | bytes") -> None:
        assert (
            self.api("PUT", f"/v1/kv/{key}", value.encode() if isinstance(value, str) else value)
            is True
        )

    def delete(self, key: str, recurse: bool = False) -> None:
        self.api("DELETE", f"/v1/kv/{key}" + ("?recurse=true" if recurse else ""))

    def tree(self, prefix: str) -> dict[str, str]:
        rows = self.api("GET", f"/v1/kv/{prefix}?recurse=true") or []
        return {r["Key"]: base64.b64decode(r["Value"] or "").decode(errors="replace") for r in rows}

    def as_token(self, token: str) -> "Consul":
        """The same agent for somebody who has another token."""
        other = copy.copy(self)
        other.token = token
        return other

    def new_token(self, rules: str) -> str:
        """A token that may do what the rules (HCL) say, and nothing else."""
        name = f"p{os.urandom(4).hex()}"
        self.api("PUT", "/v1/acl/policy", json.dumps({"Name": name, "Rules": rules}).encode())
        made = self.api("PUT", "/v1/acl/token", json.dumps({"Policies": [{"Name": name}]}).encode())
        return str(made["SecretID"])
