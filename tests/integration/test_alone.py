"""With nothing else installed (issue 3, item 7): no Consul, no Redis, and still useful."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from support.consul import Consul
from support.mesh import Mesh
from support.ports import free_port
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import eventually


@pytest.fixture
def lonely(make_mesh: Callable[..., Mesh]) -> Sidecar:
    """Consul and Redis are configured, as by default, but nothing listens there."""
    return make_mesh(None, None).add(
        "jerry-gateway",
        ["jerry", "scribe"],
        consul__enabled=True,
        consul__addr=f"http://127.0.0.1:{free_port()}",
        redis__enabled=True,
        redis__url=f"redis://127.0.0.1:{free_port()}",
    )


def test_local_agents_are_reachable(lonely: Sidecar) -> None:
    answer = lonely.cli("ask", "--from", "jerry", "--to", "scribe", "just us?").ok()
    assert answer.out.strip() == "echo(scribe): just us?"


def test_local_agents_are_listed(lonely: Sidecar) -> None:
    lonely.wait_agents("jerry", "scribe")


def test_a_remote_message_waits_in_the_spool(lonely: Sidecar) -> None:
    lonely.wait_agents("jerry")
    message = lonely.json("send", "--from", "jerry", "--to", "bobby", "when you can")["id"]
    assert lonely.stage(message) == "accepted"
    lonely.restart()
    assert lonely.stage(message) == "accepted"
    assert message in [m["id"] for m in lonely.json("outbox")["messages"]]


def test_status_says_what_is_missing_and_how_to_start_it(lonely: Sidecar) -> None:
    lonely.wait_link("consul", "down")
    lonely.wait_link("redis", "down")
    links = lonely.status()["links"]
    assert "consul agent" in links["consul"]["remedy"]
    assert "redis-server" in links["redis"]["remedy"]
    text = lonely.cli("status").ok().out
    assert "consul agent" in text and "redis-server" in text


def test_the_absence_degrades_but_does_not_kill(lonely: Sidecar) -> None:
    lonely.wait_link("redis", "down")
    eventually(lambda: lonely.http("GET", "/health", token="").status == 429, "/health is 429")
    assert lonely.http("GET", "/health/live", token="").status == 200


def test_switched_off_links_are_off_and_no_complaint(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")
    links = alone.status()["links"]
    assert links["consul"]["state"] == links["redis"]["state"] == "off"
    eventually(lambda: alone.status()["health"] == "healthy", "healthy")


def test_dependencies_that_come_later_are_found(
    tmp_path: Path, make_mesh: Callable[..., Mesh]
) -> None:
    """Consul and Redis start after the sidecars and the first message."""
    consul, redis = Consul(tmp_path / "consul"), Redis(tmp_path / "redis")
    mesh = make_mesh(consul, redis)
    jerry = mesh.add("jerry-gateway", ["jerry"])
    bobby = mesh.add("bobby-gateway", ["bobby"])
    jerry.wait_agents("jerry")
    message = jerry.json("send", "--from", "jerry", "--to", "bobby", "patience")["id"]
    try:
        redis.start()
        consul.start()
        mesh.wait_whole(within=90)
        jerry.wait_stage(message, "replied", within=60)
        assert mesh.gateways["bobby-gateway"].messages("bobby") == ["patience"]
        assert bobby.process.alive
    finally:
        mesh.stop()
        consul.stop()
        redis.stop()


def test_redis_without_consul_is_said_but_spools(
    make_mesh: Callable[..., Mesh], redis: Redis
) -> None:
    """Without a directory nobody knows where bobby is; the message waits and says why."""
    sidecar = make_mesh(None, redis).add(
        "jerry-gateway",
        ["jerry"],
        consul__enabled=True,
        consul__addr=f"http://127.0.0.1:{free_port()}",
    )
    sidecar.wait_agents("jerry")
    message = sidecar.json("send", "--from", "jerry", "--to", "bobby", "hi")["id"]
    assert sidecar.stage(message) == "accepted"
    assert sidecar.link("redis")["state"] in ("up", "down")


def test_consul_without_redis_carries_small_messages(
    make_mesh: Callable[..., Mesh], consul: Consul
) -> None:
    mesh = make_mesh(consul, None)
    jerry = mesh.add("jerry-gateway", ["jerry"])
    mesh.add("bobby-gateway", ["bobby"])
    mesh.wait_whole()
    answer = jerry.cli(
        "ask", "--from", "jerry", "--to", "bobby", "by way of Consul", timeout=120
    ).ok()
    assert answer.out.strip() == "echo(bobby): by way of Consul"
