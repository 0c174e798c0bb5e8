"""The files of consul/ (issue 6, item 3), each applied to a real Consul as its own comment says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.redis import Redis
from support.sidecar import ROOT, Result, run
from support.wait import eventually

FOLDER = ROOT / "consul"
MakeConsul = Callable[..., Consul]
MakeMesh = Callable[..., Mesh]
StartPair = Callable[..., Pair]

REAPED_S = 60  # a session of 10 s may live twice as long, and its reaper has a period of its own


def commands(path: Path) -> list[str]:
    """The commands of the comment at its head: lines that are indented by three."""
    head = path.read_text().split("\n\n", 1)[0]
    lines = re.findall(r"^#   (\S.*)$", head, re.M)
    found = [line for line in lines if line.split()[0] in ("consul", "sh")]
    assert found, f"{path.name} does not say how to apply it"
    return found


def apply(path: Path, consul: Consul, cwd: Path = ROOT) -> list[Result]:
    env = {
        "PATH": f"{os.path.dirname(consul.program)}:{os.environ['PATH']}",
        "CONSUL_HTTP_ADDR": consul.addr,
        "CONSUL_HTTP_TOKEN": consul.token,
    }
    return [run("/bin/sh", "-ec", c, env=env, cwd=cwd).ok() for c in commands(path)]


def token_of(name: str, consul: Consul) -> str:
    """The token that the policy's own commands make."""
    made = apply(FOLDER / name, consul)[-1].out
    (secret,) = re.findall(r"^SecretID:\s+(\S+)$", made, re.M)
    return secret


def refused(
    consul: Consul, token: str, method: str, path: str, body: Optional[bytes] = None
) -> bool:
    """Consul answers 403; anything else that is wrong with the request is an error of the test."""
    try:
        consul.as_token(token).api(method, path, body)
    except OSError as e:
        if ": 403 " not in str(e):
            raise
        return True
    return False


# Each with the root token does something, so a 403 is the policy's.
SERVICE = b'{"Name": "web", "Port": 80}'
GATEWAY = b'{"Name": "openclaw-gateway", "Port": 18789}'
TOO_MUCH: dict[str, tuple[str, str, Optional[bytes]]] = {
    "write a key of somebody else": ("PUT", "/v1/kv/vault/core", b"x"),
    "read a key of somebody else": ("GET", "/v1/kv/vault/core", None),
    "write a mesh with a longer name": ("PUT", "/v1/kv/openclaw2/cluster/id", b"x"),
    "write beside the mesh": ("PUT", "/v1/kv/openclaw", b"x"),
    "change the routes": ("PUT", "/v1/kv/openclaw/routes/all", b"x"),
    "delete the mesh": ("DELETE", "/v1/kv/openclaw/?recurse=true", None),
    "register another service": ("PUT", "/v1/agent/service/register", SERVICE),
    "register on another node": ("PUT", "/v1/catalog/register", b'{"Node": "n", "Address": "::1"}'),
    "stop the agent": ("PUT", "/v1/agent/force-leave/nobody", None),
    "put the node into maintenance": ("PUT", "/v1/agent/maintenance?enable=true", None),
    "read the agent's configuration": ("GET", "/v1/agent/self", None),
    "make a policy": ("PUT", "/v1/acl/policy", b'{"Name": "mine"}'),
    "list the tokens": ("GET", "/v1/acl/tokens", None),
    "fire an event": ("PUT", "/v1/event/fire/deploy", b"x"),
    "make a query": ("POST", "/v1/query", b'{"Name": "q", "Service": {"Service": "web"}}'),
    "look at the raft": ("GET", "/v1/operator/raft/configuration", None),
}


@pytest.fixture
def guarded(own_consul: MakeConsul) -> Consul:
    return own_consul(acl=True)


@pytest.fixture
def mesh_as_shipped(
    guarded: Consul, own_redis: Callable[..., Redis], make_mesh: MakeMesh
) -> Mesh:
    """A mesh whose prefix is the one that the files speak of."""
    mesh = make_mesh(guarded, own_redis())
    mesh.prefix = "openclaw"
    return mesh


