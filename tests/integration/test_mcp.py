"""MCP (issue 5, point 1): an agent's tools over HTTP and over `sideclaw mcp`, in its name and no other."""

from __future__ import annotations

import http.client
import json
import socket
import stat
import threading
from typing import Any

import pytest
from conftest import Pair
from support.mcp import (
    LEGACY,
    META,
    MODERN,
    Stdio,
    call,
    headers_of,
    modern,
    post,
    request,
    token_of,
)
from support.sidecar import Sidecar
from support.wait import SLOW, eventually


def initialize(revision: str, rid: Any = 0) -> dict[str, Any]:
    return request(
        "initialize",
        {
            "protocolVersion": revision,
            "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"},
        },
        rid,
    )


# --- over HTTP ---


def test_a_client_of_today_discovers_lists_and_calls(pair: Pair) -> None:
    found = modern("server/discover")
    answer = post(pair.jerry, "jerry", found, headers=headers_of(found)).json()["result"]
    assert answer["supportedVersions"] == [MODERN, *LEGACY] and answer["capabilities"] == {"tools": {}}
    listing = modern("tools/list", rid="l")
    answer = post(pair.jerry, "jerry", listing, headers=headers_of(listing)).json()
    assert answer["id"] == "l" and "send_message" in [t["name"] for t in answer["result"]["tools"]]
    message = modern(
        "tools/call",
        {"name": "send_message", "arguments": {"to": "bobby", "body": "hi", "wait_ms": 20000}},
    )
    result = post(pair.jerry, "jerry", message, headers=headers_of(message)).json()["result"]
    assert result["resultType"] == "complete" and "isError" not in result
    assert result["structuredContent"]["reply"]["body"] == "echo(bobby): hi"
    assert result["structuredContent"]["from"] == "jerry"
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


@pytest.mark.parametrize("revision", LEGACY)
def test_a_client_with_a_handshake_does_the_same(alone: Sidecar, revision: str) -> None:
    answer = post(alone, "jerry", initialize(revision)).json()["result"]
    assert answer["protocolVersion"] == revision and answer["serverInfo"]["name"] == "sideclaw"
    headers = {"MCP-Protocol-Version": revision}
    done = post(
        alone, "jerry", {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=headers
    )
    assert (done.status, done.body) == (202, b"")
    assert post(alone, "jerry", request("ping"), headers=headers).json()["result"] == {}
    sent = post(alone, "jerry", call("send_message", {"to": "scribe", "body": "x"}), headers=headers)
    assert sent.json()["result"]["structuredContent"]["to"] == "scribe"


def test_what_a_request_says_twice_must_be_the_same(alone: Sidecar) -> None:
    listing = modern("tools/list")
    right = headers_of(listing)
    for wrong in (
        {**right, "Mcp-Method": "tools/call"},
        {**right, "MCP-Protocol-Version": LEGACY[0]},
        {k: v for k, v in right.items() if k != "Mcp-Method"},
        {k: v for k, v in right.items() if k != "MCP-Protocol-Version"},
    ):
        answer = post(alone, "jerry", listing, headers=wrong)
        assert (answer.status, answer.json()["error"]["code"]) == (400, -32020), answer.text
    message = modern("tools/call", {"name": "send_message", "arguments": {}})
    answer = post(alone, "jerry", message, headers={**headers_of(message), "Mcp-Name": "other"})
    assert (answer.status, answer.json()["error"]["code"]) == (400, -32020)


def test_unknown_versions_and_methods_are_told_apart(alone: Sidecar) -> None:
    future = request("tools/list", {"_meta": {**META, "io.modelcontextprotocol/protocolVersion": "v9"}})
    answer = post(alone, "jerry", future, headers={**headers_of(future), "MCP-Protocol-Version": "v9"})
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, -32022)
    assert error["data"] == {"supported": [MODERN, *LEGACY], "requested": "v9"}
    gone = modern("initialize")
    answer = post(alone, "jerry", gone, headers=headers_of(gone))
    assert (answer.status, answer.json()["error"]["code"]) == (404, -32601)
    bare = request("tools/list")
    answer = post(alone, "jerry", bare, headers=headers_of(bare))
    assert (answer.status, answer.json()["error"]["code"]) == (400, -32602)


def test_only_post_is_taken(alone: Sidecar) -> None:
    for method in ("GET", "DELETE", "PUT", "HEAD"):
        answer = alone.http(method, "/mcp/jerry", token=token_of(alone, "jerry"))
        assert (answer.status, answer.headers["Allow"]) == (405, "POST"), method


