"""Our entry in Consul's catalog (issue 6, item 3): what it says, its checks (asked or told), and that it
comes back after whatever takes it away."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support.consul import Consul
from support.mesh import Mesh
from support.ports import free_port
from support.sidecar import ROOT, Sidecar
from support.traefik import Traefik, trusting
from support.wait import eventually, holds_for

MakeConsul = Callable[..., Consul]
MakeMesh = Callable[..., Mesh]

ID = "openclaw-gateway-jerry-gateway"
ENTRY = f"/v1/agent/service/{ID}"
ENOUGH = {"consul__check_interval_s": 1, "drain__notice_s": 0}


@pytest.fixture
def mesh(own_consul: MakeConsul, make_mesh: MakeMesh) -> Mesh:
    return make_mesh(own_consul(), None)


def checks(consul: Consul) -> dict[str, dict[str, Any]]:
    """Of our instance in the catalog, by name; the node's, too."""
    rows = consul.api("GET", f'/v1/health/service/openclaw-gateway?filter=Service.ID=="{ID}"')
    return {c["Name"]: c for row in rows for c in row["Checks"]}


def statuses(consul: Consul) -> dict[str, str]:
    return {n: c["Status"] for n, c in checks(consul).items() if n.startswith("sideclaw")}


BOTH = {"sideclaw health": "passing", "sideclaw traffic": "passing"}


def registered(mesh: Mesh, **options: Any) -> Sidecar:
    jerry = mesh.add("jerry-gateway", ["jerry", "scribe"], **{**ENOUGH, **options})
    eventually(lambda: mesh.consul.api("GET", ENTRY), "it is registered")
    return jerry


def passing(mesh: Mesh, expected: dict[str, str] = BOTH) -> None:
    eventually(lambda: statuses(mesh.consul) == expected, f"the checks are {expected}", 30)


def test_the_entry_says_who_it_is_and_where(mesh: Mesh) -> None:
    tags = ["traefik.enable=true", "traefik.http.routers.j.rule=Host(`a`, `b`) && Path(`/`)"]
    jerry = registered(mesh, consul__tags=tags)
    version = jerry.status()["version"]
    meta = {"gateway": "jerry-gateway", "version": version, "agents": "jerry,scribe"}
    row = eventually(
        lambda: (r := mesh.consul.api("GET", ENTRY))["Meta"] == meta and r, "the agents are named"
    )
    assert row["Address"] == "127.0.0.1" and row["Port"] == jerry.gateway.port
    assert row["Tags"] == tags


def test_it_may_say_another_address_and_tags_by_the_environment(mesh: Mesh) -> None:
    jerry = mesh.add(
        "jerry-gateway", ["jerry"], start=False, consul__service_address="jerry.tailnet:443"
    )
    jerry.process.env["SIDECLAW_CONSUL_TAGS"] = "a=1,2\nb=x y\n"
    jerry.start()
    row = eventually(lambda: mesh.consul.api("GET", ENTRY), "it is registered")
    assert (row["Address"], row["Port"]) == ("jerry.tailnet", 443)
    assert row["Tags"] == ["a=1,2", "b=x y"]
    assert jerry.stop() == 0
    jerry.write_config(consul__service_address="10.1.2.3")
    jerry.start()
    row = eventually(lambda: mesh.consul.api("GET", ENTRY), "it is registered")
    assert (row["Address"], row["Port"]) == ("10.1.2.3", jerry.gateway.port)


@pytest.mark.parametrize("kind", ["http", "ttl"])
def test_each_page_is_a_check_and_follows_it(kind: str, mesh: Mesh) -> None:
    jerry = registered(mesh, consul__check_type=kind)
    passing(mesh)
    assert {checks(mesh.consul)[n]["Type"] for n in BOTH} == {kind}
    jerry.json("drain", "--why", "new disk")
    passing(mesh, dict.fromkeys(BOTH, "critical"))
    assert "new disk" in checks(mesh.consul)["sideclaw health"]["Output"]
    jerry.cli("undrain").ok()
    passing(mesh)
    jerry.gateway.stop()
    eventually(lambda: statuses(mesh.consul)["sideclaw traffic"] == "critical", "no traffic", 40)
    eventually(lambda: statuses(mesh.consul)["sideclaw health"] != "passing", "and not well", 40)


@pytest.mark.parametrize("kind", ["http", "ttl"])
def test_a_degraded_gateway_warns_and_takes_traffic(
    kind: str, own_consul: MakeConsul, own_redis: Callable[..., Any], make_mesh: MakeMesh
) -> None:
    mesh = make_mesh(own_consul(), own_redis())
    registered(mesh, consul__check_type=kind)
    passing(mesh)
    mesh.redis.stop()
    passing(mesh, {**BOTH, "sideclaw health": "warning"})
    assert "redis" in checks(mesh.consul)["sideclaw health"]["Output"]


