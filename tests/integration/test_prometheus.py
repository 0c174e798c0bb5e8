"""What we say to Prometheus and how it alerts, judged by the real one (issue 6, item 7)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import pytest

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.peer import KEY
from support.ports import free_port
from support.prometheus import SHIPPED, Prometheus, configuration, knows_consul, promtool, rules
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import eventually
from test_health import OwnGateway

pytestmark = pytest.mark.prometheus

RULE_TESTS = Path(__file__).with_name("sideclaw.rules.test.yml")
NOMAD_PORT = 9  # nobody answers there


# --- promtool ---


def test_the_rules_are_valid_and_do_what_their_tests_say() -> None:
    done = promtool("check", "rules", SHIPPED / "sideclaw.rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("test", "rules", RULE_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sample_is_valid(tmp_path: Path, consul: Consul) -> None:
    """As it is, where this promtool knows Consul; else all of it but how the targets are found."""
    sample = SHIPPED / "prometheus.yml"
    if not knows_consul():
        sample = tmp_path / sample.name
        sample.write_text(configuration(consul, 18790))
        (tmp_path / "sideclaw.rules.yml").write_text(rules())
    done = promtool("check", "config", sample)
    assert done.returncode == 0, done.stdout + done.stderr


def lint(sidecar: Sidecar) -> None:
    text = sidecar.http("GET", "/metrics", token="").text
    done = promtool("check", "metrics", text=text)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_promtool_would_find_a_bad_metric() -> None:
    bad = "# HELP sideclaw_messages Messages.\n# TYPE sideclaw_messages counter\nsideclaw_messages 1\n"
    done = promtool("check", "metrics", text=bad)
    assert done.returncode == 3 and "_total" in done.stdout + done.stderr


def test_promtool_has_nothing_to_say_of_a_busy_daemon(
    tmp_path: Path,
    own_consul: Callable[..., Consul],
    own_redis: Callable[..., Redis],
    make_mesh: Callable[..., Mesh],
) -> None:
    consul, redis = own_consul(), own_redis()
    mesh = make_mesh(consul, redis)
    pair = Pair.start(mesh, mesh__key=KEY)
    lint(pair.jerry)
    pair.ask("hi")
    lint(pair.jerry)
    lint(pair.bobby)
    pair.bobby.cli("drain").ok()
    waits = pair.send("while it drains")
    lint(pair.bobby)
    pair.bobby.cli("undrain").ok()
    pair.jerry.wait_stage(waits, "replied")
    redis.stop()
    consul.stop()
    pair.bobby_gateway.stop()
    pair.jerry.wait_link("redis", "down")
    eventually(lambda: pair.bobby.metric("sideclaw_probes_total", answer="refused") > 0, "probes")
    pair.send("to one who is not there")
    lint(pair.jerry)
    lint(pair.bobby)


def test_a_sidecar_that_has_nothing_beside_it(make_mesh: Callable[..., Mesh]) -> None:
    lint(make_mesh(None, None).add("alone", gateway=False, config_agents=[{"id": "tom"}]))


# --- Prometheus ---


def as_nomad_registers(consul: Consul, sidecar: Sidecar, gateway: str) -> None:
    """The two services of a job in nomad/, with the ids that Nomad gives them."""
    for name, at in (("sideclaw", sidecar.port), ("openclaw-gateway", NOMAD_PORT)):
        entry = {
            "ID": f"_nomad-task-0-{name}-{at}",
            "Name": name,
            "Address": "127.0.0.1",
            "Port": at,
            "Meta": {"gateway": gateway},
        }
        consul.api("PUT", "/v1/agent/service/register", json.dumps(entry).encode())


@dataclass
class Watched:
    jerry: Sidecar
    bobby: Sidecar
    jerry_gateway: OwnGateway
    prometheus: Prometheus


@pytest.fixture
def watched(
    tmp_path: Path, own_consul: Callable[..., Consul], make_mesh: Callable[..., Mesh], redis: Redis
) -> Iterator[Watched]:
    """Jerry's sidecar has registered its gateway itself, Bobby's runs as if under Nomad."""
    consul, port = own_consul(), free_port()
    mesh, gateway = make_mesh(consul, redis), OwnGateway(tmp_path, port)
    gateway.start()
    jerry = mesh.add(
        "jerry-gateway",
        gateway=False,
        gateway__enabled=True,
        gateway__url=f"ws://127.0.0.1:{port}",
        gateway__token="token-own",
        gateway__process="support.fake_gateway",
    )
    bobby = mesh.add("bobby-gateway", ["bobby"], consul__register_service=False)
    as_nomad_registers(consul, bobby, "bobby-gateway")
    for sidecar in (jerry, bobby):
        sidecar.wait_agents("jerry", "bobby")
    services = "/v1/catalog/service/openclaw-gateway"
    eventually(lambda: len(consul.api("GET", services)) == 2, "both services", 20)
    prometheus = Prometheus(tmp_path / "prometheus", consul, jerry.port)
    try:
        prometheus.start()
        up = "two targets are scraped"
        eventually(lambda: [t["health"] for t in prometheus.targets()] == ["up"] * 2, up, 30)
        yield Watched(jerry, bobby, gateway, prometheus)
    finally:
        prometheus.stop()
        gateway.kill()


def firing(prometheus: Prometheus, severity: str) -> list[str]:
    return [
        r["name"]
        for r in prometheus.rules()
        if r["state"] == "firing" and r["labels"]["severity"] == severity
    ]


def test_it_finds_each_sidecar_once_and_understands_every_rule(watched: Watched) -> None:
    prometheus = watched.prometheus
    jobs = {t["labels"]["gateway"]: t["labels"]["job"] for t in prometheus.targets()}
    assert jobs == {"jerry-gateway": "sideclaw-registered", "bobby-gateway": "sideclaw"}
    shipped = (SHIPPED / "sideclaw.rules.yml").read_text().count("- alert:")
    eventually(lambda: {r["health"] for r in prometheus.rules()} == {"ok"}, "rules evaluated", 30)
    assert len(prometheus.rules()) == shipped
    assert firing(prometheus, "page") == []
    watched.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "hi").ok()
    half = "histogram_quantile(0.5, sideclaw_message_stage_seconds_bucket{stage='replied'})"
    (sample,) = eventually(
        lambda: [s for s in prometheus.query(half) if s["value"][1] != "NaN"], "a message's time"
    )
    assert sample["metric"]["gateway"] == "jerry-gateway"
    assert 0 < float(sample["value"][1]) < 300


def test_a_dead_gateway_pages_until_it_is_back_and_a_drain_does_not(watched: Watched) -> None:
    prometheus, page, drain = (
        watched.prometheus,
        "OpenClawGatewayDead",
        "OpenClawGatewayDrainingLong",
    )
    watched.bobby.cli("drain").ok()
    eventually(lambda: "bobby-gateway" in prometheus.alert(drain), "it is noticed", 30)
    assert prometheus.query('sideclaw_drain_cause{cause="operator",gateway="bobby-gateway"} == 1')

    watched.jerry_gateway.kill()
    eventually(lambda: prometheus.alert(page).get("jerry-gateway"), "pending or firing", 30)
    eventually(lambda: prometheus.alert(page) == {"jerry-gateway": "firing"}, "it pages", 30)
    assert firing(prometheus, "page") == [page], "and nothing else does, the drain least of all"

    watched.bobby.cli("undrain").ok()
    watched.jerry_gateway.start()
    eventually(lambda: prometheus.alert(page) == {}, "it is resolved", 30)
    eventually(lambda: prometheus.alert(drain) == {}, "no drain", 30)
    well = 'sideclaw_health_status{status="healthy"} == 1'
    eventually(lambda: len(prometheus.query(well)) == 2, "both are well", 30)


def test_a_sidecar_that_is_gone_pages_with_its_gateways_name(watched: Watched) -> None:
    prometheus, page = watched.prometheus, "SideclawDown"
    watched.bobby.process.kill()
    eventually(lambda: prometheus.alert(page) == {"bobby-gateway": "firing"}, "it pages", 30)
    watched.bobby.start()
    eventually(lambda: prometheus.alert(page) == {}, "it is resolved", 30)
