"""The sidecar's ACL token (issue 6, item 3): where it comes from, what is said when it is wrong, expired,
replaced or lacks a right, and that SIGHUP heals it without losing a message."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.sidecar import ROOT, Sidecar
from support.wait import eventually

MakeConsul = Callable[..., Consul]
MakeMesh = Callable[..., Mesh]
WRONG = "00000000-0000-0000-0000-000000000bad"


@pytest.fixture
def guarded(own_consul: MakeConsul) -> Consul:
    return own_consul(acl=True)


@pytest.fixture
def mesh(guarded: Consul, make_mesh: MakeMesh) -> Mesh:
    return make_mesh(guarded, None)


def rules(mesh: Mesh, *without: str) -> str:
    """The shipped policy for this mesh's prefix, some blocks left out."""
    text = (ROOT / "consul/acl-sidecar.hcl").read_text()
    for block in without:
        less = re.sub(rf"^{re.escape(block)} \{{.*?^\}}$", "", text, flags=re.M | re.S)
        assert less != text, block
        text = less
    return text.replace('"openclaw/', f'"{mesh.prefix}/')


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return tmp_path / "consul.token"


def hand(secret: Path, token: str, *sidecars: Sidecar) -> None:
    """The token into its file, and SIGHUP."""
    secret.write_text(token + "\n")
    secret.chmod(0o600)
    for sidecar in sidecars:
        sidecar.process.signal(signal.SIGHUP)


def signal_of(sidecar: Sidecar) -> dict[str, Any]:
    signals = sidecar.http("GET", "/health", token="").json()["signals"]
    return dict(next(s for s in signals if s["name"] == "consul"))


def says(sidecar: Sidecar, detail: str, remedy: str, within: float = 20) -> None:
    def said() -> bool:
        row = signal_of(sidecar)
        texts = re.search(detail, row["detail"]) and re.search(remedy, row["remedy"])
        return row["state"] == "bad" and bool(texts)

    eventually(said, f"the board says {detail!r} and {remedy!r}", within)
    assert sidecar.http("GET", "/health", token="").status == 429


UNKNOWN = "ACL token refused .*Consul does not know it: it is wrong, expired or deleted"
VALID = "put it into the file of consul.token_file and send SIGHUP"


def add(mesh: Mesh, name: str, agents: list[str], secret: Path, start: bool = True) -> Sidecar:
    return mesh.add(name, agents, start=start, consul__token=None, consul__token_file=str(secret))


def test_a_wrong_token_heals_on_sighup(mesh: Mesh, guarded: Consul, secret: Path) -> None:
    hand(secret, WRONG)
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    says(jerry, UNKNOWN, VALID)
    pid = jerry.process.pid
    hand(secret, guarded.new_token(rules(mesh)), jerry)
    jerry.wait_link("consul", "up")
    eventually(lambda: signal_of(jerry)["state"] == "ok", "the board is well again")
    eventually(
        lambda: guarded.get(mesh.key("agents/jerry/gateway")) == "jerry-gateway", "registered"
    )
    assert jerry.process.pid == pid
    text = jerry.process.text()
    assert WRONG not in text and secret.read_text().strip() not in text


def accessor(guarded: Consul, token: str) -> str:
    return str(guarded.as_token(token).api("GET", "/v1/acl/token/self")["AccessorID"])


def test_a_token_that_is_replaced_loses_no_message(
    mesh: Mesh, guarded: Consul, secret: Path
) -> None:
    """Messages go through Consul alone; the old token is deleted before the sidecars have the new one."""
    old = guarded.new_token(rules(mesh))
    hand(secret, old)
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    bobby = add(mesh, "bobby-gateway", ["bobby"], secret)
    pair = Pair(mesh.wait_whole(), jerry, bobby, jerry.gateway, bobby.gateway)
    sent = [pair.send(f"m{i}") for i in range(10)]
    guarded.api("DELETE", "/v1/acl/token/" + accessor(guarded, old))
    for sidecar in (jerry, bobby):
        says(sidecar, UNKNOWN, VALID, within=60)  # the agent remembers a token for half a minute
    sent += [pair.send(f"m{i}") for i in range(10, 20)]
    hand(secret, guarded.new_token(rules(mesh)), jerry, bobby)
    for message in sent:
        jerry.wait_stage(message, "replied", within=60)
    assert sorted(pair.bobby_gateway.messages("bobby")) == sorted(f"m{i}" for i in range(20))
    for sidecar in (jerry, bobby):
        sidecar.wait_link("consul", "up")


