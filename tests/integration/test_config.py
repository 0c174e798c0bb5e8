"""Configuration (issue 3, item 2): checked in words, overridden by environment and flags, reloaded by SIGHUP."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from support.mesh import Mesh
from support.ports import free_port
from support.process import Process, clean_env
from support.sidecar import READY, Result, Sidecar, program, run
from support.wait import eventually

GOOD = 'gateway = { name = "jerry-gateway"; };\nlog = { level = "info"; };\n'


def check(tmp_path: Path, text: str) -> Result:
    path = tmp_path / "sideclaw.conf"
    path.write_text(text)
    return run(program("sideclaw"), "config", "check", path)


def test_a_good_file_passes(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD).rc == 0


BAD = {
    "unknown-key": (
        'log = { level = "info"; };\ngateway = {\n  nmae = "x";\n};\n',
        3,
        "gateway.nmae",
        "gateway.name",
    ),
    "unknown-group": ('\ngatway = { name = "x"; };\n', 2, "gatway", "gateway"),
    "wrong-type": ('consul = {\n  heartbeat_s = "often";\n};\n', 2, "consul.heartbeat_s", ""),
    "out-of-range": ("consul = {\n  heartbeat_s = -5;\n};\n", 2, "consul.heartbeat_s", ""),
    "not-a-choice": ('log = {\n\n  level = "loud";\n};\n', 3, "log.level", "info"),
    "not-an-auth": ('gateway = {\n  auth = "magic";\n};\n', 2, "gateway.auth", "device"),
    "bad-agent-id": ('agents = (\n  { id = "a/b"; }\n);\n', 2, "agents", ""),
    "bad-gateway-name": ('gateway = {\n  name = "../x";\n};\n', 2, "gateway.name", ""),
    "bad-url": ('gateway = {\n  url = "nonsense";\n};\n', 2, "gateway.url", ""),
    "short-mesh-key": ('mesh = {\n  key = "short";\n};\n', 2, "mesh.key", "32"),
}


@pytest.mark.parametrize("text, line, key, hint", BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_exit_78_and_says_where_and_what_to_do(
    tmp_path: Path, text: str, line: int, key: str, hint: str
) -> None:
    result = check(tmp_path, text)
    assert result.rc == 78, result.err
    assert "sideclaw.conf" in result.err and f":{line}" in result.err, result.err
    assert key in result.err and hint in result.err
    assert "try:" in result.err


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    result = check(tmp_path, 'log = { level = "info"; };\ngateway = { name = ;\n')
    assert result.rc == 78
    assert "sideclaw.conf:2" in result.err


def test_the_secret_itself_is_not_printed(tmp_path: Path) -> None:
    result = check(tmp_path, 'mesh = { key = "hunter2-short"; };\n')
    assert result.rc == 78 and "hunter2" not in result.out + result.err


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run(program("sideclaw"), "config", "check", tmp_path / "none.conf")
    assert result.rc == 78 and "none.conf" in result.err


@pytest.mark.parametrize("flag", [[], ["--check"]], ids=["start", "check"])
def test_the_daemon_refuses_a_bad_file_with_78(tmp_path: Path, flag: list[str]) -> None:
    path = tmp_path / "sideclaw.conf"
    path.write_text('gateway = { nmae = "x"; };\n')
    result = run(program("sideclawd"), "--config", path, *flag)
    assert result.rc == 78 and "gateway.nmae" in result.err


def test_check_changes_nothing(tmp_path: Path) -> None:
    path, state = tmp_path / "sideclaw.conf", tmp_path / "state"
    path.write_text(f'state_dir = "{state}";\n' + GOOD)
    assert run(program("sideclawd"), "--config", path, "--check").rc == 0
    assert not state.exists()


def test_the_sample_passes_its_own_check(tmp_path: Path) -> None:
    sample = run(program("sideclaw"), "config", "sample").ok().out
    assert check(tmp_path, sample).rc == 0
    for key in ("heartbeat_s", "start_grace_s", "retry_max_ms"):
        assert key in sample


def test_the_options_are_listed() -> None:
    text = run(program("sideclaw"), "config", "options").ok().out
    for key in ("gateway.url", "consul.heartbeat_s", "SIDECLAW_GATEWAY_URL", "log.level"):
        assert key in text


@pytest.mark.parametrize("form", ["text", "sample", "markdown", "man"])
def test_the_option_table_in_each_form(form: str) -> None:
    assert "heartbeat" in run(program("sideclawd"), "--print-options", form).ok().out


@pytest.mark.parametrize("name", ["sideclawd", "sideclaw"])
def test_version_and_help(name: str) -> None:
    assert "sideclaw" in run(program(name), "--version").ok().out
    text = run(program(name), "--help").ok().out
    assert "Usage" in text or "usage" in text


def test_an_unknown_flag_is_refused() -> None:
    result = run(program("sideclawd"), "--no-such-flag")
    assert result.rc in (2, 78) and "no-such-flag" in result.err


@pytest.mark.parametrize(
    "flag", ["--gateway-token", "--mesh-key", "--consul-token", "--http-token"]
)
def test_a_secret_has_no_flag(flag: str) -> None:
    """Everybody on the machine can read argv."""
    result = run(program("sideclawd"), flag, "secret")
    assert result.rc in (2, 78)


def started(sidecar: Sidecar, args: list[str], env: dict[str, str]) -> Sidecar:
    sidecar.process.argv += args
    sidecar.process.env.update(env)
    return sidecar.start()


@pytest.fixture
def plain(mesh: Mesh) -> Sidecar:
    return mesh.add("file-gateway", ["jerry"], start=False)


def test_the_environment_overrides_the_file(plain: Sidecar) -> None:
    assert (
        started(plain, [], {"SIDECLAW_GATEWAY_NAME": "env-gateway"}).status()["gateway"]
        == "env-gateway"
    )


def test_a_flag_overrides_the_environment(plain: Sidecar) -> None:
    sidecar = started(
        plain, ["--gateway-name", "flag-gateway"], {"SIDECLAW_GATEWAY_NAME": "env-gateway"}
    )
    assert sidecar.status()["gateway"] == "flag-gateway"


def test_a_bad_environment_variable_is_named(plain: Sidecar) -> None:
    result = run(program("sideclawd"), "--check", env={"SIDECLAW_CONSUL_HEARTBEAT_S": "often"})
    assert result.rc == 78 and "SIDECLAW_CONSUL_HEARTBEAT_S" in result.err


def test_the_well_known_variables_are_honoured(mesh: Mesh) -> None:
    sidecar = mesh.add(
        "env-gateway",
        ["jerry"],
        start=False,
        consul__addr=None,
        redis__url=None,
        gateway__token=None,
    )
    started(
        sidecar,
        [],
        {
            "CONSUL_HTTP_ADDR": mesh.consul.addr,
            "REDIS_URL": mesh.redis.url,
            "OPENCLAW_GATEWAY_TOKEN": sidecar.gateway.token,
            "AGENT_ID": "jerry",
        },
    )
    sidecar.wait_link("consul", "up")
    sidecar.wait_link("redis", "up")
    sidecar.wait_link("gateway", "ready")
    message = sidecar.json("send", "--to", "jerry", "hi")["id"]
    assert sidecar.show(message)["from"]["agent"] == "jerry"


def test_consul_http_addr_without_a_scheme_works_as_for_consul_itself(mesh: Mesh) -> None:
    sidecar = mesh.add("env-gateway", ["jerry"], start=False, consul__addr=None)
    started(sidecar, [], {"CONSUL_HTTP_ADDR": f"127.0.0.1:{mesh.consul.port}"}).wait_link(
        "consul", "up"
    )


def test_the_command_line_finds_the_socket_by_its_variable(alone: Sidecar) -> None:
    result = run(
        program("sideclaw"), "--json", "status", env={"SIDECLAW_SOCKET": str(alone.socket)}
    )
    assert result.json()["gateway"] == "jerry-gateway"


def test_sighup_changes_the_log_level(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], log__level="info")
    sidecar.wait_agents("jerry")
    sidecar.cli("ask", "--to", "jerry", "hi").ok()
    assert "level=debug" not in sidecar.process.text()
    sidecar.write_config(log__level="debug")
    sidecar.process.signal(signal.SIGHUP)

    def debug_line() -> bool:
        sidecar.cli("ask", "--to", "jerry", "hi").ok()
        return "level=debug" in sidecar.process.text()

    eventually(debug_line, "a debug line in the log")


def test_sighup_names_what_needs_a_restart(alone: Sidecar) -> None:
    alone.write_config(http__listen=f"127.0.0.1:{free_port()}")
    alone.process.signal(signal.SIGHUP)
    alone.process.wait_log(r"level=warn.*http\.listen")


def test_sighup_with_a_bad_file_keeps_the_old_one(alone: Sidecar) -> None:
    alone.config.write_text('gateway = { nmae = "x"; };\n')
    alone.process.signal(signal.SIGHUP)
    alone.process.wait_log(r"level=(error|warn).*nmae")
    assert alone.status()["gateway"] == "jerry-gateway"


def test_sigterm_is_a_clean_end(alone: Sidecar) -> None:
    assert alone.stop() == 0


def test_sigint_is_a_clean_end(alone: Sidecar) -> None:
    alone.process.signal(signal.SIGINT)
    assert alone.process.wait_exit() == 0


def test_a_port_in_use_is_said(alone: Sidecar, tmp_path: Path) -> None:
    other = Sidecar(
        tmp_path,
        "other",
        {
            **alone.options,
            "state_dir": str(tmp_path / "other-state"),
            "control.socket": str(tmp_path / "other.sock"),
        },
    )
    other.start(wait=False)
    assert other.process.wait_exit(20) != 0
    assert str(alone.port) in other.process.text()


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "sideclaw.conf"
    path.write_text(f'state_dir = "{tmp_path}/file/state";\nhttp = {{ enabled = false; }};\n')
    result = run(program("sideclawd"), "--config", path, timeout=20)
    assert result.rc != 0 and "file/state" in result.err


def test_run_becomes_the_daemon(mesh: Mesh) -> None:
    sidecar = mesh.add("jerry-gateway", ["jerry"], start=False)
    sidecar.process.argv = [str(program("sideclaw")), "run", "--config", str(sidecar.config)]
    sidecar.start()
    assert sidecar.status()["pid"] == sidecar.process.pid


def test_nomads_folder_is_the_state_folder(mesh: Mesh, tmp_path: Path) -> None:
    sidecar = mesh.add("nomad-gateway", ["jerry"], start=False, state_dir=None)
    started(sidecar, [], {"NOMAD_ALLOC_DIR": str(tmp_path / "alloc")})
    assert (tmp_path / "alloc/data/sideclaw").is_dir()


def test_without_any_file_it_starts_with_its_defaults(tmp_path: Path) -> None:
    env: dict[str, Any] = {
        "HOME": str(tmp_path),
        "SIDECLAW_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        "CONSUL_HTTP_ADDR": f"http://127.0.0.1:{free_port()}",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "SIDECLAW_GATEWAY_URL": f"ws://127.0.0.1:{free_port()}",
    }
    daemon = Process("daemon", [program("sideclawd")], tmp_path, env=clean_env(env)).start()
    try:
        daemon.wait_log(READY, within=20)
        assert run(program("sideclaw"), "status", env=env).rc == 0
    finally:
        assert daemon.stop() == 0
