"""`sideclaw openclaw install`: our part of a gateway's configuration, and nothing else of it."""

from __future__ import annotations

import copy
import json
import shutil
import stat
from pathlib import Path
from typing import Any, Callable

import pytest
from support.fake_config import FakeConfig
from support.mesh import Mesh
from support.sidecar import ROOT, Result, Sidecar, program, run
from support.wait import eventually

MINE = """// my gateway
{
  gateway: { port: 18789, auth: { token: "${TOKEN}" } }, // from the environment
  agents: {
    entries: {
      jerry: { name: 'J', tools: { deny: ['exec', /* too dangerous */] } },
      "my-agent": {},
    },
  },
  mcp: { servers: { docs: { url: "https://docs.example/mcp" } } },
}
"""


def install(sidecar: Sidecar, *args: object, **more: Any) -> Result:
    return sidecar.cli("openclaw", "install", *args, **more)


def changes(sidecar: Sidecar, *args: object) -> list[dict[str, Any]]:
    result = sidecar.json("openclaw", "install", *args)
    assert result["changed"] == bool(result["changes"] and not result["dry_run"])
    return list(result["changes"])


@pytest.fixture
def config(alone: Sidecar) -> FakeConfig:
    alone.wait_link("gateway", "ready")
    return alone.gateway.config


def token(sidecar: Sidecar, agent: str) -> str:
    return str(sidecar.cli("token", agent).ok().out.strip())


# --- through the gateway ---
def test_each_agent_gets_its_server_and_is_denied_the_others(
    alone: Sidecar, config: FakeConfig
) -> None:
    install(alone).ok()
    assert config.value["mcp"]["servers"] == {
        f"mesh_{a}": {
            "url": f"{alone.url}/mcp/{a}",
            "transport": "streamable-http",
            "headers": {"Authorization": f"Bearer {token(alone, a)}"},
            "requestTimeoutMs": 600000,
        }
        for a in ("jerry", "scribe")
    }
    entries = config.value["agents"]["entries"]
    assert entries["jerry"]["tools"]["deny"] == ["mesh_scribe__*"]
    assert entries["scribe"]["tools"]["deny"] == ["mesh_jerry__*"]


def test_the_skill_is_one_that_can_be_read(alone: Sidecar, config: FakeConfig) -> None:
    install(alone).ok()
    (folder,) = config.value["skills"]["load"]["extraDirs"]
    text = (Path(folder) / "SKILL.md").read_text()
    assert text.startswith("---\nname: sideclaw-mesh\n") and len(text.splitlines()) < 80


@pytest.mark.parametrize("there", [True, False])
def test_an_installed_program_has_it_in_its_prefix(
    alone: Sidecar, config: FakeConfig, tmp_path: Path, there: bool
) -> None:
    own = tmp_path / "bin/sideclaw"
    own.parent.mkdir()
    shutil.copy(program("sideclaw"), own)
    skills = tmp_path / "share/sideclaw/skills"
    if there:
        shutil.copytree(ROOT / "src/skills", skills)
    result = run(own, "--socket", alone.socket, "openclaw", "install").ok()
    if there:
        wanted = [str(skills / "sideclaw-mesh")]
        assert config.value["skills"]["load"]["extraDirs"] == wanted
    else:
        assert "skills" not in config.value and "sideclaw-mesh" in result.err


def test_no_skill_leaves_the_skills_alone(alone: Sidecar, config: FakeConfig) -> None:
    install(alone, "--no-skill").ok()
    assert "skills" not in config.value and "mesh_jerry" in config.value["mcp"]["servers"]


def test_the_second_run_changes_nothing_and_says_so(alone: Sidecar, config: FakeConfig) -> None:
    install(alone).ok()
    assert "nothing to change" in install(alone).ok().out
    assert len(config.writes) == 1


def test_uninstall_leaves_what_was_there_before(alone: Sidecar, config: FakeConfig) -> None:
    config.value["mcp"] = {"servers": {"docs": {"url": "https://docs.example/mcp"}}}
    config.value["agents"]["entries"]["jerry"]["tools"] = {"deny": ["exec"], "allow": ["*"]}
    config.value["skills"] = {"load": {"extraDirs": ["/mine"]}}
    before = copy.deepcopy(config.value)
    install(alone).ok()
    assert config.value != before
    install(alone, "--uninstall").ok()
    assert json.dumps(config.value) == json.dumps(before)
    assert "nothing to change" in install(alone, "--uninstall").ok().out


