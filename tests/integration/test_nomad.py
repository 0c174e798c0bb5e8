"""The job files of nomad/ (issue 6, item 4): what is known of them without Nomad, and its own opinion."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support import hcl, libconfig
from support.consul import Consul
from support.fake_gateway import FakeGateway
from support.nomad import find_nomad, opinion
from support.nomad_job import FILES, FOLDER, SECRETS, Job, seconds
from support.ports import free_port
from support.redis import Redis
from support.sidecar import ROOT, Sidecar, program, run
from support.wait import eventually

job_files = pytest.mark.parametrize("path", FILES, ids=lambda p: p.name.split(".")[0])
both = pytest.mark.parametrize("guarded", [False, True], ids=["open", "with-acl"])

# What Nomad 1.10's documentation allows in each block: attributes, then blocks.
ALLOWED: dict[str, tuple[str, str]] = {
    "file": ("declared used", "variable job"),
    "variable": ("type default description", ""),
    "job": ("datacenters type", "update migrate group"),
    "update": (
        "max_parallel canary auto_promote auto_revert health_check min_healthy_time "
        "healthy_deadline progress_deadline",
        "",
    ),
    "migrate": ("max_parallel health_check min_healthy_time healthy_deadline", ""),
    "group": (
        "count shutdown_delay",
        "constraint disconnect reschedule restart network volume service task",
    ),
    "constraint": ("attribute operator value", ""),
    "disconnect": ("lost_after stop_on_client_after replace reconcile", ""),
    "reschedule": ("attempts unlimited delay delay_function max_delay", ""),
    "restart": ("attempts interval delay mode", ""),
    "network": ("mode", "port"),
    "port": ("static host_network", ""),
    "volume": ("type source", ""),
    "service": ("name port tags canary_tags", "meta check"),
    "meta": ("gateway", ""),
    "check": ("name type port path task interval timeout on_update", "check_restart"),
    "check_restart": ("limit grace ignore_warnings", ""),
    "task": (
        "driver user leader kill_signal kill_timeout",
        "lifecycle config volume_mount restart identity template env resources logs",
    ),
    "lifecycle": ("hook sidecar", ""),
    "volume_mount": ("volume destination", ""),
    "identity": ("name aud ttl", ""),
    "template": ("destination data perms env change_mode change_signal", ""),
    "resources": ("cpu memory memory_max", ""),
    "logs": ("max_files max_file_size", ""),
}
DRIVERS = {
    "podman": {"image", "network_mode", "entrypoint", "args"},
    "exec": {"command", "args"},
    "raw_exec": {"command", "args"},
}
DURATIONS = re.compile(r"(_time|_deadline|_delay|_after|interval|timeout|grace|delay|ttl)$")


def test_the_jobs_are_those_that_the_issue_names() -> None:
    assert {p.name for p in FILES} == {
        "gateway-podman.nomad.hcl",
        "gateway-exec.nomad.hcl",
        "gateway-raw-exec.nomad.hcl",
        "gateway-pinned.nomad.hcl",
        "gateways.nomad.hcl",
        "laptop.nomad.hcl",
    }


# --- form ---


@job_files
@both
def test_a_job_says_only_what_nomad_documents(path: Path, guarded: bool) -> None:
    for block in Job(path, consul_acl=guarded, redis_auth=guarded).file.walk():
        if block.type in ("env", "config"):
            continue  # free names; a driver's own
        attrs, blocks = (set(words.split()) for words in ALLOWED[block.type])
        assert set(block.attrs) <= attrs, f"{block.type}: {set(block.attrs) - attrs}"
        assert {b.type for b in block.blocks} <= blocks, block.type
        for name, value in block.attrs.items():
            if DURATIONS.search(name) and isinstance(value, str):
                assert seconds(value) > 0


@job_files
def test_every_variable_is_described_and_used(path: Path) -> None:
    job = Job(path)
    assert job.file.attrs["used"] == job.file.attrs["declared"]
    for variable in job.file.all("variable"):
        assert {"type", "default", "description"} == set(variable.attrs), variable.labels


@job_files
def test_a_drivers_configuration_is_the_drivers_own(path: Path) -> None:
    for task in Job(path).tasks():
        given = set(task.one("config").attrs)
        assert given <= DRIVERS[task.attrs["driver"]], f"{task.labels}: {given}"
        # raw_exec has no file system of its own to mount anything into: Nomad fails such a task.
        assert not (task.attrs["driver"] == "raw_exec" and task.all("volume_mount"))


@job_files
def test_numbers_that_nomad_compares_fit(path: Path) -> None:
    job = Job(path)
    update = job.job.one("update").attrs
    grace = max(seconds(c.one("check_restart").attrs["grace"]) for _, c in restarting(job))
    assert seconds(update["healthy_deadline"]) > grace + seconds(update["min_healthy_time"])
    assert seconds(update["progress_deadline"]) > seconds(update["healthy_deadline"])
    assert update.get("auto_promote", False) == (update["canary"] > 0), "Nomad refuses otherwise"
    cut_off = job.group.one("disconnect").attrs
    assert ("lost_after" in cut_off) != ("stop_on_client_after" in cut_off), "one of the two"
    for _, check in job.checks():
        assert seconds(check.attrs["interval"]) >= 1 and seconds(check.attrs["timeout"]) >= 1
    most = seconds(client().one("client").attrs["max_kill_timeout"])
    for task in job.tasks():
        assert seconds(task.attrs.get("kill_timeout", "5s")) <= most


def test_a_canary_has_a_node_and_a_name_of_its_own() -> None:
    job = Job(FOLDER / "gateways.nomad.hcl", canary=1, gateways=3)
    assert job.job.one("update").attrs["auto_promote"] is True and job.group.attrs["count"] == 3
    assert any(c.attrs.get("operator") == "distinct_hosts" for c in job.group.all("constraint"))
    assert job.service("sideclaw").one("meta").attrs["gateway"].startswith("${node.unique.name}")
    assert not any("per_alloc" in v.attrs for v in job.group.all("volume")), "excludes canaries"


def client() -> hcl.Block:
    return hcl.read(FOLDER / "client.hcl")


@job_files
def test_what_a_job_asks_of_its_node_is_in_the_sample_client(path: Path) -> None:
    node, job, text = client().one("client"), Job(path), path.read_text()
    volumes = {v.labels[0] for v in node.all("host_volume")}
    assert {v.attrs["source"] for v in job.group.all("volume")} <= volumes
    mounted = {m.attrs["volume"] for t in job.tasks() for m in t.all("volume_mount")}
    assert mounted == {v.labels[0] for v in job.group.all("volume")}
    asked = set(re.findall(r"\bmeta\.(\w+)", re.sub(r"^\s*#.*$", "", text, flags=re.M)))
    assert asked <= set(node.one("meta").attrs)
    networks = {"default"} | {n.labels[0] for n in node.all("host_network")}
    ports = job.group.one("network").all("port")
    assert {p.attrs["host_network"] for p in ports} <= networks
    plugins = {p.labels[0] for p in client().all("plugin")}
    for driver in {t.attrs["driver"] for t in job.tasks()} - {"exec"}:
        assert plugins & {driver, f"nomad-driver-{driver}"}


# --- what the parts are to each other ---


def restarting(job: Job) -> list[tuple[hcl.Block, hcl.Block]]:
    return [(s, c) for s, c in job.checks() if c.all("check_restart")]


@job_files
def test_the_sidecar_frames_the_gateway(path: Path) -> None:
    job = Job(path)
    sidecar, gateway = job.task("sideclaw"), job.task("gateway")
    assert sidecar.one("lifecycle").attrs == {"hook": "prestart", "sidecar": True}
    assert gateway.attrs["leader"] is True and not gateway.all("lifecycle")
    assert job.task("prepare").one("lifecycle").attrs == {"hook": "prestart"}
    # SIGUSR1 would open Node's debugger. A frozen gateway is back only after its kill_timeout.
    assert gateway.attrs["kill_signal"] == sidecar.attrs["kill_signal"] == "SIGTERM"
    assert 30 <= seconds(gateway.attrs["kill_timeout"]) <= 120
    assert seconds(sidecar.attrs["kill_timeout"]) >= 15
    assert seconds(job.group.attrs["shutdown_delay"]) >= 5


@job_files
def test_each_reader_has_its_page(path: Path) -> None:
    job = Job(path)
    traefik = "traefik.enable=true" in job.service("openclaw-gateway").attrs.get("tags", [])
    pages = {(s.attrs["name"], c.attrs["path"]) for s, c in job.checks()}
    assert pages == {
        ("openclaw-gateway", "/health/live"),
        ("sideclaw", "/health"),
        *([("openclaw-gateway", "/health/traffic")] if traefik else []),
    }
    for service, check in job.checks():
        assert check.attrs.get("port", service.attrs["port"]) == "sideclaw", check.attrs["name"]
    # 429 must neither take a gateway from Traefik (strictChecks) nor fail a deployment.
    (health,) = job.service("sideclaw").all("check")
    assert health.attrs["on_update"] == "ignore_warnings"


@job_files
def test_only_a_dead_gateway_is_restarted_and_a_slow_start_is_not_dead(path: Path) -> None:
    job = Job(path)
    ((service, check),) = restarting(job)
    assert check.attrs["path"] == "/health/live" and check.attrs["task"] == "gateway"
    when = check.one("check_restart").attrs
    assert seconds(when["grace"]) >= 300 and when["ignore_warnings"] is True
    patience = (when["limit"] - 1) * seconds(check.attrs["interval"])
    back = seconds(job.task("sideclaw").one("restart").attrs["delay"])
    assert patience > 2 * back, "or the gateway is restarted with its sidecar"
    conf = sidecar_template(job).attrs["data"]
    assert f"start_grace_s = {seconds(when['grace']):.0f};" in conf


@job_files
def test_what_the_checks_ask_for_is_in_the_api(path: Path) -> None:
    known = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    for _, check in Job(path).checks():
        assert "get" in known[check.attrs["path"]]


@job_files
def test_services_and_checks_name_ports_that_there_are(path: Path) -> None:
    job = Job(path)
    assert job.ports() == {"gateway": 18789, "sideclaw": 18790}
    for service, check in job.checks():
        assert service.attrs["port"] in job.ports()
        assert check.attrs.get("port", "sideclaw") in job.ports()
    named = set(re.findall(r"NOMAD_(?:PORT|ADDR)_(\w+)", path.read_text()))
    assert named == set(job.ports())


# --- secrets and signals ---


@job_files
def test_secrets_are_nomad_variables_in_the_secrets_folder(path: Path) -> None:
    job = Job(path, redis_auth=True)
    secret = [t.attrs["destination"] for _, t in job.templates() if "nomadVar" in t.attrs["data"]]
    assert sorted(secret) == [
        "secrets/gateway.env",
        "secrets/gateway.token",
        "secrets/mesh.key",
        "secrets/redis.password",
    ]
    for task in job.tasks():
        for block in task.all("config") + task.all("env"):
            assert "nomadVar" not in str(block.attrs), "arguments and variables are for everybody"
    for name in SECRETS:
        assert f"{name}=" in path.read_text(), f"how to set {name} is not said"


def reloadable() -> set[str]:
    text = run(program("sideclawd"), "--print-options", "markdown").ok().out
    return set(re.findall(r"^\| `([\w.]+)` .*SIGHUP applies it", text, re.M))


def sidecar_template(job: Job) -> hcl.Block:
    templates = job.task("sideclaw").all("template")
    return next(t for t in templates if t.attrs["destination"] == "local/sideclaw.conf")


@job_files
def test_a_signal_is_sent_where_a_signal_is_enough(path: Path) -> None:
    job = Job(path, redis_auth=True)
    conf = sidecar_template(job).attrs["data"]
    assert sidecar_template(job).attrs["change_signal"] == "SIGHUP"
    for template in job.task("sideclaw").all("template"):
        name = Path(template.attrs["destination"]).name
        if name == "sideclaw.conf":
            continue
        group, key = option_of(conf, name)
        enough = f"{group}.{key}" in reloadable()
        assert template.attrs["change_mode"] == ("signal" if enough else "restart"), name
        assert template.attrs.get("change_signal") == ("SIGHUP" if enough else None), name


def option_of(conf: str, file: str) -> tuple[str, str]:
    """The option whose value ends with this file's name: ("mesh", "key_file")."""
    line = next(n for n, text in enumerate(conf.splitlines()) if f"/{file}" in text)
    head = "\n".join(conf.splitlines()[: line + 1])
    group = re.findall(r"^(\w+) = \{", head, re.M)[-1]
    return group, re.findall(r"(\w+) = \"[^;]*/" + re.escape(file), head)[-1]