def test_a_token_opens_one_agents_door(alone: Sidecar) -> None:
    ping = request("ping")
    jerry, scribe = token_of(alone, "jerry"), token_of(alone, "scribe")
    assert jerry != scribe and post(alone, "scribe", ping, token=scribe).status == 200
    missing = post(alone, "jerry", ping, token="")
    assert missing.problem(401)["detail"] == "a token is needed"
    assert missing.headers["WWW-Authenticate"].startswith("Bearer")
    assert "sideclaw token jerry" in post(alone, "jerry", ping, token="wrong").problem(401)["remedy"]
    assert "token of scribe" in post(alone, "jerry", ping, token=scribe).problem(403)["detail"]
    assert "operator" in post(alone, "jerry", ping, token=alone.token).problem(403)["detail"]
    # And the other way round: an agent's token is not the operator's.
    alone.http("GET", "/v1/status", token=jerry).problem(401)
    alone.http("GET", "/v1/agents/scribe/token", token=jerry).problem(401)


def test_tokens_outlive_the_daemon_and_die_with_their_key(alone: Sidecar) -> None:
    before, key = token_of(alone, "jerry"), alone.state / "agent-tokens.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    shown = alone.json("token", "jerry")
    assert shown == {"agent": "jerry", "token": before, "url": f"{alone.url}/mcp/jerry"}
    alone.restart()
    assert token_of(alone, "jerry") == before
    assert before not in alone.process.text(whole=True)
    alone.stop()
    key.unlink()
    alone.start()
    assert token_of(alone, "jerry") != before
    post(alone, "jerry", request("ping"), token=before).problem(401)


def test_a_web_page_of_somebody_else_is_refused(alone: Sidecar) -> None:
    ping = request("ping")
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        assert post(alone, "jerry", ping, headers=headers).status == 403
    assert post(alone, "jerry", ping, headers={"Origin": alone.url}).status == 200


def test_what_is_no_frame_is_refused(alone: Sidecar) -> None:
    token = token_of(alone, "jerry")
    for body, code in ((b"{nonsense", -32700), (b"", -32700), (b"7", -32600), (b"{}", -32600)):
        answer = post(alone, "jerry", body, token=token)
        assert (answer.status, answer.json()["error"]["code"]) == (400, code), body
    post(alone, "jerry", b"{}", token=token, headers={"Content-Type": "text/plain"}).problem(415)
    post(alone, "jerry", request("ping"), token=token, headers={"Accept": "text/html"}).problem(406)
    post(alone, "jerry", b"[" + b" " * 1_638_400 + b"]", token=token).problem(413)
    for path in ("/mcp", "/mcp/", "/mcp/a/b", "/mcp/..", "/mcp/%2e"):
        assert alone.http("POST", path, {}, token=token).status == 404, path
    assert post(alone, "jerry", request("ping"), token=token).status == 200


def test_a_failure_is_a_result_that_says_what_to_do(alone: Sidecar) -> None:
    def fails(arguments: dict[str, Any]) -> str:
        result = post(alone, "jerry", call("send_message", arguments)).json()["result"]
        assert result["isError"] is True and "structuredContent" not in result
        return str(result["content"][0]["text"])

    assert "did you mean body?" in fails({"to": "scribe", "bdy": "x"})
    assert "you are jerry" in fails({"to": "jerry", "body": "x", "from": "scribe"})
    assert "\nNext: " in fails({"to": "scribe"})
    unknown = post(alone, "jerry", call("send_mesage", {})).json()["error"]
    assert unknown["code"] == -32602 and "send_message" in unknown["message"]


def test_a_batch_is_answered_where_the_revision_has_them(alone: Sidecar) -> None:
    batch = [request("ping", rid=1), request("tools/list", rid=2)]
    answers = post(alone, "jerry", batch, headers={"MCP-Protocol-Version": "2025-03-26"}).json()
    assert [a["id"] for a in answers] == [1, 2]
    answer = post(alone, "jerry", batch, headers={"MCP-Protocol-Version": "2025-06-18"})
    assert answer.status == 400 and "no batches" in answer.json()["error"]["message"]


