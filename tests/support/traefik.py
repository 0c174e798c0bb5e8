"""A real Traefik with the sample configuration and policy of consul/, at addresses of this test."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import urllib.request
from pathlib import Path

from .consul import Consul
from .ports import free_port
from .process import Process, clean_env
from .sidecar import ROOT
from .wait import eventually

STATIC = ROOT / "consul/traefik-static.yaml"
DYNAMIC = ROOT / "consul/traefik-dynamic.yaml"
POLICY = ROOT / "consul/acl-traefik.hcl"
MODULE = ROOT / "tests/tools/traefik/go.mod"


def find_traefik() -> str:
    found = re.search(r"github\.com/traefik/traefik/v3 v(\S+)", MODULE.read_text())
    assert found, MODULE
    cache = (
        os.environ.get("SC_CACHE")
        or os.environ.get("SIDECLAW_CACHE")
        or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sideclaw"
        )
    )
    for path in (shutil.which("traefik"), os.path.join(cache, f"traefik-{found[1]}/traefik")):
        if path and os.access(path, os.X_OK):
            return path
    raise RuntimeError("Traefik is missing\n  try: scripts/test --only traefik (it is compiled once)")


def trusting() -> ssl.SSLContext:
    """Traefik makes up a certificate when it is given none."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Traefik:
    def __init__(self, folder: Path, consul: Consul) -> None:
        self.web, self.websecure, self.internal = free_port(), free_port(), free_port()
        dynamic = folder / "dynamic"
        dynamic.mkdir(parents=True)
        (dynamic / DYNAMIC.name).write_text(DYNAMIC.read_text())
        self.config = folder / "traefik.yaml"
        self.config.write_text(self.at_our_addresses(STATIC.read_text(), dynamic, consul))
        token = {"CONSUL_HTTP_TOKEN": consul.new_token(POLICY.read_text())} if consul.acl else {}
        argv = [find_traefik(), f"--configFile={self.config}"]
        self.process = Process("traefik", argv, folder, env=clean_env(token))

    def at_our_addresses(self, text: str, dynamic: Path, consul: Consul) -> str:
        for old, new in (
            ('address: ":80"', f'address: "127.0.0.1:{self.web}"'),
            ('address: ":443"', f'address: "127.0.0.1:{self.websecure}"'),
            ('address: "127.0.0.1:8082"', f'address: "127.0.0.1:{self.internal}"'),
            ('address: "127.0.0.1:8500"', f'address: "127.0.0.1:{consul.port}"'),
            ("directory: /etc/traefik/dynamic", f"directory: {dynamic}"),
        ):
            assert text.count(old) == 1, f"{STATIC.name}: {old}"
            text = text.replace(old, new)
        return text

    def start(self) -> "Traefik":
        self.process.start()
        eventually(lambda: self.page("/ping") == "OK", "Traefik serves", within=30)
        return self

    def stop(self) -> int:
        return self.process.stop()

    def page(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.internal}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    def attempts(self, status: int) -> int:
        """How many times a gateway was asked with that outcome; a request may be tried more than once."""
        rows = re.findall(
            rf'^traefik_service_requests_total{{(?=.*code="{status}").*}} (\S+)$',
            self.page("/metrics"),
            re.M,
        )
        return int(sum(map(float, rows)))
