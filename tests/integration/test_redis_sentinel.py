"""Redis behind Sentinel: a failover loses no message, repeats none and keeps their order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.sentinel import Sentinels
from support.wait import eventually


class Stream:
    """jerry writes to bobby, one message after the other at a steady pace, until told to stop."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.ids: list[str] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.ended.wait(0.01):
            self.ids.append(self.pair.send(f"n{len(self.ids)}"))

    def wait_more(self, n: int) -> None:
        goal = len(self.ids) + n
        eventually(lambda: len(self.ids) >= goal, f"{n} more messages are accepted", 30)

    def finish(self) -> None:
        """Each was answered, each acted on once, in the order they were sent."""
        self.ended.set()
        self.thread.join(30)
        for message in self.ids:
            self.pair.jerry.wait_stage(message, "replied", within=90)
        assert self.pair.bobby_gateway.messages("bobby") == [f"n{n}" for n in range(len(self.ids))]


def mesh_behind(
    sentinels: Sentinels, consul: Consul, make_mesh: Callable[..., Mesh], **options: str
) -> Pair:
    pair = Pair.start(
        make_mesh(consul, sentinels.servers[0]),
        redis__url=sentinels.url,
        messages__thread_rate=100000,
        **options,
    )
    for s in (pair.jerry, pair.bobby):
        s.wait_link("redis", "up")
    return pair


def at(server_port: int) -> str:
    return f"redis at 127.0.0.1:{server_port}"


def test_a_primary_that_dies_with_messages_in_flight(
    make_sentinels: Callable[..., Sentinels], consul: Consul, make_mesh: Callable[..., Mesh]
) -> None:
    sentinels = make_sentinels()
    pair = mesh_behind(sentinels, consul, make_mesh)
    stream = Stream(pair)
    stream.wait_more(20)
    before = sentinels.primary
    before.process.kill()
    stream.wait_more(20)
    after = sentinels.wait_moved(before)
    for s in (pair.jerry, pair.bobby):
        eventually(lambda s=s: s.link("redis")["detail"] == at(after.port), "it is there", 20)
    stream.wait_more(20)
    stream.finish()


def test_a_planned_failover_and_back(
    make_sentinels: Callable[..., Sentinels], consul: Consul, make_mesh: Callable[..., Mesh]
) -> None:
    sentinels = make_sentinels()
    pair = mesh_behind(sentinels, consul, make_mesh)
    stream = Stream(pair)
    for _ in range(2):
        stream.wait_more(10)
        after = sentinels.switch()
        for s in (pair.jerry, pair.bobby):
            eventually(lambda s=s: s.link("redis")["detail"] == at(after.port), "it is there", 20)
        assert pair.jerry.link("redis")["state"] == "up"
        stream.wait_more(10)
    stream.finish()


def test_sentinels_with_a_password_of_their_own(
    make_sentinels: Callable[..., Sentinels],
    consul: Consul,
    make_mesh: Callable[..., Mesh],
    tmp_path: Path,
) -> None:
    sentinels = make_sentinels(password="redis-secret", sentinel_password="sentinel-secret")
    mesh = make_mesh(consul, sentinels.servers[0])
    without = mesh.add("without", ["a"], redis__url=sentinels.url)
    link = eventually(
        lambda: "password" in without.link("redis")["detail"] and without.link("redis"), "it says so"
    )
    assert "redis.sentinel_password_file" in link["remedy"]
    secret = tmp_path / "sentinel.password"
    secret.write_text("sentinel-secret\n")
    secret.chmod(0o600)
    pair = mesh_behind(
        sentinels, consul, make_mesh, redis__sentinel_password_file=str(secret)
    )
    assert pair.ask("hi") == "echo(bobby): hi"
    for s in (without, pair.jerry):
        text = s.process.text() + str(s.status())
        assert "redis-secret" not in text and "sentinel-secret" not in text
