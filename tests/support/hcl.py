"""Just enough HCL 2 to read the job files of nomad/: blocks, attributes, heredocs, variables, conditions.

Anything else is a SyntaxError, so that a file cannot say something the tests do not see.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional

TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t\r]|\#[^\n]*|//[^\n]*)+)|(?P<line>\n)
    |(?P<heredoc><<(?P<flush>-?)(?P<mark>\w+)\n)|(?P<quote>")
    |(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)
    |(?P<op>==|!=|>=|<=|[{}\[\](),=?:<>])""",
    re.X,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
OURS = re.compile(r"(var|identity)\.")  # other ${...} are Nomad's own, filled in on the node


@dataclass
class Block:
    type: str
    labels: list[str] = field(default_factory=list)
    attrs: dict[str, Any] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    def all(self, type: str) -> list["Block"]:
        return [b for b in self.blocks if b.type == type]

    def one(self, type: str, label: Optional[str] = None) -> "Block":
        found = [b for b in self.all(type) if label is None or b.labels == [label]]
        assert len(found) == 1, f"{len(found)} blocks {type} {label or ''} in {self.type}"
        return found[0]

    def walk(self) -> Iterator["Block"]:
        yield self
        for b in self.blocks:
            yield from b.walk()


class Reader:
    def __init__(self, text: str, scope: Mapping[str, Any]) -> None:
        self.text, self.scope, self.at = text, dict(scope), 0
        self.used: set[str] = set()
        self.token: tuple[str, Any] = ("", None)
        self.next()

    def fail(self, what: str) -> SyntaxError:
        return SyntaxError(f"line {self.text.count(chr(10), 0, self.at) + 1}: {what}")

    # --- tokens ---
    def next(self) -> None:
        while True:
            if self.at == len(self.text):
                self.token = ("end", None)
                return
            m = TOKEN.match(self.text, self.at)
            if not m:
                raise self.fail(f"unexpected {self.text[self.at]!r}")
            self.at = m.end()
            if not m["blank"]:
                break
        if m["heredoc"]:
            self.token = ("string", self.heredoc(m["mark"], m["flush"] == "-"))
        elif m["quote"]:
            self.token = ("string", self.string())
        else:
            kind = next(k for k in ("line", "number", "name", "op") if m[k])
            self.token = (kind, m[0])

    def heredoc(self, mark: str, flush: bool) -> str:
        end = re.compile(rf"^[ \t]*{mark}$", re.M).search(self.text, self.at)
        if not end:
            raise self.fail(f"no {mark}")
        body = self.text[self.at : end.start()]
        self.at = end.end()
        return self.fill(textwrap.dedent(body) if flush else body)

    def string(self) -> str:
        out, start = "", self.at
        while True:
            c = self.text[self.at : self.at + 1]
            if c in ("", "\n"):
                raise self.fail("a string without its end")
            self.at += 1
            if c == '"':
                return self.fill(out)
            if c == "\\":
                out += ESCAPES[self.text[self.at]]
                self.at += 1
            elif self.text.startswith("${", self.at - 1):
                end = self.text.index("}", self.at)
                out += self.text[self.at - 1 : end + 1]
                self.at = end + 1
            else:
                out += c
            assert self.at > start

    def fill(self, text: str) -> str:
        def one(m: "re.Match[str]") -> str:
            if not OURS.match(m[1]):
                return m[0]
            v = self.name(m[1])
            return str(v).lower() if isinstance(v, bool) else str(v)

        if "%{" in text or "$${" in text:
            raise self.fail("a directive, which this reader does not know")
        return re.sub(r"\$\{([^}]*)\}", one, text)

    # --- grammar ---
    def is_op(self, op: str) -> bool:
        return self.token == ("op", op)

    def expect(self, op: str) -> None:
        if not self.is_op(op):
            raise self.fail(f"{self.token[1]!r} instead of {op!r}")
        self.next()

    def skip_lines(self) -> None:
        while self.token[0] == "line":
            self.next()

    def body(self, into: Block, end: tuple[str, Any]) -> Block:
        self.skip_lines()
        while self.token != end:
            kind, name = self.token
            if kind != "name":
                raise self.fail(f"{name!r} instead of a name")
            self.next()
            if self.is_op("="):
                self.next()
                if name in into.attrs:
                    raise self.fail(f"{name} is set twice")
                into.attrs[name] = self.expression()
            else:
                self.block(into, name)
            if self.token[0] != "line" and self.token != end:
                raise self.fail(f"{self.token[1]!r} behind {name}")
            self.skip_lines()
        return into

    def block(self, into: Block, name: str) -> None:
        labels = []
        while self.token[0] == "string":
            labels.append(self.token[1])
            self.next()
        if name != "dynamic":
            self.expect("{")
            into.blocks.append(self.body(Block(name, labels), ("op", "}")))
            self.next()
            return
        # dynamic "x" { for_each = LIST  content { ... } }: the content is read once for each value.
        self.expect("{")
        self.skip_lines()
        assert self.token == ("name", "for_each"), self.fail("for_each comes first")
        self.next()
        self.expect("=")
        values = self.expression()
        self.skip_lines()
        start, token = self.at, self.token
        for value in values or [""]:
            self.at, self.token = start, token
            self.scope[f"{labels[0]}.value"] = value
            inner = self.body(Block("dynamic"), ("op", "}")).one("content")
            if values:
                into.blocks.append(Block(labels[0], [], inner.attrs, inner.blocks))
        self.next()

    def expression(self) -> Any:
        value = self.compared()
        if self.is_op("?"):
            self.next()
            yes = self.expression()
            self.expect(":")
            no = self.expression()
            return yes if value else no
        return value

    def compared(self) -> Any:
        left = self.primary()
        for op, fn in (
            (">", lambda a, b: a > b),
            ("<", lambda a, b: a < b),
            ("==", lambda a, b: a == b),
            ("!=", lambda a, b: a != b),
        ):
            if self.is_op(op):
                self.next()
                return fn(left, self.primary())
        return left

    def primary(self) -> Any:
        kind, value = self.token
        if kind == "string":
            self.next()
            return value
        if kind == "number":
            self.next()
            return float(value) if "." in value else int(value)
        if kind == "name":
            self.next()
            if self.is_op("("):  # a type, as list(string)
                self.next()
                inner = self.expression()
                self.expect(")")
                return f"{value}({inner})"
            return self.name(value)
        if self.is_op("["):
            return self.items("]")
        raise self.fail(f"unexpected {value!r}")

    def items(self, end: str) -> list[Any]:
        self.next()
        out = []
        self.skip_lines()
        while not self.is_op(end):
            out.append(self.expression())
            self.skip_lines()
            if self.is_op(","):
                self.next()
                self.skip_lines()
        self.next()
        return out

    def name(self, name: str) -> Any:
        if name in ("true", "false"):
            return name == "true"
        if name in ("string", "number", "bool"):
            return name
        if name not in self.scope:
            raise self.fail(f"{name} is not declared")
        self.used.add(name)
        return self.scope[name]


def read(path: Path, **variables: Any) -> Block:
    """The file with its variables filled in; `used` and `declared` are lists of their names."""
    text = path.read_text()
    head = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}$', text, re.M | re.S)
    scope: dict[str, Any] = {}
    for name, body in head:
        given = Reader(body, {}).body(Block("variable"), ("end", None)).attrs
        assert set(given) <= {"type", "default", "description"}, f"{path.name}: variable {name}"
        scope[f"var.{name}"] = variables[name] if name in variables else given["default"]
    reader = Reader(text, scope)
    root = reader.body(Block("file"), ("end", None))
    root.attrs["declared"] = sorted(scope)
    root.attrs["used"] = sorted(n for n in reader.used if n.startswith("var."))
    return root