def test_a_token_that_expires_is_said(mesh: Mesh, guarded: Consul, secret: Path) -> None:
    policy = f"p-{mesh.prefix}"
    body = json.dumps({"Name": policy, "Rules": rules(mesh)}).encode()
    guarded.api("PUT", "/v1/acl/policy", body)
    short = json.dumps({"Policies": [{"Name": policy}], "ExpirationTTL": "60s"}).encode()
    hand(secret, guarded.api("PUT", "/v1/acl/token", short)["SecretID"])
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    jerry.wait_link("consul", "up")
    says(jerry, UNKNOWN, VALID, within=150)
    hand(secret, guarded.new_token(rules(mesh)), jerry)
    jerry.wait_link("consul", "up")


@pytest.mark.parametrize(
    "block, refused",
    [
        ('key_prefix "openclaw/cluster/"', "may not write {}/cluster/"),
        ('key_prefix "openclaw/gateways/"', "may not write {}/gateways/jerry-gateway/"),
        ('key_prefix "openclaw/agents/"', "may not write {}/agents/jerry/"),
        ('session_prefix ""', "may not write sessions"),
        ('service "openclaw-gateway"', "may not write service openclaw-gateway"),
    ],
)
def test_a_right_that_is_missing_is_named_and_heals_when_it_is_given(
    block: str, refused: str, mesh: Mesh, guarded: Consul, secret: Path
) -> None:
    hand(secret, guarded.new_token(rules(mesh, block)))
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    says(jerry, re.escape(refused.format(mesh.prefix)), "consul/acl-sidecar.hcl")
    state = jerry.link("consul")["state"]
    whole = "cluster" in block or "service" in block
    assert state == ("up" if whole else "down"), "one right more or less is not all of Consul"
    hand(secret, guarded.new_token(rules(mesh)), jerry)
    eventually(lambda: signal_of(jerry)["state"] == "ok", "the board is well again", 30)
    members = mesh.key("cluster/members")
    eventually(lambda: guarded.get_json(members) == ["jerry-gateway"], "it is a member")


def test_a_policy_that_is_widened_heals_by_itself(
    mesh: Mesh, guarded: Consul, secret: Path
) -> None:
    """Nobody touches the token, nobody sends a signal."""
    name = f"p-{mesh.prefix}"
    narrow = {"Name": name, "Rules": rules(mesh, 'key_prefix "openclaw/cluster/"')}
    made = guarded.api("PUT", "/v1/acl/policy", json.dumps(narrow).encode())
    body = json.dumps({"Policies": [{"Name": name}]}).encode()
    hand(secret, guarded.api("PUT", "/v1/acl/token", body)["SecretID"])
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    says(jerry, "may not write .*/cluster/", "consul/acl-sidecar.hcl")
    wide = json.dumps({**narrow, "ID": made["ID"], "Rules": rules(mesh)}).encode()
    guarded.api("PUT", f"/v1/acl/policy/{made['ID']}", wide)
    eventually(lambda: signal_of(jerry)["state"] == "ok", "the board is well again", 90)


def test_a_node_that_cannot_be_read_is_said(mesh: Mesh, guarded: Consul, secret: Path) -> None:
    """Consul refuses nothing then: it leaves our service out, and maintenance mode went unseen."""
    hand(secret, guarded.new_token(rules(mesh, 'node_prefix ""')))
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    says(jerry, "does not show our service .* may not read its node", "node_prefix", within=60)
    assert jerry.link("consul")["state"] == "up"
    hand(secret, guarded.new_token(rules(mesh)), jerry)
    eventually(lambda: signal_of(jerry)["state"] == "ok", "the board is well again", 30)


