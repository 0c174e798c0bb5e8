"""From sidecar to sidecar over HTTP: without Redis, without Consul, and who is let in (ADR 0010)."""

from __future__ import annotations

import json
import socket
import threading
from datetime import datetime
from typing import Any, Callable

import pytest

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.peer import KEY, Peer
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import eventually

Start = Callable[..., Pair]


@pytest.fixture
def keyed(
    make_mesh: Callable[..., Mesh],
    own_consul: Callable[..., Consul],
    own_redis: Callable[..., Redis],
    start_pair: Start,
) -> Pair:
    """Two sidecars with a mesh key, and a Consul and a Redis that the test may stop."""
    pair = start_pair(make_mesh(own_consul(keep=True), own_redis()), mesh__key=KEY)
    for s in (pair.jerry, pair.bobby):
        eventually(lambda: answering(s) == 1, f"{s.name} knows of the other's address", 20)
    return pair


def answering(s: Sidecar) -> int:
    return int(s.metric("sideclaw_peer_sidecars_answering"))


def peer_out(s: Sidecar) -> int:
    return int(s.metric("sideclaw_transport_messages_out_total", transport="peer"))


def submit(pair: Pair, text: str, **more: str) -> str:
    """From jerry to bobby over HTTP, which is faster than a process each."""
    body = {"from": "jerry", "to": "bobby", "body": text, **more}
    answer = pair.jerry.http("POST", "/v1/messages", body)
    assert answer.status == 202, answer.text
    return str(answer.json()["id"])


def redis_away(pair: Pair) -> None:
    pair.mesh.redis.stop()
    pair.jerry.wait_link("redis", "down")
    pair.bobby.wait_link("redis", "down")


def consul_away(pair: Pair) -> None:
    pair.mesh.consul.stop()
    pair.jerry.wait_link("consul", "down")
    pair.bobby.wait_link("consul", "down")


# --- what it carries ---


def test_without_redis_question_and_answer_go_from_sidecar_to_sidecar(keyed: Pair) -> None:
    redis_away(keyed)
    before = peer_out(keyed.jerry)
    assert keyed.ask("still there?") == "echo(bobby): still there?"
    assert peer_out(keyed.jerry) > before
    assert keyed.jerry.metric("sideclaw_transport_messages_out_total", transport="consul") == 0
    assert keyed.jerry.metric("sideclaw_transport_messages_in_total", transport="peer") >= 1


def test_without_redis_and_consul_messages_arrive_both_ways(keyed: Pair) -> None:
    redis_away(keyed)
    consul_away(keyed)
    assert keyed.ask("one") == "echo(bobby): one"
    back = keyed.bobby.json("send", "--from", "bobby", "--to", "jerry", "two")["id"]
    keyed.bobby.wait_stage(str(back), "replied")


def test_a_sidecar_that_restarts_without_both_uses_the_last_known_directory(keyed: Pair) -> None:
    eventually(
        lambda: keyed.bobby.url in (keyed.jerry.state / "directory.json").read_text(),
        "the address is on disk",
    )
    redis_away(keyed)
    consul_away(keyed)
    keyed.jerry.process.kill()
    keyed.jerry.start()
    keyed.jerry.wait_link("gateway", "ready")
    assert keyed.ask("after a restart") == "echo(bobby): after a restart"
    keyed.bobby.restart()
    keyed.bobby.wait_link("gateway", "ready")
    assert keyed.ask("after the other's") == "echo(bobby): after the other's"


def test_a_body_of_256_kib_of_the_worst_kind_arrives(keyed: Pair) -> None:
    redis_away(keyed)
    text = "\x01" * (256 * 1024)  # each becomes six bytes in JSON
    message = submit(keyed, text)
    keyed.jerry.wait_stage(message, "replied", within=30)
    assert keyed.bobby_gateway.messages("bobby") == [text]


def took_s(record: dict[str, Any]) -> float:
    """From accepted to stored."""
    accepted, stored = (
        datetime.fromisoformat(record["times"][k].replace("Z", "+00:00"))
        for k in ("accepted", "stored")
    )
    return (stored - accepted).total_seconds()


def test_what_was_on_its_way_when_redis_went_goes_on_at_once(keyed: Pair) -> None:
    """Frozen, Redis takes everything and says nothing; when it dies, nobody waits for a retry's turn."""
    keyed.mesh.redis.process.pause()
    ids = [submit(keyed, f"n{n}") for n in range(20)]
    keyed.mesh.redis.process.kill()
    records = [keyed.jerry.wait_stage(i, "replied") for i in ids]
    assert keyed.bobby_gateway.messages("bobby") == [f"n{n}" for n in range(20)]
    assert min(map(took_s, records)) < 2.0, "a retry comes after 2 s"


