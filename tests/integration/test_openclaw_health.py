"""Each signal broken in turn against a real gateway: the board, the three pages and Consul's checks say the
right thing within one interval plus hysteresis, and recover (issue 6). Marked `openclaw`."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, ContextManager, Iterator

import pytest
from support.board import DEAD, DEGRADED, DRAINING, STARTING, Verdict, signals, verdict, wrong
from support.peer import KEY
from support.wait import SLOW, eventually, holds_for
from support.well import World

pytestmark = pytest.mark.openclaw


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    w = World.start(tmp_path_factory.mktemp("well"))
    try:
        yield w
        assert w.sidecar.stop() == w.neighbour.stop() == w.outsider.stop() == 0
    finally:
        w.stop()


# Worst times from a break to its signal, as in domain/probe.c: one interval (the look before it was good),
# then as many failures as it takes, each after its pause or its deadline, whichever is longer.
HTTP_S, READY_S, WS_S, RPC_S, PROCESS_S = 4 + 3 * 3, 10 + 2 * 5, 2 + 3, 5 + 2 * 4, 2 + 2
CHANNELS_S, MODELS_S = 30 + 10, 60 + 2 * 10


# --- what can be broken ---


@contextmanager
def redis_stopped(w: World) -> Iterator[None]:
    w.redis.stop()
    try:
        yield
    finally:
        w.redis.start()


@contextmanager
def consul_stopped(w: World) -> Iterator[None]:
    w.consul.stop()
    try:
        yield
    finally:
        w.consul.start()


@contextmanager
def other_key(w: World) -> Iterator[None]:
    w.restart(mesh__key="not the key of this mesh, though as long")
    try:
        yield
    finally:
        w.restart(mesh__key=KEY)


@contextmanager
def agent_of_another(w: World) -> Iterator[None]:
    """The gateway gets an agent whose name the neighbour's has held for long."""
    w.call("agents.create", name="bobby", workspace=str(w.gateway.folder / "twin"))
    try:
        yield
    finally:
        w.call("agents.delete", agentId="bobby")


@contextmanager
def little_room(w: World) -> Iterator[None]:
    w.sidecar.write_config(drain__disk_free_bytes=1 << 46)
    w.sidecar.process.signal(signal.SIGHUP)
    try:
        yield
    finally:
        w.sidecar.write_config(drain__disk_free_bytes=1)
        w.sidecar.process.signal(signal.SIGHUP)


@contextmanager
def asked_to_drain(w: World) -> Iterator[None]:
    w.sidecar.json("drain", "--why", "new disk")
    try:
        yield
    finally:
        w.sidecar.json("undrain")


@contextmanager
def suspended(w: World) -> Iterator[None]:
    """The gateway drains by itself."""
    lease = w.call("gateway.suspend.prepare", requestId="test", drain=True)
    try:
        yield
    finally:
        w.call("gateway.suspend.resume", suspensionId=lease["suspensionId"])


@contextmanager
def channel_stopped(w: World) -> Iterator[None]:
    w.call("channels.stop", channel="telegram", accountId="default")
    try:
        yield
    finally:
        w.call("channels.start", channel="telegram", accountId="default")


@contextmanager
def provider_without_login(w: World) -> Iterator[None]:
    """One that expects a login which nobody made. That the mock model refuses a request is seen by no
    gateway's report (models.authStatus is about credentials), only by the turn that needs it."""
    w.patch({"auth": {"profiles": {"absent:me": {"provider": "absent", "mode": "oauth"}}}})
    try:
        yield
    finally:
        w.patch({"auth": {"profiles": None}})


@contextmanager
def frozen(w: World) -> Iterator[None]:
    w.gateway.process.pause()
    try:
        yield
    finally:
        w.gateway.process.resume()


def shows(w: World, expected: dict[str, str]) -> bool:
    """These are bad, and nothing else is; each says why. What cannot be asked meanwhile is unknown."""
    assert {n: s for n, s in wrong(w.sidecar).items() if s != "unknown"} == expected
    for name in expected:
        row = signals(w.sidecar)[name]
        assert row["detail"] and row["last_error"], row
        assert any(name in reason for reason in w.sidecar.status()["reasons"])
    return True


