"""The mesh's task queue (issue 5, item 6): anybody pushes, whoever is fit takes, nobody does it twice."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from support.fake_gateway import Run, TurnError
from support.mesh import Mesh
from support.process import Process
from support.redis import Redis
from support.sidecar import Sidecar
from support.wait import SLOW, Timeout, eventually, holds_for

POPPER = Path(__file__).resolve().parents[1] / "support/popper.py"


@pytest.fixture
def one(make_mesh: Callable[..., Mesh], redis: Redis) -> Iterator[Sidecar]:
    """One sidecar with a Redis that others share, and two agents of its configuration."""
    mesh = make_mesh(None, redis)
    agents = [
        {"id": "infra", "capabilities": ["nomad", "consul"]},
        {"id": "scribe", "capabilities": ["text"]},
    ]
    sidecar = mesh.add("gw1", gateway=False, config_agents=agents, labels={"group": "lab"})
    sidecar.mesh = mesh  # type: ignore[attr-defined]
    sidecar.wait_link("redis", "up")
    yield sidecar


def lpush(sidecar: Sidecar, *entries: "str | bytes") -> None:
    mesh: Mesh = sidecar.mesh  # type: ignore[attr-defined]
    mesh.redis.call("LPUSH", f"{mesh.prefix}:shared:task-queue", *entries)


def push(sidecar: Sidecar, body: str, *args: str) -> str:
    return str(sidecar.json("task", "push", *args, body)["id"])


def pop(sidecar: Sidecar, agent: str = "infra") -> Any:
    return sidecar.json("task", "pop", "--agent", agent)["task"]


def take(sidecar: Sidecar, agent: str = "infra", within: float = 10) -> dict[str, Any]:
    return dict(eventually(lambda: pop(sidecar, agent), f"there is a task for {agent}", within))


def show(sidecar: Sidecar, task: str) -> dict[str, Any]:
    return dict(sidecar.json("task", "show", task))


def done(sidecar: Sidecar, task: dict[str, Any], result: str = "fine") -> dict[str, Any]:
    return dict(sidecar.json("task", "done", "--agent", task["holder"], task["id"], task["fence"], result))


def in_queue(sidecar: Sidecar, task: str) -> None:
    """A push answers when it is on disk; this waits until others can see it."""
    eventually(lambda: task in [t["id"] for t in sidecar.json("task", "list")["tasks"]], "it is queued")


# --- the front door ---


def test_lpush_of_plain_text_is_a_task(one: Sidecar) -> None:
    lpush(one, "backup-consul")
    assert one.json("task", "list")["unread"] == 1
    task = take(one)
    assert (task["body"], task["state"], task["attempts"]) == ("backup-consul", "running", 1)
    assert done(one, task)["state"] == "done"
    over = show(one, task["id"])
    assert (over["state"], over["result"], over["confirmed"]) == ("done", "fine", True)
    assert pop(one) is None


def test_lpush_of_json_is_a_whole_task(one: Sidecar) -> None:
    lpush(one, json.dumps({"id": "task-7", "body": "x", "priority": 9, "lease_s": 5, "from": "cron"}))
    task = take(one)
    assert (task["id"], task["priority"], task["lease_s"], task["from"]) == ("task-7", 9, 5, "cron")


def test_the_list_is_first_in_first_out_and_other_json_is_a_body(one: Sidecar) -> None:
    lpush(one, "first", '{"job": "second"}', "third")
    assert [take(one)["body"] for _ in range(3)] == ["first", '{"job": "second"}', "third"]


def test_what_is_no_task_is_put_aside_with_the_reason(one: Sidecar) -> None:
    mesh: Mesh = one.mesh  # type: ignore[attr-defined]
    lpush(one, '{"body": 7}', b"\xff\xfe", "x" * 600_000, '{"body":"x","agent":"a","group":"b"}', "good")
    assert take(one)["body"] == "good" and pop(one) is None
    rejected = mesh.redis.call("LRANGE", f"{mesh.prefix}:tasks:rejected", 0, -1)
    reasons = b" ".join(r if isinstance(r, bytes) else r.encode() for r in rejected[1::2])
    assert len(rejected) == 8, "a value and its reason each"
    for word in (b"string is expected", b"UTF-8", b"600000 bytes", b"exclude each other"):
        assert word in reasons, reasons


# --- leases ---


def test_a_lease_that_runs_out_returns_the_task_and_its_fence_is_stale(one: Sidecar) -> None:
    task = push(one, "slow", "--lease", "1", "--backoff", "0")
    first = take(one)
    assert first["id"] == task and pop(one, "scribe") is None
    second = take(one, "scribe")
    assert second["attempts"] == 2 and second["fence"] != first["fence"]
    late = one.cli("task", "done", "--agent", "infra", task, first["fence"])
    assert late.rc == 1 and "lease" in late.err and "scribe" in late.err and "drop it" in late.err
    assert one.cli("task", "renew", task, first["fence"]).rc == 1
    assert one.cli("task", "fail", task, first["fence"], "no").rc == 1
    stolen = one.cli("task", "done", "--agent", "infra", task, second["fence"])
    assert stolen.rc == 1, "another agent's fence does not help"
    assert done(one, second, "at last")["state"] == "done"
    assert show(one, task)["result"] == "at last"


def test_completing_twice_with_one_fence_is_once(one: Sidecar) -> None:
    push(one, "x")
    task = take(one)
    assert done(one, task, "a")["state"] == "done"
    assert done(one, task, "b")["state"] == "done"
    assert show(one, task["id"])["result"] == "a"


def test_a_renewed_lease_lasts(one: Sidecar) -> None:
    push(one, "x", "--lease", "1", "--backoff", "0")
    task = take(one)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        again = one.json("task", "renew", "--agent", "infra", task["id"], task["fence"])
        assert again["fence"] == task["fence"]
        assert pop(one, "scribe") is None
    assert done(one, task)["state"] == "done"


def test_the_lease_is_renewed_while_a_turn_of_the_agent_runs(
    make_mesh: Callable[..., Mesh], redis: Redis
) -> None:
    mesh = make_mesh(None, redis)
    gw = mesh.add("gw1", agents=["bobby"])
    gw.wait_link("redis", "up")
    release = threading.Event()

    def turn(run: Run) -> str:
        release.wait(30)
        return "done"

    mesh.gateways["gw1"].turn = turn
    gw.cli("send", "--to", "bobby", "work").ok()
    eventually(lambda: gw.agents()["bobby"]["status"] == "busy", "bobby's turn runs")
    push(gw, "x", "--lease", "1", "--backoff", "0")
    task = take(gw, "bobby")
    holds_for(lambda: show(gw, task["id"])["state"] == "running", "it stays bobby's", 2.5)
    assert gw.metric("sideclaw_task_renewals_total") >= 2
    release.set()
    assert done(gw, task)["state"] == "done"


# --- attempts ---


def test_backoff_between_attempts_then_dead_then_another_life(one: Sidecar) -> None:
    task = push(one, "x", "--attempts", "2", "--backoff", "1")
    first = take(one)
    failed = one.json("task", "fail", "--agent", "infra", task, first["fence"], "disk full")
    assert (failed["state"], failed["reason"]) == ("waiting", "disk full")
    assert pop(one) is None, "not before its time"
    second = take(one)
    over = one.json("task", "fail", "--agent", "infra", task, second["fence"], "disk full")
    assert over["state"] == "dead" and "2 attempts: disk full" in over["reason"]
    assert [t["id"] for t in one.json("task", "list", "--state", "dead")["tasks"]] == [task]
    eventually(lambda: show(one, task)["confirmed"], "its home has its death on disk")
    assert one.cli("task", "retry", task).ok().out.split()[1] == "queued"
    third = take(one)
    assert third["id"] == task and third["attempts"] == 1
    assert done(one, third)["state"] == "done"
    assert one.cli("task", "retry", task).rc == 1


def test_giving_up_needs_no_second_attempt(one: Sidecar) -> None:
    task = push(one, "x")
    got = take(one)
    over = one.json("task", "fail", "--agent", "infra", "--give-up", task, got["fence"], "nonsense")
    assert (over["state"], over["reason"]) == ("dead", "nonsense")


def test_the_timeout_ends_it_whoever_works_on_it(one: Sidecar) -> None:
    task = push(one, "x", "--timeout", "1", "--lease", "60")
    got = take(one)
    over = eventually(lambda: (t := show(one, task))["state"] == "dead" and t, "its time is over")
    assert "timeout" in over["reason"]
    assert one.cli("task", "done", task, got["fence"]).rc == 1


def test_cancelled_is_over_for_its_holder_too(one: Sidecar) -> None:
    task = push(one, "x")
    got = take(one)
    assert one.json("task", "cancel", task)["state"] == "cancelled"
    late = one.cli("task", "done", task, got["fence"])
    assert late.rc == 1 and "cancelled" in late.err
    eventually(lambda: show(one, task)["confirmed"], "its home knows")


# --- who gets what ---


def test_priority_first_then_age(one: Sidecar) -> None:
    for name, priority in (("a", 5), ("b", 9), ("c", 5), ("d", 1)):
        in_queue(one, push(one, name, "--priority", str(priority)))
    assert [take(one)["body"] for _ in range(4)] == ["b", "a", "c", "d"]


def test_targets(one: Sidecar) -> None:
    lpush(one, '{"body": "for scribe", "agent": "scribe"}')
    push(one, "needs nomad", "--capability", "nomad")
    push(one, "needs gold", "--capability", "gold")
    push(one, "of the lab", "--group", "lab")
    push(one, "of the moon", "--group", "moon")
    eventually(lambda: one.json("task", "list")["open"] >= 4, "all are queued")
    got = Counter(str((take(one, a) or {}).get("body")) for a in ("infra", "infra", "scribe"))
    assert got == Counter(["needs nomad", "of the lab", "for scribe"])
    assert pop(one) is None and pop(one, "scribe") is None


def test_delay_and_own_id(one: Sidecar) -> None:
    task = push(one, "later", "--delay", "1", "--id", "task-9")
    assert task == "task-9" == push(one, "later", "--id", "task-9")
    other = one.cli("task", "push", "--id", "task-9", "something else")
    assert other.rc == 1 and "another body" in other.err
    assert pop(one) is None
    assert take(one)["id"] == task


# --- without Redis ---


def test_push_while_redis_is_away_waits_and_pop_says_so(
    make_mesh: Callable[..., Mesh], own_redis: Callable[..., Redis]
) -> None:
    redis = own_redis()
    mesh = make_mesh(None, redis)
    gw = mesh.add("gw1", gateway=False, config_agents=[{"id": "infra"}])
    gw.wait_link("redis", "up")
    redis.process.kill()
    gw.wait_link("redis", "down")
    task = push(gw, "x")
    assert show(gw, task)["state"] == "queued"
    away = gw.cli("task", "pop")
    assert away.rc == 75 and "queue cannot be reached" in away.err
    gw.process.kill()
    gw.start()
    redis.start()
    assert take(gw)["id"] == task, "it survived us and Redis"


def test_a_redis_that_forgets_everything_gets_it_back(
    make_mesh: Callable[..., Mesh], own_redis: Callable[..., Redis]
) -> None:
    redis = own_redis()
    mesh = make_mesh(None, redis)
    home = mesh.add("gw1", gateway=False)
    other = mesh.add("gw2", gateway=False, config_agents=[{"id": "infra"}])
    other.wait_link("redis", "up")
    finished, running, waiting = (push(home, n, "--backoff", "0") for n in "abc")
    for task in (finished, running, waiting):
        in_queue(home, task)
    assert done(other, take(other))["state"] == "done"
    held = take(other)
    assert held["id"] == running
    eventually(lambda: home_row(home, running)["state"] == 2, "its home knows who works on it")
    redis.call("FLUSHALL")
    got = take(other)
    assert got["id"] == waiting, "what nobody had may be taken at once"
    assert pop(other) is None, "its holder has the time of a lease to say that he lives"
    redis.process.kill()
    late = other.cli("--json", "task", "done", "--agent", "infra", running, held["fence"], "kept")
    assert late.json()["state"] == "finishing"
    redis.start()
    eventually(lambda: home_row(home, running)["result"] == "kept", "it was delivered")
    assert done(other, got)["state"] == "done"
    eventually(lambda: show(home, running)["confirmed"], "and all agree")
    assert {r["state"] for r in home_rows(home).values()} == {3}
    assert pop(other) is None


def home_rows(sidecar: Sidecar) -> dict[str, dict[str, Any]]:
    db = sqlite3.connect(f"file:{sidecar.state}/spool.db?mode=ro", uri=True)
    try:
        db.row_factory = sqlite3.Row
        return {r["id"]: dict(r) for r in db.execute("SELECT * FROM tasks")}
    finally:
        db.close()


def home_row(sidecar: Sidecar, task: str) -> dict[str, Any]:
    return home_rows(sidecar)[task]


# --- the whole of it ---


class Storm:
    """Kills and freezes poppers, sidecars and Redis in turn until told to stop."""

    def __init__(self, mesh: Mesh, poppers: list[Process], seed: int) -> None:
        self.mesh, self.poppers, self.random = mesh, poppers, random.Random(seed)
        self.count: Counter[str] = Counter()

    def kill_popper(self) -> None:
        p = self.random.choice(self.poppers)
        p.kill()
        p.start()

    def freeze_popper(self) -> None:
        p = self.random.choice(self.poppers)
        p.pause()
        time.sleep(2.5)  # beyond its lease: this is the fault itself
        p.resume()

    def kill_sidecar(self) -> None:
        s = self.random.choice(list(self.mesh.sidecars.values()))
        s.process.kill()
        s.start()

    def freeze_sidecar(self) -> None:
        s = self.random.choice(list(self.mesh.sidecars.values()))
        s.process.pause()
        time.sleep(2.5)
        s.process.resume()

    def restart_redis(self) -> None:
        self.mesh.redis.process.kill()
        self.mesh.redis.start()

    def flush_redis(self) -> None:
        self.mesh.redis.call("FLUSHALL")

    def strike(self) -> None:
        what = self.random.choice(
            ["kill_popper"] * 3 + ["freeze_popper"] * 2 + ["kill_sidecar"] * 2
            + ["freeze_sidecar", "restart_redis", "flush_redis"]
        )
        getattr(self, what)()
        self.count[what] += 1


def read_ledgers(folder: Path) -> list[tuple[str, str, str, str]]:
    rows = []
    for path in sorted(folder.glob("*.ledger")):
        for line in path.read_text().splitlines():
            what, task, fence = line.split()
            rows.append((path.stem, what, task, fence))
    return rows


@pytest.mark.parametrize("seed", [1])
def test_each_of_1000_tasks_is_completed_once_while_everything_fails(
    make_mesh: Callable[..., Mesh], own_redis: Callable[..., Redis], tmp_path: Path, seed: int
) -> None:
    tasks, n_poppers = 1000, 8
    mesh = make_mesh(None, own_redis())
    homes = [mesh.add(f"gw{i}", gateway=False, log__level="info") for i in (1, 2, 3)]
    for s in homes:
        s.wait_link("redis", "up")
    poppers = []
    for i in range(n_poppers):
        s = homes[i % len(homes)]
        argv = [sys.executable, POPPER, s.socket, f"agent{i}", tmp_path / f"agent{i}.ledger", 120]
        poppers.append(Process(f"popper{i}", argv, tmp_path))
    pushed = [
        push_rpc(homes[i % len(homes)], f"task-{i:04}", lease_s=2, backoff_s=0, max_attempts=1000)
        for i in range(tasks)
    ]
    storm, began = Storm(mesh, poppers, seed), time.monotonic()
    end = began + 240 * SLOW
    try:
        for p in poppers:
            p.start()
        while left(homes) > 0:
            if time.monotonic() > end:
                raise Timeout(f"{left(homes)} tasks are not done after 240 s")
            storm.strike()
        took = time.monotonic() - began
        eventually(lambda: unconfirmed(homes) == 0, "all late results have their answer", 30)
    finally:
        for p in poppers:
            p.kill()
    judge(homes, set(pushed), read_ledgers(tmp_path), storm.count, took)


def push_rpc(sidecar: Sidecar, task: str, **more: Any) -> str:
    from support.rpc import Rpc

    with Rpc(sidecar.socket) as rpc:
        return str(rpc.call("task.push", id=task, body=f"do {task}", **more)["id"])


def left(homes: list[Sidecar]) -> int:
    return sum(r["state"] < 3 for s in homes for r in home_rows(s).values())


def unconfirmed(homes: list[Sidecar]) -> int:
    n = 0
    for s in homes:
        db = sqlite3.connect(f"file:{s.state}/spool.db?mode=ro", uri=True)
        n += db.execute("SELECT count(*) FROM task_ends").fetchone()[0]
        db.close()
    return n


def judge(
    homes: list[Sidecar],
    pushed: set[str],
    ledger: list[tuple[str, str, str, str]],
    faults: "Counter[str]",
    took: float,
) -> None:
    """What the poppers were told against what the homes have on disk."""
    rows = {k: v for s in homes for k, v in home_rows(s).items()}
    assert set(rows) == pushed, "none is lost"
    assert {r["state"] for r in rows.values()} == {3}, Counter(r["state"] for r in rows.values())
    said_done = [(task, fence) for _, what, task, fence in ledger if what == "done"]
    per_task = Counter(task for task, _ in set(said_done))
    twice = {t: n for t, n in per_task.items() if n > 1}
    assert not twice, f"completed by two leases: {twice}"
    wrong = [t for t, f in said_done if int(f.split("@")[0]) != rows[t]["fence"]]
    assert not wrong, f"told done, and the home has another's end: {wrong}"
    others = [t for who, what, t, _ in ledger if what == "done" and rows[t]["result"] != f"by {who}"]
    assert not others, f"told done, and the result is another's: {others}"
    holders = Counter(f for who, f in {(w, f) for w, what, _, f in ledger if what == "got"})
    assert max(holders.values()) == 1, "one lease was given to two"
    words = Counter(what for _, what, _, _ in ledger)
    print(
        f"\n{len(pushed)} tasks in {took:.0f} s: {words['got']} leases, {words['done']} told done, "
        f"{words['late']} kept first, {words['stale']} told stale; lost 0, twice 0; "
        + ", ".join(f"{n} x {what}" for what, n in sorted(faults.items()))
    )


# --- work that one agent is asked for ---


def status_in_consul(mesh: Mesh, agent: str, task: str) -> dict[str, Any]:
    return dict(json.loads(mesh.consul.get(mesh.key(f"agents/{agent}/tasks/{task}")) or "{}"))


def test_a_task_in_the_inbox_of_an_agent_wakes_him_and_its_state_is_in_consul(mesh: Mesh) -> None:
    gw = mesh.add("gw1", agents=["infra"])
    mesh.wait_whole()
    go, seen = threading.Event(), threading.Event()

    def turn(run: Run) -> str:
        seen.set()
        go.wait(30)
        return f"restarted: {run.message}"

    mesh.gateways["gw1"].turn = turn
    key = mesh.key("agents/infra/inbox/task-123")
    mesh.consul.put(key, json.dumps({"from": "jerry", "kind": "task", "body": "restart web"}))
    assert seen.wait(15), "he was woken"
    eventually(lambda: status_in_consul(mesh, "infra", "task-123")["state"] == "running", "it runs")
    go.set()
    eventually(lambda: status_in_consul(mesh, "infra", "task-123")["state"] == "done", "it is done")
    over = status_in_consul(mesh, "infra", "task-123")
    assert over["result"] == "restarted: restart web" and over["from"] == "external:jerry"
    assert over["created"] <= over["started"] <= over["finished"]
    assert gw.json("task", "show", "task-123")["state"] == "done"
    assert mesh.gateways["gw1"].runs and len(mesh.gateways["gw1"].runs) == 1


def test_pushed_to_an_agent_elsewhere_it_wakes_him_and_its_sender_reads_the_result(mesh: Mesh) -> None:
    here = mesh.add("gw1", agents=["jerry"])
    there = mesh.add("gw2", agents=["infra"])
    mesh.wait_whole()
    asked = here.json("task", "push", "--agent", "jerry", "--for", "infra", "--id", "task-5", "look")
    assert (asked["id"], asked["state"]) == ("task-5", "queued")
    eventually(lambda: here.json("task", "show", "task-5")["state"] == "done", "its sender knows")
    assert here.json("task", "show", "task-5")["result"] == "echo(infra): look"
    eventually(lambda: status_in_consul(mesh, "infra", "task-5")["state"] == "done", "and the shell")
    assert status_in_consul(mesh, "infra", "task-5")["from"] == "jerry"
    assert len(mesh.gateways["gw2"].runs) == 1 and there.json("task", "show", "task-5")["from"] == "jerry"


def test_the_agents_own_word_on_it_stands(mesh: Mesh) -> None:
    gw = mesh.add("gw1", agents=["infra"])
    mesh.wait_whole()

    def turn(run: Run) -> str:
        answer = gw.http("POST", "/v1/tasks/task-6/fail", {"agent": "infra", "reason": "no access"})
        assert answer.status == 200, answer.text
        return "sorry"

    mesh.gateways["gw1"].turn = turn
    gw.cli("task", "push", "--for", "infra", "--id", "task-6", "drop the database").ok()
    eventually(lambda: status_in_consul(mesh, "infra", "task-6")["state"] == "failed", "it failed")
    assert status_in_consul(mesh, "infra", "task-6")["reason"] == "no access"
    again = gw.http("POST", "/v1/tasks/task-6/complete", {"agent": "infra"}).problem(409)
    assert "failed" in again["detail"]
    other = gw.http("POST", "/v1/tasks/task-99/complete", {"agent": "infra"}).problem(400)
    assert "fence" in other["detail"]


def test_a_turn_that_fails_is_told_as_failed_also_after_consul_was_away(
    make_mesh: Callable[..., Mesh], own_consul: Callable[..., Any], redis: Redis
) -> None:
    mesh = make_mesh(own_consul(keep=True), redis)
    gw = mesh.add("gw1", agents=["infra"])
    mesh.wait_whole()
    go, seen = threading.Event(), threading.Event()

    def turn(run: Run) -> str:
        seen.set()
        go.wait(60)
        raise TurnError("no such model")

    mesh.gateways["gw1"].turn = turn
    gw.cli("task", "push", "--for", "infra", "--id", "task-8", "x").ok()
    assert seen.wait(15)
    mesh.consul.process.kill()
    gw.wait_link("consul", "down", within=30)
    go.set()
    eventually(lambda: gw.json("task", "show", "task-8")["state"] == "failed", "we know")
    mesh.consul.start()
    eventually(lambda: status_in_consul(mesh, "infra", "task-8")["state"] == "failed", "so does Consul", 30)
    assert "no such model" in status_in_consul(mesh, "infra", "task-8")["reason"]
