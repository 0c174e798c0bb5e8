"""MCP clients that we did not write use every tool, over stdio and HTTP. Marked `mcp`; run in CI."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping

import pytest
from support.consul import Consul
from support.mcp import token_of
from support.mcp_clients import CLIENTS, LEGACY, MODERN, Call, Client, Server
from support.mesh import Mesh
from support.redis import Redis
from support.sidecar import Sidecar, program
from support.wait import eventually

pytestmark = pytest.mark.mcp

AGENT = "clerk"  # of no gateway: nobody wakes it, so what is sent to it waits in its inbox
PROTOCOL = {LEGACY: "2025-11-25", MODERN: "2026-07-28"}
_marks = itertools.count(1)


@dataclass
class Story:
    """What one client has been told so far, and a word that no other client uses."""

    near: Sidecar
    far: Sidecar
    told: dict[str, Any] = field(default_factory=dict)  # tool: its last result
    mark: str = field(default_factory=lambda: f"m{next(_marks)}")

    def write(self, body: str) -> str:
        """Somebody writes to the agent; the id of the message once it is there."""
        sent = self.far.json("send", "--from", "bobby", "--to", AGENT, body)
        message = str(sent["id"])
        waiting = f"/v1/agents/{AGENT}/inbox/{message}"
        eventually(lambda: self.near.http("GET", waiting).status == 200, f"{message} is in the inbox")
        return message

    def take(self) -> dict[str, str]:
        """The id and the fence of a task that the agent holds."""
        self.near.http("POST", "/v1/tasks", {"body": f"work {self.mark}", "from": AGENT})

        def taken() -> Any:
            return self.near.http("POST", "/v1/tasks/pop", {"agent": AGENT}).json()["task"]

        task = eventually(taken, f"{AGENT} holds a task")
        return {"id": task["id"], "fence": task["fence"]}


# Each tool with arguments that must succeed, in an order that makes sense. Whoever adds a tool adds a row.
ARGUMENTS: dict[str, Callable[[Story], Mapping[str, Any]]] = {
    "agent_register": lambda s: {"capabilities": ["clerical", s.mark]},
    "agent_discover": lambda s: {"capability": "clerical"},
    "send_message": lambda s: {"to": "bobby", "body": f"hello {s.mark}", "wait_ms": 20000},
    "message_status": lambda s: {"id": s.told["send_message"]["id"]},
    "check_inbox": lambda s: {"id": s.write(f"question {s.mark}")},
    "reply": lambda s: {"id": s.write(f"question {s.mark}"), "body": f"answer {s.mark}"},
    "ack_message": lambda s: {"id": s.write(f"read me {s.mark}")},
    "set_memory": lambda s: {"key": f"note-{s.mark}", "value": "kept"},
    "get_memory": lambda s: {"key": f"note-{s.mark}"},
    "list_memory": lambda s: {},
    "delete_memory": lambda s: {"key": f"note-{s.mark}"},
    "push_event": lambda s: {"kind": "test", "text": f"seen {s.mark}"},
    "recent_events": lambda s: {},
    "push_task": lambda s: {"body": f"job {s.mark}", "capability": s.mark},
    "task_status": lambda s: {"id": s.told["push_task"]["id"]},
    "pop_task": lambda s: {},
    "complete_task": lambda s: {**s.take(), "result": "done"},
    "fail_task": lambda s: {**s.take(), "reason": "no access", "retry": False},
}


@dataclass
class Office:
    """A sidecar with the agent, and another that it can write to."""

    near: Sidecar
    far: Sidecar

    def server(self, transport: str) -> Server:
        if transport == "stdio":
            argv = (program("sideclaw"), "--socket", self.near.socket, "mcp", "--agent", AGENT)
            return Server(command=tuple(str(a) for a in argv))
        return Server(url=f"{self.near.url}/mcp/{AGENT}", token=token_of(self.near, AGENT))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, consul: Consul, redis: Redis) -> Iterator[Office]:
    mesh = Mesh(tmp_path_factory.mktemp("office"), consul, redis)
    try:
        near = mesh.add("near-gateway", gateway=False, config_agents=[{"id": AGENT}])
        far = mesh.add("far-gateway", ["bobby"])
        for s in (near, far):
            s.wait_agents(AGENT, "bobby")
        yield Office(near, far)
    finally:
        mesh.stop()


COMBINATIONS = [
    pytest.param(name, era, transport, id=f"{name}-{era}-{transport}")
    for name, (_, eras) in CLIENTS.items()
    for era in eras
    for transport in ("stdio", "http")
]


@pytest.fixture(scope="module")
def client(
    office: Office, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Client]:
    """One connection for all tests of a client: to connect takes most of them longer than to call."""
    name, era, transport = request.param
    connect, _ = CLIENTS[name]
    made = connect(tmp_path_factory.mktemp("client"), office.server(transport), era)
    assert made.protocol in (None, PROTOCOL[era])
    yield made
    made.close()


def with_every_client(test: Callable[..., None]) -> Callable[..., None]:
    values = [pytest.param(p.values, id=p.id) for p in COMBINATIONS]
    return pytest.mark.parametrize("client", values, indirect=True)(test)


@with_every_client
def test_every_tool_listed_can_be_called(office: Office, client: Client) -> None:
    """The client holds each result against the tool's outputSchema; it would refuse another."""
    tools = client.tools()
    assert not (missing := set(tools) - set(ARGUMENTS)), f"no arguments in ARGUMENTS for {sorted(missing)}"
    assert not (gone := set(ARGUMENTS) - set(tools)), f"in ARGUMENTS, but no tools: {sorted(gone)}"
    assert all(t.get("outputSchema") for t in tools.values()), tools
    story = Story(office.near, office.far)
    for tool in ARGUMENTS:
        story.told[tool] = client.call(tool, ARGUMENTS[tool](story)).value()
    assert story.told["send_message"]["reply"]["body"] == f"echo(bobby): hello {story.mark}"


def failed(call: Call) -> str:
    assert not call.refused, call.refused
    assert call.is_error and call.text, call
    return call.text


@with_every_client
def test_a_failure_is_a_result_that_says_what_to_do(client: Client) -> None:
    client.tools()
    assert "Next:" in failed(client.call("send_message", {"to": "nobody-of-that-name", "body": "hi"}))
    assert "body" in failed(client.call("send_message", {"to": "bobby"}))


@with_every_client
def test_nobody_acts_in_anothers_name(client: Client) -> None:
    client.tools()
    assert "from" in failed(client.call("send_message", {"from": "bobby", "to": "bobby", "body": "hi"}))
