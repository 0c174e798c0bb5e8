"""Messages over Redis: what is stored where, bad input, passwords, signatures (DESIGN 3, 4)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.redis import Redis
from support.wait import eventually, holds_for


def envelope(body: str = "by hand", to: str = "bobby", **changed: Any) -> dict[str, Any]:
    """A message as another sidecar would write it."""
    message: dict[str, Any] = {
        "v": 1,
        "id": "019b2222-" + str(uuid.uuid4())[9:],
        "kind": "message",
        "from": {"agent": "jerry", "gateway": "jerry-gateway"},
        "to": {"agent": to, "gateway": "bobby-gateway"},
        "body": body,
        "timestamp": "2026-11-21T03:00:00.000Z",
        "ttl_s": 315360,
        "hops": 1,
        "visited": [],
    }
    message.update(changed)
    return message


def publish(pair: Pair, payload: "str | bytes", to: str = "bobby-gateway") -> int:
    """How many heard it."""
    return int(pair.mesh.redis.call("PUBLISH", pair.mesh.channel(to), payload))


def test_a_stored_message_leaves_the_stream(pair: Pair) -> None:
    pair.ask("hi")
    eventually(
        lambda: pair.mesh.redis.entries(pair.mesh.stream("bobby")) == [], "bobby's stream is empty"
    )
    eventually(
        lambda: pair.mesh.redis.entries(pair.mesh.stream("jerry")) == [], "jerry's stream is empty"
    )


def test_a_message_for_a_stopped_receiver_waits_in_its_stream(pair: Pair) -> None:
    pair.bobby.process.kill()
    message = pair.send("wait for me")
    [entry] = eventually(
        lambda: pair.mesh.redis.entries(pair.mesh.stream("bobby")), "an entry in bobby's stream"
    )
    name, value = entry[1]
    stored = json.loads(value)
    assert name == "m" and stored["id"] == message and stored["body"] == "wait for me"
    assert stored["from"] == {"agent": "jerry", "gateway": "jerry-gateway"}


def test_an_envelope_written_by_hand_is_delivered(pair: Pair) -> None:
    message = envelope()
    entry = pair.mesh.redis.call("XADD", pair.mesh.stream("bobby"), "*", "m", json.dumps(message))
    publish(pair, json.dumps({"entry": entry, **message}))
    eventually(lambda: pair.bobby_gateway.messages("bobby") == ["by hand"], "bobby is told")
    eventually(
        lambda: pair.mesh.redis.entries(pair.mesh.stream("bobby")) == [], "the entry is settled"
    )


def test_an_envelope_left_in_the_stream_is_delivered_at_the_start(pair: Pair) -> None:
    pair.bobby.process.kill()
    pair.mesh.redis.call(
        "XADD", pair.mesh.stream("bobby"), "*", "m", json.dumps(envelope("left here"))
    )
    pair.bobby.start()
    eventually(lambda: pair.bobby_gateway.messages("bobby") == ["left here"], "bobby is told")


def test_the_same_envelope_twice_is_acted_on_once(pair: Pair) -> None:
    text = json.dumps({"entry": "", **envelope("once")})
    publish(pair, text)
    publish(pair, text)
    publish(pair, json.dumps({"entry": "", **envelope("the next")}))
    eventually(lambda: "the next" in pair.bobby_gateway.messages("bobby"), "the next one is told")
    assert sorted(pair.bobby_gateway.messages("bobby")) == ["once", "the next"]


def test_unknown_fields_do_no_harm(pair: Pair) -> None:
    publish(
        pair,
        json.dumps({"entry": "", **envelope("from the future"), "colour": {"of": ["the", "sky"]}}),
    )
    eventually(lambda: pair.bobby_gateway.messages("bobby") == ["from the future"], "bobby is told")


GARBAGE = {
    "text": "no json",
    "cut": '{"v":1,"id":"019b',
    "list": "[1,2,3]",
    "empty": "",
    "bad-id": json.dumps(envelope(id="x")),
    "no-body": json.dumps({k: v for k, v in envelope().items() if k != "body"}),
    "body-number": json.dumps(envelope(body=5)),  # type: ignore[arg-type]
    "bad-agent": json.dumps(envelope(to="../../etc")),
    "long-agent": json.dumps(envelope(to="x" * 300)),
    "nul": '{"v":1,"body":"a\\u0000b"}',
    "utf8": b'{"v":1,"body":"\xff\xfe"}',
    "deep": "[" * 5000,
}


@pytest.mark.parametrize("payload", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_published_is_counted_and_the_daemon_goes_on(
    pair: Pair, payload: "str | bytes"
) -> None:
    before = pair.bobby.status()["counters"]["rejected"]
    assert publish(pair, payload) == 1
    eventually(
        lambda: pair.bobby.status()["counters"]["rejected"] > before, "it is counted as rejected"
    )
    assert pair.ask("still here") == "echo(bobby): still here"
    assert pair.bobby_gateway.messages("bobby") == ["still here"]


def test_a_message_that_went_round_too_often_is_not_delivered(pair: Pair) -> None:
    publish(pair, json.dumps({"entry": "", **envelope("round and round", hops=99)}))
    assert pair.ask("still here") == "echo(bobby): still here"
    assert pair.bobby_gateway.messages("bobby") == ["still here"]


@pytest.mark.parametrize(
    "fields",
    [("m", "no json"), ("x", "no field m"), ("m", ""), ("m", '{"v":1}')],
    ids=["text", "no-m", "empty", "bare"],
)
def test_garbage_in_the_stream_moves_to_the_rejected_stream(
    pair: Pair, fields: tuple[str, str]
) -> None:
    pair.bobby.process.kill()
    pair.mesh.redis.call("XADD", pair.mesh.stream("bobby"), "*", *fields)
    pair.mesh.redis.call(
        "XADD", pair.mesh.stream("bobby"), "*", "m", json.dumps(envelope("good one behind it"))
    )
    pair.bobby.start()
    eventually(
        lambda: pair.bobby_gateway.messages("bobby") == ["good one behind it"],
        "the good one is delivered",
    )
    aside = f"{pair.mesh.prefix}:agents:bobby:rejected"
    [entry] = eventually(lambda: pair.mesh.redis.entries(aside), "an entry in the rejected stream")
    assert any("reason" in str(part) or len(str(part)) > 3 for part in entry[1])
    eventually(
        lambda: pair.mesh.redis.entries(pair.mesh.stream("bobby")) == [],
        "the inbox stream is empty",
    )


def test_garbage_for_the_receipts_does_no_harm(pair: Pair) -> None:
    for text in (
        '{"v":1,"kind":"receipt"}',
        '{"v":1,"kind":"receipt","from":{"gateway":"x"},"receipts":"no"}',
        '{"v":1,"kind":"receipt","from":{"gateway":"x"},"to":{"gateway":"jerry-gateway"},'
        '"receipts":[{"id":"zzz","stage":"flying"}]}',
    ):
        publish(pair, text, to="jerry-gateway")
    assert pair.ask("still here") == "echo(bobby): still here"


def test_a_lost_subscription_is_made_again(pair: Pair) -> None:
    pair.mesh.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
    assert pair.ask("after the cut") == "echo(bobby): after the cut"
    assert pair.bobby_gateway.messages("bobby") == ["after the cut"]


def test_redis_stopped_while_sending(
    own_redis: Callable[..., Redis],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    """Without Redis the message waits in the spool; with Redis back it arrives, once."""
    pair = start_pair(make_mesh(consul, own_redis()))
    pair.mesh.redis.stop()
    pair.jerry.wait_link("redis", "down")
    eventually(lambda: pair.jerry.link("redis")["remedy"], "it says what to do")
    message = pair.send("through the outage", to="bobby")
    pair.mesh.redis.start()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["through the outage"]


def test_redis_that_lost_everything_loses_no_message(
    own_redis: Callable[..., Redis],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(consul, own_redis()))
    pair.bobby.process.kill()
    message = pair.send("remember me")
    eventually(lambda: pair.mesh.redis.entries(pair.mesh.stream("bobby")), "it is in the stream")
    pair.mesh.redis.process.kill()
    pair.mesh.redis.start()
    assert pair.mesh.redis.entries(pair.mesh.stream("bobby")) == []
    pair.bobby.start()
    pair.jerry.wait_stage(message, "replied", within=90)
    assert pair.bobby_gateway.messages("bobby") == ["remember me"]


def test_a_frozen_redis_holds_up_nobody(
    own_redis: Callable[..., Redis],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    pair = start_pair(make_mesh(consul, own_redis()))
    pair.mesh.redis.process.pause()
    try:
        message = pair.send("frozen")
        assert pair.jerry.cli("ask", "--to", "scribe", "hi").ok().out.strip() == "echo(scribe): hi"
    finally:
        pair.mesh.redis.process.resume()
    pair.jerry.wait_stage(message, "replied", within=60)
    assert pair.bobby_gateway.messages("bobby") == ["frozen"]


@pytest.fixture
def locked(own_redis: Callable[..., Redis]) -> Redis:
    return own_redis(password="open-sesame")


def test_redis_with_the_password_in_the_url(
    locked: Redis, consul: Consul, make_mesh: Callable[..., Mesh], start_pair: Callable[..., Pair]
) -> None:
    pair = start_pair(make_mesh(consul, locked))
    assert pair.jerry.wait_link("redis", "up")
    assert pair.ask("hi") == "echo(bobby): hi"


def test_redis_with_the_password_in_a_file(
    locked: Redis, consul: Consul, make_mesh: Callable[..., Mesh], tmp_path: Path
) -> None:
    secret = tmp_path / "redis.password"
    secret.write_text("open-sesame\n")
    secret.chmod(0o600)
    sidecar = make_mesh(consul, locked).add(
        "jerry-gateway", ["jerry"], redis__url=locked.url, redis__password_file=str(secret)
    )
    sidecar.wait_link("redis", "up")


@pytest.mark.parametrize("password", [None, "wrong-one"], ids=["missing", "wrong"])
def test_redis_that_refuses_us_is_said_and_the_daemon_goes_on(
    locked: Redis, consul: Consul, password: Optional[str], make_mesh: Callable[..., Mesh]
) -> None:
    url = f"redis://:{password}@127.0.0.1:{locked.port}" if password else locked.url
    sidecar = make_mesh(consul, locked).add("jerry-gateway", ["jerry"], redis__url=url)
    link = sidecar.wait_link("redis", "down")
    assert "password" in (link["detail"] + link["remedy"]).lower()
    assert "redis." in link["remedy"]
    assert "wrong-one" not in sidecar.process.text() + str(sidecar.status())
    assert sidecar.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"


KEY = "0123456789abcdef0123456789abcdef-the-mesh-key"


def test_a_mesh_with_a_key_is_signed_and_works(mesh: Mesh, start_pair: Callable[..., Pair]) -> None:
    pair = start_pair(mesh, mesh__key=KEY)
    assert pair.jerry.status()["signed"] is True
    assert pair.ask("signed") == "echo(bobby): signed"


def test_a_mesh_without_a_key_says_unsigned(pair: Pair) -> None:
    assert pair.jerry.status()["signed"] is False
    assert "unsigned" in pair.jerry.cli("status").ok().out


def test_an_unsigned_message_is_refused_and_counted(
    mesh: Mesh, start_pair: Callable[..., Pair]
) -> None:
    pair = start_pair(mesh, mesh__key=KEY)
    before = pair.bobby.status()["counters"]["rejected"]
    publish(pair, json.dumps({"entry": "", **envelope("let me in")}))
    eventually(lambda: pair.bobby.status()["counters"]["rejected"] > before, "counted as rejected")
    assert pair.ask("signed") == "echo(bobby): signed"
    assert pair.bobby_gateway.messages("bobby") == ["signed"]


def test_a_message_signed_with_another_key_is_refused(mesh: Mesh) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"], mesh__key=KEY)
    bobby = mesh.add("bobby-gateway", ["bobby"], mesh__key=KEY + "-not")
    mesh.wait_whole()
    jerry.cli("send", "--from", "jerry", "--to", "bobby", "hi").ok()
    eventually(
        lambda: bobby.status()["counters"]["rejected"] >= 1, "bobby's sidecar counts it as rejected"
    )
    holds_for(lambda: mesh.gateways["bobby-gateway"].runs == [], "bobby is told nothing", 0.5)


def test_no_secret_is_logged_or_shown(mesh: Mesh, start_pair: Callable[..., Pair]) -> None:
    pair = start_pair(mesh, mesh__key=KEY)
    pair.ask("private words")
    everything = (
        pair.jerry.process.text()
        + pair.bobby.process.text()
        + pair.jerry.cli("--json", "status").out
    )
    for secret in (KEY, pair.jerry_gateway.token, pair.jerry.token, "private words"):
        assert secret not in everything
    argv = Path(f"/proc/{pair.jerry.process.pid}/cmdline").read_bytes()
    assert KEY.encode() not in argv
