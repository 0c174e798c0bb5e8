"""The real Prometheus with the configuration and the rules that we ship, on ports of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from functools import lru_cache
from pathlib import Path
from typing import Any

from .consul import Consul
from .ports import free_port
from .process import Process
from .sidecar import ROOT
from .wait import eventually

SHIPPED = ROOT / "consul"
SERVICES = ("sideclaw", "openclaw-gateway")


def cache() -> Path:
    named = os.environ.get("SC_CACHE") or os.environ.get("SIDECLAW_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(named or os.path.join(base, "sideclaw"))


def find(program: str) -> str:
    """As scripts/lib/prometheus.sh: PATH first, else Debian's package in the cache."""
    for path in (shutil.which(program), str(cache() / "prometheus/usr/bin" / program)):
        if path and os.access(path, os.X_OK):
            return path
    raise RuntimeError(f"{program} is missing\n  try: scripts/test --only prometheus")


def promtool(*args: object, text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [find("promtool"), *map(str, args)], input=text, capture_output=True, text=True, timeout=60
    )


@lru_cache
def knows_consul() -> bool:
    """Debian builds it without service discovery in Consul."""
    done = promtool("check", "config", SHIPPED / "prometheus.yml")
    return "field consul_sd_configs not found" not in done.stdout + done.stderr


def replaced(text: str, old: str, new: str, times: int) -> str:
    assert text.count(old) == times, f"the sample has {text.count(old)} of {old!r}"
    return text.replace(old, new)


def configuration(consul: Consul, port: int) -> str:
    """The shipped one, for this Consul, and for sidecars at this port instead of 18790."""
    text = (SHIPPED / "prometheus.yml").read_text()
    text = replaced(text, "_interval: 15s", "_interval: 1s", 2)
    text = replaced(text, "127.0.0.1:8500", f"127.0.0.1:{consul.port}", 2)
    text = replaced(text, "$1:18790", f"$1:{port}", 1)
    if not knows_consul():
        for name in SERVICES:
            block = rf"    consul_sd_configs:\n      - server: \S+\n        services: \[{name}\]\n"
            files = f"    file_sd_configs:\n      - files: [{name}.json]\n"
            text, n = re.subn(block, files, text)
            assert n == 1, f"no scrape of {name}"
    return text


def rules() -> str:
    """The shipped ones with a second for each minute of patience; promtool tests the real times."""
    text = (SHIPPED / "sideclaw.rules.yml").read_text()
    text, n = re.subn(r"\bfor: (\d+)m\b", r"for: \1s", text)
    assert n > 10
    return text


def targets(consul: Consul, service: str) -> list[dict[str, Any]]:
    """What Prometheus makes of Consul's entries: its documentation, consul_sd_config."""
    return [
        {
            "targets": [f"{e['ServiceAddress'] or e['Address']}:{e['ServicePort']}"],
            "labels": {
                "__meta_consul_address": e["Address"],
                "__meta_consul_node": e["Node"],
                "__meta_consul_service": e["ServiceName"],
                "__meta_consul_service_address": e["ServiceAddress"],
                "__meta_consul_service_id": e["ServiceID"],
                "__meta_consul_service_port": str(e["ServicePort"]),
                **{
                    f"__meta_consul_service_metadata_{re.sub('[^a-zA-Z0-9_]', '_', k)}": v
                    for k, v in (e["ServiceMeta"] or {}).items()
                },
            },
        }
        for e in consul.api("GET", f"/v1/catalog/service/{service}")
    ]


class Prometheus:
    def __init__(self, folder: Path, consul: Consul, port: int) -> None:
        self.port = free_port()
        folder.mkdir()
        config = folder / "prometheus.yml"
        config.write_text(configuration(consul, port))
        (folder / "sideclaw.rules.yml").write_text(rules())
        if not knows_consul():
            for name in SERVICES:
                (folder / f"{name}.json").write_text(json.dumps(targets(consul, name)))
        self.process = Process(
            "prometheus",
            [
                find("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            folder,
        )

    def start(self) -> "Prometheus":
        self.process.start()
        eventually(lambda: self.ready(), "Prometheus is ready", within=30)
        return self

    def stop(self) -> None:
        self.process.stop()

    def ready(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as a:
            return bool(a.status == 200)

    def api(self, path: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def targets(self) -> list[dict[str, Any]]:
        return list(self.api("targets", state="active")["activeTargets"])

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Its samples: {"metric": labels, "value": [time, text]}."""
        return list(self.api("query", query=expr)["result"])

    def rules(self) -> list[dict[str, Any]]:
        return [r for g in self.api("rules", type="alert")["groups"] for r in g["rules"]]

    def alert(self, name: str) -> dict[str, str]:
        """Of each gateway that it speaks of: pending or firing."""
        (rule,) = (r for r in self.rules() if r["name"] == name)
        return {a["labels"]["gateway"]: a["state"] for a in rule["alerts"]}
