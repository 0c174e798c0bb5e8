"""The skill infra-heartbeat, alone: its script against a real Consul, and a FAKE Nomad.

The fake answers `GET /v1/allocations` in the shape that Nomad's API documentation gives, and nothing else;
no real Nomad has been seen here.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support.consul import Consul
from support.mesh import Mesh
from support.ports import free_port
from support.sidecar import ROOT, Result, program, run
from support.wait import eventually

SKILL = ROOT / "src/skills/infra-heartbeat"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def allocation(job: str, status: str = "failed", desired: str = "run") -> dict[str, Any]:
    return {
        "ID": str(uuid.uuid4()),
        "JobID": job,
        "TaskGroup": "web",
        "NodeName": "bobby",
        "Namespace": "default",
        "ClientStatus": status,
        "DesiredStatus": desired,
    }


class FakeNomad:
    def __init__(self) -> None:
        self.allocations: list[dict[str, Any]] = []
        self.body = ""  # says this instead
        self.asked: list[tuple[str, str]] = []
        nomad = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                nomad.asked.append((self.path, self.headers.get("X-Nomad-Token", "")))
                known = self.path.startswith("/v1/allocations")
                body = (nomad.body or json.dumps(nomad.allocations)) if known else ""
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def nomad() -> Iterator[FakeNomad]:
    fake = FakeNomad()
    yield fake
    fake.stop()


class Heart:
    def __init__(self, consul: Consul, nomad: str, prefix: str) -> None:
        self.consul, self.prefix = consul, prefix
        self.env = {
            "AGENT_ID": "infra",
            "ALERT_AGENT": "jerry",
            "NOMAD_ADDR": nomad,
            "CONSUL_HTTP_ADDR": consul.addr,
            "CONSUL_HTTP_TOKEN": consul.token or "",
            "SIDECLAW_KV_PREFIX": prefix,
        }

    def beat(self, **env: str) -> Result:
        return run("bash", SKILL / "heartbeat.sh", env={**self.env, **env})

    def get(self, key: str) -> Any:
        return self.consul.get(f"{self.prefix}/agents/infra/{key}")

    def alerts(self) -> list[dict[str, Any]]:
        """What waits in its outbox: no sidecar takes it from there."""
        rows = self.consul.tree(f"{self.prefix}/agents/infra/outbox/")
        return [json.loads(rows[key]) for key in sorted(rows)]


@pytest.fixture
def heart(consul: Consul, nomad: FakeNomad) -> Iterator[Heart]:
    prefix = f"heart-{uuid.uuid4().hex[:8]}"
    yield Heart(consul, nomad.url, prefix)
    consul.delete(prefix + "/", recurse=True)


def critical(consul: Consul, name: str, status: str = "critical") -> None:
    check = {"CheckID": f"check-{name}", "TTL": "1h", "Status": status}
    service = {"Name": name, "Check": check}
    consul.api("PUT", "/v1/agent/service/register", json.dumps(service).encode())


def test_all_well_is_noted_and_nobody_is_told(heart: Heart, nomad: FakeNomad) -> None:
    nomad.allocations = [allocation("old", desired="stop"), allocation("web", "running")]
    assert heart.beat().ok().out.strip() == "ok"
    assert TIME.fullmatch(heart.get("last_heartbeat"))
    assert heart.get("state") == "ok" and heart.get("last_alert") is None and not heart.alerts()


def test_a_failed_allocation_alerts_once(heart: Heart, nomad: FakeNomad) -> None:
    nomad.allocations = [allocation("web")]
    result = heart.beat()
    assert result.rc == 1 and "nomad web/web failed on bobby" in result.out
    assert TIME.fullmatch(heart.get("last_alert")) and "nomad web/web" in heart.get("state")
    (alert,) = heart.alerts()
    assert alert["to"] == "jerry" and "nomad web/web failed" in alert["body"]
    assert heart.beat().rc == 1 and len(heart.alerts()) == 1, "the same again is not told again"
    nomad.allocations.append(allocation("db"))
    assert heart.beat().rc == 1 and len(heart.alerts()) == 2, "but more is"


def test_the_same_trouble_is_told_again_after_an_hour(heart: Heart, nomad: FakeNomad) -> None:
    nomad.allocations = [allocation("web")]
    heart.beat()
    heart.consul.put(f"{heart.prefix}/agents/infra/last_alert", "2026-01-01T00:00:00Z")
    heart.beat()
    assert len(heart.alerts()) == 2


def test_that_it_is_over_is_told_once(heart: Heart, nomad: FakeNomad) -> None:
    nomad.allocations = [allocation("web")]
    heart.beat()
    nomad.allocations = []
    assert heart.beat().rc == 0 and heart.beat().rc == 0
    assert [("well again" in a["body"]) for a in heart.alerts()] == [False, True]


def test_a_critical_service_of_consul(own_consul: Callable[..., Consul], nomad: FakeNomad) -> None:
    heart = Heart(own_consul(), nomad.url, "openclaw")
    critical(heart.consul, "database")
    critical(heart.consul, "fine", "passing")
    result = heart.beat()
    assert result.rc == 1 and re.search(r"consul database is critical on \S+", result.out)
    assert "fine" not in result.out and len(heart.alerts()) == 1


def test_nomad_that_is_away_or_talks_nonsense_is_trouble(heart: Heart, nomad: FakeNomad) -> None:
    nomad.body = "<html>"
    assert "nomad answers nonsense" in heart.beat().out
    away = heart.beat(NOMAD_ADDR=f"http://127.0.0.1:{free_port()}")
    assert away.rc == 1 and "nomad does not answer" in away.out
    assert heart.get("last_heartbeat")


def test_consul_that_is_away_says_so(heart: Heart) -> None:
    result = heart.beat(CONSUL_HTTP_ADDR=f"127.0.0.1:{free_port()}")
    assert result.rc == 75 and "consul does not answer" in result.err


def test_the_token_goes_in_a_header_only(heart: Heart, nomad: FakeNomad) -> None:
    heart.beat(NOMAD_TOKEN='secret "quoted\\').ok()
    path, token = nomad.asked[0]
    assert "ClientStatus" in path and "secret" not in path and token == 'secret "quoted\\'


def test_without_its_name_it_does_nothing() -> None:
    result = run("bash", SKILL / "heartbeat.sh")
    assert result.rc == 1 and "AGENT_ID" in result.err


def test_with_a_sidecar_the_alert_arrives(mesh: Mesh, nomad: FakeNomad, tmp_path: Path) -> None:
    """The sidecar's own command sends it when it is there; without it, the outbox in Consul KV does."""
    plain = {"consul__register_service": False}  # or its own check would be the trouble
    infra = mesh.add("infra-gateway", ["infra"], **plain)
    jerry = mesh.add("jerry-gateway", ["jerry"], **plain)
    mesh.wait_whole()
    heart = Heart(mesh.consul, nomad.url, mesh.prefix)
    nomad.allocations = [allocation("web")]
    folder = program("sideclaw").parent
    assert heart.beat(PATH=f"{folder}:/usr/bin:/bin", SIDECLAW_SOCKET=str(infra.socket)).rc == 1
    told = mesh.gateways["jerry-gateway"]
    eventually(lambda: "nomad web/web failed" in told.messages("jerry")[0], "jerry is told")
    nomad.allocations = []
    assert heart.beat(PATH="/usr/bin:/bin").rc == 0
    eventually(lambda: "well again" in told.messages("jerry")[1], "jerry is told by way of Consul")
    assert jerry.agents()["infra"]["status"] == "active", "its keys disturb nobody"


def test_the_skill_says_when_to_use_it() -> None:
    text = (SKILL / "SKILL.md").read_text()
    assert text.startswith("---\nname: infra-heartbeat\ndescription: ")