@pytest.fixture
def pair_as_shipped(guarded: Consul, mesh_as_shipped: Mesh, start_pair: StartPair) -> Pair:
    return start_pair(mesh_as_shipped, consul__token=token_of("acl-sidecar.hcl", guarded))


# --- the sidecar's own policy ---


REFUSED = r"ACL token (refused|missing)"


def never_refused(pair: Pair) -> None:
    for sidecar in (pair.jerry, pair.bobby):
        assert sidecar.link("consul")["state"] == "up"
        text = sidecar.process.text()
        assert not re.search(REFUSED, text)
        assert "consul.service_unregistered" not in text


def test_a_mesh_works_with_the_sidecars_policy(pair_as_shipped: Pair, guarded: Consul) -> None:
    pair = pair_as_shipped
    assert pair.ask("hi") == "echo(bobby): hi"
    assert guarded.get("openclaw/agents/jerry/gateway") == "jerry-gateway"
    assert set(guarded.get_json("openclaw/cluster/members")) == {"jerry-gateway", "bobby-gateway"}

    guarded.put("openclaw/agents/bobby/inbox/good", '{"from":"me","body":"by hand"}')
    guarded.put("openclaw/agents/bobby/inbox/bad", "{")
    eventually(lambda: "by hand" in pair.bobby_gateway.messages("bobby"), "the mail arrives")
    eventually(lambda: guarded.get("openclaw/agents/bobby/rejected/bad"), "the other is put aside")

    def passing() -> int:
        rows = guarded.api("GET", "/v1/health/service/openclaw-gateway?passing=true")
        return len(rows)

    eventually(lambda: passing() == 2, "both in the catalog, their checks passing", 30)
    assert pair.bobby.stop() == 0
    assert guarded.api("GET", "/v1/agent/service/openclaw-gateway-bobby-gateway") is None
    assert guarded.get("openclaw/gateways/bobby-gateway/status") == "dead"
    pair.bobby.start()
    pair.mesh.wait_whole()
    never_refused(pair)


def test_with_it_a_living_sidecar_cleans_up_after_a_dead_one(
    pair_as_shipped: Pair, guarded: Consul
) -> None:
    pair_as_shipped.bobby.process.kill()
    eventually(
        lambda: guarded.get("openclaw/gateways/bobby-gateway/status") == "dead"
        and guarded.get("openclaw/agents/bobby/status") == "offline",
        "jerry's sidecar marks bobby's gateway and agents",
        REAPED_S,
    )
    pair_as_shipped.bobby.start()
    pair_as_shipped.mesh.wait_whole()
    never_refused(pair_as_shipped)


def test_with_it_messages_go_through_consul(
    guarded: Consul, make_mesh: MakeMesh, start_pair: StartPair
) -> None:
    mesh = make_mesh(guarded, None)
    mesh.prefix = "openclaw"
    pair = start_pair(mesh, consul__token=token_of("acl-sidecar.hcl", guarded))
    assert pair.ask("hi") == "echo(bobby): hi"
    never_refused(pair)


@pytest.mark.parametrize("what", TOO_MUCH)
def test_the_sidecars_policy_allows_no_more(what: str, shared_guarded: tuple[Consul, str]) -> None:
    consul, token = shared_guarded
    method, path, body = TOO_MUCH[what]
    assert refused(consul, token, method, path, body), what


@pytest.fixture(scope="module")
def shared_guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One Consul for all the refusals, which leave it as it is, and a sidecar's token."""
    server = Consul(tmp_path_factory.mktemp("guarded"), acl=True)
    server.start()
    server.put("vault/core", "somebody's")
    try:
        yield server, token_of("acl-sidecar.hcl", server)
    finally:
        server.stop()


