"""Events: what happened in the mesh, in Redis's list, on its channel and in Consul KV for people (issue 5,
point 5)."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import Any, Callable, Iterator

import pytest
from conftest import Pair
from support.mesh import Mesh
from support.process import clean_env
from support.sidecar import Sidecar, program
from support.wait import eventually


def push(sidecar: Sidecar, text: str, **more: str) -> str:
    answer = sidecar.http("POST", "/v1/events", {"text": text, **more})
    assert answer.status == 202, answer.text
    return str(answer.json()["id"])


def recent(sidecar: Sidecar, *flags: object) -> list[dict[str, Any]]:
    return list(sidecar.json("events", *flags)["events"])


def texts(sidecar: Sidecar, *flags: object) -> list[str]:
    return [e["text"] for e in recent(sidecar, *flags)]


class Follower:
    """`sideclaw events --follow`, already listening."""

    def __init__(self, sidecar: Sidecar, mesh: Mesh) -> None:
        self.lines: list[str] = []
        argv = [program("sideclaw"), "--socket", sidecar.socket, "--json", "events", "--follow"]
        self.popen = subprocess.Popen(
            [str(a) for a in argv], stdout=subprocess.PIPE, text=True, env=clean_env(None)
        )
        channel = f"{mesh.prefix}:events"
        eventually(
            lambda: mesh.redis.call("PUBSUB", "NUMSUB", channel)[1] == 1, "somebody listens"
        )

    def next(self) -> dict[str, Any]:
        assert self.popen.stdout
        return dict(json.loads(self.popen.stdout.readline()))

    def stop(self) -> None:
        self.popen.terminate()
        self.popen.wait(10)


@pytest.fixture
def follow(mesh: Mesh) -> Iterator[Callable[[Sidecar], Follower]]:
    made: list[Follower] = []

    def make(sidecar: Sidecar) -> Follower:
        made.append(Follower(sidecar, mesh))
        return made[-1]

    yield make
    for f in made:
        f.stop()


def test_what_an_agent_says_is_seen_everywhere(pair: Pair) -> None:
    id = push(pair.jerry, "the backup is done", agent="jerry", kind="alert")
    [event] = eventually(
        lambda: [e for e in recent(pair.bobby) if e.get("id") == id], "bobby sees it"
    )
    assert event["agent"] == "jerry" and event["gateway"] == "jerry-gateway"
    assert event["kind"] == "alert" and event["text"] == "the backup is done"
    assert texts(pair.bobby, "--kind", "alert") == ["the backup is done"]
    rows = pair.mesh.redis.call("LRANGE", f"{pair.mesh.prefix}:shared:recent-events", 0, -1)
    assert any(json.loads(row).get("id") == id for row in rows)


def test_plain_redis_cli_is_a_source(pair: Pair) -> None:
    key = f"{pair.mesh.prefix}:shared:recent-events"
    pair.mesh.redis.call("LPUSH", key, "the UPS is on battery")
    assert texts(pair.bobby)[0] == "the UPS is on battery"
    assert "the UPS is on battery" in pair.bobby.cli("events").ok().out


def test_the_command_line_pushes(pair: Pair) -> None:
    pair.jerry.cli("events", "push", "--from", "jerry", "all", "is", "well").ok()
    eventually(lambda: "all is well" in texts(pair.bobby), "bobby sees it")


def test_follow_hears_what_others_say_once_and_in_order(
    pair: Pair, follow: Callable[[Sidecar], Follower]
) -> None:
    follower = follow(pair.bobby)
    for i in range(5):
        push(pair.jerry, f"from afar {i}")
    assert [follower.next()["text"] for _ in range(5)] == [f"from afar {i}" for i in range(5)]
    for i in range(3):
        push(pair.bobby, f"from here {i}")
    push(pair.jerry, "last")
    heard = [follower.next()["text"] for _ in range(4)]
    assert sorted(heard) == ["from here 0", "from here 1", "from here 2", "last"]
    pair.mesh.redis.call("PUBLISH", f"{pair.mesh.prefix}:events", "a plain word")
    assert follower.next() == {"text": "a plain word"}


def test_nobody_listens_so_nobody_subscribes(pair: Pair) -> None:
    channel = f"{pair.mesh.prefix}:events"
    assert pair.mesh.redis.call("PUBSUB", "NUMSUB", channel)[1] == 0


def test_a_gateway_that_comes_and_goes_is_said_once(pair: Pair) -> None:
    third = pair.mesh.add("third-gateway", ["carla"])
    up, down = "gateway third-gateway is up", "gateway third-gateway is down"
    eventually(lambda: up in texts(pair.jerry), "its coming is told")
    for other in (pair.jerry, pair.bobby):
        other.wait_agents("carla")
    third.stop()
    eventually(lambda: down in texts(pair.jerry), "its going is told")
    push(pair.jerry, "mark")
    push(pair.bobby, "mark")
    eventually(lambda: texts(pair.jerry).count("mark") == 2, "both said all they had to say")
    assert texts(pair.jerry).count(up) == texts(pair.jerry).count(down) == 1


def test_an_agent_that_comes_and_goes_is_told(pair: Pair) -> None:
    pair.bobby_gateway.add_agent("dora")
    eventually(lambda: "agent dora came to bobby-gateway" in texts(pair.jerry), "told")
    pair.bobby_gateway.remove_agent("dora")
    eventually(lambda: "agent dora left bobby-gateway" in texts(pair.jerry), "told")


def test_many_dead_messages_are_one_event(pair: Pair) -> None:
    pair.bobby_gateway.freeze()
    pair.bobby.process.pause()
    ids = [
        pair.jerry.http("POST", "/v1/messages", {"to": "bobby", "body": "x", "ttl_s": 1}).json()[
            "id"
        ]
        for _ in range(10)
    ]
    for id in ids:
        pair.jerry.wait_stage(id, "dead")
    pair.bobby.process.resume()
    pair.bobby_gateway.thaw()
    dead = eventually(lambda: texts(pair.jerry, "--kind", "message_dead"), "told")
    assert len(dead) <= 2 and "expired" in dead[0]


def test_an_agent_that_says_too_much_is_stopped(pair: Pair) -> None:
    answers = [
        pair.jerry.http("POST", "/v1/events", {"text": "x", "agent": "jerry"}) for _ in range(130)
    ]
    refused = [a for a in answers if a.status != 202]
    assert refused and "within a minute" in refused[0].problem(429)["detail"]
    push(pair.jerry, "another may", agent="scribe")


def test_redis_away_and_back(
    make_mesh: Callable[..., Mesh], own_redis: Callable[..., Any], own_consul: Callable[..., Any]
) -> None:
    redis = own_redis()
    mesh = make_mesh(own_consul(), redis)
    jerry = mesh.add("jerry-gateway", ["jerry"])
    jerry.wait_link("redis", "up")
    push(jerry, "before")
    eventually(lambda: "before" in texts(jerry), "there")
    redis.stop()
    jerry.wait_link("redis", "down")
    for i in range(5):
        push(jerry, f"meanwhile {i}")
    shown = jerry.json("events")
    assert [e["text"] for e in shown["events"]][:5] == [f"meanwhile {4 - i}" for i in range(5)]
    assert "redis is away" in shown["note"]
    assert jerry.metric("sideclaw_events_waiting") >= 5
    redis.start()
    jerry.wait_link("redis", "up")
    key = f"{mesh.prefix}:shared:recent-events"
    wanted = [f"meanwhile {4 - i}" for i in range(5)]
    eventually(
        lambda: [json.loads(r)["text"] for r in redis.call("LRANGE", key, 0, 4)] == wanted,
        "pushed later, in order, each once",
    )
    eventually(lambda: jerry.metric("sideclaw_events_waiting") == 0, "nothing waits")
    assert jerry.metric("sideclaw_events_pushed_total") >= 6


def test_without_redis_what_is_said_here_is_shown_here(alone: Sidecar) -> None:
    push(alone, "talking to myself")
    assert texts(alone) == ["talking to myself"]


def test_the_list_is_bounded(pair: Pair) -> None:
    key = f"{pair.mesh.prefix}:shared:recent-events"
    pair.mesh.redis.call("LPUSH", key, *[f"old {i}" for i in range(1500)])
    push(pair.jerry, "new")
    eventually(lambda: pair.mesh.redis.call("LLEN", key) == 1000, "cut at its end")
    assert texts(pair.jerry)[0] == "new"


def test_waiting_answers_with_what_comes(pair: Pair) -> None:
    now = pair.jerry.http("GET", "/v1/events/wait").json()
    assert now["events"] == []
    push(pair.jerry, "one")
    got = pair.jerry.http("GET", f"/v1/events/wait?after={now['next']}&wait_ms=20000").json()
    assert [e["text"] for e in got["events"]] == ["one"] and got["next"] == now["next"] + 1
    empty = pair.jerry.http("GET", f"/v1/events/wait?after={got['next']}&wait_ms=50").json()
    assert empty == {"events": [], "next": got["next"]}


# --- GET /events ---


class Stream:
    """A client of GET /events that reads line by line."""

    def __init__(self, sidecar: Sidecar, token: str = "", **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", sidecar.port), timeout=20)
        lines = [
            "GET /events HTTP/1.0",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {token or sidecar.token}",
            *[f"{k.replace('_', '-')}: {v}" for k, v in headers.items()],
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass

    def line(self) -> str:
        return self.file.readline().decode().rstrip("\n")

    def next(self) -> tuple[int, dict[str, Any]]:
        """The next event's number and the event."""
        number = 0
        while True:
            line = self.line()
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                return number, json.loads(line[6:])

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def test_a_stream_of_events_and_where_it_goes_on(pair: Pair) -> None:
    stream = Stream(pair.bobby)
    assert stream.status == 200 and stream.line() == ": listening"
    channel = f"{pair.mesh.prefix}:events"
    eventually(lambda: pair.mesh.redis.call("PUBSUB", "NUMSUB", channel)[1] == 1, "it listens")
    push(pair.jerry, "one")
    push(pair.jerry, "two")
    first, event = stream.next()
    assert event["text"] == "one" and stream.next()[1]["text"] == "two"
    stream.close()
    again = Stream(pair.bobby, Last_Event_ID=str(first))
    assert again.next()[1]["text"] == "two"
    again.close()