def test_a_dry_run_shows_all_and_changes_nothing(alone: Sidecar, config: FakeConfig) -> None:
    shown = install(alone, "--dry-run").ok().out
    assert config.writes == []
    assert '+ mcp.servers.mesh_jerry = {"url"' in shown
    assert '+ agents.entries.scribe.tools.deny[] "mesh_jerry__*"' in shown
    assert changes(alone, "--dry-run") == changes(alone)


def test_no_token_is_shown_or_logged(alone: Sidecar, config: FakeConfig) -> None:
    secret = token(alone, "jerry")
    said = [install(alone, *a).ok() for a in (["--dry-run"], [], ["--uninstall", "--dry-run"])]
    said.append(alone.cli("--json", "openclaw", "install", "--uninstall").ok())
    assert all(secret not in r.out + r.err for r in said)
    assert secret not in alone.process.text(whole=True)


def test_only_the_named_agents(alone: Sidecar, config: FakeConfig) -> None:
    install(alone, "--agent", "jerry").ok()
    assert list(config.value["mcp"]["servers"]) == ["mesh_jerry"]
    assert "tools" not in config.value["agents"]["entries"]["jerry"]
    install(alone, "--agent", "jerry", "--agent", "scribe").ok()
    assert list(config.value["mcp"]["servers"]) == ["mesh_jerry", "mesh_scribe"]
    install(alone, "--uninstall", "--agent", "jerry").ok()
    assert list(config.value["mcp"]["servers"]) == ["mesh_scribe"]
    assert config.value["skills"]


def test_an_agent_that_is_not_there(alone: Sidecar, config: FakeConfig) -> None:
    result = install(alone, "--agent", "nobody")
    assert result.rc == 1 and "nobody" in result.err and config.writes == []


def test_a_new_agent_is_kept_away_and_one_that_went_is_forgotten(
    alone: Sidecar, config: FakeConfig
) -> None:
    install(alone).ok()
    entries = config.value["agents"]["entries"]
    entries["rookie"] = {}
    del entries["scribe"]
    install(alone).ok()
    entries = config.value["agents"]["entries"]
    assert list(config.value["mcp"]["servers"]) == ["mesh_jerry", "mesh_rookie"]
    assert entries["jerry"]["tools"]["deny"] == ["mesh_rookie__*"]
    assert entries["rookie"]["tools"]["deny"] == ["mesh_jerry__*"]


def test_who_changes_it_at_the_same_time_loses_nothing(alone: Sidecar, config: FakeConfig) -> None:
    times = iter(range(2))

    def somebody_else() -> None:
        n = next(times, None)
        if n is not None:
            config.value["agents"]["entries"]["jerry"][f"x{n}"] = True

    config.between = somebody_else
    install(alone).ok()
    entry = config.value["agents"]["entries"]["jerry"]
    assert entry["x0"] and entry["x1"] and entry["tools"]["deny"] == ["mesh_scribe__*"]


def test_somebody_who_never_stops_is_an_error(alone: Sidecar, config: FakeConfig) -> None:
    numbers = iter(range(1000))

    def somebody_else() -> None:
        config.value["n"] = next(numbers)

    config.between = somebody_else
    result = install(alone)
    assert result.rc == 1 and "config changed" in result.err
    assert "mcp" not in config.value


def test_a_new_key_renews_the_tokens(alone: Sidecar, config: FakeConfig) -> None:
    """The gateway hides the old token, but it can compare."""
    install(alone).ok()
    (alone.state / "agent-tokens.key").unlink()
    alone.restart().wait_link("gateway", "ready")
    assert "mesh_jerry.headers.Authorization" in install(alone).ok().out
    server = config.value["mcp"]["servers"]["mesh_jerry"]
    assert server["headers"]["Authorization"] == f"Bearer {token(alone, 'jerry')}"


def test_what_comes_from_another_file_is_left_alone(alone: Sidecar, config: FakeConfig) -> None:
    config.value["mcp"] = {"$include": "./mcp.json5"}
    result = install(alone)
    assert result.rc == 78 and "$include" in result.err and config.writes == []


