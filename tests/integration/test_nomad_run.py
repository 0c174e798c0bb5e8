"""The raw_exec job of nomad/ under a real Nomad, where there is one (issue 6, item 4)."""

from __future__ import annotations

import os
import signal
from typing import Iterator

import pytest

from support.consul import Consul
from support.nomad import Nomad, Placement, find_nomad
from support.redis import Redis
from support.wait import eventually

pytestmark = pytest.mark.skipif(find_nomad() is None, reason="skipped: nomad not found")


class Cluster:
    def __init__(self, nomad: Nomad, consul: Consul, redis: Redis) -> None:
        self.nomad, self.consul = nomad, consul
        self.jerry = Placement(nomad, "jerry", ["jerry"], redis)
        self.bobby = Placement(nomad, "bobby", ["bobby"], redis)

    def whole(self) -> bool:
        for p in (self.jerry, self.bobby):
            agents = {a["id"]: a["status"] for a in p.json("agents")["agents"]}
            if {"jerry", "bobby"} - {i for i, status in agents.items() if status != "offline"}:
                return False
        return True

    def wait_whole(self, within: float = 90) -> None:
        eventually(self.whole, "the mesh is whole", within)
        eventually(lambda: self.bobby.page("/health") == 200, "bobby's gateway is healthy", within)

    def ask(self) -> str:
        return self.jerry.cli("ask", "--from", "jerry", "--to", "bobby", "hi").ok().out.strip()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Consul and a Redis of its own: the job's keys begin with openclaw, as everybody's do."""
    consul = Consul(tmp_path_factory.mktemp("consul"))
    redis = Redis(tmp_path_factory.mktemp("redis"))
    nomad = Nomad(tmp_path_factory.mktemp("nomad"), consul, ["jerry", "bobby"])
    try:
        consul.start()
        redis.start()
        nomad.start()
        made = Cluster(nomad, consul, redis)
        made.wait_whole()
        yield made
    finally:
        try:
            nomad.stop()
        finally:
            redis.stop()
            consul.stop()


def test_the_jobs_form_a_mesh(cluster: Cluster) -> None:
    assert cluster.ask() == "echo(bobby): hi"


def test_consul_has_both_services_with_their_checks(cluster: Cluster) -> None:
    def checks(service: str) -> dict[str, str]:
        rows = cluster.consul.api("GET", f"/v1/health/service/{service}")
        rows = [r for r in rows if r["Service"]["Meta"].get("gateway") == "bobby-gateway"]
        assert len(rows) == 1
        return {c["Name"]: c["Status"] for c in rows[0]["Checks"] if c["ServiceName"] == service}

    expected = {"traffic": "passing", "live": "passing"}
    eventually(lambda: checks("openclaw-gateway") == expected, "the gateway's", 30)
    eventually(lambda: checks("sideclaw") == {"health": "passing"}, "the sidecar's", 30)


def test_a_killed_gateway_is_started_again(cluster: Cluster) -> None:
    pid = cluster.bobby.gateway_pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: cluster.bobby.gateway_pid() != pid, "another process", 60)
    cluster.wait_whole()
    assert cluster.ask() == "echo(bobby): hi"


def test_a_frozen_gateway_is_restarted_by_its_check(cluster: Cluster) -> None:
    pid = cluster.bobby.gateway_pid()
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: cluster.bobby.page("/health/live") == 503, "it is called dead", 60)
    eventually(
        lambda: any("unhealthy" in e for e in cluster.nomad.events("bobby", "gateway")),
        "Nomad restarts it",
        60,
    )
    eventually(lambda: cluster.bobby.gateway_pid() != pid, "another process", 60)
    cluster.wait_whole()
    assert cluster.ask() == "echo(bobby): hi"


def test_a_killed_sidecar_comes_back_and_has_lost_nothing(cluster: Cluster) -> None:
    sidecar, gateway = cluster.jerry.sidecar_pid(), cluster.jerry.gateway_pid()
    send = ("send", "--from", "jerry", "--to", "bobby")
    ids = [cluster.jerry.json(*send, f"message {n}")["id"] for n in range(20)]
    os.kill(sidecar, signal.SIGKILL)
    eventually(lambda: cluster.jerry.sidecar_pid() != sidecar, "another sidecar", 60)
    for i in ids:
        eventually(lambda: cluster.jerry.json("show", i)["stage"] == "replied", f"{i} arrives", 60)
    assert cluster.jerry.gateway_pid() == gateway, "the gateway is left alone"


def test_a_drained_nodes_agents_are_away(cluster: Cluster) -> None:
    """Last: the only node is drained, and nothing runs for a while."""
    status = "openclaw/agents/bobby/status"
    assert cluster.consul.get(status) != "offline"
    cluster.nomad.cli("node", "drain", "-enable", "-self", "-yes", "-detach", "-deadline", "2m")
    eventually(lambda: cluster.consul.get(status) == "offline", "bobby is away", 120)
    eventually(
        lambda: cluster.consul.api("GET", "/v1/health/service/openclaw-gateway") == [],
        "its service, too",
        60,
    )
    cluster.nomad.cli("node", "drain", "-disable", "-self", "-yes")
    cluster.wait_whole(120)