# --- what comes out of the templates ---


@job_files
@both
def test_the_rendered_configuration_is_one_that_sideclaw_takes(
    path: Path, guarded: bool, tmp_path: Path
) -> None:
    placed = Job(path, consul_acl=guarded, redis_auth=guarded).place(tmp_path, "sideclaw")
    conf = placed.path("local/sideclaw.conf")
    run(program("sideclaw"), "config", "check", conf).ok()
    text = conf.read_text()
    assert ("consul_token" in text) == ("redis.password" in text) == guarded
    assert placed.path("secrets/gateway.token").read_text() == SECRETS["gateway_token"]
    # An option that does not exist is refused, so the line above is worth something.
    conf.write_text(text.replace("start_grace_s", "start_grave_s"))
    assert run(program("sideclaw"), "config", "check", conf).rc == 78


@job_files
def test_a_sidecar_runs_with_it_and_answers_every_check(
    path: Path, tmp_path: Path, consul: Consul, redis: Redis
) -> None:
    gateway = FakeGateway(["jerry"], token=SECRETS["gateway_token"])
    try:
        port = free_port()
        job = Job(path, redis_url=f"redis://127.0.0.1:{redis.port}", consul_addr=consul.addr)
        placed = job.place(
            tmp_path,
            "sideclaw",
            NOMAD_PORT_gateway=str(gateway.port),
            NOMAD_ADDR_sideclaw=f"127.0.0.1:{port}",
        )
        sidecar = Sidecar(tmp_path, "sidecar")
        sidecar.port, sidecar.url = port, f"http://127.0.0.1:{port}"
        prefix = f"nomad-{path.name.split('.')[0]}"  # the jobs' own is openclaw, as everybody's
        sidecar.config.write_text(
            placed.path("local/sideclaw.conf").read_text()
            + libconfig.dump({"control.socket": str(sidecar.socket)})
        )
        sidecar.process.argv.append(f"--cluster-prefix={prefix}")
        sidecar.start()
        try:
            for _, check in job.checks():
                page = str(check.attrs["path"])
                eventually(lambda: sidecar.http("GET", page, token="").status == 200, page, 20)
            meta = job.service("sideclaw").one("meta").attrs
            name = re.sub(r"\$\{.*\}", "jerry", meta["gateway"])
            agent = f"{prefix}/agents/jerry/gateway"
            eventually(lambda: consul.get(agent) == name, "it registers jerry", 20)
            # Nomad registers the service, so the sidecar must not.
            assert consul.api("GET", f"/v1/agent/service/openclaw-gateway-{name}") is None
            assert "sideclaw_build_info" in sidecar.http("GET", "/metrics", token="").text
            sidecar.process.signal(1)
            sidecar.process.wait_log(r"event=config\.reloaded")
        finally:
            code = sidecar.stop()
        assert code == 0
    finally:
        gateway.stop()