Break = Callable[[World], ContextManager[None]]
# What is broken, which signals say so, what that means, and how soon at the latest.
ROWS: list[tuple[Break, dict[str, str], Verdict, float]] = [
    (redis_stopped, {"redis": "bad"}, DEGRADED, 5),
    (consul_stopped, {"consul": "bad"}, DEGRADED, 10),
    (other_key, {"peer": "bad"}, DEGRADED, 40),
    (agent_of_another, {"conflict": "bad"}, DEGRADED, 20),
    (little_room, {"disk": "bad", "drain": "bad"}, DRAINING, 10),
    (asked_to_drain, {"drain": "bad"}, DRAINING, 1),
    (
        suspended,
        {"gateway_startup": "bad", "gateway_ready": "bad", "drain": "bad"},
        DRAINING,
        READY_S,
    ),
]


@pytest.mark.parametrize("harm,expected,means,within", ROWS, ids=[r[0].__name__ for r in ROWS])
def test_each_signal(
    world: World, harm: Break, expected: dict[str, str], means: Verdict, within: float
) -> None:
    world.whole()
    deaths = world.deaths()
    with harm(world):
        began = time.monotonic()
        eventually(lambda: shows(world, expected), f"{expected}", within + 1)
        print(f"{harm.__name__}: {time.monotonic() - began:.1f} s", end=" ")
        world.says(means)
    began = time.monotonic()
    world.whole()
    print(f"and back: {time.monotonic() - began:.1f} s")
    assert world.deaths() == deaths


def test_what_the_gateway_says_of_its_channels_and_models(world: World) -> None:
    """Both at once, because a look at them is seldom."""
    world.whole()
    with provider_without_login(world), channel_stopped(world):
        began = time.monotonic()
        is_bad = lambda name: signals(world.sidecar)[name]["state"] == "bad"
        for name, within in (
            ("gateway_ready", READY_S),
            ("gateway_channels", CHANNELS_S),
            ("gateway_models", MODELS_S),
        ):
            left = within + 1 - (time.monotonic() - began)
            eventually(lambda: is_bad(name), f"{name} is bad", max(left, 0))
            print(f"{name}: {time.monotonic() - began:.1f} s", end=" ")
        expected = dict.fromkeys(("gateway_ready", "gateway_channels", "gateway_models"), "bad")
        assert shows(world, expected)
        world.says(DEGRADED)
        eventually(lambda: world.checks.own() == "warning", "our own registration", 12)
    began = time.monotonic()
    world.whole(CHANNELS_S)
    print(f"and back: {time.monotonic() - began:.1f} s")


def test_a_full_disk_is_spool_and_disk(world: World) -> None:
    if not world.disk.mounted:
        pytest.skip(world.disk.why)
    world.whole()
    send = lambda: world.sidecar.cli("send", "--from", "jerry", "--to", "bobby", "x").rc
    world.disk.fill()
    try:
        no_write = lambda: send() != 0 and signals(world.sidecar)["spool"]["state"] == "bad"
        eventually(no_write, "the spool says so", within=10)
        assert "no room" in signals(world.sidecar)["spool"]["last_error"]
        eventually(lambda: {"disk", "drain"} <= set(wrong(world.sidecar)), "the disk, too", 10)
        world.says(DRAINING)
    finally:
        world.disk.free()
    world.whole()
    assert send() == 0


def test_a_freeze_is_two_witnesses_within_15_s(world: World) -> None:
    world.whole()
    with frozen(world):
        began = time.monotonic()
        eventually(lambda: verdict(world.sidecar) == DEAD, "dead", within=20)
        took = time.monotonic() - began
        assert took < 15 * SLOW
        print(f"dead after {took:.1f} s")
        bad = {n for n, s in wrong(world.sidecar).items() if s == "bad"}
        assert "gateway_process" in bad and bad & {"gateway_http", "gateway_ws", "gateway_rpc"}
        world.says(DEAD)
        eventually(lambda: world.checks.own() == "critical", "our own registration", 12)
        row = signals(world.sidecar)["gateway_process"]
        assert f"kill -CONT {world.gateway.process.pid}" in row["remedy"], row
    world.whole()
    eventually(lambda: world.checks.own() == "passing", "our own registration", 12)


def test_a_connection_that_went_dead_is_replaced(world: World) -> None:
    """Over a network that forgot it; new ones work. The gateway's port answers all the time."""
    sidecar = world.outsider
    eventually(lambda: not wrong(sidecar), "the outsider is well", within=20)
    deaths = sidecar.process.text().count("health=dead")
    world.proxy.half_open()
    sidecar.process.wait_log("went silent; connecting again", within=RPC_S + 5)
    rpc = signals(sidecar)["gateway_rpc"]
    assert "no answer within" in rpc["last_error"], rpc
    eventually(lambda: not wrong(sidecar), "connected again, and well", within=10)
    assert sidecar.process.text().count("health=dead") == deaths


