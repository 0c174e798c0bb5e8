"""Real Traefik in front of two gateways, 200 requests a second, while one of them dies, freezes, drains and
comes back (issue 6, point 5). Marked `traefik`; run in CI. Traefik has the sample files of consul/, the
services are those of nomad/gateways.nomad.hcl. Each test with requests prints a line of JSON: its figures.
"""

from __future__ import annotations

import json
import signal
import time
from typing import Any, Iterator

import pytest
from support.openclaw import OpenClaw
from support.site import Browser, FakeProcess, Side, Site, outer_address
from support.visitors import Visit, Visitors, figures
from support.wait import SLOW, eventually

pytestmark = pytest.mark.traefik
STEADY = 400  # requests: two seconds
NAMES = {"jerry-gateway": "jerry", "bobby-gateway": "bobby"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The gateways are fakes, each in a process of its own. A request takes them 50 ms, so that some are
    under way at any moment."""
    folder = tmp_path_factory.mktemp("traefik")
    site = Site(folder, "/work?50", with_file=True)
    try:
        for name, agent in NAMES.items():
            gateway = FakeProcess(folder, name, agent)
            gateway.start()
            site.add(gateway, gateway__process=gateway.cmdline)
        yield site.open()
        site.close()
    finally:
        site.end()


@pytest.fixture(scope="module")
def real_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two real OpenClaw gateways, with the job's tags alone; nobody asks their model for anything."""
    folder = tmp_path_factory.mktemp("traefik-openclaw")
    site = Site(folder, "/healthz", with_file=False)
    try:
        for name, agent in NAMES.items():
            gateway = OpenClaw(folder, name, [agent], llm_port=9)
            config = json.loads(gateway.config.read_text())
            config["gateway"]["trustedProxies"] = ["127.0.0.1"]  # as the jobs of nomad/ say
            gateway.config.write_text(json.dumps(config))
            gateway.start(wait=False)
            site.add(gateway)
        yield site.open()
        site.close()
    finally:
        site.end()


@pytest.fixture
def visitors(site: Site) -> Iterator[Visitors]:
    yield from visit(site)


def visit(site: Site) -> Iterator[Visitors]:
    """Two gateways that share the requests to a site that nothing is wrong with."""
    site.whole()
    visitors = site.visitors().begin()
    shared(visitors, site, "before")
    try:
        yield visitors
    finally:
        visitors.end()


# --- what is looked at ---


def to(side: Side, visits: list[Visit]) -> list[Visit]:
    return [v for v in visits if v.ok and v.cookie == side.cookie]


def failed(visitors: Visitors) -> list[Visit]:
    return [v for v in visitors.visits if not v.ok]


def shared(visitors: Visitors, site: Site, phase: str) -> None:
    visitors.phase = phase
    eventually(
        lambda: all(len(to(s, visitors.of(phase))) > STEADY / 4 for s in site.sides),
        f"both gateways get requests ({phase})",
        within=240,
    )


def steady(visitors: Visitors, phase: str, times: int = 1) -> list[Visit]:
    visitors.phase = phase
    eventually(
        lambda: len(visitors.of(phase)) >= times * STEADY and visitors.came(phase) >= STEADY,
        f"{times * STEADY} requests ({phase})",
        within=120,
    )
    return visitors.of(phase)


def report(name: str, visitors: Visitors, **more: Any) -> None:
    phases = list(dict.fromkeys(v.phase for v in visitors.visits))
    each = {p: figures(visitors.of(p)) for p in phases}
    print("\n" + json.dumps({"traefik": name, **more, "phases": each}), flush=True)


# --- under 200 requests a second ---


def drained(site: Site, visitors: Visitors, name: str) -> None:
    side = site.sides[1]
    visitors.phase = "drain"
    asked = time.monotonic()
    side.drain("--wait", "--timeout", "60")
    ready = time.monotonic() - asked
    last = max((v.began for v in to(side, visitors.of("drain"))), default=asked) - asked
    visitors.phase = "stopped"
    side.gateway.stop()
    assert not to(side, steady(visitors, "stopped", 2))
    visitors.phase = "started"
    side.gateway.start()
    side.sidecar.wait_link("gateway", "ready", within=180)
    assert not to(side, steady(visitors, "started"))
    side.undrain()
    shared(visitors, site, "back")
    visitors.end()
    report(name, visitors, last_request_after_s=round(last, 2), ready_after_s=round(ready, 2))
    assert failed(visitors) == []
    assert last < ready - 1, "traffic goes first; then it says that it may be stopped"


def crashed(site: Site, visitors: Visitors, name: str) -> None:
    """It comes back slowly, and a fake one for as long as it takes to see that nobody is sent there."""
    side = site.sides[1]
    shared(visitors, site, "crash")
    refused = site.traefik.attempts(502)
    began, under_way = time.monotonic(), visitors.under_way()
    side.gateway.process.kill()
    gone = time.monotonic()
    eventually(lambda: not site.in_catalog(side), "Consul says it", within=30)
    noticed = time.monotonic() - gone
    steady(visitors, "without")
    visitors.phase = "starting"
    if isinstance(side.gateway, FakeProcess):
        side.gateway.start(slowly=True)
        eventually(lambda: "starting" in str(side.sidecar.status()["reasons"]), "it starts", within=20)
        assert not to(side, steady(visitors, "starting", 4))
        side.gateway.process.signal(signal.SIGUSR2)
    else:
        side.gateway.start(wait=False)
    shared(visitors, site, "recovered")
    visitors.end()
    lost = failed(visitors)
    again = site.traefik.attempts(502) - refused - len(lost)
    report(
        name,
        visitors,
        under_way=under_way,
        dying_s=round(gone - began, 3),
        failed=len(lost),
        tried_again=again,
        consul_after_s=round(noticed, 2),
    )
    assert len(lost) <= under_way + (gone - began) * visitors.rate + 1
    # The end of a kept connection is read a moment after it came.
    assert all(v.began - gone < 0.25 * SLOW for v in lost), [v.began - gone for v in lost]
    assert lost or again, "nobody was sent to the dead one, so nothing was shown"


def test_a_drain_loses_no_request(site: Site, visitors: Visitors) -> None:
    drained(site, visitors, "drain")


def test_a_crash_fails_only_what_was_under_way(site: Site, visitors: Visitors) -> None:
    crashed(site, visitors, "crash")


def test_a_frozen_gateway_is_left_and_answers_late(site: Site, visitors: Visitors) -> None:
    side = site.sides[1]
    visitors.phase = "freeze"
    frozen = time.monotonic()
    side.gateway.process.pause()
    eventually(lambda: not site.in_catalog(side), "Consul says it", within=40)
    noticed = time.monotonic() - frozen
    steady(visitors, "without")
    waiting = visitors.under_way()
    visitors.phase = "thaw"
    side.gateway.process.resume()
    shared(visitors, site, "thawed")
    visitors.end()
    late = [v.began - frozen for v in to(side, visitors.visits) if v.seconds > 1]
    left = max(late)  # some were given to it before anybody knew
    report(
        "freeze",
        visitors,
        waiting=waiting,
        last_request_after_s=round(left, 2),
        consul_after_s=round(noticed, 2),
    )
    assert failed(visitors) == [], "what waits for it is answered in the end"
    assert left < 4 + SLOW, "Traefik's own look each second, whose deadline is three"
    assert not to(side, visitors.of("without"))


# --- browsers ---


@pytest.fixture
def whole(site: Site) -> Site:
    site.whole()
    return site


def test_a_browser_stays_with_its_gateway_until_that_drains(whole: Site) -> None:
    jerry, bobby = whole.sides
    browser = Browser(whole, bobby.cookie)
    assert {browser.get() for _ in range(20)} == {(200, bobby.cookie)}
    bobby.drain()
    seen = set()

    def moved() -> bool:
        seen.add(browser.get())
        return (200, jerry.cookie) in seen

    eventually(moved, "it is given to the other one", within=20)
    assert {status for status, _ in seen} == {200}
    whole.whole()
    assert {browser.get() for _ in range(20)} == {(200, jerry.cookie)}, "and stays there"


def test_a_websocket_goes_through_and_outlives_a_drain(whole: Site) -> None:
    jerry, bobby = whole.sides
    browser = Browser(whole, bobby.cookie)
    with browser.socket(bobby.gateway.token) as client:
        assert client.turn("bobby", "hi", "key-1") == "echo(bobby): hi"
        bobby.drain()
        eventually(lambda: browser.get() == (200, jerry.cookie), "moved", within=20)
        assert client.turn("bobby", "still there?", "key-2") == "echo(bobby): still there?"
    with browser.socket(jerry.gateway.token) as client:
        assert [a["id"] for a in client.call("agents.list")["agents"]] == ["jerry"]


def test_with_nobody_left_it_says_so_at_once(whole: Site) -> None:
    browser = Browser(whole)
    for side in whole.sides:
        side.drain()
    eventually(lambda: browser.status() in (404, 503), "no gateway takes requests", within=20)
    whole.whole()
    assert browser.status() == 200


# --- the same with real gateways ---


@pytest.mark.openclaw
def test_a_real_gateway_drains_and_dies(real_site: Site) -> None:
    for run, name in ((drained, "drain (OpenClaw)"), (crashed, "crash (OpenClaw)")):
        for visitors in visit(real_site):
            run(real_site, visitors, name)


@pytest.mark.openclaw
def test_a_websocket_to_a_real_gateway(real_site: Site) -> None:
    source = outer_address()
    if not source:
        pytest.skip("skipped: OpenClaw lets nobody in who comes from loopback through a proxy")
    real_site.whole()
    for side in real_site.sides:
        with Browser(real_site, side.cookie).socket(side.gateway.token, source) as client:
            # A client without a device may ask for this alone.
            agents = [a["agentId"] for a in client.call("health")["agents"]]
            assert NAMES[side.sidecar.name] in agents