def test_the_stream_is_the_operators(pair: Pair) -> None:
    assert Stream(pair.jerry, token="wrong").status == 401
    pair.jerry.http("POST", "/events", {}).problem(405)


def test_streams_are_bounded_and_places_come_back(pair: Pair) -> None:
    streams = [Stream(pair.jerry) for _ in range(32)]
    assert {s.status for s in streams} == {200}
    assert Stream(pair.jerry).status == 429
    for s in streams:
        s.close()

    def has_room() -> bool:
        push(pair.jerry, "is anybody there?", agent="scribe")
        s = Stream(pair.jerry)
        s.close()
        return s.status == 200

    eventually(has_room, "those who went are noticed", within=20, poll=1)


def test_a_stop_with_listeners_is_a_clean_one(pair: Pair) -> None:
    stream = Stream(pair.jerry)
    assert stream.line() == ": listening"
    assert pair.jerry.stop() == 0
    stream.close()


# --- the shared documents ---


def doc(pair: Pair, name: str) -> list[dict[str, Any]]:
    return list(pair.mesh.consul.get_json(pair.mesh.key(f"shared/{name}")) or [])


def test_people_read_recent_events_in_consul(pair: Pair) -> None:
    push(pair.bobby, "the backup is done", agent="bobby")
    eventually(
        lambda: doc(pair, "recent-events")[0]["text"] == "the backup is done", "it is there"
    )
    pair.mesh.redis.call("LPUSH", f"{pair.mesh.prefix}:shared:recent-events", "by hand")
    eventually(lambda: doc(pair, "recent-events")[0] == {"text": "by hand"}, "that, too")


