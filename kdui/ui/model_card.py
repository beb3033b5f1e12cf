"""The Markdown model card of a decided model: what it is, what was measured, for whom, and how to do it again."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdui.core.presentation import Content, Source, Table
from kdui.ui.pins.pinner import look, source_of
from kdui.ui.plain_blocks import plain_blocks
from kdui.ui.run_view import results_html
from kdui.workbench.decision import Decide

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def model_card(workbench: "Workbench", ask: Decide) -> str:
    """The card as Markdown; everything that comes from a run is escaped."""
    seen = look(workbench, "decision", ask.model_dump(mode="json"))
    detail, source = workbench.run(ask.run), source_of(workbench, seen)
    task = next(item for item in workbench.tasks() if item.name == detail.run.recipe.task)
    recipe = detail.run.recipe
    _, tables = plain_blocks(results_html(detail.results, task.headline))
    parts = [
        "## Model\n",
        _list(
            [
                ("Task", f"{task.title}: {task.summary}"),
                ("Teacher", str(recipe.teacher or "none")),
                ("Student", str(recipe.student or "none")),
                ("Stages", " → ".join(stage.method for stage in recipe.stages)),
                ("Seed", str(recipe.seed)),
                ("Test examples", f"{task.splits.get('test', 0):,}, looked at once"),
            ]
        ),
        *_decided(seen.content),
        "## All measurements of the run\n",
        "● measured ◐ simulated ○ estimated ⟲ replayed\n",
        *(markdown_table(table) for table in tables),
        "## Limits\n",
        "Latency is that of one machine; measure on the machine that will serve the model. "
        "Quality is that of this test split and need not hold elsewhere.\n",
        *_made(source),
    ]
    return f"# Model card: {plain(seen.content.title.removesuffix('?'))}\n\n" + "\n".join(parts)


def _decided(content: Content) -> list[str]:
    harm, units, devices = content.tables
    tiles = [(tile.label, f"{tile.value} ({tile.detail})") for tile in content.tiles]
    return [
        f"## Decision: {plain(content.badge)}\n",
        _list(tiles),
        "".join(f"- {plain(line)}\n" for line in content.lines),
        "## For whom\n",
        f"{plain(harm.caption)}\n",
        markdown_table(harm),
        "## What it means\n",
        f"{plain(units.caption)}\n",
        markdown_table(units),
        "## Where it fits\n",
        f"{plain(devices.caption)}\n",
        markdown_table(devices),
    ]


def _made(source: Source) -> list[str]:
    commands = "\n".join(run.command for run in source.runs)
    fence = "`" * max(3, 1 + max((len(found) for found in re.findall("`+", commands)), default=0))
    return [
        "## How to do it again\n",
        f"{fence}sh\n{commands}\n{fence}\n",
        _list([("kdui", source.version), ("Date", f"{source.date} UTC"), ("Artifacts", " ".join(source.digests))]),
    ]


def _list(rows: Sequence[tuple[str, str]]) -> str:
    return "".join(f"- **{plain(key)}**: {plain(value)}\n" for key, value in rows if value)


def markdown_table(table: Table) -> str:
    """A table of Markdown; cells can hold nothing that ends them."""
    heads = [plain(head) or " " for head in table.heads]
    lines = [heads, ["---"] * len(heads), *([plain(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no link, no HTML, no new line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
