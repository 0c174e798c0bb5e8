"""The HTTP API under /v1 (issue 3, item 6): the same objects as the command line, and clear errors."""

from __future__ import annotations

import socket
import stat
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Pair
from support.mesh import Mesh
from support.sidecar import Answer, Sidecar


def post(sidecar: Sidecar, body: Any, **more: Any) -> Answer:
    return sidecar.http("POST", "/v1/messages", body, **more)


def test_a_message_is_accepted_with_202(pair: Pair) -> None:
    answer = post(pair.jerry, {"from": "jerry", "to": "bobby", "body": "hi"})
    assert answer.status == 202
    body = answer.json()
    assert body["stage"] in ("accepted", "sent") and body["from"] and body["to"]
    pair.jerry.wait_stage(body["id"], "replied")


def test_wait_ms_gives_the_reply_with_200(pair: Pair) -> None:
    answer = post(pair.jerry, {"from": "jerry", "to": "bobby", "body": "hi", "wait_ms": 20000})
    assert answer.status == 200
    assert (
        answer.json()["reply"]["body"] == "echo(bobby): hi" and answer.json()["timed_out"] is False
    )


def test_wait_ms_that_passes_says_timed_out(pair: Pair) -> None:
    pair.bobby_gateway.freeze()
    answer = post(pair.jerry, {"from": "jerry", "to": "bobby", "body": "hi", "wait_ms": 300})
    pair.bobby_gateway.thaw()
    assert answer.status == 200
    assert answer.json()["timed_out"] is True and answer.json()["reply"] is None


def test_a_message_by_its_id(pair: Pair) -> None:
    message = pair.send("hi")
    pair.jerry.wait_stage(message, "replied")
    answer = pair.jerry.http("GET", f"/v1/messages/{message}")
    assert answer.status == 200 and answer.json() == pair.jerry.show(message)


def test_the_lists_are_those_of_the_command_line(pair: Pair) -> None:
    pair.ask("hi")
    for path, args in (
        ("/v1/agents", ["agents"]),
        ("/v1/gateways", ["gateways"]),
        ("/v1/outbox?all=true", ["outbox", "--all"]),
        ("/v1/agents/jerry/inbox", ["inbox", "jerry"]),
    ):
        over_http = pair.jerry.http("GET", path).json()
        at_the_shell = pair.jerry.json(*args)
        assert set(over_http) == set(at_the_shell), path
        [name] = [k for k in over_http if isinstance(over_http[k], list)]
        assert len(over_http[name]) == len(at_the_shell[name]) > 0, path


def test_status_over_http(pair: Pair) -> None:
    status = pair.jerry.http("GET", "/v1/status").json()
    assert status["gateway"] == "jerry-gateway" and set(status["links"]) == {
        "gateway",
        "redis",
        "peer",
        "consul",
    }


def test_acknowledging_over_http(pair: Pair) -> None:
    reply = pair.jerry.json("ask", "--from", "jerry", "--to", "bobby", "hi")["reply"]["id"]
    answer = pair.jerry.http("POST", f"/v1/agents/jerry/inbox/{reply}/ack")
    assert answer.status == 200 and answer.json()["acked"] is True
    assert reply not in [
        m["id"] for m in pair.jerry.http("GET", "/v1/agents/jerry/inbox").json()["messages"]
    ]


@pytest.mark.parametrize("token", ["", "wrong", "Bearer"], ids=["none", "wrong", "odd"])
def test_without_the_token_nothing_is_told(alone: Sidecar, token: str) -> None:
    for path in ("/v1/agents", "/v1/status", "/v1/outbox", "/v1/agents/jerry/inbox"):
        alone.http("GET", path, token=token).problem(401)
    post(alone, {"to": "jerry", "body": "hi"}, token=token).problem(401)
    assert alone.gateway.runs == []


def test_the_token_file_is_private(alone: Sidecar) -> None:
    mode = stat.S_IMODE((alone.state / "http.token").stat().st_mode)
    assert mode == 0o600 and len(alone.token) >= 32


def test_the_token_outlives_a_restart(alone: Sidecar) -> None:
    before = alone.token
    alone.restart()
    assert alone.token == before
    assert alone.http("GET", "/v1/status").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b'"text"',
        b"null",
        b'{"to":"bobby","body":"x"} trailing',
        b"[" * 10000,
        b'{"to":"bobby","body":"\xff\xfe"}',
        b'{"to":"bobby","body":"nul\\u0000"}',
        b'{"to":"bobby","body":"\\ud800"}',
        b"\x00\x01\x02",
    ],
    ids=[
        "empty",
        "cut",
        "text",
        "list",
        "string",
        "null",
        "trailing",
        "deep",
        "utf8",
        "nul",
        "surrogate",
        "binary",
    ],
)
def test_malformed_json_is_400(pair: Pair, body: bytes) -> None:
    post(pair.jerry, body).problem(400)
    assert pair.bobby_gateway.runs == []


