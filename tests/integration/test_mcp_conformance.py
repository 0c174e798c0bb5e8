"""The public MCP conformance suite, in the revisions it knows: what applies passes, the rest has a reason.

Each scenario runs against a daemon, and against the same endpoint over the suite's own tools
(tests/mcp/fixtures.c): a daemon has no tool `test_simple_text`, and a scenario without its tool says nothing.
"""

from __future__ import annotations

from typing import Callable, Iterator

import pytest
from support.mcp import headers_of, modern, post, request, token_of
from support.mcp_conformance import REVISIONS, Scenario, run_suite, with_token
from support.mesh import Mesh
from support.process import Process
from support.sidecar import Sidecar, program

pytestmark = pytest.mark.mcp

OLD, NEW = REVISIONS
PROMPTS = "we have no prompts: nothing of ours is a text for a person to pick"
RESOURCES = "we have no resources: memory, events and messages are reached by tools"
CONTENT = "our tools answer with an object and its text, with no other content"
SAMPLING = "we do not use the client's model: sampling is deprecated, and an agent's turn is what we start"
ELICITATION = "nobody may be there to be asked: an agent's tool call never waits for a person"
INPUT = f"{ELICITATION}; so no result is input_required"
LOGGING = "we send a client no log: it has the sidecar's own, and the capability is deprecated"
PROGRESS = "a call that waits (send_message) cannot say how much of the wait is over"
COMPLETION = "there is nothing to complete: it is for arguments of prompts and resources"
TASKS = "an extension; long work is a task of the mesh (push_task), which outlives the client"
SKILLS = "an extension; skills come to an agent as files of its gateway"
SESSIONS = "there is no session to resume: each POST is answered in full"
NEEDS = "no tool of ours needs a capability of the client"
HEADERS = "no parameter of a tool is asked for as a header (x-mcp-header)"
SCHEMA = "schemas are made from the table of operations, which needs none of these keywords"

# What must pass, by revision.
APPLIES = {
    OLD: {
        "dns-rebinding-protection",
        "ping",
        "server-initialize",
        "tools-call-error",
        "tools-call-simple-text",
        "tools-list",
    },
    NEW: {
        "caching",
        "dns-rebinding-protection",
        "http-header-validation",
        "server-sse-multiple-streams",
        "server-stateless",
        "tools-call-error",
        "tools-call-simple-text",
        "tools-list",
    },
}
# These call the suite's own tools.
FIXTURES = {"tools-call-error", "tools-call-simple-text"}

# Checks of those scenarios that do not apply: they are about what we do not have.
PARTS = {
    "caching/sep-2549-prompts-list-caching-hints": PROMPTS,
    "caching/sep-2549-resources-list-caching-hints": RESOURCES,
    "caching/sep-2549-resources-templates-list-caching-hints": RESOURCES,
    "server-stateless/sep-2575-missing-capability-http-400": NEEDS,
    "server-stateless/sep-2575-server-rejects-undeclared-capability": NEEDS,
}

# Scenarios that do not apply in any revision in which APPLIES does not name them.
REASONS = {
    "completion-complete": COMPLETION,
    "elicitation-sep1034-defaults": ELICITATION,
    "elicitation-sep1330-enums": ELICITATION,
    "http-custom-header-server-validation": HEADERS,
    "input-required-result-basic-elicitation": INPUT,
    "input-required-result-basic-list-roots": INPUT,
    "input-required-result-basic-sampling": INPUT,
    "input-required-result-capability-check": INPUT,
    "input-required-result-ignore-extra-params": INPUT,
    "input-required-result-missing-input-response": INPUT,
    "input-required-result-multi-round": INPUT,
    "input-required-result-multiple-input-requests": INPUT,
    "input-required-result-non-tool-request": INPUT,
    "input-required-result-request-state": INPUT,
    "input-required-result-result-type": INPUT,
    "input-required-result-tampered-state": INPUT,
    "input-required-result-unsupported-methods": INPUT,
    "input-required-result-validate-input": INPUT,
    "json-schema-2020-12": SCHEMA,
    "logging-set-level": LOGGING,
    "prompts-get-embedded-resource": PROMPTS,
    "prompts-get-simple": PROMPTS,
    "prompts-get-with-args": PROMPTS,
    "prompts-get-with-image": PROMPTS,
    "prompts-list": PROMPTS,
    "resources-list": RESOURCES,
    "resources-read-binary": RESOURCES,
    "resources-read-text": RESOURCES,
    "resources-subscribe": RESOURCES,
    "resources-templates-read": RESOURCES,
    "resources-unsubscribe": RESOURCES,
    "sep-2164-resource-not-found": RESOURCES,
    "server-session-lifecycle": SESSIONS,
    "server-sse-multiple-streams": SESSIONS,
    "server-sse-polling": SESSIONS,
    "tasks-capability-negotiation": TASKS,
    "tasks-dispatch-and-envelope": TASKS,
    "tasks-lifecycle": TASKS,
    "tasks-mrtr-composition": TASKS,
    "tasks-mrtr-input": TASKS,
    "tasks-request-headers": TASKS,
    "tasks-request-state-removal": TASKS,
    "tasks-required-task-error": TASKS,
    "tasks-status-notifications": TASKS,
    "tasks-wire-fields": TASKS,
    "tools-call-audio": CONTENT,
    "tools-call-elicitation": ELICITATION,
    "tools-call-embedded-resource": CONTENT,
    "tools-call-image": CONTENT,
    "tools-call-mixed-content": CONTENT,
    "tools-call-sampling": SAMPLING,
    "tools-call-with-logging": LOGGING,
    "tools-call-with-progress": PROGRESS,
}

