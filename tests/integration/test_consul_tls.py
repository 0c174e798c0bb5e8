"""Consul over TLS (issue 6, item 3): certificates made by Consul's own commands, a Consul that wants to
see ours, and what is said when something about them is wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from conftest import Pair
from support.consul import Consul, find_consul
from support.mesh import Mesh
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import eventually

MakeMesh = Callable[..., Mesh]
SECRET = re.compile(r"PRIVATE KEY|BEGIN CERTIFICATE")


class Certificates:
    """An authority, a server's and a client's certificate by `consul tls`; expired ones by openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.consul("ca", "create")
        self.consul("cert", "create", "-server")
        self.consul("cert", "create", "-client")
        self.ca = folder / "consul-agent-ca.pem"
        self.server = folder / "dc1-server-consul-0.pem"
        self.client = folder / "dc1-client-consul-0.pem"

    def consul(self, *args: str) -> None:
        argv = [find_consul(), "tls", *args]
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True)

    def openssl(self, *args: object) -> None:
        argv = ["openssl", *map(str, args)]
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True)

    def expired(self, name: str) -> Path:
        """Signed by the same authority, for this machine, and over since yesterday."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        names = self.folder / "names"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-keyout", key, "-out", "request"),
        )
        self.openssl(
            *("x509", "-req", "-in", "request", "-CA", self.ca, "-CAkey", key_of(self.ca)),
            *("-CAcreateserial", "-days", "-1", "-extfile", names, "-out", cert),
        )
        return cert


def key_of(cert: Path) -> Path:
    return cert.with_name(cert.name.replace(".pem", "-key.pem"))


class TlsConsul:
    """A Consul with an HTTPS port beside the plain one, which only the test uses."""

    def __init__(self, folder: Path, server: Path, ca: Path, acl: bool = False) -> None:
        more = {
            "verify_incoming_https": True,
            "ca_file": str(ca),
            "cert_file": str(server),
            "key_file": str(key_of(server)),
        }
        self.plain = Consul(folder, acl=acl, more=more)
        self.addr = f"https://127.0.0.1:{self.plain.https_port}"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command")
    return Certificates(tmp_path / "certificates")


@pytest.fixture
def make_tls(tmp_path: Path, certificates: Certificates) -> Iterator[Callable[..., TlsConsul]]:
    made: list[TlsConsul] = []

    def make(server: Path | None = None, **options: Any) -> TlsConsul:
        c = certificates
        folder = tmp_path / f"tls{len(made)}"
        made.append(TlsConsul(folder, server or c.server, c.ca, **options))
        made[-1].plain.start()
        return made[-1]

    yield make
    for consul in made:
        consul.plain.stop()


@pytest.fixture
def tls(make_tls: Callable[..., TlsConsul]) -> TlsConsul:
    return make_tls()


def options(consul: TlsConsul, c: Certificates, **changed: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"addr": consul.addr, "ca_file": str(c.ca)}
    known.update(cert_file=str(c.client), key_file=str(key_of(c.client)))
    known.update(changed)
    return {f"consul__{k}": v for k, v in known.items()}


def says(sidecar: Sidecar, detail: str, remedy: str) -> None:
    """The link and the board name the cause and the remedy; the log has no secret."""

    def said() -> bool:
        link = sidecar.link("consul")
        return (
            link["state"] == "down"
            and bool(re.search(detail, link["detail"]))
            and bool(re.search(remedy, link["remedy"]))
        )

    eventually(said, f"{detail!r} and {remedy!r} are said; it is {sidecar.link('consul')}", 20)
    board = sidecar.http("GET", "/health", token="").json()
    signals = {s["name"]: s for s in board["signals"]}
    assert signals["consul"]["state"] == "bad" and re.search(detail, signals["consul"]["detail"])
    assert not SECRET.search(sidecar.process.text(whole=True))


def test_a_mesh_over_tls_with_client_certificates(
    tls: TlsConsul, certificates: Certificates, redis: Redis, make_mesh: MakeMesh
) -> None:
    pair = Pair.start(make_mesh(tls.plain, redis), **options(tls, certificates))
    assert pair.ask("hi") == "echo(bobby): hi"
    service = "/v1/agent/service/openclaw-gateway-bobby-gateway"
    eventually(lambda: tls.plain.api("GET", service), "registered over TLS")
    assert pair.bobby.stop() == 0
    assert tls.plain.api("GET", service) is None


def test_messages_go_through_a_consul_over_tls(
    tls: TlsConsul, certificates: Certificates, make_mesh: MakeMesh
) -> None:
    pair = Pair.start(make_mesh(tls.plain, None), **options(tls, certificates))
    assert pair.ask("x" * 100_000) == "echo(bobby): " + "x" * 100_000


def test_consuls_own_variables_mean_what_they_mean_there(
    tls: TlsConsul, certificates: Certificates, make_mesh: MakeMesh
) -> None:
    c, mesh = certificates, make_mesh(tls.plain, None)
    jerry = mesh.add("jerry-gateway", ["jerry"], start=False, consul__addr=None)
    jerry.process.env.update(
        CONSUL_HTTP_ADDR=f"127.0.0.1:{tls.plain.https_port}",
        CONSUL_HTTP_SSL="true",
        CONSUL_CACERT=str(c.ca),
        CONSUL_CLIENT_CERT=str(c.client),
        CONSUL_CLIENT_KEY=str(key_of(c.client)),
        CONSUL_TLS_SERVER_NAME="server.dc1.consul",
    )
    jerry.start().wait_link("consul", "up")
    assert "tls_unverified" not in jerry.process.text()
    jerry.stop()
    jerry.process.env.update(CONSUL_TLS_SERVER_NAME="server.dc2.consul")
    says(jerry.start(), "believed: .*server.dc2.consul", r"consul\.tls_server_name")
    jerry.stop()
    # The same as Consul's own command does with them.
    env = {k: v for k, v in jerry.process.env.items() if k.startswith("CONSUL_")}
    argv = [find_consul(), "kv", "get", "nothing"]
    told = subprocess.run(argv, env={**env, "PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert "server.dc2.consul" in told.stderr
    jerry.process.env.update(CONSUL_HTTP_SSL_VERIFY="false")
    jerry.start().wait_link("consul", "up")
    jerry.process.wait_log("level=warn event=consul.tls_unverified")


def test_another_authority_is_said(
    tls: TlsConsul, certificates: Certificates, tmp_path: Path, make_mesh: MakeMesh
) -> None:
    other = Certificates(tmp_path / "other")
    mesh = make_mesh(tls.plain, None)
    jerry = mesh.add("jerry-gateway", ["jerry"], **options(tls, certificates, ca_file=str(other.ca)))
    says(jerry, "not believed: .*(issuer|self.signed)", "consul.ca_file, .*, is another authority")
    system = mesh.add("other-gateway", ["bobby"], **options(tls, certificates, ca_file=None))
    says(system, "not believed", "set consul.ca_file to the authority")
    assert jerry.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"


def test_no_client_certificate_is_said_and_one_that_comes_later_is_used(
    tls: TlsConsul, certificates: Certificates, make_mesh: MakeMesh
) -> None:
    without = options(tls, certificates, cert_file=None, key_file=None)
    jerry = make_mesh(tls.plain, None).add("jerry-gateway", ["jerry"], **without)
    says(jerry, "wants a client certificate", "consul.cert_file and consul.key_file")
    jerry.write_config(**options(tls, certificates))
    jerry.process.signal(signal.SIGHUP)
    jerry.wait_link("consul", "up")


def test_a_client_certificate_of_another_authority_is_said(
    tls: TlsConsul, certificates: Certificates, tmp_path: Path, make_mesh: MakeMesh
) -> None:
    c = Certificates(tmp_path / "other")
    wrong = options(tls, certificates, cert_file=str(c.client), key_file=str(key_of(c.client)))
    jerry = make_mesh(tls.plain, None).add("jerry-gateway", ["jerry"], **wrong)
    says(jerry, "refuses our certificate", "must be signed by an authority that the server trusts")


def replace(ours: Path, new: Path) -> None:
    """As a renewing tool does: the key, then the certificate, each at once."""
    for to, source in ((key_of(ours), key_of(new)), (ours, new)):
        fresh = to.with_suffix(".new")
        shutil.copy(source, fresh)
        fresh.rename(to)


def test_an_expired_certificate_of_ours_is_said_and_its_renewal_needs_no_signal(
    tls: TlsConsul, certificates: Certificates, tmp_path: Path, make_mesh: MakeMesh
) -> None:
    c, ours = certificates, tmp_path / "ours.pem"
    replace(ours, c.expired("old"))
    mine = options(tls, c, cert_file=str(ours), key_file=str(key_of(ours)))
    jerry = make_mesh(tls.plain, None).add("jerry-gateway", ["jerry"], **mine)
    says(jerry, r"refuses our certificate, which expired at 20\d\d-", f"put a new one into {ours}")
    replace(ours, c.client)
    jerry.wait_link("consul", "up")
    jerry.process.wait_log("event=tls.files_read")


def test_what_is_no_certificate_any_more_changes_nothing(
    tls: TlsConsul, certificates: Certificates, tmp_path: Path, make_mesh: MakeMesh
) -> None:
    ours = tmp_path / "ours.pem"
    replace(ours, certificates.client)
    mine = options(tls, certificates, cert_file=str(ours), key_file=str(key_of(ours)))
    jerry = make_mesh(tls.plain, None).add("jerry-gateway", ["jerry"], **mine)
    jerry.wait_link("consul", "up")
    ours.write_text("nonsense\n")
    jerry.process.wait_log(r"event=tls\.files_unusable .*consul\.cert_file: .*no certificate")
    jerry.process.signal(signal.SIGHUP)
    jerry.process.wait_log(r"level=error event=consul\.tls_unchanged")
    beat = jerry.options["cluster.prefix"] + "/gateways/jerry-gateway/last_heartbeat"
    first = tls.plain.get(beat)
    eventually(lambda: tls.plain.get(beat) != first, "heartbeats go on")
    assert jerry.link("consul")["state"] == "up"


def test_an_expired_certificate_of_consuls_is_said(
    make_tls: Callable[..., TlsConsul], certificates: Certificates, make_mesh: MakeMesh
) -> None:
    tls = make_tls(certificates.expired("server"))
    jerry = make_mesh(tls.plain, None).add("jerry-gateway", ["jerry"], **options(tls, certificates))
    says(jerry, "not believed: .*expired", "renew the server's certificate, or set .* clock")


def test_the_wrong_scheme_is_said_either_way(
    tls: TlsConsul, certificates: Certificates, make_mesh: MakeMesh
) -> None:
    mesh, plain = make_mesh(tls.plain, None), tls.addr.replace("https:", "http:")
    jerry = mesh.add("jerry-gateway", ["jerry"], **options(tls, certificates, addr=plain))
    says(jerry, "HTTP request to an HTTPS server", "consul.addr with https://")
    wrong = tls.plain.addr.replace("http:", "https:")
    other = mesh.add("other-gateway", ["bobby"], **options(tls, certificates, addr=wrong))
    says(other, "does not speak TLS", "http:// in consul.addr")


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda c: {"ca_file": "/nowhere/ca.pem"}, r"consul\.ca_file: .*/nowhere/ca\.pem"),
        (lambda c: {"ca_file": str(key_of(c.client))}, r"consul\.ca_file: .*no certificate"),
        (lambda c: {"key_file": str(c.ca)}, r"consul\.key_file: .*no private key"),
        (lambda c: {"key_file": None}, "cert_file and consul.key_file go together"),
    ],
    ids=["absent", "a key for an authority", "a certificate for a key", "half"],
)
def test_files_that_cannot_be_used_are_an_error_at_the_start(
    change: Callable[[Certificates], dict[str, Any]],
    why: str,
    certificates: Certificates,
    consul: Consul,
    make_mesh: MakeMesh,
) -> None:
    known = {"cert_file": str(certificates.client), "key_file": str(key_of(certificates.client))}
    known.update(change(certificates))
    chosen = {f"consul__{k}": v for k, v in known.items()}
    chosen["consul__addr"] = consul.addr.replace("http:", "https:")
    jerry = make_mesh(consul, None).add("jerry-gateway", ["jerry"], start=False, **chosen)
    jerry.start(wait=False)
    assert jerry.process.wait_exit() == 78
    assert re.search(why, jerry.process.text()) and "try: " in jerry.process.text()
    jerry.process.popen = None  # it ended as it should


def test_a_certificate_that_changes_loses_no_message(
    tls: TlsConsul, certificates: Certificates, tmp_path: Path, make_mesh: MakeMesh
) -> None:
    """Messages go through Consul alone, whose client certificate is over for a while."""
    ours, old = tmp_path / "ours.pem", certificates.expired("old")
    replace(ours, certificates.client)
    mine = options(tls, certificates, cert_file=str(ours), key_file=str(key_of(ours)))
    pair = Pair.start(make_mesh(tls.plain, None), **mine)
    sent = [pair.send(f"m{i}") for i in range(10)]
    replace(ours, old)
    pair.jerry.process.signal(signal.SIGHUP)  # the connections that are open are used no more
    pair.jerry.wait_link("consul", "down")
    sent += [pair.send(f"m{i}") for i in range(10, 20)]
    replace(ours, certificates.client)
    for message in sent:
        pair.jerry.wait_stage(message, "replied", within=60)
    assert sorted(pair.bobby_gateway.messages("bobby")) == sorted(f"m{i}" for i in range(20))
