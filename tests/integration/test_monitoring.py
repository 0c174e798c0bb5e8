"""Alerts, dashboard, scrape configuration, Traefik samples and the systemd unit (issue 6, items 5 and 7)."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from conftest import Pair
from support.consul import Consul
from support.mesh import Mesh
from support.peer import KEY
from support.process import clean_env
from support.redis import Redis
from support.sidecar import ROOT, Sidecar, program
from support.wait import SLOW

CONSUL = ROOT / "consul"
RULES, DASHBOARD = CONSUL / "sideclaw.rules.yml", CONSUL / "grafana-dashboard.json"
REFERENCE = ROOT / "docs/METRICS.md"
# Labels that come from the scrape configuration, not from the sidecar.
SCRAPED = {"job", "instance", "gateway"}
SELECTOR = re.compile(r"\b((?:sideclaw|process)_[a-z0-9_]+)\s*(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')

Metrics = dict[str, list[dict[str, str]]]


def parse(text: str) -> Metrics:
    """The exposition: for each name the labels of its samples."""
    found: Metrics = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? \S+", line)
        assert match, line
        found.setdefault(match[1], []).append(dict(re.findall(r'(\w+)="([^"]*)"', match[2] or "")))
    return found


@pytest.fixture(scope="module")
def metrics(
    tmp_path_factory: pytest.TempPathFactory, consul: Consul, redis: Redis
) -> Iterator[Metrics]:
    """Of a sidecar that has everything: a mesh key, and with it peers."""
    mesh = Mesh(tmp_path_factory.mktemp("monitored"), consul, redis)
    try:
        pair = Pair.start(mesh, mesh__key=KEY)
        pair.ask("hi")
        yield parse(pair.jerry.http("GET", "/metrics", token="").text)
    finally:
        mesh.stop()


def expressions() -> dict[str, list[str]]:
    """Each PromQL expression of the rules and the dashboard, by where it is."""
    found: dict[str, list[str]] = {"rules": []}
    # An expression is on its line, or folded (">") over the deeper ones below.
    for m in re.finditer(r"^( +)expr: (?:>\n((?:\1 +\S.*\n)+)|(.*)\n)", RULES.read_text(), re.M):
        found["rules"].append(m[2] or m[3])
    for panel in panels():
        found[panel["title"]] = [t["expr"] for t in panel.get("targets", [])]
    return found


def panels() -> list[dict[str, Any]]:
    return [p for p in json.loads(DASHBOARD.read_text())["panels"] if p["type"] != "row"]


def missing(expr: str, metrics: Metrics) -> list[str]:
    """What of it no sidecar has."""
    out = []
    for name, labels in SELECTOR.findall(expr):
        if name not in metrics:
            out.append(name)
            continue
        for label, op, value in MATCHER.findall(labels):
            values = {s[label] for s in metrics[name] if label in s}
            if label not in SCRAPED and (not values or (op == "=" and value not in values)):
                out.append(f'{name}{{{label}{op}"{value}"}}')
    return out


def test_every_metric_of_rules_and_dashboard_exists(metrics: Metrics) -> None:
    found = expressions()
    assert len(found["rules"]) == RULES.read_text().count("- alert:") > 10
    for where, exprs in found.items():
        absent = [m for e in exprs for m in missing(e, metrics)]
        assert not absent, f"{where}: {absent}"


def test_a_name_or_label_that_is_not_there_would_be_found(metrics: Metrics) -> None:
    assert missing("rate(sideclaw_message_dead_total[5m])", metrics)
    assert missing('sideclaw_health_status{status="deed"}', metrics)
    assert missing('sideclaw_health_status{state=~".*"}', metrics)
    assert not missing('sum(sideclaw_health_status{status="dead",gateway=~"$gateway"})', metrics)


def test_labels_that_annotations_and_sums_speak_of_exist(metrics: Metrics) -> None:
    rules = RULES.read_text()
    for rule in re.split(r"^ +- alert:", rules, flags=re.M)[1:]:
        names = {n for n, _ in SELECTOR.findall(rule)}
        known = SCRAPED | {k for n in names for s in metrics.get(n, []) for k in s}
        spoken = set(re.findall(r"\$labels\.(\w+)", rule))
        assert spoken <= known, f"{rule.split()[0]}: {spoken - known}"
    for panel in panels():
        for target in panel["targets"]:
            names = {n for n, _ in SELECTOR.findall(target["expr"])}
            known = SCRAPED | {k for n in names for s in metrics[n] for k in s}
            spoken = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for group in re.findall(r"(?:by|without|ignoring|on) \(([^)]*)\)", target["expr"]):
                spoken |= set(group.replace(",", " ").split())
            assert spoken <= known, f"{panel['title']}: {spoken - known}"


def test_each_alert_says_who_should_do_what() -> None:
    for rule in re.split(r"^ +- alert:", RULES.read_text(), flags=re.M)[1:]:
        name = rule.split()[0]
        assert re.search(r"labels: \{ severity: (page|ticket) \}", rule), name
        assert re.search(r'summary: "[^"]', rule), name


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    board = json.loads(DASHBOARD.read_text())
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids)) and board["uid"] and board["schemaVersion"] >= 36
    variables = {v["name"] for v in board["templating"]["list"]}
    assert variables == {"datasource", "gateway"}
    used = set(re.findall(r"\$\{?(\w+)\}?", " ".join(e for v in expressions().values() for e in v)))
    assert used - {"__rate_interval", "__range", "labels", "value"} <= variables
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        columns, rows = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken, f"{panel['title']} lies over another one"
        taken |= cells


def test_the_reference_is_of_this_daemon(metrics: Metrics) -> None:
    """docs/METRICS.md and /metrics have the same names, labels and, where it lists them, values."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", REFERENCE.read_text(), re.M)
    documented = {}
    for name, kind, text in rows:
        labels = dict(re.findall(r"(\w+)(?: \(([^)]*)\))?(?:, |$)", text))
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            documented[name + suffix] = {**labels, "le": ""} if suffix == "_bucket" else labels
    assert len(rows) > 80
    assert set(documented) == set(metrics)
    for name, samples in metrics.items():
        assert {frozenset(s) for s in samples} == {frozenset(documented[name])}, name
        for label, values in documented[name].items():
            if values:
                assert {s[label] for s in samples} == set(values.split(", ")), f"{name} {label}"


