"""TLS to Redis: used when the sidecar was built with it, refused in plain words when it was not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest
from conftest import Pair
from support import libconfig
from support.consul import Consul
from support.mesh import Mesh
from support.ports import free_port
from support.redis import Redis
from support.sidecar import Result, Sidecar, program, run
from support.wait import eventually


def check(tmp_path: Path, url: str) -> Result:
    config = tmp_path / "sideclaw.conf"
    config.write_text(libconfig.dump({"redis.url": url}))
    config.chmod(0o600)
    return run(program("sideclaw"), "config", "check", config)


@pytest.fixture
def built_in(tmp_path: Path) -> bool:
    return check(tmp_path, "rediss://127.0.0.1").rc == 0


@pytest.mark.parametrize("url", ["rediss://:s3cret@h", "rediss+sentinel://:s3cret@h/m"])
def test_a_build_without_tls_refuses_it_and_says_how_to_get_it(
    tmp_path: Path, built_in: bool, url: str
) -> None:
    if built_in:
        pytest.skip("TLS is built in")
    result = check(tmp_path, url)
    assert result.rc == 78
    text = result.out + result.err
    assert "redis.url" in text and "hiredis was older than 1.0" in text
    assert "build with hiredis 1.0" in text and "redis://" in text
    assert "s3cret" not in text


class Certificates:
    """An authority, and certificates for the server and for us, made with the openssl command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.ca = self.make("ca", "/CN=test authority", [])
        signed = ["-CA", str(self.ca), "-CAkey", str(folder / "ca.key")]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        self.server = self.make("server", "/CN=redis", [*signed, *names])
        self.elsewhere = self.make("other", "/CN=o", [*signed, "-addext", "subjectAltName=DNS:other"])
        self.client = self.make("client", "/CN=sideclaw", signed)

    def make(self, name: str, subject: str, more: list[str]) -> Path:
        cert = self.folder / f"{name}.crt"
        argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        argv += ["-subj", subject, "-keyout", str(cert.with_suffix(".key")), "-out", str(cert)]
        subprocess.run([*argv, *more], check=True, capture_output=True)
        return cert


class TlsRedis:
    def __init__(self, folder: Path, certificates: Certificates, server: Path) -> None:
        self.certificates, self.port = certificates, free_port()
        more = ["--tls-port", self.port, "--tls-ca-cert-file", certificates.ca]
        more += ["--tls-cert-file", server, "--tls-key-file", server.with_suffix(".key")]
        self.redis = Redis(folder, more=more)

    def options(self, **changed: str) -> dict[str, str]:
        c = self.certificates
        known = {"url": f"rediss://127.0.0.1:{self.port}", "ca_file": str(c.ca)}
        known.update(cert_file=str(c.client), key_file=str(c.client.with_suffix(".key")))
        known.update(changed)
        return {f"redis__{k}": v for k, v in known.items() if v}


@pytest.fixture
def make_tls(tmp_path: Path, built_in: bool) -> Iterator[Callable[..., TlsRedis]]:
    if not built_in or not shutil.which("openssl"):
        pytest.skip("needs TLS built in and the openssl command")
    made: list[TlsRedis] = []
    certificates = Certificates(tmp_path / "certificates")

    def make(server: str = "server") -> TlsRedis:
        made.append(TlsRedis(tmp_path / f"tls{len(made)}", certificates, getattr(certificates, server)))
        made[-1].redis.start()
        return made[-1]

    yield make
    for r in made:
        r.redis.stop()


def test_messages_over_tls(
    make_tls: Callable[..., TlsRedis], consul: Consul, make_mesh: Callable[..., Mesh]
) -> None:
    tls = make_tls()
    pair = Pair.start(make_mesh(consul, tls.redis), **tls.options())
    for s in (pair.jerry, pair.bobby):
        s.wait_link("redis", "up")
    assert pair.ask("x" * 100_000) == "echo(bobby): " + "x" * 100_000


def says(sidecar: Sidecar, why: str, remedy: str) -> bool:
    link = sidecar.link("redis")
    return why in link["detail"] and remedy in link["remedy"]


def test_a_certificate_that_cannot_be_trusted_is_said(
    make_tls: Callable[..., TlsRedis], consul: Consul, make_mesh: Callable[..., Mesh]
) -> None:
    tls, elsewhere = make_tls(), make_tls("elsewhere")
    mesh = make_mesh(consul, tls.redis)
    unknown = mesh.add("unknown", ["a"], **tls.options(ca_file=str(tls.certificates.client)))
    named = mesh.add("named", ["b"], **elsewhere.options())
    bare = mesh.add("bare", ["c"], **tls.options(cert_file="", key_file=""))
    for sidecar, why, remedy in (
        (unknown, "TLS certificate: ", "redis.ca_file"),
        (named, "mismatch", "name the host"),
        (bare, "TLS: ", "redis.cert_file"),
    ):
        eventually(lambda: says(sidecar, why, remedy), f"it says: {why}")
