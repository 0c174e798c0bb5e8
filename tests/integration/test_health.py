"""Health pages and metrics (issue 3, item 6; DESIGN 6)."""

from __future__ import annotations

import re
from typing import Callable

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import eventually


def page(sidecar: Sidecar, path: str) -> int:
    return sidecar.http("GET", path, token="").status


def test_a_whole_mesh_is_healthy_on_all_pages(pair: Pair) -> None:
    eventually(lambda: page(pair.jerry, "/health") == 200, "/health is 200")
    assert page(pair.jerry, "/health/live") == page(pair.jerry, "/health/traffic") == 200


def test_health_carries_the_board(pair: Pair) -> None:
    eventually(lambda: page(pair.jerry, "/health") == 200, "/health is 200")
    board = pair.jerry.http("GET", "/health", token="").json()
    assert board["status"] == "healthy" and board["reasons"] == []
    assert {"redis", "consul", "spool"} <= {s["name"] for s in board["signals"]}
    for signal in board["signals"]:
        assert {"name", "state", "since", "detail"} <= set(signal)


def test_health_at_the_command_line(pair: Pair) -> None:
    eventually(lambda: pair.jerry.json("health")["status"] == "healthy", "healthy")
    assert "healthy" in pair.jerry.cli("health").ok().out


def test_redis_away_is_degraded_and_no_reason_to_restart(
    own_redis: Callable[..., Redis],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(consul, own_redis()))
    eventually(lambda: page(pair.jerry, "/health") == 200, "/health is 200")
    pair.mesh.redis.stop()
    eventually(lambda: page(pair.jerry, "/health") == 429, "/health is 429")
    assert page(pair.jerry, "/health/live") == 200
    assert "redis" in str(pair.jerry.status()["reasons"]).lower()


def test_consul_away_is_degraded_and_no_reason_to_restart(
    own_consul: Callable[..., Consul],
    redis: Redis,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(own_consul(), redis))
    eventually(lambda: page(pair.jerry, "/health") == 200, "/health is 200")
    pair.mesh.consul.stop()
    eventually(lambda: page(pair.jerry, "/health") == 429, "/health is 429")
    assert page(pair.jerry, "/health/live") == 200


def test_a_gateway_still_starting_is_alive_but_takes_no_traffic(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.gateway.starting = True
    sidecar.start().wait_link("gateway", "starting")
    assert page(sidecar, "/health/live") == 200
    assert page(sidecar, "/health/traffic") == 503


def test_a_gateway_gone_is_dead_after_its_grace(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], gateway__start_grace_s=1)
    eventually(lambda: page(sidecar, "/health/live") == 200, "alive")
    sidecar.wait_link("gateway", "ready")
    sidecar.gateway.stop()
    eventually(lambda: page(sidecar, "/health/live") == 503, "/health/live is 503", within=40)
    assert page(sidecar, "/health") == 503 and page(sidecar, "/health/traffic") == 503
    sidecar.gateway.start()
    eventually(lambda: page(sidecar, "/health/live") == 200, "/health/live is 200 again", within=60)


def test_the_gateways_death_is_in_consul(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], gateway__start_grace_s=1)
    key = mesh.key("gateways/jerry-gateway/status")
    eventually(lambda: mesh.consul.get(key) == "healthy", "healthy in Consul")
    sidecar.gateway.stop()
    eventually(
        lambda: mesh.consul.get(key) in ("dead", "degraded"),
        "no longer healthy in Consul",
        within=40,
    )


METRIC = re.compile(
    r"sideclaw_[a-z0-9_]+(\{[^}]*\})? [0-9.eE+-]+|sideclaw_[a-z0-9_]+(\{[^}]*\})? NaN"
)


def test_metrics_are_prometheus_text_with_our_prefix(pair: Pair) -> None:
    answer = pair.jerry.http("GET", "/metrics", token="")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    assert lines and [line for line in lines if not METRIC.fullmatch(line)] == []
    named = set(re.findall(r"^# TYPE (\S+)", answer.text, re.M))
    assert {re.split(r"[{ ]", line)[0] for line in lines} <= named | {
        n + s for n in named for s in ("_bucket", "_sum", "_count")
    }


def test_metrics_count_messages(pair: Pair) -> None:
    def total() -> float:
        text = pair.jerry.http("GET", "/metrics", token="").text
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if re.match(r"sideclaw_messages\w*_total", line)
        )

    before = total()
    pair.ask("hi")
    eventually(lambda: total() > before, "a counter of messages went up")
