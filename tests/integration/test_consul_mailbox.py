"""Consul KV as a mailbox: anything may `consul kv put` (DESIGN 2)."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Callable

import pytest
from conftest import Pair
from support.mesh import Mesh
from support.wait import eventually


def gone(pair: Pair, key: str) -> None:
    eventually(lambda: pair.mesh.consul.get(key) is None, f"{key} is taken away")


def rejected(pair: Pair, agent: str, name: str) -> dict[str, Any]:
    """The rejected/ entry with its reason and the value as it was."""
    key = pair.mesh.key(f"agents/{agent}/rejected/{name}")
    entry = eventually(lambda: pair.mesh.consul.get_json(key), f"{key} appears")
    assert entry["reason"]
    return dict(entry)


def test_a_value_put_into_the_inbox_is_delivered_and_removed(pair: Pair) -> None:
    key = pair.mesh.key("agents/bobby/inbox/x")
    pair.mesh.consul.put(key, '{"from":"me","body":"hi"}')
    eventually(lambda: pair.bobby_gateway.messages("bobby") == ["hi"], "bobby is told")
    gone(pair, key)


def test_the_command_of_the_documentation_works(pair: Pair) -> None:
    """`consul kv put` itself, the way a person does it."""
    consul = pair.mesh.consul
    subprocess.run(
        [
            consul.program,
            "kv",
            "put",
            "-http-addr",
            consul.addr,
            pair.mesh.key("agents/bobby/inbox/x"),
            '{"from":"me","body":"hi"}',
        ],
        check=True,
        timeout=30,
        capture_output=True,
    )
    eventually(lambda: pair.bobby_gateway.messages("bobby") == ["hi"], "bobby is told")


def test_its_sender_is_shown_as_external(pair: Pair) -> None:
    pair.mesh.consul.put(pair.mesh.key("agents/bobby/inbox/x"), '{"from":"me","body":"hi"}')
    [message] = eventually(
        lambda: pair.bobby.json("inbox", "bobby", "--all")["messages"], "it is in the inbox"
    )
    assert "external:me" in json.dumps(message["from"])


def test_it_is_delivered_once(pair: Pair) -> None:
    for name in ("x", "y"):
        pair.mesh.consul.put(
            pair.mesh.key(f"agents/bobby/inbox/{name}"), f'{{"from":"me","body":"{name}"}}'
        )
    eventually(lambda: len(pair.bobby_gateway.runs) == 2, "both are told")
    gone(pair, pair.mesh.key("agents/bobby/inbox/x"))
    assert pair.ask("after") == "echo(bobby): after"
    assert sorted(pair.bobby_gateway.messages("bobby")) == ["after", "x", "y"]


def test_what_lay_there_before_the_start_is_delivered(mesh: Mesh) -> None:
    mesh.consul.put(mesh.key("agents/early/inbox/x"), '{"from":"me","body":"were you asleep?"}')
    mesh.add("early-gateway", ["early"])
    eventually(
        lambda: mesh.gateways["early-gateway"].messages("early") == ["were you asleep?"],
        "early is told",
    )


def test_a_value_put_into_an_outbox_is_sent(pair: Pair) -> None:
    key = pair.mesh.key("agents/jerry/outbox/x")
    pair.mesh.consul.put(key, '{"to":"bobby","body":"from my outbox"}')
    eventually(lambda: pair.bobby_gateway.messages("bobby") == ["from my outbox"], "bobby is told")
    gone(pair, key)


def test_what_an_outbox_sends_is_from_its_agent(pair: Pair) -> None:
    pair.mesh.consul.put(pair.mesh.key("agents/jerry/outbox/x"), '{"to":"bobby","body":"hi"}')
    [message] = eventually(
        lambda: pair.bobby.json("inbox", "bobby", "--all")["messages"], "it is in the inbox"
    )
    assert "jerry" in json.dumps(message["from"])
    assert "external" not in json.dumps(message["from"])


def test_the_outbox_of_an_agent_elsewhere_is_left_alone(pair: Pair) -> None:
    pair.mesh.consul.put(pair.mesh.key("agents/bobby/outbox/x"), '{"to":"jerry","body":"hi"}')
    eventually(lambda: pair.jerry_gateway.messages("jerry") == ["hi"], "jerry is told")
    outgoing = [m["to"]["agent"] for m in pair.jerry.json("outbox", "--all")["messages"]]
    assert "jerry" not in outgoing


@pytest.mark.parametrize(
    "value",
    [
        b"not json at all",
        b'{"from":"me"',
        b'["a list"]',
        b'{"from":"me"}',
        b'{"from":"me","body":42}',
        b'{"from":["x"],"body":"hi"}',
        b'{"from":"me","body":"nul \\u0000 inside"}',
        b'{"from":"me","body":"bad \xff\xfe bytes"}',
        b"",
        b'{"from":"me","body":"' + b"x" * (257 * 1024) + b'"}',
    ],
    ids=[
        "text",
        "cut",
        "list",
        "no-body",
        "number",
        "from-list",
        "nul",
        "utf8",
        "empty",
        "too-big",
    ],
)
def test_a_malformed_inbox_value_moves_to_rejected_with_the_reason(
    pair: Pair, value: bytes
) -> None:
    key = pair.mesh.key("agents/bobby/inbox/bad-1")
    pair.mesh.consul.put(key, value)
    entry = rejected(pair, "bobby", "bad-1")
    if value and b"\xff" not in value and len(value) < 1024:
        assert value.decode() in entry["value"]
    gone(pair, key)
    assert pair.bobby_gateway.runs == []
    assert pair.ask("and on it goes") == "echo(bobby): and on it goes"


@pytest.mark.parametrize(
    "value, word",
    [
        ("nonsense", ""),
        ('{"body":"to whom?"}', "to"),
        ('{"to":"nobody-at-all","body":"hi"}', "nobody-at-all"),
        ('{"to":"a/../b","body":"hi"}', "to"),
    ],
    ids=["text", "no-to", "unknown", "bad-id"],
)
def test_a_malformed_outbox_value_moves_to_rejected_with_the_reason(
    pair: Pair, value: str, word: str
) -> None:
    pair.mesh.consul.put(pair.mesh.key("agents/jerry/outbox/bad-2"), value)
    entry = rejected(pair, "jerry", "bad-2")
    assert word in entry["reason"] and entry["value"] == value


def test_rejected_values_are_counted(pair: Pair) -> None:
    before = pair.bobby.status()["counters"]["rejected"]
    pair.mesh.consul.put(pair.mesh.key("agents/bobby/inbox/bad"), "nonsense")
    rejected(pair, "bobby", "bad")
    assert pair.bobby.status()["counters"]["rejected"] == before + 1


def test_a_mailbox_of_a_gateway_without_redis_works(
    make_mesh: Callable[..., Mesh], consul: Any
) -> None:
    mesh = make_mesh(consul, None)
    mesh.add("quiet-gateway", ["quiet"])
    consul.put(mesh.key("agents/quiet/inbox/x"), '{"from":"me","body":"hi"}')
    eventually(lambda: mesh.gateways["quiet-gateway"].messages("quiet") == ["hi"], "quiet is told")
