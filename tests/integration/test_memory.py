"""Shared memory (issue 5, point 4): plain strings in Redis, a copy in each sidecar, merged by clocks."""

from __future__ import annotations

import signal
import time
from typing import Any, Callable, Iterator, Optional

import pytest
from conftest import Pair
from support.mcp import call, post
from support.mesh import Mesh
from support.proxy import Proxy
from support.redis import Redis
from support.rpc import Rpc
from support.sidecar import Sidecar
from support.wait import SLOW, eventually

KEYS = 1000


def redis_key(mesh: Mesh, agent: str, key: str) -> str:
    return f"{mesh.prefix}:agents:{agent}:memory:{key}"


def clock(mesh: Mesh, agent: str, key: str) -> Optional[bytes]:
    return mesh.redis.call("HGET", f"{mesh.prefix}:agents:{agent}:memory-clock", key)


def value_in_redis(mesh: Mesh, agent: str, key: str) -> Optional[str]:
    return mesh.redis.call("GET", redis_key(mesh, agent, key))


def get(sidecar: Sidecar, agent: str, key: str) -> Optional[str]:
    """None: it remembers nothing."""
    result = sidecar.cli("--json", "memory", "get", agent, key)
    if result.rc == 1 and "remembers nothing" in result.err:
        return None
    return str(result.json()["value"])


def write_all(sidecar: Sidecar, calls: list[tuple[str, dict[str, Any]]]) -> None:
    """All at once over the control socket; each must succeed."""
    with Rpc(sidecar.socket, timeout=30 * SLOW) as rpc:
        for start in range(0, len(calls), 100):
            owed = set(rpc.send(*calls[start : start + 100]))
            while owed:
                for answer in rpc.answers(30 * SLOW):
                    assert "result" in answer, answer
                    owed.discard(answer["id"])


def values(sidecar: Sidecar, agent: str, **more: Any) -> dict[str, str]:
    """All of the copy in this sidecar."""
    found: dict[str, str] = {}
    with Rpc(sidecar.socket, timeout=30 * SLOW) as rpc:
        while True:
            page = rpc.call("memory.list", agent=agent, values=True, limit=1000, **more)
            found.update({k["key"]: k.get("value", "") for k in page["keys"]})
            if not page["truncated"]:
                return found
            more["after"] = page["keys"][-1]["key"]


def settled(sidecar: Sidecar) -> bool:
    """Nothing is left to be told to Redis or to be asked there."""
    memory = sidecar.status()["memory"]
    return bool(memory["state"] == "shared" and memory["unshared"] == 0)


class Split:
    """Two sidecars, each with a way to the same Redis that the test can cut."""

    def __init__(self, mesh: Mesh, **options: Any) -> None:
        self.mesh = mesh
        self.proxies = [Proxy(mesh.redis.port) for _ in range(2)]
        self.sides = [
            mesh.add(
                name,
                [agent],
                redis__url=f"redis://127.0.0.1:{proxy.port}",
                memory__scan_s=3600,
                **options,
            )
            for name, agent, proxy in zip(
                ("jerry-gateway", "bobby-gateway"), ("jerry", "bobby"), self.proxies
            )
        ]
        mesh.wait_whole()
        for side in self.sides:
            side.wait_link("redis", "up")

    def cut(self) -> None:
        for proxy in self.proxies:
            proxy.cut()
        for side in self.sides:
            side.wait_link("redis", "down")

    def heal(self) -> float:
        for proxy in self.proxies:
            proxy.heal()
        return time.monotonic()


@pytest.fixture
def split(mesh: Mesh) -> Iterator[Split]:
    made = Split(mesh)
    yield made
    for proxy in made.proxies:
        proxy.stop()


# --- plain tools ---


def test_what_is_set_is_a_plain_string_in_redis(pair: Pair) -> None:
    pair.jerry.cli("memory", "set", "jerry", "current-task", "backup of consul").ok()
    eventually(
        lambda: value_in_redis(pair.mesh, "jerry", "current-task") == "backup of consul",
        "redis-cli get reads it",
    )
    stamp = str(clock(pair.mesh, "jerry", "current-task")).split()
    assert stamp[0] == "1" and stamp[2] == "v" and stamp[5] == "jerry-gateway", stamp
    assert get(pair.bobby, "jerry", "current-task") == "backup of consul"


