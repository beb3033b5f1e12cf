"""Compare for models that generate text: how the next token is chosen, and a card for each model to write into."""

from collections.abc import Sequence
from html import escape
from typing import Any

from kdui.core.answer_facts import WrittenText
from kdui.core.contracts import TaskFacts
from kdui.core.page_rows import Example, Servable
from kdui.core.sampling import Sampling
from kdui.ui import compare_view

WORDS = 12  # of a test text that begin one
START = {"temperature": 0.8, "top_p": 0.95, "seed": 0, "limit": 60}  # where the fields begin
FIELDS = (("temperature", "Temperature", "0.1"), ("top_p", "Top p", "0.05"), ("seed", "Seed", "1"), ("limit", "Tokens", "1"))


def sampling_html() -> str:
    """The fields of ``Sampling`` with their bounds, and the button that stops."""
    known = Sampling.model_json_schema()["properties"]
    fields = "".join(_field(name, title, step, known[name]) for name, title, step in FIELDS)
    return (
        f'<div id="compare-sampling" class="filters" role="group" aria-label="How tokens are chosen" hidden>{fields}'
        '<label class="check" id="compare-chat-field" hidden><input type="checkbox" id="compare-chat">Chat template</label>'
        '<label class="field"><span>Stop text</span><input id="compare-stop-text" maxlength="64" size="10"></label>'
        '<button type="button" class="act" id="compare-stop" disabled>Stop</button></div>'
    )


def _field(name: str, title: str, step: str, known: dict[str, float]) -> str:
    low = known.get("minimum", step)  # one that must be above 0 begins with the first step
    return (
        f'<label class="field"><span>{title}</span><input type="number" data-sampling="{name}" value="{START[name]}" '
        f'min="{low}" max="{known["maximum"]}" step="{step}"></label>'
    )


def words_of(facts: TaskFacts) -> dict[str, Any]:
    """What the page calls writing for this task, and where the fields begin: an answer takes the most probable tokens."""
    if isinstance(facts.answer, WrittenText):
        return {"go": facts.answer.verb, "sampling": {**START, "temperature": 0, "top_p": 1, "limit": 128}}
    return {"go": "Generate", "sampling": START}


def cards_html(models: Sequence[Servable], facts: TaskFacts) -> str:
    """One card a model with its measured cost; the script writes the text and what it took."""
    answer = facts.answer
    wanted = f"Type {answer.given}, or pick a sentence." if isinstance(answer, WrittenText) else "Type a beginning, or pick one."
    return "".join(
        f'<section class="card {model.role}" data-model="{escape(model.digest)}" data-role="{model.role}">'
        f'<h2 class="title">{escape(compare_view.title(model))}</h2>'
        f'<p class="lead">{compare_view.speed(model)} · {compare_view.size(model)}</p>'
        f'<p class="lead">{compare_view.on_test_data(model, facts.headline)}</p>'
        f'<p class="lead live"></p><div class="written"><p class="lead waiting">{escape(wanted)}</p></div></section>'
        for model in models
    )


def examples_html(examples: Sequence[Example], typed: Sequence[str], facts: TaskFacts) -> str:
    """Inputs to write for: test examples with their reference, or the first words of test texts."""
    if isinstance(facts.answer, WrittenText):
        return compare_view.examples_html(examples, typed)
    return compare_view.examples_html((), (*typed, *(" ".join((each.text or "").split()[:WORDS]) for each in examples)))
