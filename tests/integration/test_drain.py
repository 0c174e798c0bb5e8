"""Leaving without losing anything: drain, undrain and who else asks for them (issue 6, point 6), and
what a service manager is told (point 7)."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.sidecar import Sidecar
from support.wait import eventually, holds_for


def page(sidecar: Sidecar, path: str) -> int:
    return sidecar.http("GET", path, token="").status


def drain(sidecar: Sidecar) -> dict[str, Any]:
    return dict(sidecar.status()["drain"])


def causes(sidecar: Sidecar) -> dict[str, str]:
    return {c["by"]: c["why"] for c in drain(sidecar)["causes"]}


def serves(sidecar: Sidecar) -> bool:
    return drain(sidecar)["phase"] == "serving" and page(sidecar, "/health/traffic") == 200


def seen_as(pair: Pair, status: str) -> None:
    eventually(
        lambda: pair.jerry.gateways()["bobby-gateway"]["status"] == status,
        f"jerry sees bobby's gateway {status}",
    )


@pytest.fixture
def quick(mesh: Mesh, start_pair: Callable[..., Pair]) -> Iterator[Pair]:
    """Two gateways whose load balancers notice at once, and turns at bobby's that the test ends."""
    pair = start_pair(mesh, drain__notice_s=0)
    eventually(lambda: page(pair.bobby, "/health/traffic") == 200, "bobby takes traffic")
    yield pair


@pytest.fixture
def held(quick: Pair) -> Iterator[threading.Event]:
    over = threading.Event()
    quick.bobby_gateway.turn = lambda run: f"did {run.message}" if over.wait(60) else "never"
    yield over
    over.set()


def test_a_drain_lets_turns_end_and_begins_none(quick: Pair, held: threading.Event) -> None:
    running = quick.send("first")
    quick.jerry.wait_stage(running, "started")
    answer = quick.bobby.json("drain", "--why", "new disk")
    assert answer["phase"] == "leaving" and answer["turns"] == 1 and answer["kept"]
    assert page(quick.bobby, "/health/traffic") == 503 and page(quick.bobby, "/health/live") == 200
    seen_as(quick, "draining")
    waiting = quick.send("second")
    # One that comes by a way that asks nobody is stored there, and waits.
    key = quick.mesh.key("agents/infra/inbox/x")
    quick.mesh.consul.put(key, '{"from":"me","body":"third"}')
    eventually(lambda: quick.mesh.consul.get(key) is None, "it is stored at bobby's")
    assert not drain(quick.bobby)["ready"]
    held.set()
    assert quick.bobby.cli("drain", "--wait", "--timeout", "30").ok().out.startswith(
        "draining: ready to stop"
    )
    assert quick.jerry.wait_stage(running, "replied")["stage"] == "replied"
    shown = quick.jerry.show(waiting)
    assert shown["stage"] == "accepted"
    eventually(
        lambda: "drains" in (quick.jerry.show(waiting)["last_error"] or ""), "show says why"
    )
    assert len(quick.bobby_gateway.runs) == 1
    assert quick.bobby.cli("undrain").ok().out == "serving\n"
    quick.jerry.wait_stage(waiting, "replied")
    eventually(lambda: len(quick.bobby_gateway.runs) == 3, "all three ran, each once")
    eventually(lambda: serves(quick.bobby), "bobby serves")


def test_waiting_in_vain_is_exit_75_and_it_goes_on(quick: Pair, held: threading.Event) -> None:
    quick.jerry.wait_stage(quick.send("long"), "started")
    result = quick.bobby.cli("drain", "--wait", "--timeout", "1")
    assert result.rc == 75 and "1 turn to end" in result.out
    assert drain(quick.bobby)["phase"] == "leaving"


def test_it_is_not_ready_before_load_balancers_noticed(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], drain__notice_s=3)
    assert sidecar.json("drain")["phase"] == "leaving"
    holds_for(lambda: not drain(sidecar)["ready"], "not ready at once", 1.0)
    eventually(lambda: drain(sidecar)["ready"], "ready after its notice")


def test_whoever_chooses_by_capability_does_not_choose_it(quick: Pair) -> None:
    for sidecar, agent in ((quick.jerry, "scribe"), (quick.bobby, "bobby")):
        sidecar.http("POST", f"/v1/agents/{agent}", {"capabilities": ["backups"]})
    found = lambda: quick.jerry.json("agents", "--capability", "backups")["agents"]
    eventually(lambda: len(found()) == 2, "jerry knows both")
    body = {"from": "jerry", "capability": "backups", "body": "copy"}
    quick.bobby.json("drain")
    seen_as(quick, "draining")
    for _ in range(5):
        assert quick.jerry.http("POST", "/v1/messages", body).json()["to"] == "scribe"
    quick.jerry.json("drain")
    refused = quick.jerry.http("POST", "/v1/messages", body)
    assert refused.status == 503, refused.text
    quick.bobby.cli("undrain").ok()
    seen_as(quick, "healthy")
    assert quick.jerry.http("POST", "/v1/messages", body).json()["to"] == "bobby"


def test_an_operators_drain_survives_a_restart(quick: Pair) -> None:
    quick.bobby.json("drain", "--why", "new disk")
    quick.bobby.restart()
    assert causes(quick.bobby) == {"operator": "new disk"}
    assert page(quick.bobby, "/health/traffic") == 503
    seen_as(quick, "draining")
    quick.bobby.cli("undrain").ok()
    quick.bobby.restart()
    assert causes(quick.bobby) == {}
    assert quick.ask("hi") == "echo(bobby): hi"


