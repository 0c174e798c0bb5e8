"""A real OpenClaw gateway: configured, started, waited for. Nothing of it reaches the internet."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

from .gateway_client import GatewayClient
from .ports import free_port
from .process import Process, clean_env
from .wait import eventually

VERSION = "2026.9.6"
# A gateway listens on ports derived from its own; neighbours must be this far apart.
PORT_SPAN = 120
READY_S = 180.0


def find_openclaw() -> Path:
    cache = (
        os.environ.get("SC_CACHE")
        or os.environ.get("SIDECLAW_CACHE")
        or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sideclaw"
        )
    )
    app = Path(cache) / f"openclaw-{VERSION}"
    if not (app / "node_modules/openclaw/openclaw.mjs").is_file():
        raise RuntimeError(
            f"OpenClaw is missing (looked in {app})\n  try: scripts/test (it installs what is missing)"
        )
    return app


def get(port: int, path: str, timeout: float = 3.0) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(errors="replace")


def model_config(llm_port: int) -> dict[str, Any]:
    free = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
    echo = {
        "id": "echo",
        "name": "Echo",
        "reasoning": False,
        "input": ["text"],
        "cost": free,
        "contextWindow": 128000,
        "maxTokens": 4096,
    }
    return {
        "mode": "replace",
        "catalogRefresh": {"enabled": False},
        "providers": {
            "mock": {
                "baseUrl": f"http://127.0.0.1:{llm_port}/v1",
                "apiKey": "unused",
                "api": "openai-completions",
                "models": [echo],
            }
        },
    }


class OpenClaw:
    """`more` are keys of its configuration that replace ours."""

    def __init__(
        self,
        folder: Path,
        name: str,
        agents: Sequence[str],
        llm_port: int,
        token: str = "",
        more: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.name, self.agents = name, list(agents)
        self.token = token or f"token-{name}"
        self.port = free_port(PORT_SPAN)
        self.url = f"ws://127.0.0.1:{self.port}"
        self.folder = folder / name
        self.config = self.folder / "openclaw.json"
        self.folder.mkdir(parents=True, mode=0o700)
        home = folder / "home"
        home.mkdir(exist_ok=True)
        self.config.write_text(json.dumps({**self._config(llm_port), **(more or {})}, indent=1))
        app = find_openclaw()
        node = app / "node_modules/node/bin"
        self.cli = [node / "node", app / "node_modules/openclaw/openclaw.mjs"]
        env = clean_env(
            {
                "HOME": str(home),
                "PATH": f"{node}:{os.environ['PATH']}",
                "OPENCLAW_STATE_DIR": str(self.folder),
                "OPENCLAW_CONFIG_PATH": str(self.config),
                "OPENCLAW_DISABLE_BONJOUR": "1",
                "OPENCLAW_NO_RESPAWN": "1",
                "OPENCLAW_NO_AUTO_UPDATE": "1",
            }
        )
        self.process = Process(
            name,
            [*self.cli, "gateway", "run"],
            folder,
            env=env,
        )

    def _config(self, llm_port: int) -> dict[str, Any]:
        entries = {
            a: {"name": a.capitalize(), "workspace": str(self.folder / "workspace" / a)}
            for a in self.agents
        }
        return {
            "gateway": {
                "mode": "local",
                "port": self.port,
                "bind": "loopback",
                "auth": {"mode": "token", "token": self.token},
                "controlUi": {"enabled": False},
            },
            "update": {"checkOnStart": False},
            "logging": {
                "file": str(self.folder / "gateway.log")
            },  # the default file is shared by all gateways
            "models": model_config(llm_port),
            "agents": {
                "ownership": "explicit",
                "entries": entries,
                "defaults": {
                    "model": {"primary": "mock/echo"},
                    "skipBootstrap": True,
                    "systemAgent": {"agentId": self.agents[0]},
                    "heartbeat": {"every": "0m"},
                },
            },
            # All tool schemas in each request: the mock model calls exec by its name.
            "tools": {"toolSearch": False},
            "memory": {"search": {"provider": "none"}},
            # Only what is needed: starts faster and takes less memory than the default set.
            "plugins": {
                "allow": ["memory-core"],
                "entries": {"memory-core": {"config": {"dreaming": {"enabled": False}}}},
            },
        }

    def start(self, wait: bool = True) -> "OpenClaw":
        self.process.start()
        return self.wait_ready() if wait else self

    def ready(self) -> bool:
        if not self.process.alive:
            raise RuntimeError(
                f"gateway {self.name} ended (exit {self.process.returncode}):\n{self.process.tail()}"
            )
        return get(self.port, "/readyz")[0] == 200

    def wait_ready(self, progress: Optional[Callable[[], None]] = None) -> "OpenClaw":
        def check() -> bool:
            if progress:
                progress()
            return self.ready()

        eventually(check, f"gateway {self.name} is ready", within=READY_S, poll=0.05)
        return self

    def client(self) -> GatewayClient:
        return GatewayClient(self.port, self.token)

    def stop(self) -> None:
        # SIGTERM lets running turns finish, which may take minutes; a test does not wait for that.
        self.process.stop(grace=20)