def test_the_shipped_policy_is_enough_to_tell_checks(
    mesh: Mesh, guarded: Consul, secret: Path
) -> None:
    hand(secret, guarded.new_token(rules(mesh)))
    told = {"consul__check_type": "ttl", "consul__check_interval_s": 1}
    file = {"consul__token": None, "consul__token_file": str(secret)}
    jerry = mesh.add("jerry-gateway", ["jerry"], **file, **told)

    def passing() -> bool:
        (row,) = guarded.api("GET", "/v1/health/service/openclaw-gateway")
        ours = {c["Name"]: c["Status"] for c in row["Checks"] if c["ServiceID"]}
        return ours == {"sideclaw health": "passing", "sideclaw traffic": "passing"}

    eventually(passing, "both checks pass", 30)
    assert signal_of(jerry)["state"] == "ok" and jerry.link("consul")["detail"] == ""


def test_somebody_elses_inbox_that_is_closed_is_named(
    mesh: Mesh, guarded: Consul, secret: Path
) -> None:
    """What happens seldom is a fault, too, and the heartbeat does not hide it."""
    bobby = mesh.add("bobby-gateway", ["bobby"])
    closed = f'key_prefix "{mesh.prefix}/agents/bobby/inbox/" {{ policy = "read" }}\n'
    hand(secret, guarded.new_token(rules(mesh) + closed))
    jerry = add(mesh, "jerry-gateway", ["jerry"], secret)
    mesh.wait_whole()
    sent = str(jerry.json("send", "--from", "jerry", "--to", "bobby", "hi")["id"])
    says(jerry, f"may not write {mesh.prefix}/agents/bobby/inbox/{sent}", "acl-sidecar.hcl")
    beat = mesh.key("gateways/jerry-gateway/last_heartbeat")
    first = guarded.get(beat)
    eventually(lambda: guarded.get(beat) != first, "a heartbeat")
    assert signal_of(jerry)["state"] == "bad"
    hand(secret, guarded.new_token(rules(mesh)), jerry)
    jerry.wait_stage(sent, "replied", within=30)
    assert bobby.gateway.messages("bobby") == ["hi"]


# --- where it comes from ---


def environment(mesh: Mesh, **env: str) -> Sidecar:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False, consul__token=None)
    sidecar.process.env.update(env)
    return sidecar.start()


@pytest.mark.parametrize("name", ["CONSUL_HTTP_TOKEN", "CONSUL_TOKEN", "SIDECLAW_CONSUL_TOKEN"])
def test_the_token_comes_from_the_environment(name: str, mesh: Mesh, guarded: Consul) -> None:
    token = guarded.new_token(rules(mesh))
    jerry = environment(mesh, **{name: token})
    jerry.wait_link("consul", "up")
    assert token not in jerry.process.text()


def test_a_file_named_by_the_environment(mesh: Mesh, guarded: Consul, secret: Path) -> None:
    hand(secret, guarded.new_token(rules(mesh)))
    jerry = environment(mesh, CONSUL_HTTP_TOKEN_FILE=str(secret), CONSUL_TOKEN=WRONG)
    jerry.wait_link("consul", "up")


def test_a_workload_identity_of_nomad_is_found_and_renewed(
    mesh: Mesh, guarded: Consul, tmp_path: Path
) -> None:
    """Nomad writes secrets/consul_token and CONSUL_TOKEN; only the file can change."""
    token = tmp_path / "consul_token"
    hand(token, WRONG)
    jerry = environment(mesh, NOMAD_SECRETS_DIR=str(tmp_path), CONSUL_TOKEN=WRONG)
    says(jerry, UNKNOWN, VALID)
    hand(token, guarded.new_token(rules(mesh)), jerry)
    jerry.wait_link("consul", "up")


def test_a_token_of_ours_goes_before_nomads(mesh: Mesh, guarded: Consul, tmp_path: Path) -> None:
    hand(tmp_path / "consul_token", WRONG)
    good = guarded.new_token(rules(mesh))
    jerry = environment(mesh, NOMAD_SECRETS_DIR=str(tmp_path), CONSUL_HTTP_TOKEN=good)
    jerry.wait_link("consul", "up")


def test_without_a_token_that_is_said(mesh: Mesh) -> None:
    jerry = environment(mesh)
    says(jerry, "ACL token missing", "set CONSUL_HTTP_TOKEN or consul.token_file")