def test_a_gateway_that_goes_away_meanwhile(
    alone: Sidecar, config: FakeConfig, tmp_path: Path
) -> None:
    config.between = alone.gateway.drop
    result = install(alone, env={"OPENCLAW_CONFIG_PATH": str(tmp_path / "none.json")})
    assert result.rc == 75 and "connection to the gateway was lost" in result.err


# --- the file ---
@pytest.fixture
def down(make_mesh: Callable[..., Mesh]) -> Sidecar:
    """A sidecar whose gateway does not run."""
    sidecar = make_mesh(None, None).add("jerry-gateway", ["jerry", "my-agent"])
    sidecar.gateway.stop()
    sidecar.wait_link("gateway", "absent")
    return sidecar


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "openclaw.json"
    path.write_text(MINE)
    path.chmod(0o640)
    return path


def test_without_a_gateway_its_file_is_changed(down: Sidecar, mine: Path) -> None:
    result = install(down, env={"OPENCLAW_CONFIG_PATH": str(mine)}).ok()
    assert str(mine) in result.err
    text = mine.read_text()
    assert f"Bearer {token(down, 'my-agent')}" in text
    assert """deny: ['exec', /* too dangerous */ "mesh_my-agent__*",]""" in text
    assert "// my gateway" in text and "// from the environment" in text


@pytest.mark.parametrize("where", ["OPENCLAW_STATE_DIR", "HOME"])
def test_the_file_is_looked_for_where_openclaw_looks(
    down: Sidecar, mine: Path, tmp_path: Path, where: str
) -> None:
    folder = tmp_path / "there" / (".openclaw" if where == "HOME" else "")
    folder.mkdir(parents=True)
    mine.rename(folder / "openclaw.json")
    install(down, env={where: str(tmp_path / "there")}).ok()
    assert "mesh_jerry" in (folder / "openclaw.json").read_text()


def test_install_and_uninstall_give_back_the_same_bytes(down: Sidecar, mine: Path) -> None:
    install(down, "--file", mine).ok()
    changed = mine.read_text()
    assert changed != MINE
    assert "nothing to change" in install(down, "--file", mine).ok().out
    assert mine.read_text() == changed
    assert stat.S_IMODE(mine.stat().st_mode) == 0o640
    install(down, "--file", mine, "--uninstall").ok()
    assert mine.read_text() == MINE


def test_a_dry_run_of_the_file(down: Sidecar, mine: Path) -> None:
    assert len(changes(down, "--file", mine, "--dry-run")) == 5
    assert mine.read_text() == MINE


def test_a_link_stays_a_link(down: Sidecar, mine: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(mine)
    install(down, "--file", link).ok()
    assert link.is_symlink() and "mesh_jerry" in mine.read_text()


def test_uninstall_needs_no_daemon(down: Sidecar, mine: Path) -> None:
    install(down, "--file", mine).ok()
    assert down.stop() == 0
    install(down, "--file", mine, "--uninstall").ok()
    assert mine.read_text() == MINE


@pytest.mark.parametrize(
    "text, why",
    [
        ("{ mcp: { $include: 'x' } }", "$include"),
        ("{ agents: { list: [{ id: 'main' }] } }", "agents.list"),
        ("{ agents: { entries: { a: {} }", "line 1"),
        ("{ mcp: [] }", "mcp"),
    ],
)
def test_a_file_that_cannot_be_changed_is_untouched_and_the_lines_are_shown(
    down: Sidecar, mine: Path, text: str, why: str
) -> None:
    mine.write_text(text)
    result = install(down, "--file", mine, "--agent", "jerry")
    assert result.rc == 78 and why in result.err and mine.read_text() == text
    assert '"mesh_jerry": {' in result.err and "<sideclaw token jerry>" in result.err


def test_a_file_that_is_not_there(down: Sidecar, tmp_path: Path) -> None:
    result = install(down, "--file", tmp_path / "none.json")
    assert result.rc == 1 and "none.json" in result.err


def test_without_http_there_is_nothing_to_lead_to(make_mesh: Callable[..., Mesh]) -> None:
    sidecar = make_mesh(None, None).add("jerry-gateway", ["jerry"], http__enabled=False)
    sidecar.wait_link("gateway", "ready")
    result = install(sidecar)
    assert result.rc == 78 and "http.enabled" in result.err
    eventually(lambda: sidecar.gateway.config.writes == [], "nothing was written")
