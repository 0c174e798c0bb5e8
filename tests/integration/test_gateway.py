"""The gateway adapter: each state of the gateway is reported as exactly that, and heals (issue 3, item 5)."""

from __future__ import annotations

import signal
import stat
import time
from pathlib import Path

from conftest import Pair
from support.mesh import Mesh
from support.sidecar import Sidecar
from support.wait import eventually


def test_a_ready_gateway_is_ready(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")


def test_an_absent_gateway_is_absent_with_a_remedy(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.gateway.stop()
    link = sidecar.start().wait_link("gateway", "absent")
    assert str(sidecar.gateway.port) in link["detail"]
    assert link["remedy"]


def test_an_absent_gateway_that_comes_is_used(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.gateway.stop()
    sidecar.start().wait_link("gateway", "absent")
    sidecar.gateway.start()
    sidecar.wait_link("gateway", "ready", within=40)
    assert sidecar.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"


def test_a_starting_gateway_is_starting_not_broken(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.gateway.starting = True
    sidecar.start().wait_link("gateway", "starting")
    sidecar.gateway.starting = False
    sidecar.wait_link("gateway", "ready", within=40)


def test_a_message_to_an_agent_of_a_gateway_still_starting_is_taken(mesh: Mesh) -> None:
    """Until the gateway has said who its agents are, nobody can say that one does not exist."""
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.gateway.starting = True
    sidecar.start().wait_link("gateway", "starting")
    sidecar.wait_link("consul", "up")
    message = sidecar.json("send", "--from", "me", "--to", "jerry", "good morning")["id"]
    sidecar.gateway.starting = False
    sidecar.wait_stage(message, "replied", within=60)


def test_a_frozen_gateway_is_frozen(mesh: Mesh) -> None:
    """It accepts connections and answers nothing; only a deadline tells."""
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.gateway.freeze()
    link = sidecar.start().wait_link("gateway", "frozen", within=60)
    assert link["remedy"]
    sidecar.gateway.thaw()
    sidecar.wait_link("gateway", "ready", within=60)


def test_a_gateway_that_freezes_later_is_frozen(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")
    alone.gateway.freeze()
    alone.wait_link("gateway", "frozen", within=120)
    alone.gateway.thaw()
    alone.wait_link("gateway", "ready", within=60)


def test_a_wrong_token_is_refused_with_a_remedy(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], gateway__token="not-the-token")
    link = sidecar.wait_link("gateway", "refused")
    assert "token" in link["detail"]
    assert "gateway.token" in link["remedy"]
    assert "not-the-token" not in str(link) + sidecar.process.text()


def test_a_wrong_token_is_refused_on_the_other_log_in_path_too(mesh: Mesh) -> None:
    sidecar = mesh.add(
        "jerry-gateway", ["jerry"], gateway__token="not-the-token", gateway__auth="token"
    )
    assert "token" in sidecar.wait_link("gateway", "refused")["detail"]


def test_a_missing_token_is_refused(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], gateway__token=None)
    assert "gateway.token" in sidecar.wait_link("gateway", "refused")["remedy"]


def test_a_refused_gateway_is_not_hammered(mesh: Mesh) -> None:
    """Twenty bad tokens in a minute would get us locked out by a real gateway."""
    sidecar = mesh.add("jerry-gateway", ["jerry"], gateway__token="not-the-token")
    sidecar.wait_link("gateway", "refused")
    time.sleep(2)  # a rate can only be seen over some time
    assert len(sidecar.gateway.refusals) <= 5


def test_a_corrected_token_file_heals_on_sighup(mesh: Mesh, tmp_path: Path) -> None:
    secret = tmp_path / "gateway.token"
    secret.write_text("not-the-token")
    secret.chmod(0o600)
    sidecar = mesh.add(
        "jerry-gateway", ["jerry"], gateway__token=None, gateway__token_file=str(secret)
    )
    sidecar.wait_link("gateway", "refused")
    secret.write_text(sidecar.gateway.token + "\n")
    sidecar.process.signal(signal.SIGHUP)
    sidecar.wait_link("gateway", "ready", within=60)


def test_a_draining_gateway_is_draining(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")
    alone.gateway.draining = True
    alone.gateway.drop()
    alone.wait_link("gateway", "draining", within=40)
    alone.gateway.draining = False
    alone.wait_link("gateway", "ready", within=60)


def test_the_default_log_in_is_the_device_key(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")
    assert alone.gateway.connects[-1]["device"]["id"]


def test_the_device_key_is_kept_and_private(alone: Sidecar) -> None:
    alone.wait_link("gateway", "ready")
    first = alone.gateway.connects[-1]["device"]["id"]
    keys = list(alone.state.glob("device*"))
    assert keys and all(stat.S_IMODE(k.stat().st_mode) == 0o600 for k in keys)
    alone.restart().wait_link("gateway", "ready")
    assert alone.gateway.connects[-1]["device"]["id"] == first


def test_the_token_log_in_needs_no_device(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], gateway__auth="token")
    sidecar.wait_link("gateway", "ready")
    connect = sidecar.gateway.connects[-1]
    assert "device" not in connect
    assert (connect["client"]["id"], connect["client"]["mode"]) == ("gateway-client", "backend")
    assert sidecar.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"


def test_one_persistent_connection(pair: Pair) -> None:
    for n in range(5):
        pair.ask(str(n))
    assert len(pair.bobby_gateway.connects) == 1


def test_a_dropped_connection_is_made_again(pair: Pair) -> None:
    pair.bobby_gateway.drop()
    assert pair.ask("after the cut") == "echo(bobby): after the cut"


def test_a_restarted_gateway_is_used_again(pair: Pair) -> None:
    pair.bobby_gateway.stop()
    pair.bobby.wait_link("gateway", "absent")
    pair.bobby_gateway.start()
    pair.bobby.wait_link("gateway", "ready", within=40)
    assert pair.ask("back again") == "echo(bobby): back again"


def test_a_gateway_switched_off_leaves_the_inbox(mesh: Mesh) -> None:
    """gateway.enabled = false: the agents of the configuration are served by their inbox only."""
    sidecar = mesh.add(
        "quiet-gateway", gateway=False, config_agents=[{"id": "quiet", "capabilities": ["mail"]}]
    )
    message = sidecar.json("send", "--from", "someone", "--to", "quiet", "read me later")["id"]
    sidecar.wait_stage(message, "delivered")
    [row] = sidecar.json("inbox", "quiet")["messages"]
    assert row["body"] == "read me later"
    eventually(lambda: sidecar.link("gateway")["state"] == "off", "the link is off")


def test_other_peoples_events_do_no_harm(pair: Pair) -> None:
    gateway = pair.bobby_gateway
    gateway.broadcast("presence", {"presence": [{"host": "x" * 100}]})
    gateway.broadcast("no.such.event", {"deep": [[[[]]]]})
    gateway.broadcast("tick", {})
    gateway.broadcast("chat", {"runId": "not-ours", "state": "final"})
    assert pair.ask("fine") == "echo(bobby): fine"


def test_garbage_from_the_gateway_does_no_harm(pair: Pair) -> None:
    gateway = pair.bobby_gateway
    for garbage in ("this is not JSON", '{"type":"res"}'):
        logins = len(gateway.connects)
        gateway.say_raw(garbage)  # it costs the connection, so the next one goes to a new one
        eventually(lambda: len(gateway.connects) > logins, f"a new log-in after {garbage}")
    assert pair.ask("fine") == "echo(bobby): fine"
    assert pair.bobby.process.alive
