"""The Markdown model card of a decided model: what it is, what was measured, for whom, and how to do it again."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdui.catalogue.languages import ENGLISH
from kdui.catalogue.translation import translator
from kdui.core.presentation import Content, Source, Table
from kdui.ui.in_language import Say, content_in, table_in
from kdui.ui.pins.pinner import look, source_of
from kdui.ui.plain_blocks import plain_blocks
from kdui.ui.run_view import results_html
from kdui.workbench.decision import Decide

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def model_card(workbench: "Workbench", ask: Decide, language: str = ENGLISH) -> str:
    """The card as Markdown in a language; everything that comes from a run is escaped."""
    say = translator(language)
    seen = look(workbench, "decision", ask.model_dump(mode="json"))
    detail, source = workbench.run(ask.run), source_of(workbench, seen)
    task = next(item for item in workbench.tasks() if item.name == detail.run.recipe.task)
    recipe, content = detail.run.recipe, content_in(seen.content, language)
    _, tables = plain_blocks(results_html(detail.results, task.headline))
    parts = [
        _heading("Model", say),
        _list(
            [
                ("Task", f"{say(task.title)}: {say(task.summary)}"),
                ("Teacher", str(recipe.teacher or "none")),
                ("Student", str(recipe.student or "none")),
                ("Stages", " → ".join(stage.method for stage in recipe.stages)),
                ("Seed", str(recipe.seed)),
                ("Test examples", f"{task.splits.get('test', 0):,}, looked at once"),
            ],
            say,
        ),
        *_decided(content, say),
        _heading("All measurements of the run", say),
        f"{say('● measured ◐ simulated ○ estimated ⟲ replayed')}\n",
        *(markdown_table(table_in(table, language)) for table in tables),
        _heading("Limits", say),
        say(
            "Latency is that of one machine; measure on the machine that will serve the model. "
            "Quality is that of this test split and need not hold elsewhere."
        )
        + "\n",
        *_made(source, say),
    ]
    title = f"Model card: {seen.content.title.removesuffix('?')}"
    return f"# {plain(say(title))}\n\n" + "\n".join(parts)


def _decided(content: Content, say: Say) -> list[str]:
    harm, units, devices = content.tables
    tiles = [(tile.label, f"{tile.value} ({tile.detail})") for tile in content.tiles]
    return [
        _heading(f"Decision: {content.badge}", say),
        _list(tiles, say),
        "".join(f"- {plain(line)}\n" for line in content.lines),
        _heading("For whom", say),
        f"{plain(harm.caption)}\n",
        markdown_table(harm),
        _heading("What it means", say),
        f"{plain(units.caption)}\n",
        markdown_table(units),
        _heading("Where it fits", say),
        f"{plain(devices.caption)}\n",
        markdown_table(devices),
    ]


def _made(source: Source, say: Say) -> list[str]:
    commands = "\n".join(run.command for run in source.runs)
    fence = "`" * max(3, 1 + max((len(found) for found in re.findall("`+", commands)), default=0))
    return [
        _heading("How to do it again", say),
        f"{fence}sh\n{commands}\n{fence}\n",
        _list([("kdui", source.version), ("Date", f"{source.date} UTC"), ("Artifacts", " ".join(source.digests))], say),
    ]


def _heading(text: str, say: Say) -> str:
    return f"## {plain(say(text))}\n"


def _list(rows: Sequence[tuple[str, str]], say: Say) -> str:
    return "".join(f"- **{plain(say(key))}**: {plain(say(value))}\n" for key, value in rows if value)


def markdown_table(table: Table) -> str:
    """A table of Markdown; cells can hold nothing that ends them."""
    heads = [plain(head) or " " for head in table.heads]
    lines = [heads, ["---"] * len(heads), *([plain(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no link, no HTML, no new line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