def test_what_redis_took_and_nobody_got_goes_the_other_way(keyed: Pair) -> None:
    """A link may be up here and down there: bobby listens at another Redis."""
    keyed.bobby.stop()
    keyed.bobby.write_config(redis__enabled=False)
    keyed.bobby.start()
    assert keyed.ask("can you hear me?", timeout=90) == "echo(bobby): can you hear me?"


def test_a_thousand_messages_while_redis_comes_and_goes_each_once_and_in_order(keyed: Pair) -> None:
    total, ids = 1000, []
    stop = threading.Event()

    def trouble() -> None:
        while not stop.is_set():
            keyed.mesh.redis.stop()
            stop.wait(0.7)
            keyed.mesh.redis.start()
            stop.wait(0.7)

    thread = threading.Thread(target=trouble)
    thread.start()
    try:
        for n in range(total):
            ids.append(submit(keyed, f"n{n}", thread=f"t{n // 50}"))  # below messages.thread_rate
    finally:
        stop.set()
        thread.join()
    for i in ids[-1:] + ids[:: total // 20]:
        keyed.jerry.wait_stage(i, "replied", within=120)
    eventually(lambda: len(keyed.bobby_gateway.messages("bobby")) >= total, "all arrived", 60)
    assert keyed.bobby_gateway.messages("bobby") == [f"n{n}" for n in range(total)]
    assert peer_out(keyed.jerry) > 0


def test_a_receiver_killed_with_a_batch_before_it_gets_each_once(keyed: Pair) -> None:
    redis_away(keyed)
    consul_away(keyed)
    keyed.bobby.process.pause()
    ids = [keyed.send(f"n{n}") for n in range(50)]
    keyed.bobby.process.kill()
    keyed.bobby.start()
    for i in ids:
        keyed.jerry.wait_stage(i, "replied", within=60)
    assert keyed.bobby_gateway.messages("bobby") == [f"n{n}" for n in range(50)]


def test_stored_comes_with_the_answer_to_one_who_cannot_be_reached(
    make_mesh: Callable[..., Mesh], consul: Consul, start_pair: Start
) -> None:
    """A laptop behind NAT: it publishes no address that leads to it, and there is no Redis."""
    mesh = make_mesh(consul, None)
    jerry = mesh.add("jerry-gateway", ["jerry"], mesh__key=KEY, http__peer_url="http://127.0.0.1:1")
    mesh.add("bobby-gateway", ["bobby"], mesh__key=KEY)
    mesh.wait_whole()
    eventually(lambda: answering(jerry) == 1, "bobby answers")
    message = str(jerry.json("send", "--from", "jerry", "--to", "bobby", "hello")["id"])
    times = jerry.wait_stage(message, "replied")["times"]  # the rest came through Consul
    assert times["stored"] and peer_out(jerry) == 1


# --- who is let in ---


@pytest.fixture
def bobby(make_mesh: Callable[..., Mesh], consul: Consul) -> Sidecar:
    return make_mesh(consul, None).add("bobby-gateway", ["bobby"], mesh__key=KEY)


def refused(s: Sidecar, why: str) -> float:
    return s.metric("sideclaw_peer_requests_refused_total", why=why)


def test_a_signed_request_is_answered(bobby: Sidecar) -> None:
    assert Peer("jerry-gateway").post(bobby).status == 200


def test_another_key_is_refused_and_counted(bobby: Sidecar) -> None:
    stranger = Peer("jerry-gateway", "another key that is also long enough, 32 bytes")
    problem = stranger.post(bobby, b"{}").problem(401)
    assert "another mesh key" in problem["detail"] and "mesh.key" in problem["remedy"]
    assert refused(bobby, "unknown") == 1


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Sideclaw", "Sideclaw from=a, to=b", "Sideclaw " + "x" * 9000]
)
def test_garbage_for_a_proof_is_refused(bobby: Sidecar, header: str) -> None:
    Peer("jerry-gateway").post(bobby, b"{}", proof=header).problem(401)


def test_a_body_that_was_changed_is_refused(bobby: Sidecar) -> None:
    jerry = Peer("jerry-gateway")
    jerry.post(bobby, b"changed", proof=jerry.proof(bobby.name, b"original")).problem(401)


def test_the_same_request_twice_is_refused(bobby: Sidecar) -> None:
    jerry = Peer("jerry-gateway")
    proof = jerry.proof(bobby.name)
    assert jerry.post(bobby, proof=proof).status == 200
    assert "before" in jerry.post(bobby, proof=proof).problem(409)["detail"]
    assert refused(bobby, "replay") == 1


@pytest.mark.parametrize("skew_s,word", [(412, "ahead"), (-412, "behind")])
def test_a_wrong_clock_is_told_by_how_much(bobby: Sidecar, skew_s: int, word: str) -> None:
    problem = Peer("jerry-gateway").post(bobby, skew_s=skew_s).problem(401)
    assert "your clock is 41" in problem["detail"]  # 412, or a second less or more
    assert word in problem["detail"] and "clock" in problem["remedy"]
    assert Peer("jerry-gateway").post(bobby, skew_s=skew_s * 0.7).status == 200