Found = dict[str, Scenario]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    mesh = Mesh(tmp_path_factory.mktemp("daemon"), None, None)
    try:
        sidecar = mesh.add("suite-gateway", gateway=False, config_agents=[{"id": "suite"}])
        with with_token(sidecar.port, "/mcp/suite", token_of(sidecar, "suite")) as url:
            yield url
    finally:
        mesh.stop()


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("fixtures")
    server = Process("fixtures", [program("sideclaw_mcp_fixtures")], folder).start()
    try:
        _, port, token = server.wait_log(r"^ready \d+ \S+$").split()
        with with_token(int(port), "/mcp/suite", token) as url:
            yield url
    finally:
        assert server.stop() == 0, server.tail()


@pytest.fixture(scope="module")
def found(
    daemon: str, fixtures: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Found]:
    """found(revision, server): what the suite found, run once for all tests."""
    urls = {"daemon": daemon, "fixtures": fixtures}
    ran: dict[tuple[str, str], Found] = {}

    def get(revision: str, server: str) -> Found:
        key = (revision, server)
        if key not in ran:
            ran[key] = run_suite(urls[server], revision, tmp_path_factory.mktemp("suite"))
        return ran[key]

    return get


def test_every_scenario_of_the_suite_applies_or_has_a_reason(found: Callable[[str, str], Found]) -> None:
    used: set[str] = set()
    for revision in REVISIONS:
        there = set(found(revision, "fixtures"))
        assert APPLIES[revision] <= there, f"not in the suite: {sorted(APPLIES[revision] - there)}"
        rest = there - APPLIES[revision]
        unknown = sorted(rest - set(REASONS))
        assert not unknown, f"{revision}: neither applies nor has a reason: {unknown}"
        used |= rest
    assert set(REASONS) == used, f"not in the suite, or applies: {sorted(set(REASONS) - used)}"


@pytest.mark.parametrize(
    "revision, scenario, server",
    [
        (revision, scenario, server)
        for revision in REVISIONS
        for scenario in sorted(APPLIES[revision])
        for server in ("daemon", "fixtures")
        if server == "fixtures" or scenario not in FIXTURES
    ],
)
def test_a_scenario_that_applies_passes(
    found: Callable[[str, str], Found], revision: str, scenario: str, server: str
) -> None:
    result = found(revision, server)[scenario]
    # Of a daemon, which has none of the suite's tools, not everything can be asked.
    bad = result.bad(and_untestable=server == "fixtures")
    parts = {p.split("/")[1] for p in PARTS if p.startswith(scenario + "/")}
    if server == "fixtures":
        assert parts <= set(bad), f"these pass, so they apply: {sorted(parts - set(bad))}"
    assert not (wrong := {k: v for k, v in bad.items() if k not in parts}), wrong
    assert result.passed > 0, f"nothing was checked: {result.checks}"


def test_what_has_a_reason_is_not_advertised(alone: Sidecar) -> None:
    """A client believes the capabilities; a reason above would be an excuse if they named more."""
    hello = {"protocolVersion": OLD, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    legacy = post(alone, "jerry", request("initialize", hello)).json()
    question = modern("server/discover")
    stateless = post(alone, "jerry", question, headers=headers_of(question)).json()
    for answer in (legacy, stateless):
        assert answer["result"]["capabilities"] == {"tools": {}}