def test_without_a_policy_for_its_service_the_sidecar_says_so(
    guarded: Consul, mesh_as_shipped: Mesh
) -> None:
    """The block is needed: a policy without it is not enough."""
    rules = without("acl-sidecar.hcl", 'service "openclaw-gateway"')
    jerry = mesh_as_shipped.add("jerry-gateway", ["jerry"], consul__token=guarded.new_token(rules))
    jerry.process.wait_log(r"event=consul\.service_unregistered")


def without(name: str, block: str) -> str:
    """The policy with one block left out."""
    text = (FOLDER / name).read_text()
    less = re.sub(rf"^{re.escape(block)} \{{.*?^\}}$", "", text, flags=re.M | re.S)
    assert less != text, block
    return less


@pytest.mark.parametrize("part", ["gateways", "agents", "session"])
def test_the_sidecar_needs_every_block(part: str, guarded: Consul, mesh_as_shipped: Mesh) -> None:
    block = 'session_prefix ""' if part == "session" else f'key_prefix "openclaw/{part}/"'
    token = guarded.new_token(without("acl-sidecar.hcl", block))
    jerry = mesh_as_shipped.add("jerry-gateway", ["jerry"], consul__token=token)
    eventually(
        lambda: jerry.link("consul")["state"] != "up" or re.search(REFUSED, jerry.process.text()),
        "it is refused something, and says so",
        30,
    )


def test_without_the_block_of_the_cluster_nobody_is_a_member(
    guarded: Consul, mesh_as_shipped: Mesh
) -> None:
    token = guarded.new_token(without("acl-sidecar.hcl", 'key_prefix "openclaw/cluster/"'))
    jerry = mesh_as_shipped.add("jerry-gateway", ["jerry"], consul__token=token)
    beat = "openclaw/gateways/jerry-gateway/last_heartbeat"
    first = eventually(lambda: guarded.get(beat), "a heartbeat")
    eventually(lambda: (guarded.get(beat) or "") > first, "another one", 20)
    assert guarded.get("openclaw/cluster/members") is None
    link = jerry.link("consul")
    assert link["state"] == "up" and "may not write openclaw/cluster/" in link["detail"], link


# --- the others' policies ---


def test_the_mail_policy_is_enough_for_mail_and_for_nothing_else(
    pair_as_shipped: Pair, guarded: Consul
) -> None:
    token = token_of("acl-agent-tools.hcl", guarded)
    agent = guarded.as_token(token)
    agent.put("openclaw/agents/bobby/inbox/x", '{"from":"me","body":"hi"}')
    eventually(lambda: pair_as_shipped.bobby_gateway.messages("bobby") == ["hi"], "it arrives")
    assert agent.get("openclaw/agents/jerry/gateway") == "jerry-gateway"
    for key in (
        "openclaw/agents/jerry/inbox/x",
        "openclaw/agents/bobby/gateway",
        "openclaw/gateways/bobby-gateway/status",
        "openclaw/cluster/leader",
        "vault/core",
    ):
        assert refused(guarded, token, "PUT", f"/v1/kv/{key}", b"x"), key
    assert refused(guarded, token, "PUT", "/v1/agent/service/register", GATEWAY)
    assert refused(guarded, token, "PUT", "/v1/session/create", b"{}")


