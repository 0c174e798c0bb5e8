"""Agents of two real OpenClaw gateways that talk with the mesh's tools. Marked `openclaw`; run in CI.

The mock model emits the tool call it is told to; everything else is OpenClaw's: it finds our server in its
configuration, keeps others' tools from an agent, speaks MCP to us and hands the result to its model.
"""

from __future__ import annotations

import itertools
import json
import os
from typing import Any, Iterator

import pytest
from support.openclaw import OpenClaw
from support.real import Real
from support.wait import eventually

pytestmark = pytest.mark.openclaw
_keys = itertools.count(1)


def turn(gateway: OpenClaw, agent: str, text: str) -> str:
    """What a person says to an agent of their gateway, and what it answers."""
    with gateway.client() as client:
        return client.turn(agent, text, f"mesh-test-{os.getpid()}-{next(_keys)}", session="person")


def call(gateway: OpenClaw, agent: str, tool: str, owner: str = "", **args: Any) -> Any:
    """The agent's model calls a tool of its server (or of its `owner`'s); the result, or the refusal's text."""
    said = turn(gateway, agent, f"CALL mesh_{owner or agent}__{tool} {json.dumps(args)}")
    assert said.startswith(f"tool({agent}): "), said
    text = said.split(": ", 1)[1]
    head = "structuredContent:\n"  # OpenClaw puts it before the text that says the same
    return json.JSONDecoder().raw_decode(text[len(head) :])[0] if text.startswith(head) else text


def config(gateway: OpenClaw) -> Any:
    value = json.loads(gateway.config.read_text())
    value.pop("meta", None)  # the gateway's own notes on its writes
    return value


@pytest.fixture(scope="module")
def installed(real: Real) -> Iterator[Real]:
    before = [config(g) for g in (real.jerry_gateway, real.bobby_gateway)]
    for sidecar in (real.jerry, real.bobby):
        sidecar.cli("openclaw", "install").ok()
    yield real
    for sidecar in (real.jerry, real.bobby):
        sidecar.wait_link("gateway", "ready", within=180)
        sidecar.cli("openclaw", "install", "--uninstall").ok()
    assert before == [config(g) for g in (real.jerry_gateway, real.bobby_gateway)]


def test_the_second_install_changes_nothing(installed: Real) -> None:
    before = installed.jerry_gateway.config.read_bytes()
    assert "nothing to change" in installed.jerry.cli("openclaw", "install").ok().out
    assert installed.jerry_gateway.config.read_bytes() == before


def test_an_agent_asks_one_of_the_other_gateway(installed: Real) -> None:
    result = call(
        installed.jerry_gateway, "jerry", "send_message", to="bobby", body="hi bobby", wait_ms=30000
    )
    assert result["from"] == "jerry" and result["gateway"] == "bobby-gateway"
    assert result["reply"]["body"] == "echo(bobby): hi bobby"


def test_and_the_other_way_round(installed: Real) -> None:
    result = call(
        installed.bobby_gateway, "infra", "send_message", to="scribe", body="hi you", wait_ms=30000
    )
    assert result["from"] == "infra" and result["gateway"] == "jerry-gateway"
    assert result["reply"]["body"] == "echo(scribe): hi you"


def test_an_agent_of_the_same_gateway(installed: Real) -> None:
    result = call(
        installed.jerry_gateway, "scribe", "send_message", to="jerry", body="psst", wait_ms=30000
    )
    assert result["reply"]["body"] == "echo(jerry): psst"


@pytest.mark.parametrize("agent, owner", [("scribe", "jerry"), ("jerry", "scribe")])
def test_another_agents_tool_is_not_there(installed: Real, agent: str, owner: str) -> None:
    name = f"mesh_{owner}__send_message"
    said = call(installed.jerry_gateway, agent, "send_message", owner, to="bobby", body="as another")
    assert said == f"Tool {name} not found"


def test_nobody_sends_in_anothers_name(installed: Real) -> None:
    said = call(
        installed.jerry_gateway, "scribe", "send_message", to="bobby", body="x", **{"from": "jerry"}
    )
    assert "from" in said and "Validation failed" in said


def test_the_skill_is_in_the_agents_list(installed: Real) -> None:
    def there() -> bool:
        with installed.jerry_gateway.client() as client:
            skills = client.call("skills.status", {"agentId": "jerry"})["skills"]
        return any(s["name"] == "sideclaw-mesh" and s["eligible"] for s in skills)

    eventually(there, "the skill is known", within=30, poll=0.5)


def test_the_receiver_starts_later(installed: Real) -> None:
    """Its gateway is down when jerry's model calls the tool; the answer comes when it is back."""
    installed.bobby_gateway.stop()
    installed.bobby.wait_link("gateway", "absent", within=60)
    sent = call(installed.jerry_gateway, "jerry", "send_message", to="bobby", body="when you are back")
    assert sent["stage"] in ("accepted", "sent", "stored") and "reply" not in sent
    installed.jerry.wait_stage(sent["id"], "stored")
    installed.bobby_gateway.start(wait=False)
    record = installed.jerry.wait_stage(sent["id"], "replied", within=240)
    assert record["to"]["gateway"] == "bobby-gateway"
    # What came after he stopped waiting is in jerry's inbox, and his to acknowledge.
    mail = call(installed.jerry_gateway, "jerry", "check_inbox")["messages"]
    reply = next(m for m in mail if m["in_reply_to"] == sent["id"])
    assert reply["body"] == "echo(bobby): when you are back"
    assert call(installed.jerry_gateway, "jerry", "ack_message", id=reply["id"])["acked"]
    left = call(installed.jerry_gateway, "jerry", "check_inbox")["messages"]
    assert reply["id"] not in [m["id"] for m in left]
