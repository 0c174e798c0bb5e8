"""One sideclawd with its own configuration and state, and the ways to talk to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Union

from . import libconfig
from .ports import free_port
from .process import Process, clean_env
from .wait import SLOW, eventually

ROOT = Path(__file__).resolve().parents[2]
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")
READY = r"\bevent=daemon\.ready\b"


def build_folder() -> Path:
    return Path(os.environ.get("SIDECLAW_BUILD") or ROOT / "build/dev").resolve()


def program(name: str) -> Path:
    path = build_folder() / name
    if not os.access(path, os.X_OK):
        raise RuntimeError(
            f"{path} is not built\n  try: cmake --preset dev && cmake --build --preset dev"
        )
    return path


@dataclass
class Result:
    """What a program said and how it ended."""

    argv: list[str]
    rc: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.rc == 0, f"exit {self.rc}: {self.err or self.out}"
        return json.loads(self.out)

    def ok(self) -> "Result":
        assert self.rc == 0, f"{' '.join(self.argv)}\nexit {self.rc}\n{self.err}{self.out}"
        return self


def run(
    *argv: object,
    stdin: Union[str, bytes, None] = None,
    timeout: float = 60.0,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[Path] = None,
) -> Result:
    args = [str(a) for a in argv]
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        args,
        input=data if data is not None else b"",
        capture_output=True,
        timeout=timeout * SLOW,
        env=clean_env(env),
        cwd=cwd,
    )
    result = Result(
        args,
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )
    assert not SANITIZER.search(result.err), result.err
    return result


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: Any  # looked up without regard to case
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self, status: int) -> dict[str, Any]:
        """The body of an application/problem+json error, whose shape is checked here for all tests."""
        assert self.status == status, f"{self.status} instead of {status}: {self.text}"
        kind = self.headers.get("Content-Type", "")
        assert kind.startswith("application/problem+json"), kind
        body = self.json()
        assert body["status"] == status and body["title"] and body["detail"], body
        assert "type" in body, body
        return dict(body)


class Sidecar:
    """`options` are configuration keys as in the file ("gateway.url": ...); None leaves a key out."""

    def __init__(
        self,
        folder: Path,
        name: str,
        options: Optional[Mapping[str, Any]] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.name, self.folder = name, folder / name
        self.gateway: Any = None  # the fake or real one beside it, for the tests' use
        self.state = self.folder / "state"
        self.socket = self.folder / "control.sock"
        self.config = self.folder / "sideclaw.conf"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options: dict[str, Any] = {
            "state_dir": str(self.state),
            "control.socket": str(self.socket),
            "gateway.name": name,
            "http.listen": f"127.0.0.1:{self.port}",
            "log.level": "debug",
            **(options or {}),
        }
        self.write_config()
        self.process = Process(
            name, [program("sideclawd"), "--config", self.config], self.folder, env=clean_env(env)
        )

    # --- life ---
    def write_config(self, **changed: Any) -> None:
        """write_config(log__level="debug") changes keys; "__" stands for "."."""
        self.options.update({k.replace("__", "."): v for k, v in changed.items()})
        self.config.write_text(libconfig.dump(self.options))
        self.config.chmod(0o600)

    def start(self, wait: bool = True) -> "Sidecar":
        self.process.start()
        if wait:
            self.process.wait_log(READY, within=20)
        return self

    def stop(self) -> int:
        code = self.process.stop()
        self.check_sanitizers()
        return code

    def restart(self) -> "Sidecar":
        assert self.stop() == 0, self.process.tail()
        return self.start()

    def check_sanitizers(self) -> None:
        text = self.process.text(whole=True)
        found = SANITIZER.search(text)
        assert not found, f"{self.name}:\n{text[max(0, found.start() - 500):found.start() + 6000]}"

    # --- command line ---
    def cli(
        self,
        *args: object,
        stdin: Union[str, bytes, None] = None,
        timeout: float = 60.0,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        return run(
            program("sideclaw"),
            "--socket",
            self.socket,
            *args,
            stdin=stdin,
            timeout=timeout,
            env=env,
        )

    def json(self, *args: object, **more: Any) -> Any:
        """`sideclaw --json ARGS`, which must succeed."""
        return self.cli("--json", *args, **more).json()

    def status(self) -> dict[str, Any]:
        return dict(self.json("status"))

    def agents(self) -> dict[str, dict[str, Any]]:
        return {a["id"]: a for a in self.json("agents")["agents"]}

    def gateways(self) -> dict[str, dict[str, Any]]:
        return {g["name"]: g for g in self.json("gateways")["gateways"]}

    def show(self, message_id: str) -> dict[str, Any]:
        return dict(self.json("show", message_id))

    def stage(self, message_id: str) -> str:
        return str(self.show(message_id)["stage"])

    def link(self, name: str) -> dict[str, Any]:
        return dict(self.status()["links"][name])

    def wait_stage(self, message_id: str, *stages: str, within: float = 15.0) -> dict[str, Any]:
        eventually(
            lambda: self.stage(message_id) in stages,
            f"{message_id} is {' or '.join(stages)}",
            within,
        )
        return self.show(message_id)

    def wait_link(self, name: str, state: str, within: float = 15.0) -> dict[str, Any]:
        eventually(
            lambda: self.link(name)["state"] == state,
            f"{self.name}: link {name} is {state}",
            within,
        )
        return self.link(name)

    def wait_agents(self, *ids: str, within: float = 15.0) -> None:
        """Until these agents are in its view and not offline."""

        def there() -> bool:
            seen = self.agents()
            return all(i in seen and seen[i]["status"] != "offline" for i in ids)

        eventually(there, f"{self.name} sees {', '.join(ids)}", within)

    # --- HTTP ---
    @property
    def token(self) -> str:
        return str(
            self.options.get("http.token") or (self.state / "http.token").read_text().strip()
        )

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: float = 30.0,
    ) -> Answer:
        """token "" sends none; body bytes go as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        token = self.token if token is None else token
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        for k, v in (headers or {}).items():
            request.add_header(k, v)
        try:
            with urllib.request.urlopen(request, timeout=timeout * SLOW) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as e:
            return Answer(e.code, e.headers, e.read())

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        total, found = 0.0, False
        for line in self.http("GET", "/metrics", token="").text.splitlines():
            match = re.match(rf"{re.escape(name)}(?:\{{(.*)\}})? (\S+)$", line)
            if match and all(f'{k}="{v}"' in (match[1] or "") for k, v in labels.items()):
                total, found = total + float(match[2]), True
        assert found, f"no metric {name} {labels or ''}"
        return total