@pytest.mark.parametrize("name", ["acl-traefik.hcl", "acl-prometheus.hcl"])
def test_who_only_looks_sees_the_gateways_and_changes_nothing(name: str, guarded: Consul) -> None:
    for service in (b'{"Name": "sideclaw", "Port": 18790}', GATEWAY, SERVICE):
        guarded.api("PUT", "/v1/agent/service/register", service)
    token = token_of(name, guarded)
    reader = guarded.as_token(token)
    prometheus = {"sideclaw"} if "prometheus" in name else set()
    expected = {"openclaw-gateway"} | prometheus
    eventually(lambda: "web" in guarded.api("GET", "/v1/catalog/services"), "all are registered")
    eventually(
        lambda: set(reader.api("GET", "/v1/catalog/services")) == expected, "it sees its services"
    )
    (row,) = eventually(
        lambda: reader.api("GET", "/v1/health/service/openclaw-gateway"), "the gateway"
    )
    assert row["Node"]["Address"] == "127.0.0.1", "the address that stands in for a service's"
    assert reader.api("GET", "/v1/health/state/any") is not None
    assert reader.api("GET", "/v1/health/service/web") == []
    if prometheus:
        assert reader.api("GET", "/v1/agent/self")["Config"]["Datacenter"] == "dc1"
    for method, path, body in (
        ("PUT", "/v1/agent/service/register", GATEWAY),
        ("PUT", "/v1/kv/openclaw/cluster/id", b"x"),
        ("GET", "/v1/kv/openclaw/cluster/id", None),
        ("PUT", "/v1/session/create", b"{}"),
        ("GET", "/v1/acl/tokens", None),
    ):
        assert refused(guarded, token, method, path, body), path


def test_the_operators_policy_is_for_the_mesh_alone(
    pair_as_shipped: Pair, guarded: Consul
) -> None:
    token = token_of("acl-operator.hcl", guarded)
    operator = guarded.as_token(token)
    operator.put("openclaw/routes/all", "{}")
    assert operator.get("openclaw/gateways/jerry-gateway/status") == "healthy"
    service = "/v1/agent/service/maintenance/openclaw-gateway-jerry-gateway"
    entry = "/v1/agent/service/openclaw-gateway-jerry-gateway"
    eventually(lambda: operator.api("GET", entry), "the gateway is registered")
    operator.api("PUT", service + "?enable=true&reason=test")
    operator.api("PUT", service + "?enable=false")
    apply(FOLDER / "prepared-query.sh", operator)
    found = operator.api("GET", "/v1/query/openclaw-gateway/execute")
    assert {n["Service"]["Meta"]["gateway"] for n in found["Nodes"]} <= {
        "jerry-gateway",
        "bobby-gateway",
    }
    for what in ("write a key of somebody else", "register another service", "make a policy"):
        assert refused(guarded, token, *TOO_MUCH[what]), what


# --- service and query ---


def test_the_service_definition_shows_the_gateway_and_its_health(
    own_consul: MakeConsul, make_mesh: MakeMesh, own_redis: Callable[..., Redis], tmp_path: Path
) -> None:
    consul = own_consul()
    mesh = make_mesh(consul, own_redis())
    jerry = mesh.add("jerry-gateway", ["jerry"], consul__register_service=False)
    name = "service-openclaw-gateway.hcl"
    text = (FOLDER / name).read_text()
    folder = tmp_path / "consul"
    folder.mkdir()
    (folder / name).write_text(
        text.replace("18789", str(jerry.gateway.port)).replace("18790", str(jerry.port))
    )
    (folder / "agent.hcl").write_text(f'data_dir = "{tmp_path}"\nbind_addr = "127.0.0.1"\n')
    run(consul.program, "validate", folder).ok()
    apply(folder / name, consul, cwd=tmp_path)

    def state() -> str:
        (row,) = consul.api("GET", "/v1/health/service/openclaw-gateway")
        assert row["Service"]["ID"] == "openclaw-gateway-jerry-gateway"
        assert row["Service"]["Port"] == jerry.gateway.port
        assert row["Service"]["Meta"] == {"gateway": "jerry-gateway"}
        return next(c["Status"] for c in row["Checks"] if c["Name"] == "sideclaw health")

    eventually(lambda: state() == "passing", "its check passes", 30)
    mesh.redis.stop()
    eventually(lambda: state() == "warning", "without Redis it is a warning", 40)
    jerry.process.kill()
    eventually(lambda: state() == "critical", "without the sidecar it is critical", 40)


