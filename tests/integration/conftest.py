"""Fixtures: one Consul and one Redis for all tests, and a mesh of its own for each."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import process, sidecar  # noqa: E402
from support.consul import Consul  # noqa: E402
from support.fake_gateway import FakeGateway  # noqa: E402
from support.mesh import Mesh  # noqa: E402
from support.real import Real  # noqa: E402
from support.redis import Redis  # noqa: E402
from support.sentinel import Sentinels  # noqa: E402
from support.sidecar import Sidecar  # noqa: E402


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        try:
            sidecar.program("sideclawd")
        except RuntimeError as e:
            raise pytest.UsageError(str(e)) from None


FAILED = pytest.StashKey[bool]()  # of a test, for fixtures that outlive it


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failing test shows the end of each program's log."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        item.stash[FAILED] = True
        for p in process.started:
            state = "running" if p.alive else f"exit {p.returncode}"
            report.sections.append((f"{p.name} ({state}), {p.log}", p.tail(50)))


@pytest.fixture(autouse=True)
def forget_ended() -> Iterator[None]:
    yield
    process.started[:] = [p for p in process.started if p.alive]


@pytest.fixture(scope="session")
def consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consul]:
    server = Consul(tmp_path_factory.mktemp("consul"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def real(
    tmp_path_factory: pytest.TempPathFactory, consul: Consul, redis: Redis
) -> Iterator[Real]:
    both = Real.start(tmp_path_factory.mktemp("openclaw"), consul, redis)
    try:
        yield both
        both.mesh.stop()
    finally:
        both.end()


@pytest.fixture
def own_consul(tmp_path: Path) -> Iterator[Callable[..., Consul]]:
    """own_consul(acl=True, keep=True): a Consul that this test may stop."""
    made: list[Consul] = []

    def make(**options: Any) -> Consul:
        made.append(Consul(tmp_path / f"consul{len(made)}", **options))
        return made[-1].start()

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[..., Redis]]:
    made: list[Redis] = []

    def make(**options: Any) -> Redis:
        made.append(Redis(tmp_path / f"redis{len(made)}", **options))
        return made[-1].start()

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def make_sentinels(tmp_path: Path) -> Iterator[Callable[..., Sentinels]]:
    made: list[Sentinels] = []

    def make(**options: Any) -> Sentinels:
        made.append(Sentinels(tmp_path / f"sentinels{len(made)}", **options))
        return made[-1].start()

    yield make
    for servers in made:
        servers.stop()


@pytest.fixture
def make_mesh(tmp_path: Path) -> Iterator[Callable[[Optional[Consul], Optional[Redis]], Mesh]]:
    made: list[Mesh] = []

    def make(consul: Optional[Consul], redis: Optional[Redis]) -> Mesh:
        made.append(Mesh(tmp_path, consul, redis))
        return made[-1]

    yield make
    for mesh in made:
        mesh.stop()


@pytest.fixture
def mesh(make_mesh: Callable[..., Mesh], consul: Consul, redis: Redis) -> Mesh:
    return make_mesh(consul, redis)


@dataclass
class Pair:
    """Two gateways that know each other: jerry and scribe here, bobby and infra there."""

    mesh: Mesh
    jerry: Sidecar
    bobby: Sidecar
    jerry_gateway: FakeGateway
    bobby_gateway: FakeGateway

    @classmethod
    def start(cls, mesh: Mesh, **options: Any) -> "Pair":
        jerry = mesh.add("jerry-gateway", ["jerry", "scribe"], **options)
        bobby = mesh.add("bobby-gateway", ["bobby", "infra"], **options)
        mesh.wait_whole()
        return cls(
            mesh, jerry, bobby, mesh.gateways["jerry-gateway"], mesh.gateways["bobby-gateway"]
        )

    def ask(self, text: str = "hello", **more: Any) -> str:
        return (
            self.jerry.cli("ask", "--from", "jerry", "--to", "bobby", text, **more)
            .ok()
            .out.rstrip("\n")
        )

    def send(self, text: str = "hello", to: str = "bobby") -> str:
        """The message id."""
        return str(self.jerry.json("send", "--from", "jerry", "--to", to, text)["id"])


@pytest.fixture
def pair(mesh: Mesh) -> Pair:
    return Pair.start(mesh)


@pytest.fixture
def start_pair() -> Callable[..., Pair]:
    """For tests with a mesh of their own: start_pair(mesh, messages__ttl_s=5)."""
    return Pair.start


@pytest.fixture
def alone(make_mesh: Callable[..., Mesh]) -> Sidecar:
    """One sidecar with its gateway; neither Consul nor Redis is configured."""
    return make_mesh(None, None).add("jerry-gateway", ["jerry", "scribe"])