def test_a_client_that_hangs_up_stops_waiting_and_its_message_stays(alone: Sidecar) -> None:
    """The call is given up with its client; what it sent is sent."""
    alone.gateway.freeze()
    body = json.dumps(call("send_message", {"to": "scribe", "body": "later", "wait_ms": 600000}))
    connection = http.client.HTTPConnection("127.0.0.1", alone.port, timeout=20 * SLOW)
    connection.request(
        "POST",
        "/mcp/jerry",
        body,
        {"Authorization": f"Bearer {token_of(alone, 'jerry')}", "Content-Type": "application/json"},
    )
    eventually(lambda: alone.json("outbox", "--all")["messages"], "the message is stored")
    [message] = alone.json("outbox", "--all")["messages"]  # alone as yet: the reply is to come
    connection.close()
    alone.gateway.thaw()
    alone.wait_stage(message["id"], "replied", within=30)
    alone.check_sanitizers()


def test_two_agents_call_at_once_each_in_its_own_name(pair: Pair) -> None:
    tokens = {agent: token_of(pair.jerry, agent) for agent in ("jerry", "scribe")}
    senders: dict[str, set[str]] = {agent: set() for agent in tokens}

    def work(agent: str) -> None:
        for n in range(20):
            message = call("send_message", {"to": "bobby", "body": f"{agent} {n}"}, n)
            answer = post(pair.jerry, agent, message, token=tokens[agent]).json()
            assert answer["id"] == n
            senders[agent].add(answer["result"]["structuredContent"]["from"])

    threads = [threading.Thread(target=work, args=(agent,)) for agent in tokens]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert senders == {"jerry": {"jerry"}, "scribe": {"scribe"}}


# --- over stdin and stdout ---


def test_stdio_serves_both_ways_of_beginning(pair: Pair) -> None:
    with Stdio(pair.jerry, "jerry") as client:
        assert client.ask(modern("server/discover"))["result"]["supportedVersions"][0] == MODERN
        assert client.ask(initialize(LEGACY[0]))["result"]["protocolVersion"] == LEGACY[0]
        client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        tools = client.ask(request("tools/list", rid="t"))["result"]["tools"]
        assert "send_message" in [t["name"] for t in tools]
        sent = client.ask(call("send_message", {"to": "bobby", "body": "hi", "wait_ms": 20000}, 3), 30)
        content = sent["result"]["structuredContent"]
        assert (content["from"], content["reply"]["body"]) == ("jerry", "echo(bobby): hi")
        assert client.end() == (0, [], "")


def test_stdio_speaks_for_who_the_environment_says(alone: Sidecar) -> None:
    message = call("send_message", {"to": "scribe", "body": "x"})
    for client, sender in (
        (Stdio(alone, AGENT_ID="jerry"), "jerry"),
        (Stdio(alone, "scribe", AGENT_ID="jerry"), "scribe"),
        (Stdio(alone), "operator"),
    ):
        with client:
            result = client.ask(message)["result"]
            assert result["structuredContent"]["from"] == sender
    wrong = alone.cli("mcp", "--agent", "no/name")
    assert wrong.rc == 1 and "agent" in wrong.err and wrong.out == ""


def test_stdio_gives_what_is_owed_before_it_ends(alone: Sidecar) -> None:
    with Stdio(alone, "jerry") as client:
        slow = call("send_message", {"to": "scribe", "body": "x", "wait_ms": 20000}, "slow")
        client.send(slow, *(request("ping", rid=n) for n in range(300)))
        code, frames, err = client.end(30)
        assert (code, err) == (0, "")
        assert sorted(f["id"] for f in frames if f["id"] != "slow") == list(range(300))
        [answer] = [f for f in frames if f["id"] == "slow"]
        assert answer["result"]["structuredContent"]["reply"]["body"] == "echo(scribe): x"


def test_stdio_survives_garbage_and_frames_of_any_size(alone: Sidecar) -> None:
    with Stdio(alone, "jerry") as client:
        client.write(b"{nonsense\n\n[]\n")
        assert client.receive()["error"]["code"] == -32700
        assert client.receive()["error"]["code"] == -32600
        body = "ä\u0001" * 60000  # large, and larger once escaped
        sent = client.ask(call("send_message", {"to": "scribe", "body": body, "wait_ms": 20000}), 30)
        assert sent["result"]["structuredContent"]["reply"]["body"] == f"echo(scribe): {body}"
        client.write(b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * (2 << 20) + b'"}\n')
        assert "longer than" in client.receive()["error"]["message"]
        assert client.ask(request("ping"))["result"] == {}


def test_stdio_cancels(alone: Sidecar) -> None:
    alone.gateway.freeze()
    with Stdio(alone, "jerry") as client:
        client.send(
            call("send_message", {"to": "scribe", "body": "x", "wait_ms": 600000}, "slow"),
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": "slow"},
            },
        )
        assert client.ask(request("ping"))["result"] == {}
        assert client.end() == (0, [], ""), "what was cancelled is not waited for"


