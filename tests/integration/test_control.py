"""The control socket (issue 3, item 6): JSON-RPC 2.0, a line each; whoever can open it is the operator."""

from __future__ import annotations

import json
import socket
import stat
from typing import Any

import pytest
from support.sidecar import Sidecar


class Rpc:
    def __init__(self, sidecar: Sidecar) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(str(sidecar.socket))
        self.file = self.sock.makefile("rb")

    def line(self, data: bytes) -> Any:
        self.sock.sendall(data + b"\n")
        return json.loads(self.file.readline())

    def call(self, method: str, params: Any = None, rid: Any = 1) -> Any:
        return self.line(
            json.dumps(
                {"jsonrpc": "2.0", "id": rid, "method": method, "params": params or {}}
            ).encode()
        )


def test_the_socket_is_for_its_owner_only(alone: Sidecar) -> None:
    mode = alone.socket.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_the_state_folder_is_for_its_owner_only(alone: Sidecar) -> None:
    assert stat.S_IMODE(alone.state.stat().st_mode) == 0o700


def test_a_call_is_answered_with_its_id(alone: Sidecar) -> None:
    answer = Rpc(alone).call("status.get", rid="abc")
    assert answer["jsonrpc"] == "2.0" and answer["id"] == "abc"
    assert answer["result"]["gateway"] == "jerry-gateway"


def test_calls_may_follow_each_other_without_waiting(alone: Sidecar) -> None:
    rpc = Rpc(alone)
    rpc.sock.sendall(
        b"".join(
            json.dumps({"jsonrpc": "2.0", "id": n, "method": "agents.list", "params": {}}).encode()
            + b"\n"
            for n in range(10)
        )
    )
    assert sorted(json.loads(rpc.file.readline())["id"] for _ in range(10)) == list(range(10))


def test_a_slow_call_does_not_hold_up_the_next(alone: Sidecar) -> None:
    rpc = Rpc(alone)
    alone.gateway.freeze()
    rpc.sock.sendall(
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": "slow",
                "method": "message.send",
                "params": {"to": "jerry", "from": "scribe", "body": "hi", "wait_ms": 20000},
            }
        ).encode()
        + b"\n"
    )
    assert rpc.call("agents.list", rid="quick")["id"] == "quick"
    alone.gateway.thaw()
    assert json.loads(rpc.file.readline())["id"] == "slow"


@pytest.mark.parametrize(
    "line",
    [b"no json", b"{", b"[]", b"5", b"\x00\x00", b"\xff\xfe", b'{"jsonrpc":"2.0"}'],
    ids=["text", "cut", "list", "number", "nul", "utf8", "bare"],
)
def test_garbage_gets_an_error_and_the_daemon_goes_on(alone: Sidecar, line: bytes) -> None:
    answer = Rpc(alone).line(line)
    assert answer["error"]["code"] in (-32700, -32600)
    assert Rpc(alone).call("status.get")["result"]


def test_an_unknown_method_is_named(alone: Sidecar) -> None:
    error = Rpc(alone).call("no.such.method")["error"]
    assert error["code"] == -32601 and "no.such.method" in json.dumps(error)


def test_wrong_parameters_are_named(alone: Sidecar) -> None:
    error = Rpc(alone).call("message.send", {"to": 5, "body": "x"})["error"]
    assert "to" in error["message"]


def test_an_endless_line_is_cut_off(alone: Sidecar) -> None:
    rpc = Rpc(alone)
    try:
        for _ in range(64):
            rpc.sock.sendall(b"x" * 65536)
        rpc.sock.sendall(b"\n")
        rest = rpc.file.readline()
    except OSError:
        rest = b""
    assert rest == b"" or b"error" in rest
    assert Rpc(alone).call("status.get")["result"]


def test_a_client_that_goes_away_in_the_middle_does_no_harm(alone: Sidecar) -> None:
    alone.gateway.freeze()
    rpc = Rpc(alone)
    rpc.sock.sendall(
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "message.send",
                "params": {"to": "jerry", "from": "scribe", "body": "hi", "wait_ms": 20000},
            }
        ).encode()
        + b"\n"
    )
    assert Rpc(alone).call("status.get")["result"]
    rpc.file.close()
    rpc.sock.close()
    alone.gateway.thaw()
    assert alone.cli("ask", "--to", "jerry", "hi").ok().out.strip() == "echo(jerry): hi"


def test_a_socket_left_by_a_killed_daemon_is_taken_over(alone: Sidecar) -> None:
    alone.process.kill()
    assert alone.socket.exists()
    alone.start()
    assert alone.status()["gateway"] == "jerry-gateway"


def test_a_stop_takes_the_socket_away(alone: Sidecar) -> None:
    assert alone.stop() == 0
    assert not alone.socket.exists()


def test_the_socket_of_a_running_daemon_is_not_taken(alone: Sidecar) -> None:
    from support.process import Process

    second = Process("second", alone.process.argv, alone.folder)
    second.start()
    assert second.wait_exit(20) != 0
    assert "sock" in second.text() or "already" in second.text()
    assert alone.status()["pid"] == alone.process.pid