def test_a_network_that_swallows_answers_is_a_frozen_gateway(world: World) -> None:
    world.proxy.blackhole(up=False)
    try:
        eventually(lambda: verdict(world.outsider) == DEAD, "dead", within=16)
        assert {"gateway_http", "gateway_rpc"} <= set(wrong(world.outsider))
    finally:
        world.proxy.heal()
    eventually(lambda: not wrong(world.outsider), "well again", within=30)


def test_a_wrong_token_is_the_login_and_nothing_else(world: World) -> None:
    sidecar, right = world.outsider, world.gateway.token
    sidecar.write_config(gateway__token="not-the-token", gateway__auth="token")
    sidecar.restart()
    refused = lambda: signals(sidecar)["gateway_login"]
    eventually(lambda: refused()["state"] == "bad", "refused", within=10)
    eventually(lambda: verdict(sidecar) == DEGRADED, "degraded, and takes traffic", WS_S)
    assert "gateway.token" in refused()["remedy"]
    assert signals(sidecar)["gateway_ws"]["state"] == "ok", "a refusal is an answer, too"
    sidecar.write_config(gateway__token=right)
    sidecar.process.signal(signal.SIGHUP)
    eventually(lambda: not wrong(sidecar), "let in, without a restart", within=20)


def restarted(world: World, deaths: int, until: Callable[[], bool], within: float) -> None:
    """It is starting, and alive all the time: what checks it would not restart it."""
    end = time.monotonic() + within * SLOW
    while not until():
        assert time.monotonic() < end, f"still not well: {wrong(world.sidecar)}"
        assert verdict(world.sidecar).live == 200, wrong(world.sidecar)
        time.sleep(0.1)
    assert world.deaths() == deaths


def test_a_restart_in_place_is_starting_and_never_dead(world: World) -> None:
    """SIGUSR2: the same process closes its port, for 4 to 15 s."""
    world.whole()
    deaths, pid = world.deaths(), world.gateway.process.pid
    world.gateway.process.signal(signal.SIGUSR2)
    eventually(lambda: verdict(world.sidecar) == STARTING, "starting", within=30)
    restarted(world, deaths, lambda: not wrong(world.sidecar), within=120)
    world.whole()
    assert f"process {pid}," in signals(world.sidecar)["gateway_process"]["detail"]


def test_killed_it_is_dead_and_a_slow_successor_never(world: World) -> None:
    world.whole()
    gate, gateway = world.folder / "gate", world.gateway
    script = Path(__file__).parents[1] / "support/slow_start.cjs"
    gateway.process.kill()
    began = time.monotonic()
    eventually(lambda: verdict(world.sidecar) == DEAD, "dead", within=16)
    took = time.monotonic() - began
    assert took < 15 * SLOW
    assert "is gone" in signals(world.sidecar)["gateway_process"]["detail"]
    world.says(DEAD)
    gateway.process.env.update(
        NODE_OPTIONS=f"--require {script}", SLOW_START=str(gate), SLOW_PORT=str(gateway.port)
    )
    gateway.start(wait=False)
    eventually(lambda: verdict(world.sidecar) == STARTING, "starting", within=15)
    deaths = world.deaths()
    alive = lambda: verdict(world.sidecar) == STARTING
    holds_for(alive, "its port is closed, and it starts", 8)
    gate.with_suffix(".load").touch()
    eventually(lambda: "no answer" in signals(world.sidecar)["gateway_http"]["detail"],
               "its port is open, and nothing answers", within=90)
    holds_for(alive, "as a frozen one, but it starts", 16)
    gateway.process.pause()
    holds_for(alive, "and has never been up, so it is not called dead", 4)
    gateway.process.resume()
    gate.with_suffix(".serve").touch()
    restarted(world, deaths, lambda: not wrong(world.sidecar), within=120)
    world.whole()
    assert str(gateway.process.pid) in signals(world.sidecar)["gateway_process"]["detail"]


def test_the_baseline_was_taken_once_and_nothing_was_spawned_since(world: World) -> None:
    """All of the above with the real command line tool at hand."""
    eventually(lambda: "event=gateway.baseline " in world.sidecar.process.text(), "taken", 60)
    eventually(lambda: len(world.cli_calls()) == world.lives, "once in each life of the sidecar")
    said = json.loads((world.sidecar.state / "gateway-status.json").read_text())
    assert said["rpc"]["ok"] is True and said["gateway"]["port"] == world.gateway.port
    assert world.cli_calls() == ["gateway status --json"] * world.lives
