"""The tools as a real MCP client sees them, over the pipes of a real ``python app.py mcp``."""

import os
import sys
from pathlib import Path

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from kdui.actions.offered import ACTIONS
from tests.ui.stocked import StockedWorkbench

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {"detect_hardware", "propose_recipe", "run", "watch", "compare", "deliver"}


@pytest.fixture
def stocked(settings):
    bench = StockedWorkbench(settings)
    return bench.stock(), bench.stock(seed=1, better=0.5)


def test_a_client_looks_proposes_watches_and_compares_over_the_pipes(settings, stocked):
    first, second = stocked
    environment = {**os.environ, "KDUI_HOME": str(settings.home), "OMP_NUM_THREADS": "1"}
    process = StdioServerParameters(command=sys.executable, args=[str(ROOT / "app.py"), "mcp"], env=environment)
    seen = {}

    async def talk():
        async with stdio_client(process) as (read, write), ClientSession(read, write, read_timeout_seconds=120) as session:
            seen["server"] = await session.initialize()
            seen["tools"] = (await session.list_tools()).tools
            for name, values in (
                ("detect_hardware", {}),
                ("propose_recipe", {"goal": "small", "task": "digits"}),
                ("watch", {"run": first.id, "wait_seconds": 60}),  # it has ended, so nothing is waited for
                ("compare", {"runs": [first.id, second.id]}),
                ("watch", {"run": "../etc"}),
                ("propose_recipe", {"goal": "large"}),
                ("deliver", {"run": first.id, "out": "model.exe"}),
            ):
                seen.setdefault(name, []).append(await session.call_tool(name, values))

    anyio.run(talk)
    tools = {tool.name: tool for tool in seen["tools"]}
    assert set(tools) == set(ACTIONS) >= REQUIRED
    assert tools["delete"].annotations.destructive_hint and tools["results"].annotations.read_only_hint
    assert tools["run"].input_schema["required"] == ["recipe"]
    assert seen["detect_hardware"][0].structured_content["cores"] >= 1
    proposal = seen["propose_recipe"][0].structured_content
    assert proposal["task"] == "digits" and "stages:" in proposal["recipe"] and proposal["reasons"]
    assert seen["watch"][0].structured_content["state"] == "succeeded" and seen["watch"][0].structured_content["ended"]
    models = seen["compare"][0].structured_content["models"]
    assert [model["headline"] for model in models] == [96.8, 97.3] and models[1]["difference"]["value"] == pytest.approx(0.5)
    refused = [seen["watch"][1], seen["propose_recipe"][1], seen["deliver"][0]]
    assert [answer.is_error for answer in refused] == [True] * 3
    words = [answer.content[0].text for answer in refused]
    assert "run" in words[0] and "Known: " in words[1] and ".onnx" in words[2]
