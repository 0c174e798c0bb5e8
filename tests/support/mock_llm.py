#!/usr/bin/env python3
"""A language model for tests: speaks the OpenAI chat API, follows five rules, needs no network.

    python3 mock_llm.py PORT [LOGFILE [PLAY]]

It looks at the newest message a person or another agent wrote (OpenClaw adds context of its own
around it, which does not count) and at what happened since:
    a tool has answered          -> tool(AGENT): <what the tool said>
    CALL name {"json":"args"}    -> calls that tool
    SLEEP seconds                -> thinks that long, then echoes
    FAIL                         -> the provider refuses (HTTP 400)
    anything else                -> echo(AGENT): <the text>
AGENT is the id on the "Runtime:" line OpenClaw writes at a session's first turn.

PLAY is a JSON file that gives agents parts: {"AGENT": [STEP...]}, a step being {"call": "tool", "args": {...}}
or {"say": "text"}. An agent with a part follows it for every message, a step for each answer of a tool.
"{question}" in its texts is the message, "{1}" what the first tool said (the reply's body, where it has one).
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator, Optional

INTERNAL = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT"
RUNTIME_LINE = re.compile(r"^Runtime: .*?\bagent=([^\s|]+)", re.M)
TIMESTAMP = re.compile(r"\A\[[A-Z][a-z]{2} \d{4}-\d\d-\d\d [^\]]*\] ")
CALL = re.compile(r"\bCALL (\S+) (\{.*\})", re.S)
FAIL = re.compile(r"\bFAIL\b")
SLEEP = re.compile(r"\bSLEEP (\d+(?:\.\d+)?)")
_ids = itertools.count(1)
_play: dict[str, list[dict[str, Any]]] = {}


def plain(content: Any) -> str:
    """Message content is a string, or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(p.get("text", "") for p in content or () if isinstance(p, dict))


def question(messages: list[dict[str, Any]]) -> tuple[str, str]:
    """(agent, text) of the newest real user message."""
    agent, text = "?", ""
    for message in messages:
        if message.get("role") != "user":
            continue
        content = plain(message.get("content"))
        found = RUNTIME_LINE.search(content)
        if found:
            agent = found[1]
        if not content.startswith(INTERNAL):
            text = content[: found.start()] if found else content
    return agent, TIMESTAMP.sub("", text).strip()


def tool_answer(messages: list[dict[str, Any]]) -> Optional[str]:
    """What a tool said since the model last spoke."""
    for message in reversed(messages):
        if message.get("role") == "tool":
            return plain(message.get("content"))
        if message.get("role") == "assistant":
            return None
    return None


def tool_answers(messages: list[dict[str, Any]]) -> list[str]:
    """What tools said since the newest real user message, in order."""
    said: list[str] = []
    for message in messages:
        content = plain(message.get("content"))
        if message.get("role") == "user" and not content.startswith(INTERNAL):
            said = []
        elif message.get("role") == "tool":
            said.append(content)
    return said


def gist(said: str) -> str:
    """The body of the reply a tool brought; else all that it said."""
    try:  # OpenClaw puts the structured result before its text
        result, _ = json.JSONDecoder().raw_decode(said, said.index("{"))
        return str(result["reply"]["body"])
    except (ValueError, KeyError, TypeError):
        return said.strip()


def fill(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: fill(v, words) for k, v in value.items()}
    if not isinstance(value, str):
        return value
    return re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], m[0]), value)


def act(part: list[dict[str, Any]], text: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The next step of an agent's part."""
    said = tool_answers(messages)
    words = {"question": text, **{str(n): gist(s) for n, s in enumerate(said, 1)}}
    step = fill(part[min(len(said), len(part) - 1)], words)
    if "say" in step:
        return {"role": "assistant", "content": step["say"]}
    return {"role": "assistant", "call": (step["call"], json.dumps(step["args"]))}


def tool_call(request: dict[str, Any], wanted: str, arguments: str) -> dict[str, Any]:
    """`wanted` with or without the prefix of its MCP server."""
    known = [t["function"]["name"] for t in request.get("tools") or ()]
    name = next((n for n in known if n == wanted or n.endswith("__" + wanted)), wanted)
    function = {"name": name, "arguments": arguments}
    call = {"id": f"call_{next(_ids)}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The assistant's message."""
    messages = request.get("messages") or []
    agent, text = question(messages)
    if agent in _play:
        message = act(_play[agent], text, messages)
        return tool_call(request, *message["call"]) if "call" in message else message
    said = tool_answer(messages)
    if said is not None:
        return {"role": "assistant", "content": f"tool({agent}): {said[:4000]}"}
    call = CALL.search(text)
    if call:
        return tool_call(request, call[1], call[2])
    nap = SLEEP.search(text)
    if nap:
        time.sleep(min(float(nap[1]), 600))
    return {"role": "assistant", "content": f"echo({agent}): {text}"}


USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def chunks(base: dict[str, Any], message: dict[str, Any], finish: str) -> Iterator[str]:
    """The same answer as server-sent events."""
    delta = dict(message)
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": i, **c} for i, c in enumerate(delta["tool_calls"])]
    head = {**base, "object": "chat.completion.chunk"}
    for part in (
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {"choices": [], "usage": USAGE},
    ):
        yield f"data: {json.dumps({**head, **part})}\n\n"
    yield "data: [DONE]\n\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def send(self, status: int, kind: str, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send_json(self, status: int, value: Any) -> None:
        self.send(status, "application/json", json.dumps(value))

    def do_GET(self) -> None:
        self.send_json(200, {"object": "list", "data": [{"id": "echo", "object": "model"}]})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.endswith("/chat/completions"):
            return self.send_json(404, {"error": {"message": "only /chat/completions"}})
        request = json.loads(raw or b"{}")
        log_request(request)
        if FAIL.search(question(request.get("messages") or [])[1]):
            return self.send_json(
                400, {"error": {"message": "the mock model was told to fail", "type": "mock"}}
            )
        message = answer(request)
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        base = {
            "id": f"mock-{next(_ids)}",
            "created": int(time.time()),
            "model": request.get("model"),
        }
        if request.get("stream"):
            return self.send(200, "text/event-stream", "".join(chunks(base, message, finish)))
        self.send_json(
            200,
            {
                **base,
                "object": "chat.completion",
                "usage": USAGE,
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            },
        )


_log_lock = threading.Lock()


def log_request(request: dict[str, Any]) -> None:
    if len(sys.argv) > 2:
        agent, text = question(request.get("messages") or [])
        with _log_lock, open(sys.argv[2], "a", encoding="utf-8") as f:
            print(json.dumps({"agent": agent, "text": text}), file=f)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as f:
            _play.update(json.load(f))
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
