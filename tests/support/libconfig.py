"""Write a libconfig file from a dictionary: groups are dicts, lists of groups are ( ), of scalars [ ]."""

from __future__ import annotations

from typing import Any


def value(v: Any, indent: str) -> str:
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return f"{v}L" if abs(v) >= 2**31 else str(v)
    if isinstance(v, float):
        return repr(v)
    if isinstance(v, str):
        escaped = (
            v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        )
        return f'"{escaped}"'
    if isinstance(v, dict):
        return "{\n" + settings(v, indent + "  ") + indent + "}"
    if isinstance(v, (list, tuple)):
        inner = ", ".join(value(x, indent) for x in v)
        return f"( {inner} )" if any(isinstance(x, dict) for x in v) else f"[ {inner} ]"
    raise TypeError(f"libconfig has no {type(v).__name__}")


def settings(group: dict[str, Any], indent: str = "") -> str:
    return "".join(f"{indent}{k} = {value(v, indent)};\n" for k, v in group.items())


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """{"log.level": "debug"} -> {"log": {"level": "debug"}}; a None takes the key out."""
    out: dict[str, Any] = {}
    for dotted, v in flat.items():
        if v is None:
            continue
        *path, last = dotted.split(".")
        group = out
        for part in path:
            group = group.setdefault(part, {})
        group[last] = v
    return out


def dump(flat: dict[str, Any]) -> str:
    return settings(nested(flat))