def test_a_scrape_is_cheap_and_its_size_does_not_depend_on_use(pair: Pair) -> None:
    """Series must not grow with messages, agents or senders."""

    def series() -> set[str]:
        text = pair.jerry.http("GET", "/metrics", token="").text
        assert len(text) < 64 * 1024
        return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line[0] != "#"}

    pair.ask("the first")
    before = series()
    for i in range(5):
        pair.jerry.cli("ask", "--from", f"someone-{i}", "--to", "bobby", f"again {i}").ok()
    assert series() == before and len(before) < 1000
    scrapes, began = 200, pair.jerry.metric("process_cpu_seconds_total")
    for _ in range(scrapes):
        pair.jerry.http("GET", "/metrics", token="")
    spent = (pair.jerry.metric("process_cpu_seconds_total") - began) / scrapes
    print(f"{spent * 1e6:.0f} µs of a processor per scrape, with everything else it does")
    assert spent < 0.003 * SLOW


def test_the_scrape_finds_the_services_that_there_are() -> None:
    text = (CONSUL / "prometheus.yml").read_text()
    jobs = "".join(p.read_text() for p in (ROOT / "nomad").glob("*.nomad.hcl"))
    for names in re.findall(r"services: \[(.*)\]", text):
        assert names == "openclaw-gateway" or f'name = "{names}"' in jobs, names
    assert "_nomad-" in text, "Nomad's entries are not scraped twice"


# --- Traefik ---


def test_traefiks_samples_and_the_jobs_agree() -> None:
    """The real Traefik is another test's; here: what the files refer to is defined."""
    static = (CONSUL / "traefik-static.yaml").read_text()
    dynamic = (CONSUL / "traefik-dynamic.yaml").read_text()
    points = set(re.findall(r"^  (\w+):\n    address:", static, re.M))
    assert {"web", "websecure"} <= points
    assert 'strictChecks:\n      - "passing"\n      - "warning"\n' in static
    assert "watch: true" in static
    assert "exposedByDefault: false" in static
    defined = set(re.findall(r"^    ([\w-]+):$", dynamic, re.M))
    jobs = "".join(p.read_text() for p in (ROOT / "nomad").glob("*.nomad.hcl"))
    tags = re.findall(r'"(traefik\.[^"]+)"', jobs)
    tags += re.findall(r"^#   (traefik\.\S+=\S+)$", dynamic, re.M)
    assert len(tags) > 20
    for tag in tags:
        key, value = tag.split("=", 1)
        if key.endswith(".entrypoints"):
            assert value in points, tag
        if value.endswith("@file"):
            assert value[: -len("@file")] in defined, tag
    for name in re.findall(r"^          - ([\w-]+)$", dynamic, re.M):
        assert name in defined, f"the chain names {name}"


# --- systemd ---

UNIT = ROOT / "nomad/sideclaw.service.in"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if not tool:
        pytest.skip("skipped: systemd-analyze not found")
    unit = tmp_path / UNIT.stem
    unit.write_text(
        UNIT.read_text()
        .replace("@CMAKE_INSTALL_FULL_BINDIR@/sideclawd", str(program("sideclawd")))
        .replace("Documentation=man:sideclawd(1)\n", "")
    )
    done = subprocess.run([tool, "verify", unit], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if UNIT.stem in line]
    assert not ours, "\n".join(ours)


def test_the_unit_waits_for_ready_which_the_daemon_says(tmp_path: Path) -> None:
    """Type=notify with a daemon that is silent would be killed after its time to start."""
    assert re.findall(r"^Type=(\w+)$", UNIT.read_text(), re.M) == ["notify"]
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(address))
        notify.settimeout(20 * SLOW)
        sidecar = Sidecar(
            tmp_path,
            "notifier",
            {"gateway.enabled": False, "consul.enabled": False, "redis.enabled": False},
            env={"NOTIFY_SOCKET": str(address)},
        )
        sidecar.start()
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
        finally:
            assert sidecar.stop() == 0

def test_the_units_paths_and_options_are_real(tmp_path: Path) -> None:
    unit = UNIT.read_text()
    environment = dict(re.findall(r"^Environment=(\w+)=(\S+)$", unit, re.M))
    path = tmp_path / "sideclaw.conf"
    path.write_text("")
    done = subprocess.run(
        [program("sideclawd"), "--config", path, "--check"],
        env=clean_env({**environment, "SIDECLAW_STATE_DIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0 and "SIDECLAW_STATE_DIR" in environment, done.stderr
    described = re.findall(r"^#   ([\w.]+) = \"", unit, re.M)
    options = subprocess.run(
        [program("sideclawd"), "--print-options", "markdown"], capture_output=True, text=True
    ).stdout
    assert described
    for option in described:
        assert f"| `{option}` |" in options, option