def test_it_says_what_the_sidecar_registers_by_itself(mesh: Mesh) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"])
    path = "/v1/agent/service/openclaw-gateway-jerry-gateway"
    mine = eventually(lambda: mesh.consul.api("GET", path), "the sidecar registers itself")
    text = (FOLDER / "service-openclaw-gateway.hcl").read_text()
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))
    assert f'name = "{mine["Service"]}"' in code and f'id = "{mine["ID"]}"' in code
    assert f'gateway = "{mine["Meta"]["gateway"]}"' in code
    checks = mesh.consul.api("GET", "/v1/agent/checks").values()
    names = {c["Name"] for c in checks if c["ServiceID"] == mine["ID"]}
    assert names == {"sideclaw health", "sideclaw traffic"}
    for check in checks:
        if check["ServiceID"] == mine["ID"]:
            shown = {"id": check["CheckID"], "name": check["Name"]}
            assert all(re.search(rf'{k} += "{v}"', code) for k, v in shown.items()), check
    definition = jerry.options  # the file says the defaults of what it does not name
    assert "consul.check_interval_s" not in definition
    assert code.count('interval = "10s"') == 2
    assert code.count('deregister_critical_service_after = "600s"') == 2
    assert jerry.link("consul")["state"] == "up"


def execute(consul: Consul) -> dict[str, Any]:
    return dict(consul.api("GET", "/v1/query/openclaw-gateway/execute"))


def register(consul: Consul, name: str) -> None:
    body = {"ID": name, "Name": "openclaw-gateway", "Port": 18789, "Check": {"TTL": "1h"}}
    consul.api("PUT", "/v1/agent/service/register", json.dumps(body).encode())
    report(consul, name, "pass")


def report(consul: Consul, name: str, verdict: str) -> None:
    consul.api("PUT", f"/v1/agent/check/{verdict}/service:{name}")


def test_the_query_finds_a_gateway_elsewhere_when_there_is_none_here(
    own_consul: MakeConsul,
) -> None:
    home, away = own_consul(), own_consul(datacenter="dc2")
    register(home, "here")
    register(away, "there")
    away.api("PUT", f"/v1/agent/join/127.0.0.1:{home.wan_port}?wan=1")
    eventually(
        lambda: set(home.api("GET", "/v1/catalog/datacenters")) == {"dc1", "dc2"}, "one WAN", 30
    )
    apply(FOLDER / "prepared-query.sh", home)

    def ids() -> list[str]:
        return sorted(n["Service"]["ID"] for n in execute(home)["Nodes"])

    eventually(lambda: ids() == ["here"], "the one here")
    report(home, "here", "warn")
    eventually(lambda: ids() == ["here"], "a degraded one serves, too")
    report(home, "here", "fail")
    eventually(lambda: ids() == ["there"], "the one there", 30)
    assert execute(home)["Datacenter"] == "dc2" and execute(home)["Failovers"] >= 1
    report(home, "here", "pass")
    eventually(lambda: ids() == ["here"], "the one here, again")


def test_the_query_can_be_applied_again(own_consul: MakeConsul) -> None:
    consul = own_consul()
    assert "made" in apply(FOLDER / "prepared-query.sh", consul)[0].out
    assert "changed" in apply(FOLDER / "prepared-query.sh", consul)[0].out
    (query,) = consul.api("GET", "/v1/query")
    assert query["Name"] == "openclaw-gateway" and query["Service"]["OnlyPassing"] is False


def test_every_file_is_tried_here() -> None:
    """A file that is added is tested, too: here, or as the samples of test_monitoring.py are."""
    tried = {
        "acl-sidecar.hcl",
        "acl-agent-tools.hcl",
        "acl-operator.hcl",
        "acl-prometheus.hcl",
        "acl-traefik.hcl",
        "prepared-query.sh",
        "service-openclaw-gateway.hcl",
    }
    samples = {
        "grafana-dashboard.json",
        "prometheus.yml",
        "sideclaw.rules.yml",
        "traefik-dynamic.yaml",
        "traefik-static.yaml",
    }
    assert {p.name for p in FOLDER.iterdir()} == tried | samples