def test_stdio_without_a_daemon_says_so(alone: Sidecar) -> None:
    alone.stop()
    with Stdio(alone, "jerry") as client:
        error = client.ask(initialize(LEGACY[0]))["error"]
        assert "cannot reach the daemon" in error["message"] and error["data"]["remedy"]
        alone.start()
        assert client.ask(request("ping"))["result"] == {}, "it may have been about to start"
        alone.stop()
        code, frames, err = client.end()
        assert frames == [] and "cannot reach the daemon" in err
    with Stdio(alone, "jerry") as client:
        assert client.end()[0] == 75


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_stdio_outlives_a_restart_of_the_daemon(alone: Sidecar, how: str) -> None:
    alone.gateway.freeze()
    with Stdio(alone, "jerry") as client:
        assert client.ask(initialize(LEGACY[0]))["result"]
        client.send(call("send_message", {"to": "scribe", "body": "x", "wait_ms": 600000}, "slow"))
        eventually(lambda: alone.json("outbox", "--all")["messages"], "the message is stored")
        if how == "stop":
            alone.stop()
        else:
            alone.process.kill()
        lost = client.receive()
        assert lost["id"] == "slow" and "before it answered" in lost["error"]["message"]
        assert "look before" in lost["error"]["data"]["remedy"]
        alone.start(wait=False)  # it is waited for
        again = client.ask(request("ping", rid="again"), 30)
        assert again.get("result") == {}, again
        assert client.ask(call("send_message", {"to": "scribe", "body": "y"}))["result"]
        code, frames, err = client.end()
        assert (code, frames) == (0, []) and "went away" in err


def test_sessions_on_the_socket_are_apart(alone: Sidecar) -> None:
    """The numbers of one client's requests are nothing to another: it cannot cancel them."""
    with Stdio(alone, "jerry") as one, Stdio(alone, "scribe") as other:
        alone.gateway.freeze()
        one.send(call("send_message", {"to": "scribe", "body": "x", "wait_ms": 20000}, 7))
        eventually(lambda: alone.json("outbox", "--all")["messages"], "the message is stored")
        other.send(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
        )
        assert other.ask(request("ping"))["result"] == {}
        alone.gateway.thaw()
        assert one.receive(30)["result"]["structuredContent"]["from"] == "jerry"


def test_many_sessions_leave_the_socket_to_its_owner(alone: Sidecar) -> None:
    socks = []
    try:
        for n in range(49):
            sock = socket.socket(socket.AF_UNIX)
            socks.append(sock)
            sock.settimeout(20 * SLOW)
            sock.connect(str(alone.socket))
            sock.sendall(json.dumps(request("mcp.open", {"agent": "jerry"})).encode() + b"\n")
            answer = json.loads(sock.makefile("rb").readline())
            assert ("result" in answer) == (n < 48), answer
        assert "sideclaw token jerry" in answer["error"]["data"]["remedy"]
        assert alone.metric("sideclaw_mcp_sessions") == 48
        full = alone.cli("mcp", "--agent", "jerry")
        assert full.rc == 1 and "already" in full.err
    finally:
        for sock in socks:
            sock.close()
    eventually(lambda: alone.metric("sideclaw_mcp_sessions") == 0, "all have left")
    with Stdio(alone, "jerry") as client:
        client.ask(call("send_message", {"to": "scribe"}))
        client.ask(call("no_tool", {}))
    metrics = [alone.metric(f"sideclaw_mcp_{m}_total") for m in ("calls", "failed", "refused")]
    assert metrics == [1, 1, 1]


def test_open_is_the_first_call_of_a_connection(alone: Sidecar) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20 * SLOW)
        sock.connect(str(alone.socket))
        lines = sock.makefile("rb")
        opening = json.dumps(request("mcp.open", {"agent": "jerry"})).encode() + b"\n"
        busy = json.dumps(request("agents.list", rid="a")).encode() + b"\n"
        sock.sendall(busy + opening)
        answers = {a["id"]: a for a in (json.loads(lines.readline()) for _ in range(2))}
        assert "first call" in answers[1]["error"]["message"] and "result" in answers["a"]
        sock.sendall(opening)
        assert json.loads(lines.readline())["result"] == {"agent": "jerry"}
        sock.sendall(json.dumps(request("status.get")).encode() + b"\n")
        assert json.loads(lines.readline())["error"]["code"] == -32601, "frames of MCP from here on"