def test_what_another_program_sets_is_read_at_once_and_gets_a_clock(pair: Pair) -> None:
    pair.jerry.cli("memory", "set", "jerry", "note", "mine").ok()
    eventually(lambda: settled(pair.jerry), "it is in Redis")
    pair.mesh.redis.call("SET", redis_key(pair.mesh, "jerry", "note"), "by hand")
    pair.mesh.redis.call("SET", redis_key(pair.mesh, "jerry", "new"), "also by hand")
    assert get(pair.jerry, "jerry", "note") == "by hand"
    assert get(pair.bobby, "jerry", "note") == "by hand"
    assert get(pair.jerry, "jerry", "new") == "also by hand"
    assert str(clock(pair.mesh, "jerry", "new")).endswith(" redis")
    pair.jerry.cli("memory", "set", "jerry", "note", "mine again").ok()
    eventually(lambda: settled(pair.jerry), "it is in Redis")
    assert value_in_redis(pair.mesh, "jerry", "note") == "mine again"


def test_what_another_program_deletes_is_gone(pair: Pair) -> None:
    pair.jerry.cli("memory", "set", "jerry", "note", "mine").ok()
    eventually(lambda: settled(pair.jerry), "it is in Redis")
    pair.mesh.redis.call("DEL", redis_key(pair.mesh, "jerry", "note"))
    assert get(pair.jerry, "jerry", "note") is None
    assert value_in_redis(pair.mesh, "jerry", "note") is None


def test_what_other_programs_set_is_found_by_looking(mesh: Mesh) -> None:
    jerry = mesh.add("jerry-gateway", ["jerry"], memory__scan_s=1)
    mesh.wait_whole()
    mesh.redis.call("SET", redis_key(mesh, "jerry", "unasked"), "by hand")
    mesh.redis.call("SET", redis_key(mesh, "jerry", "two words"), "no key of ours")
    eventually(lambda: values(jerry, "jerry") == {"unasked": "by hand"}, "the list has it")


def test_what_is_no_value_is_left_alone(pair: Pair) -> None:
    mesh = pair.mesh
    mesh.redis.call("LPUSH", redis_key(mesh, "jerry", "a-list"), "x")
    mesh.redis.call("SET", redis_key(mesh, "jerry", "huge"), "x" * (256 * 1024 + 1))
    mesh.redis.call("SET", redis_key(mesh, "jerry", "bytes"), b"\xff\xfe")
    for key in ("a-list", "huge", "bytes"):
        problem = pair.jerry.http("GET", f"/v1/agents/jerry/memory/{key}").problem(502)
        assert "another program" in problem["detail"] and problem["remedy"]
    assert mesh.redis.call("TYPE", redis_key(mesh, "jerry", "a-list")) == "list"
    pair.jerry.cli("memory", "set", "jerry", "a-list", "ours").ok()
    eventually(lambda: value_in_redis(mesh, "jerry", "a-list") == "ours", "a set replaces it")


# --- alone, and back ---


def test_without_redis_it_is_the_sidecars_own(alone: Sidecar) -> None:
    alone.cli("memory", "set", "jerry", "task", stdin="from a pipe\n").ok()
    assert get(alone, "jerry", "task") == "from a pipe\n"
    assert alone.json("memory", "get", "jerry", "task")["from"] == "copy"
    assert alone.json("memory", "delete", "jerry", "task")["deleted"] is True
    assert get(alone, "jerry", "task") is None


def test_what_is_answered_survives_a_kill(alone: Sidecar) -> None:
    write_all(
        alone,
        [("memory.set", {"agent": "jerry", "key": f"k{i}", "value": f"v{i}"}) for i in range(200)],
    )
    alone.process.kill()
    alone.start()
    assert values(alone, "jerry") == {f"k{i}": f"v{i}" for i in range(200)}


def test_written_while_redis_was_away_it_is_merged(split: Split) -> None:
    mesh, (jerry, bobby) = split.mesh, split.sides
    jerry.cli("memory", "set", "jerry", "both", "before").ok()
    eventually(lambda: get(bobby, "jerry", "both") == "before", "the other side has it")
    split.cut()
    jerry.cli("memory", "set", "jerry", "both", "first").ok()
    jerry.cli("memory", "set", "jerry", "mine", "only here").ok()
    bobby.cli("memory", "set", "jerry", "both", "second").ok()
    assert get(jerry, "jerry", "both") == "first" and get(bobby, "jerry", "both") == "second"
    split.heal()
    for side in split.sides:
        eventually(
            lambda: values(side, "jerry") == {"both": "second", "mine": "only here"},
            "the later one",
        )
    assert value_in_redis(mesh, "jerry", "both") == "second"


