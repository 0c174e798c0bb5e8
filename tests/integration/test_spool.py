"""The spool as an operator sees it: full, checked, compacted, exported, refused (issue 4, item 1)."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.process import clean_env
from support.sidecar import Sidecar, program
from support.wait import eventually


def spool_of(sidecar: Sidecar) -> Path:
    return Path(sidecar.state) / "spool.db"


def sql(path: Path, *statements: str) -> None:
    """As a person with sqlite3 would; closed, so that nothing is left in a log."""
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def elsewhere(sidecar: Sidecar, text: str = "hi", n: int = 1) -> list[str]:
    """Messages for a gateway that nobody knows: they wait."""
    return [
        str(sidecar.json("send", "--from", "jerry", "--to", "bobby@elsewhere", f"{text}{i}")["id"])
        for i in range(n)
    ]


def signal(sidecar: Sidecar) -> dict[str, Any]:
    rows = sidecar.http("GET", "/v1/health").json()["signals"]
    return dict(next(s for s in rows if s["name"] == "spool"))


# --- full ---


@pytest.fixture
def small(make_mesh: Any) -> Sidecar:
    return make_mesh(None, None).add("jerry-gateway", ["jerry"], spool__max_messages=3)


def test_a_full_spool_refuses_with_the_numbers_and_the_option(small: Sidecar) -> None:
    elsewhere(small, n=3)
    result = small.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "one too many")
    assert result.rc == 1
    assert "3 messages" in result.err and "3 messages are allowed" in result.err, result.err
    assert "spool.max_messages" in result.err
    answer = small.http("POST", "/v1/messages", {"to": "bobby@elsewhere", "body": "x"})
    problem = answer.problem(507)
    assert problem["code"] == "full" and "spool.max_messages" in problem["remedy"]
    assert int(answer.headers["Retry-After"]) > 0
    assert small.metric("sideclaw_spool_full_total", limit="spool") >= 2
    assert small.metric("sideclaw_spool_limit_messages") == 3
    assert small.metric("sideclaw_spool_kept_messages") == 3


def test_a_full_spool_shows_in_the_health_and_a_larger_one_does_not(small: Sidecar) -> None:
    assert signal(small)["state"] == "ok"
    waiting = elsewhere(small, n=3)
    assert small.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "x").rc == 1
    bad = signal(small)
    assert bad["state"] == "bad" and "full" in bad["detail"] and "spool.max" in bad["remedy"]
    assert small.http("GET", "/health", token="").status == 429
    small.stop()
    small.write_config(spool__max_messages=1000)
    small.start()
    assert signal(small)["state"] == "ok"
    assert all(small.stage(m) == "accepted" for m in waiting), "what waited still waits"


def test_room_that_returns_by_itself_heals_the_signal(make_mesh: Any) -> None:
    sidecar = make_mesh(None, None).add("jerry-gateway", ["jerry"], spool__max_messages=3)
    for i in range(3):
        sidecar.json("send", "--from", "jerry", "--to", "bobby@elsewhere", "--ttl", "4", str(i))
    assert sidecar.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "x").rc == 1
    assert signal(sidecar)["state"] == "bad"
    eventually(lambda: signal(sidecar)["state"] == "ok", "they died, which makes room", within=30)
    sidecar.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "now it fits").ok()


def test_bytes_are_bounded_too(make_mesh: Any) -> None:
    sidecar = make_mesh(None, None).add("jerry-gateway", ["jerry"], spool__max_bytes=1 << 20)
    body = "x" * 200_000
    results = [
        sidecar.cli("send", "--from", "jerry", "--to", "bobby@elsewhere", "-", stdin=body)
        for _ in range(7)
    ]
    assert results[0].rc == 0 and results[-1].rc == 1
    assert "1048576 bytes are allowed" in results[-1].err
    assert "spool.max_bytes" in results[-1].err
    assert sidecar.metric("sideclaw_spool_bytes") <= 1 << 20
    assert sidecar.metric("sideclaw_spool_limit_bytes") == 1 << 20


# --- check, export, compact ---


def test_check_says_that_all_is_well_while_the_daemon_runs_and_when_not(alone: Sidecar) -> None:
    elsewhere(alone, n=3)
    out = alone.cli("spool", "check").ok().out
    assert str(spool_of(alone)) in out and "everything is as it should be" in out
    found = alone.json("spool", "check", "--full")
    assert found["ok"] is True and found["problems"] == 0
    assert (found["outbox"]["messages"], found["outbox"]["open"]) == (3, 3)
    alone.stop()
    found = alone.json("spool", "check", "--config", str(alone.config))
    assert found["outbox"]["open"] == 3 and found["schema"] == found["known_schema"]


def test_check_names_what_is_wrong(alone: Sidecar) -> None:
    elsewhere(alone, n=2)
    alone.stop()
    sql(
        spool_of(alone),
        "DELETE FROM outbox_envelope WHERE n = 1",
        "UPDATE outbox SET due_ms = NULL WHERE n = 2",
    )
    result = alone.cli("spool", "check", "--file", spool_of(alone))
    assert result.rc == 1
    assert "outbox row 1: its envelope is missing" in result.out
    assert "outbox row 2: it is neither due nor settled" in result.out
    found = alone.cli("--json", "spool", "check", "--file", spool_of(alone))
    assert found.rc == 1 and json.loads(found.out)["problems"] == 2


def test_a_row_without_its_envelope_stops_nobody_else(alone: Sidecar) -> None:
    first, second = elsewhere(alone, n=2)
    alone.stop()
    sql(spool_of(alone), "DELETE FROM outbox_envelope WHERE n = 1")
    alone.start()
    assert alone.stage(second) == "accepted"
    assert alone.cli("show", first).rc != 0


def test_export_writes_what_waits_line_by_line(alone: Sidecar) -> None:
    waiting = elsewhere(alone, "waiting", n=3)
    alone.json("ask", "--to", "jerry", "answered")
    lines = [json.loads(line) for line in alone.cli("spool", "export", "--out").ok().out.splitlines()]
    assert [line["id"] for line in lines] == waiting
    assert [line["envelope"]["body"] for line in lines] == ["waiting0", "waiting1", "waiting2"]
    assert all(line["stage"] == "accepted" and line["times"]["accepted"] for line in lines)
    everything = alone.cli("spool", "export", "--all").ok().out.splitlines()
    assert len(everything) > 3
    assert {json.loads(line)["direction"] for line in everything} == {"in", "out"}


def test_export_works_when_the_daemon_is_stopped(alone: Sidecar) -> None:
    waiting = elsewhere(alone, n=2)
    alone.process.kill()
    lines = alone.cli("spool", "export", "--config", alone.config).ok().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == waiting
    alone.start()
    assert all(alone.stage(m) == "accepted" for m in waiting)


def test_export_to_a_reader_that_goes_away_is_no_crash(alone: Sidecar) -> None:
    elsewhere(alone, "x" * 1000, n=20)
    command = [str(program("sideclaw")), "--socket", str(alone.socket), "spool", "export"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_env()) as child:
        assert child.stdout is not None
        child.stdout.read(10)
        child.stdout.close()
        assert child.wait(30) in (0, 1)


def test_compact_is_refused_while_the_daemon_runs(alone: Sidecar) -> None:
    result = alone.cli("spool", "compact")
    assert result.rc == 1
    assert f"pid {alone.process.pid}" in result.err and "stop that daemon first" in result.err


def test_compact_shrinks_the_file_and_keeps_the_messages(alone: Sidecar) -> None:
    waiting = elsewhere(alone, n=2)
    alone.stop()
    sql(
        spool_of(alone),
        "CREATE TABLE ballast AS SELECT hex(randomblob(2000000)) AS x",
        "DROP TABLE ballast",
    )
    before = spool_of(alone).stat().st_size
    done = alone.json("spool", "compact", "--file", spool_of(alone))
    assert done["before"] == before and done["after"] < before / 4
    assert spool_of(alone).stat().st_size == done["after"]
    assert list(Path(alone.state).glob("*etilqs*")) == []
    alone.start()
    assert all(alone.stage(m) == "accepted" for m in waiting)


def test_the_tools_need_a_file_that_is_there(tmp_path: Path, alone: Sidecar) -> None:
    for action in ("check", "compact", "export"):
        result = alone.cli("spool", action, "--file", tmp_path / "none.db")
        assert result.rc == 1 and "No such file" in result.err and "--file" in result.err, action
        assert not (tmp_path / "none.db").exists()
    assert alone.cli("spool").rc == 2
    assert alone.cli("spool", "shred").rc == 2
    assert alone.cli("spool", "compact", "--all").rc == 2


def test_the_light_program_does_not_load_sqlite() -> None:
    needed = subprocess.run(
        ["ldd", str(program("sideclaw"))], capture_output=True, text=True, check=True
    )
    assert "sqlite" not in needed.stdout


# --- refused, never replaced ---


class Refused:
    """A stopped sidecar whose spool was tampered with; it must not start, and not touch the file."""

    def __init__(self, folder: Path) -> None:
        off = {"gateway.enabled": False, "consul.enabled": False, "redis.enabled": False}
        self.sidecar = Sidecar(folder, "jerry-gateway", off)
        self.path = spool_of(self.sidecar)
        elsewhere(self.sidecar.start(), n=50)
        self.sidecar.stop()

    def check(self, code: int, *words: str) -> None:
        before = self.path.read_bytes() if self.path.is_file() else None
        self.sidecar.start(wait=False)
        assert self.sidecar.process.wait_exit(20) == code
        text = self.sidecar.process.text()
        assert "try:" in text
        for word in words:
            assert word in text, text
        after = self.path.read_bytes() if self.path.is_file() else None
        assert before == after, "the file is as it was"


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    return Refused(tmp_path)


def test_garbage_is_refused(refused: Refused) -> None:
    refused.path.write_bytes(os.urandom(100_000))
    refused.check(1, "damaged or no spool", ".recover")


def test_a_truncated_file_is_refused(refused: Refused) -> None:
    size = refused.path.stat().st_size
    with open(refused.path, "r+b") as f:
        f.truncate(size // 2 // 4096 * 4096)
    refused.check(1, "damaged", ".recover")


def test_a_folder_in_its_place_is_refused(refused: Refused) -> None:
    refused.path.unlink()
    refused.path.mkdir()
    refused.check(1, "cannot open the spool", "move what is there away")


def test_a_newer_version_is_refused(refused: Refused) -> None:
    sql(refused.path, "PRAGMA user_version = 99")
    refused.check(78, "newer sideclaw (schema 99", "run that version again")


def test_another_programs_database_is_refused(refused: Refused) -> None:
    refused.path.unlink()
    sql(refused.path, "CREATE TABLE recipes(name TEXT)")
    refused.check(78, "not a sidecar's spool", "state_dir")


def test_a_second_sidecar_on_one_state_folder_is_refused(alone: Sidecar, tmp_path: Path) -> None:
    second = Sidecar(tmp_path, "other-gateway", {"state_dir": str(alone.state)})
    second.start(wait=False)
    assert second.process.wait_exit(20) == 1
    text = second.process.text()
    assert f"pid {alone.process.pid}" in text and "its own state_dir" in text
    assert alone.process.alive


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv to stop being root")
def test_a_file_that_may_not_be_written_is_refused(refused: Refused) -> None:
    """As root every file can be written, so the daemon gives that up first."""
    process = refused.sidecar.process
    for folder in [refused.sidecar.folder, Path(refused.sidecar.state)]:
        for path in [folder, *folder.iterdir()]:
            os.chown(path, 65534, 65534)
    for parent in refused.sidecar.folder.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    os.chown(refused.path, 0, 0)
    refused.path.chmod(0o644)
    process.argv = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *process.argv,
    ]
    refused.check(1, "is read-only", "chmod u+rw")
