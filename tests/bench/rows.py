"""The rows of tests/bench/run by name, in the order they are measured."""

from __future__ import annotations

from typing import Callable

import memory
from ask import ask
from drain import drain
from footprint import idle, process
from growth import growth
from latency import latency
from mcp import mcp
from probing import probing
from rig import Rig, Row
from throughput import throughput

ROWS: dict[str, Callable[[Rig], Row]] = {
    "latency": latency,
    "throughput": throughput,
    "ask": ask,
    "process": process,
    "mcp": mcp,
    "idle": idle,
    "probing": probing,
    "agents": memory.agents,
    "spooled": memory.spooled,
    "drain": drain,
    "growth": growth,
}
