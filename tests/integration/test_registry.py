"""The registry in Consul KV (issue 3, item 3; DESIGN 2)."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import Any, Callable

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.redis import Redis
from support.wait import eventually, holds_for

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# A session's TTL is 10 s here; Consul reaps it up to twice as late.
REAPED_S = 45


def tree(pair: Pair) -> dict[str, str]:
    cut = len(pair.mesh.prefix) + 1
    return {k[cut:]: v for k, v in pair.mesh.consul.tree(pair.mesh.prefix + "/").items()}


def test_gateway_keys_and_values(mesh: Mesh, start_pair: Callable[..., Pair]) -> None:
    pair = start_pair(mesh, labels={"os": "linux", "gpu": "true"})
    keys = tree(pair)
    base = "gateways/jerry-gateway/"
    assert keys[base + "url"] == pair.jerry_gateway.url
    assert sorted(json.loads(keys[base + "agents"])) == ["jerry", "scribe"]
    assert keys[base + "status"] == "healthy"
    labels = json.loads(keys[base + "labels"])
    assert labels["os"] == "linux" and labels["gpu"] == "true"
    assert json.loads(keys[base + "load"])["turns"] == 0
    assert RFC3339.fullmatch(keys[base + "last_heartbeat"])
    assert base + "peer_url" in keys


def test_agent_keys_and_values(pair: Pair) -> None:
    keys = tree(pair)
    assert keys["agents/bobby/gateway"] == "bobby-gateway"
    assert keys["agents/bobby/status"] == "active"
    assert isinstance(json.loads(keys["agents/bobby/capabilities"]), list)
    assert RFC3339.fullmatch(keys["agents/bobby/last_seen"])


def test_cluster_keys_and_values(pair: Pair) -> None:
    def both() -> bool:
        return sorted(json.loads(tree(pair)["cluster/members"])) == [
            "bobby-gateway",
            "jerry-gateway",
        ]

    eventually(both, "both gateways are members")
    assert tree(pair)["cluster/id"] == "test"


def test_no_other_keys(pair: Pair) -> None:
    allowed = re.compile(
        r"cluster/(id|members|leader)"
        r"|shared/(current-tasks|recent-events|recommendations)"
        r"|gateways/[^/]+/(url|peer_url|agents|status|labels|load|last_heartbeat)"
        r"|agents/[^/]+/(gateway|capabilities|status|last_seen|heartbeat_enabled|last_heartbeat|last_alert|state)"
    )
    assert [k for k in tree(pair) if not allowed.fullmatch(k)] == []


def test_the_keys_are_held_by_the_gateways_session(pair: Pair) -> None:
    consul, key = pair.mesh.consul, pair.mesh.key
    entries = [
        consul.entry(key(k))
        for k in (
            "gateways/bobby-gateway/status",
            "gateways/bobby-gateway/url",
            "agents/bobby/gateway",
            "agents/infra/status",
        )
    ]
    sessions = {e.get("Session") for e in entries if e}
    assert len(entries) == 4 and len(sessions) == 1
    [session] = consul.api("GET", f"/v1/session/info/{sessions.pop()}")
    assert session["TTL"] == "10s"
    other = consul.entry(key("gateways/jerry-gateway/status"))
    assert other and other["Session"] != session["ID"]


def test_one_heartbeat_is_one_transaction(pair: Pair) -> None:
    """All that a heartbeat writes has one index; the first ones at the start may still differ."""
    prefix = pair.mesh.prefix
    keys = [f"{prefix}/gateways/jerry-gateway/last_heartbeat"]
    keys += [f"{prefix}/agents/{a}/last_seen" for a in ("jerry", "scribe")]

    def one_index() -> bool:
        rows = pair.mesh.consul.api("GET", f"/v1/kv/{prefix}/?recurse=true")
        return len({r["ModifyIndex"] for r in rows if r["Key"] in keys}) == 1

    eventually(one_index, "one index for the whole heartbeat")


def test_the_heartbeat_goes_on(pair: Pair) -> None:
    key = "gateways/jerry-gateway/last_heartbeat"
    first = tree(pair)[key]
    eventually(lambda: tree(pair)[key] > first, "a later heartbeat", within=5)


def test_a_graceful_stop_says_so_at_once(pair: Pair) -> None:
    assert pair.bobby.stop() == 0
    keys = tree(pair)
    assert keys["gateways/bobby-gateway/status"] == "dead"
    assert keys["agents/bobby/status"] == keys["agents/infra/status"] == "offline"
    entry = pair.mesh.consul.entry(pair.mesh.key("gateways/bobby-gateway/status"))
    assert entry and "Session" not in entry


def test_a_graceful_stop_is_seen_by_the_others(pair: Pair) -> None:
    pair.bobby.stop()
    eventually(
        lambda: pair.jerry.agents()["bobby"]["status"] == "offline", "jerry sees bobby offline"
    )
    eventually(
        lambda: pair.jerry.gateways()["bobby-gateway"]["status"] == "dead",
        "jerry sees the gateway dead",
    )


def test_a_graceful_stop_is_quick(pair: Pair) -> None:
    begin = time.monotonic()
    assert pair.bobby.stop() == 0
    assert time.monotonic() - begin < 5


def test_a_killed_sidecar_is_marked_by_a_living_one(pair: Pair) -> None:
    pair.bobby.process.kill()
    eventually(
        lambda: tree(pair)["gateways/bobby-gateway/status"] == "dead",
        "marked dead",
        within=REAPED_S,
    )
    eventually(lambda: tree(pair)["agents/bobby/status"] == "offline", "marked offline", within=5)
    assert pair.jerry.agents()["bobby"]["status"] == "offline"
    assert tree(pair)["gateways/jerry-gateway/status"] == "healthy"


def test_a_killed_sidecar_that_comes_back_is_itself_again(pair: Pair) -> None:
    pair.bobby.process.kill()
    pair.bobby.start()
    consul, key = pair.mesh.consul, pair.mesh.key("gateways/bobby-gateway/status")

    def held() -> bool:
        entry = consul.entry(key)
        return bool(entry and entry.get("Session") and consul and consul.get(key) == "healthy")

    eventually(held, "healthy and held by a session", within=30)
    assert pair.bobby.status()["conflicts"] == []
    assert pair.ask("hi") == "echo(bobby): hi"


def test_capabilities_of_the_configuration_are_published(mesh: Mesh) -> None:
    mesh.add(
        "jerry-gateway",
        ["jerry"],
        config_agents=[{"id": "jerry", "capabilities": ["slack", "general-qa"]}],
    )
    eventually(
        lambda: {"slack", "general-qa"}
        <= set(mesh.consul.get_json(mesh.key("agents/jerry/capabilities")) or []),
        "jerry's capabilities in Consul",
    )
    assert {"slack", "general-qa"} <= set(
        mesh.sidecars["jerry-gateway"].agents()["jerry"]["capabilities"]
    )


def test_an_agent_of_the_configuration_is_published(mesh: Mesh) -> None:
    mesh.add(
        "jerry-gateway", ["jerry"], config_agents=[{"id": "helper", "capabilities": ["printing"]}]
    )
    eventually(
        lambda: mesh.consul.get(mesh.key("agents/helper/gateway")) == "jerry-gateway",
        "helper in Consul",
    )


def test_an_agent_added_to_the_gateway_appears_everywhere(pair: Pair) -> None:
    pair.bobby_gateway.add_agent("newcomer")
    pair.jerry.wait_agents("newcomer")
    assert pair.jerry.cli("ask", "--to", "newcomer", "hi").ok().out.strip() == "echo(newcomer): hi"


def test_an_agent_removed_from_the_gateway_is_no_longer_active(pair: Pair) -> None:
    pair.bobby_gateway.remove_agent("infra")

    def gone() -> bool:
        agents = pair.jerry.agents()
        return "infra" not in agents or agents["infra"]["status"] == "offline"

    eventually(gone, "infra is gone")
    assert pair.jerry.agents()["bobby"]["status"] == "active"


def test_the_catalog_has_the_service_with_its_check(pair: Pair) -> None:
    services = pair.mesh.consul.api("GET", "/v1/agent/services")
    service = services["openclaw-gateway-bobby-gateway"]
    assert service["Service"] == "openclaw-gateway"

    def passing() -> bool:
        [entry] = [
            e
            for e in pair.mesh.consul.api("GET", "/v1/health/service/openclaw-gateway")
            if e["Service"]["ID"] == "openclaw-gateway-bobby-gateway"
        ]
        checks = [c for c in entry["Checks"] if c["ServiceID"]]
        return bool(checks) and all(c["Status"] == "passing" for c in checks)

    eventually(passing, "the service's checks pass", within=30)


def test_a_graceful_stop_leaves_the_catalog(pair: Pair) -> None:
    pair.bobby.stop()
    assert "openclaw-gateway-bobby-gateway" not in pair.mesh.consul.api("GET", "/v1/agent/services")


def test_the_catalog_can_be_left_to_nomad(mesh: Mesh) -> None:
    sidecar = mesh.add("nomad-gateway", ["jerry"], consul__register_service=False)
    eventually(
        lambda: mesh.consul.get(mesh.key("gateways/nomad-gateway/status")), "registered in KV"
    )
    sidecar.wait_link("consul", "up")
    assert "openclaw-gateway-nomad-gateway" not in mesh.consul.api("GET", "/v1/agent/services")


def test_the_view_survives_a_consul_outage(
    own_consul: Callable[..., Consul],
    redis: Redis,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(own_consul(keep=True), redis))
    pair.mesh.consul.stop()
    link = pair.jerry.wait_link("consul", "down")
    assert link["detail"] and link["remedy"]
    assert pair.jerry.agents()["bobby"]["gateway"] == "bobby-gateway"
    assert pair.ask("without Consul") == "echo(bobby): without Consul"


def test_a_consul_that_comes_back_is_used_again(
    own_consul: Callable[..., Consul],
    redis: Redis,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(own_consul(keep=True), redis))
    consul, key = pair.mesh.consul, pair.mesh.key("gateways/jerry-gateway/last_heartbeat")
    consul.stop()
    pair.jerry.wait_link("consul", "down")
    consul.start()
    before = consul.get(key) or ""
    pair.jerry.wait_link("consul", "up", within=90)
    eventually(lambda: (consul.get(key) or "") > before, "the heartbeat goes on", within=30)
    pair.bobby_gateway.add_agent("afterwards")
    pair.jerry.wait_agents("afterwards", within=90)


def test_a_consul_that_lost_everything_is_filled_again(
    own_consul: Callable[..., Consul],
    redis: Redis,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    """In -dev mode a restart empties it: sessions are gone and the index begins again at 1."""
    pair = start_pair(make_mesh(own_consul(), redis))
    consul = pair.mesh.consul
    consul.process.kill()
    consul.start()
    for name in ("jerry-gateway", "bobby-gateway"):
        eventually(
            lambda: consul.get(pair.mesh.key(f"gateways/{name}/status")) == "healthy",
            f"{name} is back",
            90,
        )
    pair.bobby_gateway.add_agent("afterwards")
    pair.jerry.wait_agents("afterwards", within=90)


def test_a_frozen_consul_does_not_hold_up_the_daemon(
    own_consul: Callable[..., Consul],
    redis: Redis,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(own_consul(), redis))
    pair.mesh.consul.process.pause()
    try:
        assert pair.ask("frozen") == "echo(bobby): frozen"
        pair.jerry.wait_link("consul", "down", within=60)
    finally:
        pair.mesh.consul.process.resume()
    pair.jerry.wait_link("consul", "up", within=90)


def test_the_last_good_view_outlives_a_restart_without_consul(
    own_consul: Callable[..., Consul],
    redis: Redis,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(own_consul(), redis))
    kept = pair.jerry.state / "directory.json"
    eventually(lambda: all(w in kept.read_text() for w in ("\"bobby-gateway\"", "\"infra\"")), "the view is on disk")
    pair.mesh.consul.stop()
    pair.jerry.process.kill()
    pair.jerry.start()
    assert pair.jerry.agents()["bobby"]["gateway"] == "bobby-gateway"
    eventually(lambda: pair.jerry.link("gateway")["state"] == "ready", "the gateway is ready")
    assert pair.ask("from the disk") == "echo(bobby): from the disk"


def test_two_gateways_with_one_agent_id_the_first_keeps_it(mesh: Mesh) -> None:
    first = mesh.add("first-gateway", ["twin", "one"])
    eventually(
        lambda: mesh.consul.get(mesh.key("agents/twin/gateway")) == "first-gateway",
        "the first holds twin",
    )
    second = mesh.add("second-gateway", ["twin", "two"])
    eventually(
        lambda: mesh.consul.get(mesh.key("agents/two/gateway")) == "second-gateway",
        "the second registers two",
    )
    conflicts = eventually(lambda: second.status()["conflicts"], "the second sees the conflict")
    assert "twin" in str(conflicts) and "first-gateway" in str(conflicts)
    assert mesh.consul.get(mesh.key("agents/twin/gateway")) == "first-gateway"
    assert first.process.alive and second.process.alive
    first.wait_agents("two")
    first.wait_agents("two")
    assert first.cli("ask", "--to", "two", "hi").ok().out.strip() == "echo(two): hi"


def test_the_conflict_is_on_the_health_page(mesh: Mesh) -> None:
    mesh.add("first-gateway", ["twin"])
    eventually(
        lambda: mesh.consul.get(mesh.key("agents/twin/gateway")) == "first-gateway",
        "the first holds twin",
    )
    second = mesh.add("second-gateway", ["twin"])
    eventually(lambda: "twin" in str(second.status()["reasons"]), "the conflict is a reason")
    assert second.status()["health"] == "degraded"


def test_two_gateways_with_one_name_the_first_keeps_it(mesh: Mesh) -> None:
    first = mesh.add("same-gateway", ["jerry"])
    first_url = mesh.gateways["same-gateway"].url
    eventually(
        lambda: mesh.consul.get(mesh.key("gateways/same-gateway/status")) == "healthy",
        "the first registers",
    )
    second = mesh.add("impostor", ["bobby"], gateway__name="same-gateway")
    conflicts = eventually(
        lambda: second.status()["conflicts"], "the second sees the conflict", within=20
    )
    assert "same-gateway" in str(conflicts)
    holds_for(
        lambda: mesh.consul.get(mesh.key("gateways/same-gateway/url")) == first_url,
        "the first's url",
        3,
    )
    assert first.status()["conflicts"] == []


def test_a_name_is_free_again_after_its_holder_stopped(mesh: Mesh) -> None:
    first = mesh.add("same-gateway", ["jerry"])
    eventually(
        lambda: mesh.consul.get(mesh.key("gateways/same-gateway/status")) == "healthy",
        "the first registers",
    )
    second = mesh.add("impostor", ["bobby"], gateway__name="same-gateway")
    eventually(lambda: second.status()["conflicts"], "the second sees the conflict", within=20)
    first.stop()
    url = mesh.gateways["impostor"].url
    eventually(
        lambda: mesh.consul.get(mesh.key("gateways/same-gateway/url")) == url,
        "the second holds it",
        within=40,
    )
    eventually(lambda: second.status()["conflicts"] == [], "no conflict any more")


def test_a_wrong_consul_token_is_said_and_the_daemon_goes_on(
    own_consul: Callable[..., Consul], redis: Redis, make_mesh: Callable[..., Mesh]
) -> None:
    sidecar = make_mesh(own_consul(acl=True), redis).add(
        "jerry-gateway", ["jerry"], consul__token="00000000-0000-0000-0000-000000000bad"
    )
    link = sidecar.wait_link("consul", "down")
    assert "token" in (link["detail"] + link["remedy"]).lower()
    assert "consul.token" in link["remedy"]
    assert sidecar.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"
    assert "bad" not in str(link), "the token itself is nobody's business"


def test_a_token_file_is_read_again_on_sighup(
    own_consul: Callable[..., Consul], redis: Redis, tmp_path: Any, make_mesh: Callable[..., Mesh]
) -> None:
    consul, secret = own_consul(acl=True), tmp_path / "consul.token"
    secret.write_text("00000000-0000-0000-0000-000000000bad\n")
    secret.chmod(0o600)
    sidecar = make_mesh(consul, redis).add(
        "jerry-gateway", ["jerry"], consul__token=None, consul__token_file=str(secret)
    )
    sidecar.wait_link("consul", "down")
    secret.write_text(consul.token + "\n")
    sidecar.process.signal(signal.SIGHUP)
    sidecar.wait_link("consul", "up", within=40)


def test_a_token_with_just_the_needed_rights_is_enough(
    own_consul: Callable[..., Consul], redis: Redis, make_mesh: Callable[..., Mesh]
) -> None:
    consul = own_consul(acl=True)
    mesh = make_mesh(consul, redis)
    token = consul.new_token(f"""
        key_prefix "{mesh.prefix}/" {{ policy = "write" }}
        session_prefix "" {{ policy = "write" }}
        agent_prefix "" {{ policy = "read" }}
        node_prefix "" {{ policy = "read" }}
        service_prefix "openclaw-gateway" {{ policy = "write" }}""")
    mesh.add("jerry-gateway", ["jerry"], consul__token=token).wait_link("consul", "up")
    eventually(
        lambda: consul.get(mesh.key("agents/jerry/gateway")) == "jerry-gateway", "registered"
    )