@job_files
def test_the_gateways_first_configuration_is_not_written_twice(path: Path, tmp_path: Path) -> None:
    placed = Job(path).place(tmp_path, "prepare")
    script = placed.path("local/prepare.sh")
    run("/bin/sh", script).ok()
    (made,) = placed.state.glob("openclaw/openclaw.json")
    assert json.loads(made.read_text())["gateway"]["mode"] == "local"
    assert (placed.state / "openclaw/tmp").is_dir()
    made.write_text("kept")
    run("/bin/sh", script).ok()
    assert made.read_text() == "kept"


@job_files
def test_the_gateway_starts_from_where_prepare_wrote(path: Path) -> None:
    job = Job(path)
    gateway = job.task("gateway")
    env, args = gateway.one("env").attrs, gateway.one("config").attrs["args"]
    raw = gateway.attrs["driver"] == "raw_exec"
    home = "${meta.openclaw_state}/openclaw" if raw else "/var/lib/openclaw"
    assert env["OPENCLAW_STATE_DIR"] == home
    assert env["OPENCLAW_CONFIG_PATH"] == f"{home}/openclaw.json"
    assert args[:4] == ["gateway", "run", "--port", "${NOMAD_PORT_gateway}"]
    assert args[5] in ("lan", "tailnet", "loopback")


