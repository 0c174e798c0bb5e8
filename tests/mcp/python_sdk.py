"""The Python MCP SDK as a program: run by its own venv's Python (tests/support/mcp_clients.py).

One JSON object a line. The first line in says where to connect, each further one is a call; each has one
line of answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def plain(model: Any) -> Any:
    """As it was on the wire: names in camelCase, only what was there."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def connect(stack: AsyncExitStack, to: dict[str, Any]) -> Client:
    server: Any
    if "command" in to:
        server = StdioServerParameters(command=to["command"], args=to["args"], env=to["env"])
    else:
        http = await stack.enter_async_context(create_mcp_http_client(headers=to["headers"]))
        server = streamable_http_client(to["url"], http_client=http)
    mode = "legacy" if to["era"] == "legacy" else "auto"
    return await stack.enter_async_context(Client(server, mode=mode, read_timeout_seconds=to["timeout_s"]))


async def serve(client: Client) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        try:
            if "tool" in asked:
                say({"ok": plain(await client.call_tool(asked["tool"], asked["arguments"]))})
            else:
                say({"ok": plain(await client.list_tools())})
        except Exception as e:
            say({"error": f"{type(e).__name__}: {e}"})


async def main() -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, json.loads(sys.stdin.readline()))
        info = client.server_info
        say({"ok": {"protocol": client.protocol_version, "server": info.name if info else None}})
        await serve(client)


asyncio.run(main())
