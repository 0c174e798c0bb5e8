"""A Redis in trouble: said as what it is, with what to do, and over when it is over."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.ports import free_port
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import eventually, holds_for


@pytest.fixture
def pair_on(
    own_redis: Callable[..., Redis],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> Callable[..., Pair]:
    """Two sidecars on a Redis that the test may torment. Options as for Redis go first."""

    def make(redis: "dict[str, Any] | None" = None, **options: Any) -> Pair:
        mesh = make_mesh(consul, own_redis(**(redis or {})))
        # Without a mesh key there is no way from sidecar to sidecar: Redis is what is tested.
        pair = start_pair(mesh, messages__thread_rate=100000, **options)
        for s in (pair.jerry, pair.bobby):
            s.wait_link("redis", "up")
        return pair

    return make


def send_many(pair: Pair, n: int, body: str = "") -> list[str]:
    """In order, and the bodies they have."""
    bodies = [f"n{i}{body}" for i in range(n)]
    for text in bodies:
        pair.send(text)
    return bodies


def got(pair: Pair) -> list[str]:
    return [str(m) for m in pair.bobby_gateway.messages("bobby")]


def says(sidecar: Sidecar, why: str, remedy: str) -> bool:
    link = sidecar.link("redis")
    return link["state"] == "down" and why in link["detail"] and remedy in link["remedy"]


def cpu_seconds(sidecar: Sidecar) -> float:
    fields = Path(f"/proc/{sidecar.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_subscriber_that_fell_behind_and_was_cut_off_misses_nothing(
    pair_on: Callable[..., Pair],
) -> None:
    """The output buffer overflows while bobby's sidecar is stopped; its streams have it all."""
    pair = pair_on({"more": ["--client-output-buffer-limit", "pubsub 256kb 64kb 1"]})
    pair.bobby.process.pause()
    try:
        bodies = send_many(pair, 40, "x" * 50_000)
        eventually(
            lambda: "sideclaw:bobby-gateway:inbox" not in pair.mesh.redis.call("CLIENT", "LIST"),
            "Redis cuts the subscriber off",
        )
    finally:
        pair.bobby.process.resume()
    eventually(lambda: len(got(pair)) >= len(bodies), "all are delivered", 60)
    assert got(pair) == bodies


def test_clients_paused_for_longer_than_we_wait(pair_on: Callable[..., Pair]) -> None:
    pair = pair_on()
    pair.mesh.redis.call("CLIENT", "PAUSE", 9000, "ALL")
    message = pair.send("through the pause")
    eventually(lambda: says(pair.jerry, "does not answer", "paused"), "it says so", 15)
    pair.jerry.wait_stage(message, "replied", within=60)
    assert got(pair) == ["through the pause"]


def test_a_script_that_does_not_end(pair_on: Callable[..., Pair]) -> None:
    pair = pair_on({"more": ["--busy-reply-threshold", 100]})
    with pair.mesh.redis.client() as c:
        c.send("EVAL", "while true do end", 0)
        for s in (pair.jerry, pair.bobby):
            eventually(lambda s=s: says(s, "busy with a script", "SCRIPT KILL"), "it says so", 20)
        message = pair.send("behind the script")
        pair.mesh.redis.call("SCRIPT", "KILL")
    pair.jerry.wait_stage(message, "replied", within=60)


@pytest.mark.parametrize(
    "trouble, over, why, remedy",
    [
        (("maxmemory", "1"), ("maxmemory", "0"), "out of memory", "maxmemory"),
        (("requirepass", "x"), ("requirepass", ""), "asks for a password", "redis.password_file"),
        (("min-replicas-to-write", "1"), ("min-replicas-to-write", "0"), "too few replicas", "replicas"),
    ],
    ids=["memory", "password", "replicas"],
)
def test_what_an_operator_changed(
    pair_on: Callable[..., Pair],
    trouble: tuple[str, str],
    over: tuple[str, str],
    why: str,
    remedy: str,
) -> None:
    pair = pair_on()
    with pair.mesh.redis.client() as admin:
        admin.call("CONFIG", "SET", *trouble)
        admin.call("CLIENT", "KILL", "TYPE", "pubsub")
        admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        eventually(lambda: says(pair.jerry, why, remedy), f"it says {why}", 15)
        message = pair.send("in trouble")
        admin.call("CONFIG", "SET", *over)
    pair.jerry.wait_stage(message, "replied", within=60)
    assert got(pair) == ["in trouble"]


