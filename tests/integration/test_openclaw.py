"""Two real OpenClaw gateways with a sidecar each: what all of this is for. Marked `openclaw`; run in CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.mesh import Mesh
from support.real import Real, add
from support.sidecar import program
from support.wait import eventually

pytestmark = pytest.mark.openclaw


def test_the_agents_of_both_gateways_are_discovered(real: Real) -> None:
    agents = real.jerry.agents()
    assert {a: agents[a]["gateway"] for a in ("jerry", "scribe", "bobby", "infra")} == {
        "jerry": "jerry-gateway",
        "scribe": "jerry-gateway",
        "bobby": "bobby-gateway",
        "infra": "bobby-gateway",
    }


def test_they_are_in_consul(real: Real) -> None:
    consul = real.mesh.consul
    assert consul.get(real.mesh.key("agents/bobby/gateway")) == "bobby-gateway"
    assert consul.get(real.mesh.key("gateways/bobby-gateway/status")) == "healthy"


def test_one_agent_asks_the_other(real: Real) -> None:
    answer = real.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "what is up?").ok()
    assert answer.out.strip() == "echo(bobby): what is up?"


def test_a_second_question_in_the_same_session(real: Real) -> None:
    answer = real.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "and now?").ok()
    assert answer.out.strip() == "echo(bobby): and now?"


def test_the_receipts_follow_the_turn(real: Real) -> None:
    message = real.jerry.json("send", "--from", "scribe", "--to", "infra", "look after it")["id"]
    times = real.jerry.wait_stage(message, "replied", within=60)["times"]
    assert {"accepted", "stored", "delivered", "replied"} <= set(times)


def test_a_message_put_into_consul_reaches_a_real_agent(real: Real) -> None:
    real.mesh.consul.put(real.mesh.key("agents/infra/inbox/x"), '{"from":"me","body":"hi from kv"}')
    asked = Path(real.bobby_gateway.process.folder) / "asked.jsonl"
    eventually(lambda: "hi from kv" in asked.read_text(), "infra's model is asked", within=60)


def test_an_agent_sends_by_itself_and_gets_the_answer(real: Real) -> None:
    """jerry's model calls the exec tool with the sidecar's command, and sees bobby's answer."""
    command = (
        f"{program('sideclaw')} --socket {real.jerry.socket} ask --from jerry --to bobby hello"
    )
    call = "CALL exec " + json.dumps({"command": command})
    answer = real.jerry.cli("ask", "--from", "scribe", "--to", "jerry", call, timeout=180).ok()
    assert answer.out.strip() == "tool(jerry): echo(bobby): hello"


def test_a_failing_model_is_an_error_with_a_reason(real: Real) -> None:
    result = real.jerry.cli("ask", "--from", "jerry", "--to", "infra", "please FAIL", timeout=120)
    assert result.rc == 1 and result.err


def test_the_plain_token_log_in_works_too(real: Real) -> None:
    sidecar = add(
        Mesh(real.mesh.folder / "token", None, None),
        "token-gateway",
        real.bobby_gateway,
        gateway__auth="token",
    )
    try:
        sidecar.wait_link("gateway", "ready", within=30)
        assert sidecar.cli("ask", "--to", "bobby", "hi").ok().out.strip() == "echo(bobby): hi"
    finally:
        assert sidecar.stop() == 0


@pytest.mark.parametrize("auth", ["device", "token"])
def test_a_wrong_token_is_refused(real: Real, auth: str) -> None:
    sidecar = add(
        Mesh(real.mesh.folder / f"wrong-{auth}", None, None),
        "wrong-gateway",
        real.bobby_gateway,
        gateway__token="not-the-token",
        gateway__auth=auth,
    )
    try:
        link = sidecar.wait_link("gateway", "refused", within=30)
        assert "token" in link["detail"] and "gateway.token" in link["remedy"]
    finally:
        assert sidecar.stop() == 0


def test_a_created_agent_appears(real: Real) -> None:
    with real.bobby_gateway.client() as client:
        client.call(
            "agents.create",
            {"name": "rookie", "workspace": str(real.bobby_gateway.folder / "rookie")},
        )
    real.jerry.wait_agents("rookie", within=30)
    answer = real.jerry.cli("ask", "--from", "jerry", "--to", "rookie", "welcome").ok()
    assert answer.out.strip() == "echo(rookie): welcome"


def test_a_restarted_gateway_heals_and_what_came_meanwhile_is_delivered(real: Real) -> None:
    real.bobby_gateway.stop()
    real.bobby.wait_link("gateway", "absent", within=60)
    message = real.jerry.json("send", "--from", "jerry", "--to", "bobby", "while you were out")[
        "id"
    ]
    real.jerry.wait_stage(message, "stored")
    real.bobby_gateway.start(wait=False)
    real.bobby.wait_link("gateway", "ready", within=180)
    record = real.jerry.wait_stage(message, "replied", within=120)
    assert record["to"]["gateway"] == "bobby-gateway"
    inbox = real.jerry.json("inbox", "jerry")["messages"]
    assert "echo(bobby): while you were out" in [m["body"] for m in inbox]