def test_told_checks_hear_of_a_drain_at_once_and_of_a_dead_sidecar_in_time(mesh: Mesh) -> None:
    """The interval is long: the news does not wait for it. What is not told any more is critical."""
    jerry = registered(mesh, consul__check_type="ttl", consul__check_interval_s=5)
    passing(mesh)
    jerry.json("drain")
    eventually(lambda: set(statuses(mesh.consul).values()) == {"critical"}, "at once", 3)
    jerry.cli("undrain").ok()
    eventually(lambda: statuses(mesh.consul) == BOTH, "at once", 3)
    jerry.process.pause()
    eventually(lambda: set(statuses(mesh.consul).values()) == {"critical"}, "three intervals", 25)
    jerry.process.resume()
    passing(mesh)


def test_without_http_it_is_told(mesh: Mesh) -> None:
    registered(mesh, http__enabled=False)
    passing(mesh)
    assert checks(mesh.consul)["sideclaw health"]["Type"] == "ttl"


def test_an_agent_elsewhere_asks_where_it_is_told(mesh: Mesh) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"], start=False, **ENOUGH)
    jerry.write_config(consul__check_url=f"http://localhost:{jerry.port}/")
    jerry.start()
    passing(mesh)
    definition = checks(mesh.consul)["sideclaw health"]["Output"]
    assert f"http://localhost:{jerry.port}/health:" in definition


@pytest.mark.parametrize("page", ["health", "traffic"])
def test_one_page_is_enough_and_the_other_goes(page: str, mesh: Mesh) -> None:
    """Also after a crash with other options, for which the agent still has both."""
    jerry = registered(mesh)
    passing(mesh)
    jerry.process.kill()
    jerry.write_config(consul__check_page=page)
    jerry.start()
    passing(mesh, {f"sideclaw {page}": "passing"})


# --- it comes back ---


def test_whoever_takes_it_out_sees_it_again(mesh: Mesh) -> None:
    """The heartbeat is far off: the catalog itself tells."""
    registered(mesh, consul__heartbeat_s=600)
    passing(mesh)
    mesh.consul.api("PUT", f"/v1/agent/service/deregister/{ID}")
    eventually(lambda: mesh.consul.api("GET", ENTRY), "it is registered again")
    passing(mesh)


def test_an_entry_taken_out_of_the_catalog_alone_is_put_back(mesh: Mesh) -> None:
    """The agent still has it, and would tell the catalog only after a minute or two."""
    jerry = registered(mesh, consul__heartbeat_s=600)
    passing(mesh)
    body = json.dumps({"Node": "test", "ServiceID": ID}).encode()
    mesh.consul.api("PUT", "/v1/catalog/deregister", body)
    jerry.process.wait_log("event=consul.service_registered", within=45, count=2)
    passing(mesh)
    assert jerry.link("consul")["detail"] == ""


@pytest.mark.parametrize("kind", ["http", "ttl"])
@pytest.mark.parametrize("keep", [True, False], ids=["with its data", "empty"])
def test_it_is_there_after_the_agent_was_started_again(
    kind: str, keep: bool, own_consul: MakeConsul, make_mesh: MakeMesh
) -> None:
    mesh = make_mesh(own_consul(keep=keep), None)
    jerry = registered(mesh, consul__check_type=kind)
    passing(mesh)
    mesh.consul.process.kill()
    jerry.wait_link("consul", "down")
    mesh.consul.start()
    jerry.wait_link("consul", "up", within=40)
    eventually(lambda: mesh.consul.api("GET", ENTRY), "it is registered")
    passing(mesh)


def test_a_check_that_somebody_takes_away_comes_back(mesh: Mesh) -> None:
    registered(mesh, consul__check_type="ttl")
    passing(mesh)
    mesh.consul.api("PUT", f"/v1/agent/check/deregister/service:{ID}")
    passing(mesh, {"sideclaw traffic": "passing"})
    passing(mesh)


def test_a_graceful_stop_takes_it_out(mesh: Mesh) -> None:
    jerry = registered(mesh)
    assert jerry.stop() == 0
    assert mesh.consul.api("GET", ENTRY) is None
    assert checks(mesh.consul) == {}


def test_what_is_critical_for_long_is_taken_out(mesh: Mesh) -> None:
    """After a crash, by Consul; it looks every half minute, and a minute is the least it takes."""
    jerry = registered(mesh, consul__deregister_critical_service_after_s=60)
    passing(mesh)
    jerry.process.kill()
    eventually(lambda: mesh.consul.api("GET", ENTRY) is None, "it is gone", 150)


def agents_in_the_entry(mesh: Mesh, agents: str) -> None:
    eventually(
        lambda: mesh.consul.api("GET", ENTRY)["Meta"]["agents"] == agents, f"it names {agents}"
    )


@pytest.fixture
def seen(mesh: Mesh) -> Iterator[Callable[[], set[str]]]:
    """The statuses that the checks had between the two calls of it."""
    found: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            found.update(statuses(mesh.consul).values())

    thread = threading.Thread(target=watch)

    def step() -> set[str]:
        if thread.is_alive():
            over.set()
            thread.join()
        else:
            thread.start()
        return found

    yield step
    over.set()


