"""The demo itself: scripts/demo has installed and built what this starts. --once, --keep.

Two gateways that know nothing of each other, a sidecar beside each, and a question from one's agent
to the other's. Everything runs on loopback, on free ports, in a temporary folder.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Optional

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import process  # noqa: E402
from support.consul import Consul  # noqa: E402
from support.openclaw import OpenClaw  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.process import Process  # noqa: E402
from support.redis import Redis  # noqa: E402
from support.sidecar import Sidecar, program  # noqa: E402

GATEWAYS = {"jerry-gateway": ["jerry", "scribe"], "bobby-gateway": ["bobby", "infra"]}
# The gateways list their agents; what these are good at, the sidecars' configuration adds.
CAPABILITIES = {
    "jerry": ["slack", "general-qa"],
    "scribe": ["writing"],
    "bobby": ["code-review"],
    "infra": ["nomad", "backups"],
}
QUESTION = "Hello bobby, which machine are you on?"
TTY = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if TTY else text


def say(text: str = "") -> None:
    print(text, flush=True)


class Progress:
    """A line every ten seconds; on a terminal one that counts in place."""

    def __init__(self, what: str) -> None:
        self.what, self.begin, self.said = what, time.monotonic(), 0.0

    def __call__(self) -> None:
        seconds = time.monotonic() - self.begin
        if TTY and seconds - self.said >= 0.2:
            print(f"\r\x1b[K  … {self.what} ({seconds:.0f} s)", end="", flush=True)
            self.said = seconds
        elif not TTY and seconds - self.said >= 10:
            say(f"  … still {self.what} ({seconds:.0f} s)")
            self.said = seconds

    def done(self, line: str) -> None:
        say(("\r\x1b[K" if TTY else "") + f"  {line} ({time.monotonic() - self.begin:.1f} s)")


class Demo:
    """Subclasses (orchestra.py) bring their own gateways, parts for the mock model, and story."""

    title = "two OpenClaw gateways, one mesh"
    gateways_agents = GATEWAYS
    capabilities = CAPABILITIES

    def play(self) -> list[object]:
        """Further arguments of the mock model."""
        return []

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.consul = Consul(folder / "consul")
        self.redis = Redis(folder / "redis")
        self.llm_port = free_port()
        self.llm = Process(
            "mock-llm",
            [
                sys.executable,
                ROOT / "tests/support/mock_llm.py",
                self.llm_port,
                folder / "asked.jsonl",
                *self.play(),
            ],
            folder,
        )
        self.gateways = [
            OpenClaw(folder, name, agents, self.llm_port)
            for name, agents in self.gateways_agents.items()
        ]
        self.sidecars = [self.sidecar(g) for g in self.gateways]

    def sidecar(self, gateway: OpenClaw) -> Sidecar:
        return Sidecar(
            self.folder / "sidecars",
            gateway.name,
            {
                "gateway.url": gateway.url,
                "gateway.token": gateway.token,
                "agent_id": gateway.agents[0],
                "agents": [{"id": a, "capabilities": self.capabilities[a]} for a in gateway.agents],
                "labels": {"os": "linux"},
                "consul.addr": self.consul.addr,
                "redis.url": self.redis.url,
                "log.level": "info",
            },
        )

    # --- up ---
    def start(self) -> None:
        self.step("Consul (dev mode)", self.consul.start, self.consul.addr)
        self.step("Redis", self.redis.start, self.redis.url)
        self.step("mock language model", self.llm.start, f"http://127.0.0.1:{self.llm_port}")
        for g in self.gateways:
            g.start(wait=False)
        for s in self.sidecars:
            self.step(f"sidecar of {s.name}", s.start, s.url)
        for g in self.gateways:
            progress = Progress(f"starting OpenClaw gateway {g.name}, usually 10 to 35 s")
            g.wait_ready(progress)
            progress.done(f"gateway {g.name} is ready: {g.url}, agents {', '.join(g.agents)}")
        progress = Progress("waiting until all sidecars know all agents")
        everyone = [a for agents in self.gateways_agents.values() for a in agents]
        for s in self.sidecars:
            s.wait_agents(*everyone, within=60)
        progress.done(f"{len(self.sidecars)} sidecars know all {len(everyone)} agents")

    def step(self, what: str, start: Callable[[], Any], where: str) -> None:
        progress = Progress(f"starting {what}")
        start()
        progress.done(f"{what} is up: {where}")

    # --- the point of it ---
    def ask(self, text: str) -> None:
        self.show("sideclaw", "ask", "--from", "jerry", "--to", "bobby", text)
        begin = time.monotonic()
        result = self.sidecars[0].cli("ask", "--from", "jerry", "--to", "bobby", text, timeout=150)
        seconds = time.monotonic() - begin
        if result.rc != 0:
            raise RuntimeError(
                f"the question got no answer (exit {result.rc}): {result.err.strip()}"
            )
        say(bold(result.out.rstrip("\n")))
        say(f"(the answer took {seconds:.2f} s)")
        if f"echo(bobby): {text}" not in result.out:
            raise RuntimeError("that is not what bobby's model says")

    def show(self, *argv: str) -> None:
        say()
        say(bold("$ " + " ".join(shlex.quote(a) for a in argv)))

    def command(self, *argv: str, env: Optional[dict[str, str]] = None) -> None:
        """Run a command as the person would and show what it says."""
        self.show(*argv)
        path = {"consul": self.consul.program, "sideclaw": str(program("sideclaw"))}[argv[0]]
        done = subprocess.run(
            [path, *argv[1:]],
            env={**os.environ, **self.env(), **(env or {})},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        say(done.stdout.rstrip("\n"))
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]} ended with exit code {done.returncode}")

    def env(self) -> dict[str, str]:
        return {
            "CONSUL_HTTP_ADDR": self.consul.addr,
            "SIDECLAW_SOCKET": str(self.sidecars[0].socket),
        }

    def tell(self) -> None:
        self.ask(QUESTION)
        self.ask("And a second question: is it warm there?")
        self.command("sideclaw", "agents")
        self.command("sideclaw", "status")
        self.command("consul", "kv", "get", "-recurse", "openclaw")

    def how_to_try_more(self) -> None:
        path = f"{program('sideclaw').parent}:{Path(self.consul.program).parent}"
        jerry, bobby = self.sidecars
        say()
        say(bold("Try more, in another terminal:"))
        say(f"""
  export PATH={path}:$PATH
  export CONSUL_HTTP_ADDR={self.consul.addr} SIDECLAW_SOCKET={jerry.socket}

  sideclaw ask --from jerry --to infra "how is the disk?"
  sideclaw send --from jerry --to bobby "no hurry" && sideclaw outbox --all
  consul kv put openclaw/agents/bobby/inbox/x '{{"from":"me","body":"hi"}}'
  sideclaw --socket {bobby.socket} inbox bobby --all
  consul kv put openclaw/agents/jerry/outbox/y '{{"to":"bobby","body":"by way of my outbox"}}'
  sideclaw ask --from scribe --to jerry 'CALL exec {{"command":"{program('sideclaw')} --socket {jerry.socket} ask --from jerry --to bobby hello"}}'
  curl -s -H "Authorization: Bearer $(cat {jerry.state}/http.token)" {jerry.url}/v1/agents
  curl -s {jerry.url}/health
  redis-cli -p {self.redis.port} subscribe openclaw:inbox:bobby-gateway

  kill -9 {bobby.process.pid}     # bobby's sidecar; ask again, then: {shlex.quote(str(program('sideclawd')))} --config {bobby.config}
