"""docs/HEALTH.md against the sidecar: every signal has its row, and how fast it is found is what the
table of probes says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import pytest
from support.sidecar import Sidecar

ROOT = Path(__file__).resolve().parents[2]
RULE = re.compile(r'\{ "(\w+)", SC_SIG_(\w+), (\d+), (\d+), (\d+), (\d+), (\d+) \}')


def rows() -> dict[str, list[str]]:
    """Signal to the cells behind it."""
    found: dict[str, list[str]] = {}
    board = (ROOT / "docs/HEALTH.md").read_text().split("## The board")[1].split("\n## ")[0]
    for line in board.splitlines():
        if line.startswith("| `"):
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            found.update({signal: cells for signal in re.findall(r"`(\w+)`", name)})
    return found


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Sidecar]:
    alone = {"gateway.enabled": False, "consul.enabled": False, "redis.enabled": False}
    sidecar = Sidecar(tmp_path, "lonely", alone).start()
    yield sidecar
    sidecar.stop()


def test_every_signal_is_explained(lonely: Sidecar) -> None:
    shown = [signal["name"] for signal in lonely.json("health")["signals"]]
    assert list(rows()) == shown


def rules() -> dict[str, list[int]]:
    text = (ROOT / "src/domain/probe.c").read_text()
    found = {m[2].lower(): [int(n) for n in m.groups()[2:]] for m in RULE.finditer(text)}
    assert len(found) == 9
    return found


@pytest.mark.parametrize("signal", sorted(rules()))
def test_how_fast_a_fault_is_found(signal: str) -> None:
    every, again, deadline, _, fall = rules()[signal]
    said = [int(s) for s in re.findall(r"(\d+) s\b", rows()[signal][1])]
    answered = (every + (fall - 1) * again) / 1000
    silent = (every + fall * deadline) / 1000
    assert said, "the table says nothing"
    assert all(s in (answered, silent) for s in said), f"{answered} s, {silent} s when silent"