@pytest.mark.parametrize(
    "field, value",
    [
        ("to", 5),
        ("to", None),
        ("to", ["bobby"]),
        ("body", 5),
        ("body", {"a": 1}),
        ("from", False),
        ("thread", 1),
        ("ttl_s", "soon"),
        ("ttl_s", -1),
        ("wait_ms", "x"),
        ("id", "not-an-id"),
        ("colour", "blue"),
    ],
)
def test_a_wrong_field_is_400_and_named(pair: Pair, field: str, value: Any) -> None:
    problem = post(
        pair.jerry, {"from": "jerry", "to": "bobby", "body": "hi", field: value}
    ).problem(400)
    assert field in problem["detail"]


@pytest.mark.parametrize("field", ["to", "body"])
def test_a_missing_field_is_400_and_named(pair: Pair, field: str) -> None:
    message = {"from": "jerry", "to": "bobby", "body": "hi"}
    del message[field]
    assert field in post(pair.jerry, message).problem(400)["detail"]


BAD_IDS = {
    "slash": "a/b",
    "dots": "..",
    "path": "../../etc/passwd",
    "space": "two words",
    "long": "x" * 300,
    "nul": "a\x00b",
    "newline": "a\nb",
    "empty": "",
}


@pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS.keys())
@pytest.mark.parametrize("field", ["to", "from"])
def test_an_agent_id_that_cannot_be_is_400(pair: Pair, field: str, bad: str) -> None:
    message = {"from": "jerry", "to": "bobby", "body": "hi", field: bad}
    post(pair.jerry, message).problem(400)


@pytest.mark.parametrize(
    "bad", [v for k, v in BAD_IDS.items() if k != "empty"], ids=[k for k in BAD_IDS if k != "empty"]
)
def test_an_agent_id_that_cannot_be_in_a_path_is_refused(alone: Sidecar, bad: str) -> None:
    answer = alone.http("GET", f"/v1/agents/{quote(bad, safe='')}/inbox")
    answer.problem(answer.status)
    assert answer.status in (400, 404)


def test_a_body_field_over_the_limit_is_413(pair: Pair) -> None:
    post(pair.jerry, {"from": "jerry", "to": "bobby", "body": "x" * (256 * 1024 + 1)}).problem(413)
    assert (
        post(pair.jerry, {"from": "jerry", "to": "bobby", "body": "x" * (256 * 1024)}).status == 202
    )


def test_a_request_over_the_limit_is_413_and_the_daemon_goes_on(alone: Sidecar) -> None:
    """The server may close before it has read all of it; urllib then sees a reset instead of the answer."""
    with socket.create_connection(("127.0.0.1", alone.port), timeout=10) as s:
        s.sendall(
            f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alone.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {4 * 1024 * 1024}\r\n\r\n".encode()
        )
        try:
            for _ in range(64):
                s.sendall(b"x" * 65536)
        except OSError:
            pass
        try:
            head = s.recv(4096)
        except ConnectionError:
            head = b""
    assert head == b"" or b" 413 " in head.split(b"\r\n")[0], head[:200]
    assert alone.http("GET", "/v1/status").status == 200


def test_an_unknown_agent_is_404_with_the_nearest_name(pair: Pair) -> None:
    problem = post(pair.jerry, {"from": "jerry", "to": "boby", "body": "hi"}).problem(404)
    assert "boby" in problem["detail"] and "bobby" in str(problem).replace("boby", "")


def test_an_unknown_message_is_404(alone: Sidecar) -> None:
    alone.http("GET", "/v1/messages/019b0000-0000-7000-8000-000000000000").problem(404)


def test_an_unknown_path_is_404(alone: Sidecar) -> None:
    alone.http("GET", "/v1/nonsense").problem(404)


def test_a_wrong_method_is_405_and_says_which_are_right(alone: Sidecar) -> None:
    answer = alone.http("DELETE", "/v1/messages")
    answer.problem(405)
    assert "POST" in answer.headers["Allow"]


def test_a_reply_of_a_problem_has_a_remedy(pair: Pair) -> None:
    assert post(pair.jerry, {"from": "jerry", "to": "boby", "body": "hi"}).problem(404)["remedy"]


def test_half_a_request_does_not_hold_up_others(alone: Sidecar) -> None:
    with socket.create_connection(("127.0.0.1", alone.port)) as s:
        s.sendall(b"POST /v1/messages HTTP/1.1\r\nContent-Le")
        assert alone.http("GET", "/health", token="", timeout=5).status in (200, 429)


def test_no_http_at_all(alone: Sidecar) -> None:
    with socket.create_connection(("127.0.0.1", alone.port)) as s:
        s.sendall(b"\x16\x03\x01\x02\x00" + b"\x00" * 200 + b"\r\n\r\n")
    assert alone.http("GET", "/health", token="").status in (200, 429)


def test_a_finished_request_takes_nothing_from_the_next_connection(alone: Sidecar) -> None:
    """Once, what was left of a closed HTTP connection read on from the next one with its number."""
    alone.wait_agents("scribe")
    text = "".join(f"{n:07d}." for n in range(20000))
    for _ in range(3):
        assert alone.http("GET", "/health", token="").status in (200, 429)
        answer = alone.json("ask", "--from", "jerry", "--to", "scribe", "-", stdin=text)
        assert answer["reply"]["body"] == "echo(scribe): " + text


def test_http_can_be_switched_off(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], http__enabled=False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sidecar.port))
    assert sidecar.status()["gateway"] == "jerry-gateway"
