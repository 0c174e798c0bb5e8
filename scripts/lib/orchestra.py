"""The demo "orchestra": scripts/demo orchestra has installed and built what this starts.

A person asks the coordinator. It asks infra, on another gateway, which looks; it has automation, on a
third one, write down what to do, and tells the person. The models are a mock that follows a part each
(tests/support/mock_llm.py); gateways, tools, messages and what is in Consul are real.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from demo import ROOT, Demo, Progress, bold, main, say
from support.gateway_client import GatewayClient
from support.wait import eventually

QUESTION = "How are our machines, and what should we do?"
ADVICE = "openclaw/shared/recommendations"
TURN_S = 540  # three first turns on a busy machine; each agent's first takes 5 to 30 s


class Orchestra(Demo):
    title = "an orchestra of four agents on three OpenClaw gateways"
    gateways_agents = {
        "office-gateway": ["coordinator", "reporter"],
        "rack-gateway": ["infra"],
        "robot-gateway": ["automation"],
    }
    capabilities = {
        "coordinator": ["planning"],
        "reporter": ["writing"],
        "infra": ["nomad", "disks"],
        "automation": ["runbooks"],
    }

    def play(self) -> list[object]:
        path = self.folder / "play.json"
        path.write_text(json.dumps(self.parts(), indent=1))
        return [path]

    def parts(self) -> dict[str, list[dict[str, Any]]]:
        look = "df --output=pcent / | tail -n 1 | tr -d ' '"
        return {
            "coordinator": [
                ask("infra", "How full are the disks of your machine?"),
                ask("automation", "Write down: / is {1} full; above 80% run cleanup-images tonight."),
                {"say": "infra says / is {1} full. automation has {2}"},
            ],
            "infra": [{"call": "exec", "args": {"command": look}}, {"say": "{1}"}],
            "automation": [
                {
                    "call": "push_event",
                    "args": {"kind": "recommendation", "text": "{question}"},
                },
                {"say": f"noted it in {ADVICE}"},
            ],
        }

    def tell(self) -> None:
        for sidecar in self.sidecars:
            self.command("sideclaw", "openclaw", "install", env={"SIDECLAW_SOCKET": str(sidecar.socket)})
        self.command("sideclaw", "agents")
        self.converse()
        self.command("consul", "kv", "get", ADVICE)
        self.command("sideclaw", "outbox", "--all")
        self.command("consul", "kv", "get", "-recurse", "openclaw")

    def converse(self) -> None:
        say()
        say(bold(f"person to coordinator> {QUESTION}"))
        progress = Progress("coordinator, infra and automation talk")
        begin = time.monotonic()
        office = self.gateways[0]
        with GatewayClient(office.port, office.token, timeout=TURN_S) as client:
            key = f"orchestra-{time.time_ns()}"
            answer = client.turn("coordinator", QUESTION, key, "person", TURN_S)
        progress.done(f"{time.monotonic() - begin:.1f} s")
        say(bold(f"coordinator to person> {answer}"))
        if "%" not in answer or ADVICE not in answer:
            raise RuntimeError("that is not the answer of three agents that worked together")
        eventually(
            lambda: "% full" in (self.consul.get(ADVICE) or ""), f"{ADVICE} says what was found"
        )

    def how_to_try_more(self) -> None:
        office = self.sidecars[0]
        path = f"{ROOT / 'build/release'}:{Path(self.consul.program).parent}"
        say()
        say(bold("Try more, in another terminal:"))
        say(f"""
  export PATH={path}:$PATH
  export CONSUL_HTTP_ADDR={self.consul.addr} SIDECLAW_SOCKET={office.socket}

  sideclaw ask --from reporter --to coordinator "and now?"
  sideclaw openclaw install --uninstall --dry-run
  consul kv get -recurse openclaw/agents
""")


def ask(to: str, body: str) -> dict[str, Any]:
    return {"call": "send_message", "args": {"to": to, "body": body, "wait_ms": TURN_S * 1000 // 3}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Orchestra))