# --- images ---


def shell(file: str, name: str) -> str:
    """A variable of scripts/lib: its value, or the words of an array."""
    text = (ROOT / "scripts/lib" / file).read_text()
    found = re.search(rf"^{name}=(?:\(([^)]*)\)|(\S+))$", text, re.M)
    assert found, f"{file} has no {name}"
    return found[1] or found[2]


def test_the_images_have_the_versions_that_are_tested() -> None:
    job = Job(FOLDER / "gateway-podman.nomad.hcl")
    sidecar = job.task("sideclaw").one("config").attrs["image"]
    gateway = job.task("gateway").one("config").attrs["image"]
    version = run(program("sideclawd"), "--version").ok().out.split()[1]
    openclaw = shell("openclaw.sh", "OPENCLAW_VERSION")
    for image, name, tag in ((sidecar, "sideclaw", version), (gateway, "openclaw", openclaw)):
        assert image == f"localhost/{name}:{tag}"
        assert f"-t {image} -f nomad/{name}.Containerfile" in job.path.read_text()
        assert f"-t {image} " in (FOLDER / f"{name}.Containerfile").read_text()
    assert f"openclaw@{openclaw}" in (FOLDER / "openclaw.Containerfile").read_text()


def test_the_sidecars_image_is_built_from_what_is_needed_and_there() -> None:
    text = (FOLDER / "sideclaw.Containerfile").read_text()
    build, final = text.split("\nFROM debian:bookworm-slim\n")
    assert set(shell("apt.sh", "SC_APT_BUILD").split()) <= set(build.split())
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", build, re.M):
        for source in line.split():
            assert (ROOT / source).exists(), source
    # Each library that the daemon names has its package in the image that runs it.
    needed = run("readelf", "-d", program("sideclawd")).ok().out
    libraries = set(re.findall(r"\[(lib[a-z0-9]+)[^\]]*\.so", needed))
    libraries -= {"libc", "libm", "libgcc", "libasan", "libubsan", "libtsan"}
    assert len(libraries) >= 9
    for library in libraries:
        assert any(word.startswith(library) for word in final.split()), library


