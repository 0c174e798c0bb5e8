"""Health pages and metrics (issue 3, item 6; DESIGN 6)."""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from conftest import Pair
from support.board import page, signals, states
from support.consul import Consul
from support.mesh import Mesh
from support.ports import free_port
from support.process import Process, clean_env
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import SLOW, eventually


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


def well(mesh: Mesh, **options: Any) -> Sidecar:
    sidecar = mesh.add("jerry-gateway", ["jerry"], **options)
    eventually(lambda: page(sidecar, "/health") == 200, "/health is 200")
    return sidecar


def test_a_frozen_gateway_is_found_by_two_signals_and_forgiven(mesh: Mesh) -> None:
    sidecar = well(mesh)
    sidecar.gateway.freeze()
    began = time.monotonic()
    eventually(lambda: page(sidecar, "/health/live") == 503, "dead", within=30)
    assert time.monotonic() - began < 16 * SLOW, "15 s, and one for the test"
    assert page(sidecar, "/health") == page(sidecar, "/health/traffic") == 503
    assert states(sidecar, "gateway_http", "gateway_rpc") == ["bad", "bad"]
    sidecar.wait_link("gateway", "frozen")
    sidecar.gateway.thaw()
    eventually(lambda: page(sidecar, "/health") == 200, "healthy again", within=30)
    http = signals(sidecar)["gateway_http"]
    assert "no answer within" in http["last_error"] and http["last_error_at"]


class OwnGateway(Process):
    """The fake gateway in a process of its own, so that it can be killed and stopped."""

    def __init__(self, folder: Path, port: int) -> None:
        argv = [sys.executable, "-m", "support.fake_gateway", str(port), "token-own", "jerry"]
        tests = str(Path(__file__).resolve().parents[1])
        super().__init__("own-gateway", argv, folder, env=clean_env({"PYTHONPATH": tests}))


def beside(mesh: Mesh, port: int) -> Sidecar:
    return mesh.add(
        "jerry-gateway",
        gateway=False,
        gateway__enabled=True,
        gateway__url=f"ws://127.0.0.1:{port}",
        gateway__token="token-own",
        gateway__process=f"support.fake_gateway {port}",  # others may run these tests, too
    )


def test_the_process_of_a_gateway_that_comes_later_is_seen_at_once(
    mesh: Mesh, tmp_path: Path
) -> None:
    process = OwnGateway(tmp_path, free_port())
    sidecar = beside(mesh, int(process.argv[3]))
    sidecar.wait_link("gateway", "absent")
    eventually(lambda: states(sidecar, "gateway_process") == ["off"], "nobody there")
    process.start()
    try:
        sidecar.wait_link("gateway", "ready")
        row = lambda: signals(sidecar)["gateway_process"]["detail"]
        eventually(lambda: str(process.pid) in row(), "its process is known", within=5)
    finally:
        process.kill()


@pytest.fixture
def own(mesh: Mesh, tmp_path: Path) -> Iterator[tuple[Sidecar, OwnGateway]]:
    port = free_port()
    process = OwnGateway(tmp_path, port)
    process.start()
    sidecar = beside(mesh, port)
    eventually(lambda: page(sidecar, "/health") == 200, "/health is 200", within=20)
    yield sidecar, process
    process.kill()


def test_a_killed_gateway_is_dead_at_once_and_its_successor_starts(
    own: tuple[Sidecar, OwnGateway],
) -> None:
    sidecar, process = own
    row = signals(sidecar)["gateway_process"]
    assert row["state"] == "ok" and str(process.pid) in row["detail"], row
    process.kill()
    eventually(lambda: page(sidecar, "/health/traffic") == 503, "no traffic", within=6)
    eventually(lambda: page(sidecar, "/health/live") == 503, "dead", within=15)
    assert "gone" in signals(sidecar)["gateway_process"]["detail"]
    process.start()
    eventually(lambda: page(sidecar, "/health") == 200, "healthy again", within=20)
    assert str(process.pid) in signals(sidecar)["gateway_process"]["detail"]


def test_a_stopped_process_is_two_signals(own: tuple[Sidecar, OwnGateway]) -> None:
    sidecar, process = own
    process.pause()
    eventually(lambda: page(sidecar, "/health/live") == 503, "dead", within=16)
    assert "stopped" in signals(sidecar)["gateway_process"]["detail"]
    process.resume()
    eventually(lambda: page(sidecar, "/health") == 200, "healthy again", within=20)


def test_waiting_until_it_is_healthy(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"])
    assert sidecar.cli("wait", "--for", "healthy", "--timeout", "20").ok().out == "healthy\n"
    assert sidecar.cli("wait", "--for", "traffic", "--timeout", "0").rc == 0
    late = sidecar.cli("wait", "--for", "dead", "--timeout", "0")
    assert late.rc == 75 and "it is healthy" in late.err, late
    sidecar.gateway.starting = True
    eventually(lambda: page(sidecar, "/health/traffic") == 503, "starting", within=10)
    late = sidecar.cli("wait", "--timeout", "1")
    assert late.rc == 75 and "gateway_startup starting" in late.err, late
    assert sidecar.cli("wait", "--for", "spring").rc == 2


def test_waiting_for_a_daemon_that_does_not_run_yet(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    late = sidecar.cli("wait", "--timeout", "1")
    assert late.rc == 75, late
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sidecar.cli, "wait", "--timeout", "30")
        sidecar.start()
        assert waiting.result().rc == 0


def test_each_signal_has_its_row(mesh: Mesh) -> None:
    sidecar = well(mesh)
    expected = {
        "gateway_http": "ok",
        "gateway_startup": "ok",
        "gateway_ready": "ok",
        "gateway_ws": "ok",
        "gateway_rpc": "ok",
        "gateway_login": "ok",
        "gateway_process": "ok",
        "gateway_channels": "ok",
        "gateway_models": "off",  # this fake one does not tell
        "leases": "off",
        "skills_age": "off",
        "skills_lock": "off",
    }
    eventually(
        lambda: {n: s["state"] for n, s in signals(sidecar).items() if n in expected} == expected,
        "each was looked at once",
    )


def test_the_baseline_is_taken_once(mesh: Mesh, tmp_path: Path) -> None:
    tool, calls = tmp_path / "openclaw", tmp_path / "calls"
    tool.write_text(
        f'#!/bin/sh\necho "$* $OPENCLAW_GATEWAY_PORT $OPENCLAW_GATEWAY_TOKEN" >>{calls}\n'
        'echo \'{"rpc":{"ok":true}}\'\n'
    )
    tool.chmod(0o700)
    sidecar = well(mesh, gateway__cli=str(tool))
    sidecar.process.wait_log(r"event=gateway\.baseline ")
    kept = sidecar.state / "gateway-status.json"
    assert json.loads(kept.read_text()) == {"rpc": {"ok": True}}
    sidecar.gateway.drop()
    sidecar.process.wait_log(r"event=gateway\.state .*state=ready", count=2)
    said = calls.read_text().splitlines()
    assert said == [f"gateway status --json {sidecar.gateway.port} token-jerry-gateway"]


# process_*: the names that every exporter uses.
METRIC = re.compile(r"(?:sideclaw|process)_[a-z0-9_]+(\{[^}]*\})? [0-9.eE+-]+")


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