def test_sigusr1_drains_and_can_be_repeated(alone: Sidecar) -> None:
    for _ in range(2):
        alone.process.signal(signal.SIGUSR1)
        eventually(lambda: causes(alone) == {"operator": "SIGUSR1"}, "it drains")
    alone.cli("undrain").ok()
    assert causes(alone) == {}


def maintain(consul: Consul, path: str, on: bool) -> None:
    flag = "true" if on else "false"
    consul.api("PUT", f"/v1/agent/{path}?enable={flag}&reason=moving")


@pytest.fixture
def on_one_node(
    own_consul: Callable[..., Consul], make_mesh: Callable[..., Mesh], start_pair: Callable[..., Pair]
) -> Pair:
    """Two gateways in the catalog of a Consul of their own."""
    pair = start_pair(make_mesh(own_consul(), None), drain__notice_s=0)
    for name in ("jerry", "bobby"):
        eventually(
            lambda: f"openclaw-gateway-{name}-gateway"
            in pair.mesh.consul.api("GET", "/v1/agent/services"),
            f"{name} is registered",
        )
    return pair


def test_maintenance_of_the_service_is_followed(on_one_node: Pair) -> None:
    pair, service = on_one_node, "service/maintenance/openclaw-gateway-bobby-gateway"
    maintain(pair.mesh.consul, service, True)
    eventually(lambda: causes(pair.bobby) == {"consul": "moving"}, "bobby drains")
    assert causes(pair.jerry) == {}
    assert page(pair.bobby, "/health/traffic") == 503
    assert pair.bobby.cli("undrain").rc == 1
    maintain(pair.mesh.consul, service, False)
    eventually(lambda: serves(pair.bobby), "bobby serves again")


def test_maintenance_of_the_node_is_followed_and_outlives_consul(on_one_node: Pair) -> None:
    pair = on_one_node
    maintain(pair.mesh.consul, "maintenance", True)
    for sidecar in (pair.jerry, pair.bobby):
        eventually(lambda: causes(sidecar) == {"consul": "moving"}, "both drain: one node")
    pair.mesh.consul.stop()
    pair.bobby.wait_link("consul", "down")
    assert causes(pair.bobby) == {"consul": "moving"}


def test_a_nearly_full_disk_drains_until_there_is_room(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"])
    eventually(lambda: serves(sidecar), "it serves")
    sidecar.write_config(drain__disk_free_bytes=1 << 46)  # nobody has that much
    sidecar.process.signal(signal.SIGHUP)
    eventually(lambda: "disk: " in causes(sidecar).get("signal", ""), "it drains")
    assert page(sidecar, "/health/traffic") == 503 and page(sidecar, "/health/live") == 200
    sidecar.write_config(drain__disk_free_bytes=1)
    sidecar.process.signal(signal.SIGHUP)
    eventually(lambda: serves(sidecar), "it serves again")


def test_a_gateway_that_drains_by_itself(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")
    alone.gateway.draining = True
    alone.gateway.drop()
    eventually(lambda: list(causes(alone)) == ["gateway"], "it drains", within=40)
    alone.gateway.draining = False
    eventually(lambda: causes(alone) == {}, "it serves again", within=60)


def test_a_drain_over_http(alone: Sidecar) -> None:
    assert alone.http("POST", "/v1/drain", {"why": "x"}, token="").status == 401
    answer = alone.http("POST", "/v1/drain", {"why": "x"})
    assert answer.status == 200 and answer.json()["causes"] == [{"by": "operator", "why": "x"}]
    assert alone.http("DELETE", "/v1/drain").json()["phase"] == "serving"


# --- the service manager ---


class Manager:
    """Listens as systemd does."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.words: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        while True:
            try:
                self.words.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.words


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    m = Manager(tmp_path_factory.mktemp("n"))
    yield m
    m.socket.close()


def start_under(manager: Manager, mesh: Mesh, **env: str) -> Sidecar:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.process.env.update({"NOTIFY_SOCKET": manager.address, **env})
    return sidecar.start()


def test_systemd_hears_that_it_is_ready_how_it_is_and_that_it_stops(
    manager: Manager, mesh: Mesh
) -> None:
    sidecar = start_under(manager, mesh)
    eventually(lambda: "READY=1" in manager.heard(), "READY=1")
    assert sidecar.cli("status").rc == 0, "whoever is ready answers"
    eventually(lambda: "STATUS=healthy" in manager.heard(), "how it is")
    sidecar.json("drain", "--why", "new disk")
    eventually(lambda: any("operator: new disk" in w for w in manager.heard()), "that it drains")
    assert not any(w.startswith("WATCHDOG") for w in manager.heard()), "nobody asked for that"
    assert sidecar.stop() == 0
    assert "STOPPING=1" in manager.heard()


def test_the_watchdog_is_fed_while_the_loop_turns(manager: Manager, mesh: Mesh) -> None:
    sidecar = start_under(manager, mesh, WATCHDOG_USEC="200000")
    fed = lambda: manager.heard().count("WATCHDOG=1")
    eventually(lambda: fed() >= 3, "fed thrice")
    sidecar.process.pause()
    manager.heard()
    before = fed()
    holds_for(lambda: fed() == before, "a stopped loop feeds nobody", 0.5)
    sidecar.process.resume()
    eventually(lambda: fed() > before, "fed again")
