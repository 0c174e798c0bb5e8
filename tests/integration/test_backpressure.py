"""One slow agent, one eager sender, one client that never reads: the others do not notice (issue 4)."""

from __future__ import annotations

import signal
import socket
import threading
import time
from typing import Any

import pytest
from conftest import Pair
from support.fake_gateway import Run
from support.machine import sanitized
from support.mesh import Mesh
from support.sidecar import Sidecar
from support.wait import eventually


def send(sidecar: Sidecar, to: str, text: str) -> str:
    return str(sidecar.json("send", "--from", "jerry", "--to", to, text)["id"])


@pytest.fixture
def crowded(mesh: Mesh) -> Any:
    """bobby works on his first message and does not come to an end; three may wait for him."""
    pair = Pair.start(mesh, messages__agent_queue_max=3)
    go_on = threading.Event()

    def turn(run: Run) -> str:
        if run.agent == "bobby":
            go_on.wait(60)
        return f"echo({run.agent}): {run.message}"

    pair.bobby_gateway.turn = turn
    yield pair, go_on
    go_on.set()


def test_a_full_queue_keeps_the_rest_with_its_sender(crowded: Any) -> None:
    pair, go_on = crowded
    ids = [pair.send(f"n{n}") for n in range(8)]
    for message in ids[:3]:
        pair.jerry.wait_stage(message, "stored", "delivered", "started")
    pair.bobby.process.wait_log(r"event=queue\.full .*agent=bobby")
    eventually(lambda: pair.jerry.show(ids[-1])["attempts"] >= 2, "the last one is tried again")
    assert {pair.jerry.stage(m) for m in ids[3:]} <= {"accepted", "sent"}
    assert pair.bobby.status()["spool"]["inbox"] == 3
    assert pair.bobby.metric("sideclaw_spool_full_total", limit="agent") > 0
    refusals = pair.bobby.process.text().count("event=queue.full")
    assert refusals == 1, "it is said once, not for every message"
    go_on.set()
    for message in ids:
        pair.jerry.wait_stage(message, "replied", within=90)
    assert pair.bobby_gateway.messages("bobby") == [f"n{n}" for n in range(8)], "in order"


def test_a_full_queue_does_not_slow_another_agent(crowded: Any) -> None:
    pair, _ = crowded
    for n in range(8):
        pair.send(f"n{n}")
    pair.bobby.process.wait_log(r"event=queue\.full .*agent=bobby")
    for n in range(20):
        answer = pair.jerry.cli("ask", "--from", "jerry", "--to", "infra", "--timeout", "10", str(n))
        assert answer.ok().out.strip() == f"echo(infra): {n}"


def test_what_a_full_queue_refused_does_not_pile_up_in_redis(crowded: Any) -> None:
    pair, _ = crowded
    for n in range(8):
        pair.send(f"n{n}")
    pair.bobby.process.wait_log(r"event=queue\.full .*agent=bobby")
    stream = pair.mesh.stream("bobby")
    eventually(
        lambda: int(pair.mesh.redis.call("XLEN", stream)) == 0,
        "the refused copies were taken away; the sender's spool has them",
    )


def test_the_queues_limit_is_reloadable(crowded: Any) -> None:
    pair, go_on = crowded
    ids = [pair.send(f"n{n}") for n in range(5)]
    pair.bobby.process.wait_log(r"event=queue\.full .*agent=bobby")
    pair.bobby.write_config(messages__agent_queue_max=100)
    pair.bobby.process.signal(signal.SIGHUP)
    for message in ids:
        pair.jerry.wait_stage(message, "stored", "delivered", "started", within=30)


def test_an_eager_sender_is_told_to_wait_and_the_others_are_not(make_mesh: Any) -> None:
    sidecar = make_mesh(None, None).add(
        "jerry-gateway", ["jerry", "scribe"], messages__agent_outbox_max=2
    )
    for n in range(2):
        send(sidecar, "bobby@elsewhere", str(n))
    result = sidecar.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "x")
    assert result.rc == 1
    assert "2 messages of jerry" in result.err and "messages.agent_outbox_max (2)" in result.err
    body = {"from": "jerry", "to": "bobby@elsewhere", "body": "x"}
    answer = sidecar.http("POST", "/v1/messages", body)
    assert answer.problem(429)["code"] == "busy"
    assert int(answer.headers["Retry-After"]) > 0
    sidecar.cli("send", "--from", "scribe", "--to", "bobby@elsewhere", "x").ok()
    answer = sidecar.cli("ask", "--from", "scribe", "--to", "jerry", "hi")
    assert answer.ok().out.strip() == "echo(jerry): hi", "its own replies are not held back"


def test_a_stopped_gateway_of_one_agent_does_not_delay_anothers(pair: Pair) -> None:
    """A turn that hangs holds its own lane only."""
    go_on = threading.Event()

    def turn(run: Run) -> str:
        if run.message == "hang":
            go_on.wait(60)
        return f"echo({run.agent}): {run.message}"

    pair.bobby_gateway.turn = turn
    stuck = [pair.send("hang") for _ in range(3)]
    pair.jerry.wait_stage(stuck[0], "started")
    begin = time.monotonic()
    for n in range(10):
        answer = pair.jerry.cli("ask", "--from", "scribe", "--to", "bobby", f"n{n}")
        assert answer.ok().out.strip() == f"echo(bobby): n{n}"
    assert time.monotonic() - begin < 30
    assert pair.jerry.stage(stuck[1]) == "stored", "its own lane keeps its order"
    go_on.set()
    for message in stuck:
        pair.jerry.wait_stage(message, "replied", within=30)


# --- readers that do not read ---


def test_a_control_client_that_never_reads_is_dropped(alone: Sidecar) -> None:
    """Each answer lists a big message; 16 MiB unread are the limit."""
    body = "x" * 200_000
    for _ in range(4):
        alone.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "-", stdin=body).ok()
    ids = [m["id"] for m in alone.json("outbox")["messages"]]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(alone.socket))
        s.settimeout(5)
        line = b"".join(
            b'{"jsonrpc":"2.0","id":%d,"method":"message.get","params":{"id":"%s"}}\n'
            % (n, ids[n % len(ids)].encode())
            for n in range(200)
        )
        with pytest.raises(OSError):
            for _ in range(200):
                s.sendall(line)
    alone.process.wait_log(r"event=control\.slow_reader")
    assert alone.status()["gateway"] == "jerry-gateway", "everybody else is served"


def rss_kb(sidecar: Sidecar) -> int:
    for line in open(f"/proc/{sidecar.process.pid}/status", encoding="ascii"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def test_http_clients_that_never_read_are_bounded_and_dropped(alone: Sidecar) -> None:
    """An answer is at most some MiB and a connection has one at a time; idle ones end after 30 s."""
    body = "x" * 250_000
    for _ in range(4):
        alone.cli("send", "--from", "jerry", "--to", "jerry", "-", stdin=body).ok()
    request = (
        "GET /v1/agents/jerry/inbox?all=true HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{alone.port}\r\nAuthorization: Bearer {alone.token}\r\n\r\n"
    ).encode()
    clients = []
    for _ in range(8):
        s = socket.create_connection(("127.0.0.1", alone.port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(request * 20)  # pipelined: only the first is being answered
        clients.append(s)
    eventually(lambda: alone.http("GET", "/v1/status").status == 200, "others are served")
    assert sanitized() or rss_kb(alone) < 64 * 1024
    for s in clients:
        s.close()