def test_the_document_is_written_only_when_it_changed(pair: Pair) -> None:
    push(pair.jerry, "first")
    eventually(lambda: doc(pair, "recent-events")[0]["text"] == "first", "it is there")
    key = pair.mesh.key("shared/recent-events")
    before = pair.mesh.consul.entry(key)
    beat = pair.mesh.key("gateways/jerry-gateway/last_heartbeat")
    seen = {pair.mesh.consul.get(beat)}
    # Longer than two periods of the document, in heartbeats of a second.
    eventually(
        lambda: seen.add(pair.mesh.consul.get(beat)) or len(seen) > 8, "time passes", within=30
    )
    after = pair.mesh.consul.entry(key)
    assert before and after and before["ModifyIndex"] == after["ModifyIndex"]


def test_the_next_leader_goes_on(pair: Pair) -> None:
    leader = eventually(
        lambda: pair.mesh.consul.get(pair.mesh.key("cluster/leader")), "somebody leads"
    )
    first, other = (
        (pair.jerry, pair.bobby) if leader == "jerry-gateway" else (pair.bobby, pair.jerry)
    )
    first.stop()
    push(other, "still here")
    eventually(
        lambda: "still here" in [e["text"] for e in doc(pair, "recent-events")],
        "the other one leads and writes",
        within=30,
    )