def test_a_request_for_another_gateway_is_sent_away(bobby: Sidecar) -> None:
    problem = Peer("jerry-gateway").post(bobby, to="carol-gateway").problem(421)
    assert "bobby-gateway" in problem["detail"] and "carol-gateway" in problem["detail"]


def test_without_a_key_the_endpoint_is_off_and_says_so(
    make_mesh: Callable[..., Mesh], consul: Consul
) -> None:
    s = make_mesh(consul, None).add("bobby-gateway", ["bobby"])
    problem = Peer("jerry-gateway").post(s).problem(403)
    assert "mesh.key" in problem["remedy"]
    link = s.link("peer")
    assert link["state"] == "off" and "mesh.key" in link["remedy"]
    assert s.gateways()["bobby-gateway"]["peer_url"] in ("", None)
    assert s.json("health")["status"] == "healthy"


def test_only_post(bobby: Sidecar) -> None:
    assert bobby.http("GET", "/peer", token="").problem(405)
    assert bobby.http("GET", "/peer", token="").headers["Allow"] == "POST"


def test_a_line_that_is_no_envelope_is_named_and_the_others_are_taken(bobby: Sidecar) -> None:
    lines = [b"not json", json.dumps({"v": 1, "kind": "message"}).encode()]
    answer = Peer("jerry-gateway").post(bobby, b"\n".join(lines))
    assert answer.status == 200
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [(r["kind"], r["line"]) for r in rows] == [("refused", 0), ("refused", 1)]
    assert all(r["reason"] for r in rows)


def test_too_many_envelopes_are_refused_as_a_whole(bobby: Sidecar) -> None:
    Peer("jerry-gateway").post(bobby, b"\n".join([b"{}"] * 257)).problem(413)


# --- addresses ---


def test_the_address_is_published_and_can_be_set(mesh: Mesh) -> None:
    a = mesh.add("a-gateway", ["a"], mesh__key=KEY)
    b = mesh.add("b-gateway", ["b"], mesh__key=KEY, http__peer_url="https://b.tailnet:8443")
    c = mesh.add("c-gateway", ["c"], mesh__key=KEY, http__listen="0.0.0.0:0")
    mesh.wait_whole()
    rows = a.gateways()
    assert rows["a-gateway"]["peer_url"] == a.url
    assert rows["b-gateway"]["peer_url"] == "https://b.tailnet:8443"
    host, port = rows["c-gateway"]["peer_url"].removeprefix("http://").split(":")
    assert host == socket.gethostname() and int(port) > 0
    assert b.link("peer")["detail"] and c.link("peer")["detail"]


def test_port_0_registers_the_port_it_became(mesh: Mesh) -> None:
    mesh.add("a-gateway", ["a"], http__listen="127.0.0.1:0", mesh__key=KEY)

    def check() -> Any:
        checks = mesh.consul.api("GET", "/v1/agent/checks") or {}
        return [c for c in checks.values() if "a-gateway" in c["ServiceID"]]

    urls = [c.get("Definition", {}) for c in eventually(check, "the check is there")]
    assert urls
    eventually(
        lambda: any(c["Status"] in ("passing", "warning") for c in check()), "Consul reaches it", 30
    )


@pytest.mark.parametrize(
    "url",
    ["http://user:secret@127.0.0.1:1", "file:///etc/passwd", "http://127.0.0.1:1/path", "gopher://x"],
)
def test_an_address_that_is_none_is_not_used(mesh: Mesh, url: str) -> None:
    a = mesh.add("a-gateway", ["a"], mesh__key=KEY)
    a.wait_agents("a")
    mesh.consul.put(mesh.key("gateways/evil-gateway/url"), "ws://127.0.0.1:1")
    mesh.consul.put(mesh.key("gateways/evil-gateway/peer_url"), url)
    eventually(lambda: "evil-gateway" in a.link("peer")["detail"], "it is complained about")
    assert a.metric("sideclaw_peer_sidecars") == 0
    assert "secret" not in a.process.text(whole=True)


def test_an_address_that_now_is_somebody_elses_is_found_out(keyed: Pair) -> None:
    mesh = keyed.mesh
    carol = mesh.add("carol-gateway", ["carol"], mesh__key=KEY, http__peer_url=keyed.bobby.url)
    mesh.wait_whole()
    eventually(
        lambda: "this is bobby-gateway" in keyed.jerry.link("peer")["detail"], "jerry finds out"
    )
    assert "http.peer_url" in keyed.jerry.link("peer")["remedy"]
    redis_away(keyed)
    assert keyed.ask() == "echo(bobby): hello"
    asked = keyed.jerry.cli("ask", "--from", "jerry", "--to", "carol", "hi", timeout=90).ok().out
    assert asked.strip() == "echo(carol): hi"  # through Consul
    assert carol.metric("sideclaw_transport_messages_in_total", transport="consul") >= 1
