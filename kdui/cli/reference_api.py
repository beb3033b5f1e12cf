"""The reference of the actions: what each takes and answers, with JSON Schemas, out of the functions' own types."""

import inspect
import json
from collections.abc import Callable, Iterable
from typing import Any

from kdui.actions.offered import ACTIONS, Action

PAGE = "api.md"
Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]


def api_page(table: Table) -> str:
    """The page, without the mark of generated ones."""
    parts = [
        "# Actions for programs",
        "Each action is one typed function. The [Python client](../programs.md#python) has a method for it, a served page an "
        "endpoint of its name for `gradio_client`, and `python app.py mcp` a tool. A served page lists its endpoints at "
        "`gradio_api/info`.",
        table(
            ("action", "effect", "what it does"),
            [(f"[{name}](#{name})", action.effect, _first(action)) for name, action in ACTIONS.items()],
        ),
    ]
    for name, action in ACTIONS.items():
        parts += [f"## {name}", action.summary]
        if action.parameters:
            parts.append(table(("parameter", "type", "default", "meaning"), map(_row, action.parameters)))
        parts.append(_folded("What it takes", action.parameters_schema()))
        parts.append(_folded("What it answers", action.answer_schema()))
    return "\n\n".join(parts)


def _first(action: Action) -> str:
    return action.summary.partition("\n")[0]


def _row(each: Any) -> tuple[str, str, str, str]:
    field = each.hint.__metadata__[0] if hasattr(each.hint, "__metadata__") else None
    given = "must be given" if each.default is inspect.Parameter.empty else f"`{json.dumps(each.default)}`"
    kind = inspect.formatannotation(each.hint.__origin__ if hasattr(each.hint, "__origin__") else each.hint)
    return f"`{each.name}`", f"`{kind}`".replace("kdui.core.run.", ""), given, getattr(field, "description", None) or ""


def _folded(title: str, schema: dict[str, Any]) -> str:
    text = json.dumps(schema, ensure_ascii=False)
    return f"<details><summary>{title}: JSON Schema</summary>\n\n```json\n{text}\n```\n\n</details>"
