"""``python app.py mcp``: the actions as tools of the Model Context Protocol, over standard input and output.

The tools act with the rights of whoever starts the command, on this machine's store; or, with ``--server``, on a served page,
which asks for its password and checks the rest as it does for everybody.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

import kdui
from kdui.actions.offered import ACTIONS, Action
from kdui.client import POLL_SECONDS, Workbench
from kdui.core.errors import KduiError
from kdui.unforeseen import in_words

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

LONGEST_WAIT = 300.0  # s that one call of watch may take: clients give up on longer ones
WAIT = {
    "type": "number",
    "minimum": 0,
    "maximum": LONGEST_WAIT,
    "default": 0,
    "description": "Wait up to so many seconds for the run's end before answering.",
}
LONG = ("samples", "versions")  # of a measurement: raw readings and library versions, which a conversation has no use for
INSTRUCTIONS = (
    "kdui distils and compresses models and measures them. Usual order: detect_hardware, propose_recipe, estimate, run, "
    "watch with wait_seconds until it has ended, results, compare, deliver. Tell numbers with their unit, interval and origin "
    "(measured, simulated, estimated, replayed); a difference that is not shown is no difference."
)


def serve(bench: Workbench) -> None:
    """Answer until standard input ends; runs go on."""
    anyio.run(_serve, bench)


async def _serve(bench: Workbench) -> None:
    from mcp.server.stdio import stdio_server

    server = create_server(bench)
    async with stdio_server() as (read, write):
        with redirect_stdout(sys.stderr):  # standard output is the protocol's alone
            await server.run(read, write, server.create_initialization_options())


def create_server(bench: Workbench) -> "Server[Any]":
    """The server over a client's workbench."""
    import mcp_types as types
    from mcp.server.lowlevel import Server

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool(action) for action in ACTIONS.values()])

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        values = dict(params.arguments or {})
        try:
            # A thread that is abandoned when the client cancels: what it reads is no loss, and what it queues stays queued.
            found = await anyio.to_thread.run_sync(answer, bench, params.name, values, abandon_on_cancel=True)
        except Exception as error:
            words = in_words(error, None, telling=False)
            return types.CallToolResult(content=[types.TextContent(type="text", text=words)], is_error=True)
        text = json.dumps(found, ensure_ascii=False)
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=found)

    return Server("kdui", version=kdui.__version__, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def tool(action: Action) -> Any:
    """An action as MCP describes a tool."""
    import mcp_types as types

    schema = action.parameters_schema()
    if action.name == "watch":
        schema = {**schema, "properties": {**schema["properties"], "wait_seconds": WAIT}}
    hints = types.ToolAnnotations(
        title=action.name.replace("_", " ").capitalize(),
        read_only_hint=action.effect == "reads",
        destructive_hint=action.effect == "deletes",
    )
    return types.Tool(
        name=action.name,
        description=action.summary,
        input_schema=schema,
        output_schema=action.answer_schema(),
        annotations=hints,
    )


def answer(bench: Workbench, name: str, values: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """What a tool answers, without what is too long for a conversation; raises KduiError in words."""
    rest = dict(values)
    wait = rest.pop("wait_seconds", 0) if name == "watch" else 0
    if not isinstance(wait, (int, float)) or not 0 <= wait <= LONGEST_WAIT:
        raise KduiError(f"wait_seconds must be 0 to {LONGEST_WAIT:g}.")
    until = clock() + wait
    while True:
        found = bench.call(name, **rest).model_dump(mode="json")
        if name != "watch" or found["ended"] or clock() >= until:
            return _short(found)
        time.sleep(POLL_SECONDS)


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = LONG if "metric" in value or "origin" in value else ()
        return {key: _short(item) for key, item in value.items() if key not in left_out}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return value