@pytest.mark.parametrize("kind", ["http", "ttl"])
def test_an_entry_that_changes_is_never_critical_in_between(
    kind: str, mesh: Mesh, seen: Callable[[], set[str]]
) -> None:
    """Else each new agent would take the gateway out of its load balancer for an interval."""
    jerry = registered(mesh, consul__check_type=kind, consul__check_interval_s=3)
    passing(mesh)
    seen()
    jerry.gateway.add_agent("third")
    agents_in_the_entry(mesh, "jerry,scribe,third")
    holds_for(lambda: statuses(mesh.consul) == BOTH, "they pass", 1)
    assert seen() == {"passing"}


def test_an_entry_that_changes_stays_in_maintenance(mesh: Mesh) -> None:
    """Maintenance mode is a check of the service, too."""
    jerry = registered(mesh)
    maintenance = f"/v1/agent/service/maintenance/{ID}?enable="
    mesh.consul.api("PUT", maintenance + "true&reason=moving")
    eventually(lambda: jerry.status()["drain"]["causes"], "it drains")
    jerry.gateway.add_agent("third")
    agents_in_the_entry(mesh, "jerry,scribe,third")
    jerry.process.kill()
    jerry.start()
    agents_in_the_entry(mesh, "jerry,scribe,third")
    eventually(lambda: jerry.status()["drain"]["causes"], "it still drains")
    passing(mesh, dict.fromkeys(BOTH, "critical"))
    mesh.consul.api("PUT", maintenance + "false")
    eventually(lambda: not jerry.status()["drain"]["causes"], "it serves")


# --- maintenance ---


def causes(sidecar: Sidecar) -> dict[str, str]:
    return {c["by"]: c["why"] for c in sidecar.status()["drain"]["causes"]}


@pytest.mark.parametrize("whose", ["service", "node"])
def test_maintenance_outlives_the_agent(
    whose: str, own_consul: MakeConsul, make_mesh: MakeMesh
) -> None:
    """With ACLs and the shipped policy; who drains for it does so without a break."""
    consul = own_consul(keep=True, acl=True)
    mesh = make_mesh(consul, None)
    rules = (ROOT / "consul/acl-sidecar.hcl").read_text().replace('"openclaw/', f'"{mesh.prefix}/')
    jerry = registered(mesh, consul__token=consul.new_token(rules))
    path = f"service/maintenance/{ID}" if whose == "service" else "maintenance"
    consul.api("PUT", f"/v1/agent/{path}?enable=true&reason=moving")
    eventually(lambda: causes(jerry) == {"consul": "moving"}, "it drains")
    consul.process.kill()
    jerry.wait_link("consul", "down")
    assert causes(jerry) == {"consul": "moving"}
    consul.start()
    jerry.wait_link("consul", "up", within=40)
    holds_for(lambda: causes(jerry) == {"consul": "moving"}, "it drains on", 3)
    assert "drain.taken_back" not in jerry.process.text()
    consul.api("PUT", f"/v1/agent/{path}?enable=false")
    eventually(lambda: causes(jerry) == {}, "it serves again", 20)


# --- Traefik ---


@pytest.fixture
def traefik(tmp_path: Path, mesh: Mesh) -> Iterator[Traefik]:
    """As shipped."""
    proxy = Traefik(tmp_path / "traefik", mesh.consul)
    proxy.start()
    yield proxy
    proxy.stop()


def visit(traefik: Traefik) -> int:
    request = urllib.request.Request(f"https://127.0.0.1:{traefik.websecure}/healthz")
    request.add_header("Host", "jerry.example.org")
    try:
        with urllib.request.urlopen(request, timeout=10, context=trusting()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        return e.code


@pytest.mark.traefik
@pytest.mark.parametrize("kind", ["http", "ttl"])
def test_traefik_routes_by_the_tags_and_the_traffic_page(
    kind: str, mesh: Mesh, traefik: Traefik
) -> None:
    """Also to a degraded gateway, which serves."""
    tags = [
        "traefik.enable=true",
        "traefik.http.routers.jerry.rule=Host(`jerry.example.org`)",
        "traefik.http.routers.jerry.entrypoints=websecure",
        "traefik.http.routers.jerry.tls=true",
    ]
    jerry = registered(
        mesh,
        consul__tags=tags,
        consul__check_type=kind,
        redis__enabled=True,
        redis__url=f"redis://127.0.0.1:{free_port()}",
    )
    eventually(lambda: jerry.json("health")["pages"]["traffic"] == 200, "it takes requests", 30)
    assert jerry.json("health")["status"] == "degraded", "Redis is away"
    eventually(lambda: visit(traefik) == 200, "the gateway is reached", 30)
    jerry.json("drain")
    eventually(lambda: visit(traefik) in (404, 503), "not while it drains", 30)
    jerry.cli("undrain").ok()
    eventually(lambda: visit(traefik) == 200, "the gateway is reached again", 30)
    assert jerry.stop() == 0
    eventually(lambda: visit(traefik) == 404, "a sidecar that is stopped took its entry out", 30)