# --- Nomad's own opinion ---


with_nomad = pytest.mark.skipif(find_nomad() is None, reason="skipped: nomad not found")


@with_nomad
@job_files
@pytest.mark.parametrize(
    "variables", [[], ["-var=consul_acl=true", "-var=redis_auth=true"]], ids=["open", "with-acl"]
)
def test_nomad_calls_the_job_valid(path: Path, variables: list[str]) -> None:
    done = opinion("job", "validate", *variables, path)
    assert done.returncode == 0, done.stdout + done.stderr


@with_nomad
def test_nomad_calls_the_canary_valid() -> None:
    done = opinion("job", "validate", "-var=canary=1", FOLDER / "gateways.nomad.hcl")
    assert done.returncode == 0, done.stdout + done.stderr


@with_nomad
def test_nomad_takes_the_sample_client(tmp_path: Path) -> None:
    config = tmp_path / "nomad.hcl"
    config.write_text(f'data_dir = "{tmp_path}/data"\n' + (FOLDER / "client.hcl").read_text())
    done = opinion("config", "validate", config)
    assert done.returncode == 0, done.stdout + done.stderr


@with_nomad
@job_files
def test_nomads_formatter_changes_nothing(path: Path) -> None:
    done = opinion("fmt", "-check", path)
    assert done.returncode == 0, done.stdout + done.stderr