class Impostor:
    """Listens like Redis and says the same to whatever comes, or nothing."""

    def __init__(self, port: int, text: bytes) -> None:
        self.text = text
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(0.1)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        open_ones = []
        while not self.ended.is_set():
            try:
                conn, _ = self.listener.accept()
                open_ones.append(conn)
                conn.sendall(self.text)
            except OSError:
                continue
        for conn in open_ones:
            conn.close()

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()
        self.listener.close()


@pytest.fixture
def impostor() -> Iterator[Callable[[bytes], Impostor]]:
    made: list[Impostor] = []

    def make(text: bytes) -> Impostor:
        made.append(Impostor(free_port(), text))
        return made[-1]

    yield make
    for i in made:
        i.stop()


@pytest.mark.parametrize(
    "text, why, remedy",
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "still loading", "wait"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "lost its primary", "primary"),
        (b"-NOPERM this user has no permissions\r\n", "does not let this user", "ACL SETUSER"),
        (b"-MISCONF Redis is configured to save RDB snapshots\r\n", "cannot save", "disk"),
        (b"\x00\xff garbage\r\n\r\n", "does not speak Redis's protocol", "redis.url"),
        (b"*1000000\r\n", "does not", "redis.url"),
        (b"", "does not answer", "firewall"),
    ],
    ids=["loading", "masterdown", "noperm", "misconf", "garbage", "endless", "silent"],
)
def test_what_answers_something_else(
    impostor: Callable[[bytes], Impostor],
    make_mesh: Callable[..., Mesh],
    text: bytes,
    why: str,
    remedy: str,
) -> None:
    port = impostor(text * 3).listener.getsockname()[1]
    options = {"redis__enabled": True, "redis__url": f"redis://:pw@127.0.0.1:{port}"}
    sidecar = make_mesh(None, None).add("jerry-gateway", ["jerry"], **options)
    eventually(lambda: says(sidecar, why, remedy), f"it says {why}", 15)
    assert sidecar.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"
    before = cpu_seconds(sidecar)
    holds_for(lambda: sidecar.process.alive, "it lives", 2)
    assert cpu_seconds(sidecar) - before < 1, "it spins"


class SlowRelay:
    """Each chunk from Redis comes half a second late, in order."""

    def __init__(self, target: int, delay: float) -> None:
        self.target, self.delay = target, delay
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.pump, args=(near, far, 0.0), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, self.delay), daemon=True).start()

    @staticmethod
    def pump(source: socket.socket, sink: socket.socket, delay: float) -> None:
        try:
            while data := source.recv(65536):
                time.sleep(delay)  # that is the fault, not a way to wait for something
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            s.close()


def test_a_slow_redis_delays_its_own_messages_only(
    own_redis: Callable[..., Redis],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    start_pair: Callable[..., Pair],
) -> None:
    redis = own_redis()
    relay = SlowRelay(redis.port, 0.5)
    url = f"redis://127.0.0.1:{relay.port}"
    pair = start_pair(make_mesh(consul, redis), redis__url=url, messages__thread_rate=100000)
    for s in (pair.jerry, pair.bobby):
        s.wait_link("redis", "up", within=30)
    before = [cpu_seconds(s) for s in (pair.jerry, pair.bobby)]
    start = time.monotonic()
    bodies = send_many(pair, 50)
    assert pair.jerry.cli("ask", "--to", "scribe", "hi").ok().out.strip() == "echo(scribe): hi"
    eventually(lambda: len(got(pair)) >= len(bodies), "all are delivered", 60)
    took = time.monotonic() - start
    assert got(pair) == bodies
    for s, cpu in zip((pair.jerry, pair.bobby), before):
        assert cpu_seconds(s) - cpu < 1 + took / 4, f"{s.name} spins"
        assert s.link("redis")["state"] == "up"
    relay.listener.close()