def test_a_deleted_key_stays_deleted(split: Split) -> None:
    mesh, (jerry, bobby) = split.mesh, split.sides
    for key in ("gone", "rewritten"):
        jerry.cli("memory", "set", "jerry", key, "old").ok()
        eventually(lambda: get(bobby, "jerry", key) == "old", "the other side has it")
    split.proxies[1].cut()
    bobby.wait_link("redis", "down")
    jerry.cli("memory", "delete", "jerry", "gone", "rewritten").ok()
    eventually(lambda: settled(jerry), "Redis knows")
    bobby.cli("memory", "set", "jerry", "rewritten", "later").ok()
    assert get(bobby, "jerry", "gone") == "old"
    split.heal()
    for side in split.sides:
        eventually(lambda: values(side, "jerry") == {"rewritten": "later"}, "only what is later")
    assert value_in_redis(mesh, "jerry", "gone") is None


def test_both_sides_of_a_partition_agree_within_two_seconds(split: Split) -> None:
    mesh, sides = split.mesh, split.sides
    split.cut()
    for n, side in enumerate(sides):
        # Each half is written last by another side: neither wins all.
        order = range(KEYS) if n == 0 else reversed(range(KEYS))
        write_all(
            side,
            [
                ("memory.set", {"agent": "jerry", "key": f"key-{i}", "value": f"{side.name} {i}"})
                for i in order
            ],
        )
    half = [
        ("memory.set", {"agent": "jerry", "key": f"key-{i}", "value": f"{sides[0].name} again {i}"})
        for i in range(KEYS // 2)
    ]
    write_all(sides[0], half)
    expected = {
        f"key-{i}": f"{sides[0].name} again {i}" if i < KEYS // 2 else f"{sides[1].name} {i}"
        for i in range(KEYS)
    }
    for side in sides:  # long enough for the links to try as seldom as they ever do
        side.process.wait_log("redis.link_lost", count=12, within=30)
    healed = split.heal()
    eventually(
        lambda: all(values(side, "jerry") == expected for side in sides), "both agree", within=20
    )
    took = time.monotonic() - healed
    print(f"\n{KEYS} keys written on both sides agree {took:.2f} s after the heal")
    assert took < 2 * SLOW
    assert value_in_redis(mesh, "jerry", "key-0") == expected["key-0"]
    assert value_in_redis(mesh, "jerry", f"key-{KEYS - 1}") == expected[f"key-{KEYS - 1}"]


def test_what_redis_lost_comes_back(pair: Pair, redis: Redis) -> None:
    mesh = pair.mesh
    for i in range(20):
        pair.jerry.cli("memory", "set", "jerry", f"k{i}", f"v{i}").ok()
    eventually(lambda: settled(pair.jerry), "all is in Redis")
    for key in mesh.redis.call("KEYS", f"{mesh.prefix}:*memory*"):  # FLUSHALL, but for others' tests
        mesh.redis.call("DEL", key)
    mesh.redis.call("DEL", f"{mesh.prefix}:memory-life")
    eventually(
        lambda: all(value_in_redis(mesh, "jerry", f"k{i}") == f"v{i}" for i in range(20)),
        "the copy has restored it",
    )


def test_flushall_loses_nothing(make_mesh: Callable[..., Mesh], consul: Any, own_redis: Any) -> None:
    mesh = make_mesh(consul, own_redis())
    jerry = mesh.add("jerry-gateway", ["jerry"])
    mesh.wait_whole()
    jerry.cli("memory", "set", "jerry", "kept", "precious").ok()
    eventually(lambda: value_in_redis(mesh, "jerry", "kept") == "precious", "it is in Redis")
    mesh.redis.call("FLUSHALL")
    mesh.redis.call("SCRIPT", "FLUSH")
    eventually(lambda: value_in_redis(mesh, "jerry", "kept") == "precious", "it is back")


# --- time, room, whose ---


def call_tool(sidecar: Sidecar, agent: str, tool: str, **arguments: Any) -> dict[str, Any]:
    return dict(post(sidecar, agent, call(tool, arguments)).json()["result"])


def test_a_key_with_a_ttl_goes_everywhere(pair: Pair) -> None:
    mesh = pair.mesh
    pair.jerry.cli("memory", "set", "jerry", "brief", "soon gone", "--ttl", 2).ok()
    eventually(lambda: value_in_redis(mesh, "jerry", "brief") == "soon gone", "it is in Redis")
    assert 0 < int(mesh.redis.call("PTTL", redis_key(mesh, "jerry", "brief"))) <= 2000
    assert get(pair.bobby, "jerry", "brief") == "soon gone"
    for side in (pair.jerry, pair.bobby):
        eventually(lambda: get(side, "jerry", "brief") is None, "it is gone")
    assert value_in_redis(mesh, "jerry", "brief") is None


def test_quotas_say_what_to_do(mesh: Mesh) -> None:
    jerry = mesh.add(
        "jerry-gateway", ["jerry"], memory__agent_max_keys=3, memory__agent_max_bytes=2000
    )
    mesh.wait_whole()
    for i in range(3):
        jerry.cli("memory", "set", "jerry", f"k{i}", "x").ok()
    full = jerry.http("PUT", "/v1/agents/jerry/memory/k3", {"value": "x"}).problem(507)
    assert "memory.agent_max_keys" in full["remedy"]
    jerry.cli("memory", "set", "jerry", "k0", "changed").ok()
    full = jerry.http("PUT", "/v1/agents/jerry/memory/k0", {"value": "x" * 2000}).problem(507)
    assert "memory.agent_max_bytes" in full["remedy"]
    jerry.cli("memory", "delete", "jerry", "k1").ok()
    jerry.cli("memory", "set", "jerry", "k3", "x").ok()
    assert set(values(jerry, "jerry")) == {"k0", "k2", "k3"}


def test_limits_of_keys_and_values(alone: Sidecar) -> None:
    alone.http("PUT", "/v1/agents/jerry/memory/k", {"value": "x" * (256 * 1024 + 1)}).problem(413)
    assert alone.http("PUT", "/v1/agents/jerry/memory/k", {"value": "x" * (256 * 1024)}).status == 200
    assert alone.http("PUT", "/v1/agents/jerry/memory/a%2Fb:c", {"value": ""}).status == 200
    assert alone.http("GET", "/v1/agents/jerry/memory/a%2Fb:c").json()["value"] == ""
    alone.http("PUT", "/v1/agents/jerry/memory/a%20b", {"value": "x"}).problem(400)
    alone.http("PUT", f"/v1/agents/jerry/memory/{'k' * 257}", {"value": "x"}).problem(400)
    assert alone.http("DELETE", "/v1/agents/jerry/memory/k").json()["deleted"] is True
    alone.http("GET", "/v1/agents/jerry/memory/k").problem(404)


def test_lists_have_pages(alone: Sidecar) -> None:
    keys = [f"{group}-{i:02}" for group in ("a", "b") for i in range(10)]
    write_all(alone, [("memory.set", {"agent": "jerry", "key": k, "value": k}) for k in keys])
    page = alone.json("memory", "list", "jerry", "--prefix", "b-", "--limit", 6)
    assert [k["key"] for k in page["keys"]] == keys[10:16] and page["truncated"] is True
    assert "value" not in page["keys"][0] and page["keys"][0]["bytes"] == 4
    page = alone.json("memory", "list", "jerry", "--after", keys[15], "--values")
    assert [k["value"] for k in page["keys"]] == keys[16:] and page["truncated"] is False


def test_an_agent_reads_others_only_where_it_may(pair: Pair) -> None:
    pair.jerry.cli("memory", "set", "scribe", "diary", "dear diary").ok()
    refused = call_tool(pair.jerry, "jerry", "get_memory", key="diary", of="scribe")
    assert refused["isError"] and "may not read" in refused["content"][0]["text"]
    refused = call_tool(pair.jerry, "jerry", "list_memory", of="scribe")
    assert refused["isError"]
    pair.jerry.write_config(memory__readable="bobby:scribe, jerry:scribe")
    pair.jerry.process.signal(signal.SIGHUP)
    eventually(
        lambda: call_tool(pair.jerry, "jerry", "get_memory", key="diary", of="scribe")[
            "structuredContent"
        ]["value"]
        == "dear diary",
        "the new rule is there",
    )
    # Nobody writes another one's: there is no way to name one.
    call_tool(pair.jerry, "jerry", "set_memory", key="diary", value="mine")
    assert get(pair.jerry, "scribe", "diary") == "dear diary"
    assert get(pair.jerry, "jerry", "diary") == "mine"
    assert call_tool(pair.jerry, "jerry", "delete_memory", key="diary")["structuredContent"]["deleted"]


def test_a_mistyped_agent_is_named(pair: Pair) -> None:
    wrong = pair.jerry.cli("memory", "set", "jery", "k", "v")
    assert wrong.rc == 1 and "did you mean 'jerry'" in wrong.err


def test_it_is_in_status_and_metrics(pair: Pair) -> None:
    pair.jerry.cli("memory", "set", "jerry", "k", "v").ok()
    eventually(lambda: settled(pair.jerry), "it is in Redis")
    memory = pair.jerry.status()["memory"]
    assert memory["keys"] == 1 and memory["agents"] == 1 and memory["bytes"] == 2
    assert "memory     1 keys of 1 agents, shared" in pair.jerry.cli("status").ok().out
    assert pair.jerry.metric("sideclaw_memory_keys") == 1
    assert pair.jerry.metric("sideclaw_memory_written_total") == 1
    assert pair.jerry.metric("sideclaw_memory_unshared") == 0
