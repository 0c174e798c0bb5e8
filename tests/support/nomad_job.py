"""A job file of nomad/ as Nomad would see it: its parts by name, its templates rendered into a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator, Mapping

from . import hcl
from .sidecar import ROOT

FOLDER = ROOT / "nomad"
FILES = sorted(FOLDER.glob("*.nomad.hcl"))
SECRETS = {
    "gateway_token": "0123456789abcdef-of-the-gateway",
    "mesh_key": "the shared key of the mesh, 32 bytes or more",
    "redis_password": "a # password",
}
TAG = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.S)
JOB_SECRETS = 'with nomadVar (printf "nomad/jobs/%s" (env "NOMAD_JOB_ID"))'


def seconds(duration: str) -> float:
    """ "1h30m" as Go reads it."""
    parts = re.findall(r"(\d+)(ms|s|m|h)", duration)
    assert parts and "".join(n + u for n, u in parts) == duration, f"no duration: {duration!r}"
    unit = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(int(n) * unit[u] for n, u in parts)


def render(text: str, env: Mapping[str, str], secrets: Mapping[str, str] = SECRETS) -> str:
    """What consul-template makes of it: the few functions that our templates use, and no others."""
    out, stack = [], [True]  # one more for each open `with` and `if`: is its text wanted?
    inside = 0  # of `with nomadVar`
    opened: list[str] = []
    for i, part in enumerate(TAG.split(text)):
        if i % 2 == 0:
            out.append(part if all(stack) else "")
            continue
        if part == JOB_SECRETS or part in ("if true", "if false"):
            stack.append(part != "if false")
            opened.append(part)
            inside += part == JOB_SECRETS
        elif part == "end":
            stack.pop()
            inside -= opened.pop() == JOB_SECRETS
        elif m := re.fullmatch(r'env "([\w.]+)"', part):
            out.append(env[m[1]] if all(stack) else "")
        elif m := re.fullmatch(r"\.(\w+)", part):
            assert inside, f"{part} outside of the job's secrets"
            out.append(secrets[m[1]] if all(stack) else "")
        else:
            raise AssertionError(f"the template says {part!r}, which no test knows")
    assert stack == [True], "an `end` is missing"
    return "".join(out)


class Job:
    def __init__(self, path: Path, **variables: Any) -> None:
        self.path = path
        self.file = hcl.read(path, **variables)
        self.job = self.file.one("job")
        self.id = self.job.labels[0]
        self.group = self.job.one("group")

    def task(self, name: str) -> hcl.Block:
        return self.group.one("task", name)

    def tasks(self) -> list[hcl.Block]:
        return self.group.all("task")

    def service(self, name: str) -> hcl.Block:
        return next(s for s in self.group.all("service") if s.attrs["name"] == name)

    def checks(self) -> Iterator[tuple[hcl.Block, hcl.Block]]:
        for s in self.group.all("service"):
            for c in s.all("check"):
                yield s, c

    def ports(self) -> dict[str, int]:
        return {p.labels[0]: p.attrs["static"] for p in self.group.one("network").all("port")}

    def templates(self) -> Iterator[tuple[hcl.Block, hcl.Block]]:
        for t in self.tasks():
            for template in t.all("template"):
                yield t, template

    def place(self, folder: Path, task: str, **env: str) -> "Placed":
        return Placed(self, folder, task, env)


class Placed:
    """One task on a node: its folders made, its templates written."""

    def __init__(self, job: Job, folder: Path, task: str, more: Mapping[str, str]) -> None:
        self.job, self.folder = job, folder / task
        self.task = job.task(task)
        self.state = folder / "node"  # where volumes are, or what meta.openclaw_state says
        for f in (self.folder / "local", self.folder / "secrets", self.state):
            f.mkdir(parents=True, exist_ok=True)
        self.env = {
            "NOMAD_JOB_ID": job.id,
            "NOMAD_TASK_DIR": str(self.folder / "local"),
            "NOMAD_SECRETS_DIR": str(self.folder / "secrets"),
            "node.unique.name": "jerry",
            "attr.kernel.name": "linux",
            "meta.openclaw_state": str(self.state),
            **{f"NOMAD_PORT_{k}": str(v) for k, v in job.ports().items()},
            **{f"NOMAD_ADDR_{k}": f"127.0.0.1:{v}" for k, v in job.ports().items()},
            **more,
        }
        for template in self.task.all("template"):
            path = self.folder / template.attrs["destination"]
            path.write_text(self.on_node(render(template.attrs["data"], self.env)))
            path.chmod(int(template.attrs.get("perms", "644"), 8))
        if any(i.attrs.get("name") == "consul_default" for i in self.task.all("identity")):
            token = self.folder / "secrets/consul_token"
            token.write_text("00000000-1111-2222-3333-444444444444")

    def on_node(self, text: str) -> str:
        """The places where volumes are mounted, as folders of this test."""
        for mount in self.task.all("volume_mount"):
            place = self.state / mount.attrs["volume"]
            place.mkdir(exist_ok=True)
            text = text.replace(mount.attrs["destination"], str(place))
        return text

    def path(self, destination: str) -> Path:
        return self.folder / destination