def test_recommendations_of_two_gateways_are_all_there(pair: Pair) -> None:
    for i in range(4):
        push(pair.jerry, f"buy disk {i}", agent="jerry", kind="recommendation")
        push(pair.bobby, f"sell disk {i}", agent="bobby", kind="recommendation")
    wanted = {f"{verb} disk {i}" for verb in ("buy", "sell") for i in range(4)}
    eventually(
        lambda: {e["text"] for e in doc(pair, "recommendations")} == wanted, "all of them", 20
    )
    assert len(doc(pair, "recommendations")) == 8
    assert doc(pair, "recommendations")[0]["agent"] in ("jerry", "bobby")


def test_what_a_person_wrote_there_is_kept(pair: Pair) -> None:
    pair.mesh.consul.put(pair.mesh.key("shared/recommendations"), "move to a bigger rack")
    push(pair.jerry, "buy disks", agent="jerry", kind="recommendation")
    eventually(
        lambda: [e["text"] for e in doc(pair, "recommendations")]
        == ["buy disks", "move to a bigger rack"],
        "both",
    )


def test_a_recommendation_waits_for_consul(
    make_mesh: Callable[..., Mesh], own_redis: Callable[..., Any], own_consul: Callable[..., Any]
) -> None:
    consul = own_consul(keep=True)
    mesh = make_mesh(consul, own_redis())
    jerry = mesh.add("jerry-gateway", ["jerry"])
    jerry.wait_link("consul", "up")
    consul.stop()
    jerry.wait_link("consul", "down")
    push(jerry, "buy a UPS", agent="jerry", kind="recommendation")
    consul.start()
    eventually(
        lambda: "buy a UPS" in (consul.get(mesh.key("shared/recommendations")) or ""),
        "written when it is back",
        within=40,
    )


def test_people_read_current_tasks_in_consul(pair: Pair) -> None:
    pair.jerry.http("POST", "/v1/tasks", {"body": "backup-consul", "from": "jerry"})
    eventually(lambda: doc(pair, "current-tasks")[0]["body"] == "backup-consul", "it is there")
    assert doc(pair, "current-tasks")[0]["state"] == "queued"
    pair.mesh.redis.call("LPUSH", f"{pair.mesh.prefix}:shared:task-queue", "by hand")
    unread = {"state": "unread", "entries": 1}
    eventually(lambda: unread in doc(pair, "current-tasks"), "so are those nobody looked at")