""")

    # --- down ---
    def stop(self) -> None:
        """Sidecars first, so that they leave the registry in order; the gateways together."""
        for s in self.sidecars:
            s.process.stop()
        for g in self.gateways:
            if g.process.alive:
                g.process.signal(signal.SIGTERM)
        for g in self.gateways:
            g.stop()
        self.llm.stop()
        self.redis.stop()
        self.consul.stop()

    def wait(self) -> None:
        """Until Ctrl-C, or until something that should run does not."""
        say(bold("Running. Ctrl-C stops everything."))
        killed: set[str] = set()
        while True:
            time.sleep(0.5)
            for p in process.started:
                if not p.alive and p.name not in killed:
                    killed.add(p.name)
                    say(f"({p.name} has ended with exit code {p.returncode}; its log: {p.log})")


def explain(error: BaseException, folder: Path) -> None:
    """What went wrong, and the end of the logs that may say why."""
    say()
    say(bold(f"The demo failed: {error}"))
    ended = [p for p in process.started if not p.alive]
    for p in ended or process.started:
        state = f"ended with exit code {p.returncode}" if not p.alive else "was running"
        say(f"\n--- {p.name} ({state}), the last lines of {p.log}:")
        say(p.tail(15))
    say(f"\nAll logs are kept in {folder}")


def on_signal(number: int, _: Optional[FrameType]) -> None:
    raise KeyboardInterrupt


def main(args: list[str], kind: type[Demo] = Demo) -> int:
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    folder = Path(tempfile.mkdtemp(prefix="sideclaw-demo."))
    say(bold(f"sideclaw demo: {kind.title}") + f"   (state and logs: {folder})")
    demo: Optional[Demo] = None
    code, keep = 0, "--keep" in args
    try:
        demo = kind(folder)
        demo.start()
        demo.tell()
        if "--once" not in args:
            demo.how_to_try_more()
            demo.wait()
    except KeyboardInterrupt:
        say()
        code = 0 if demo and "--once" not in args else 130
    except Exception as error:  # whatever it is, everything must be stopped and explained
        explain(error, folder)
        code, keep = 1, True
    finally:
        # A second Ctrl-C must not leave half of it running.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if demo:
            progress = Progress("stopping")
            demo.stop()
            progress.done("stopped everything this demo started")
        if keep:
            say(f"  kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
