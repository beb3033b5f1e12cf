"""Compare for models that generate text: how the next token is chosen, and a card for each model to write into."""

from collections.abc import Sequence
from html import escape

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
        '<label class="field"><span>Stop text</span><input id="compare-stop-text" maxlength="64" size="10"></label>'
        '<button type="button" class="act" id="compare-stop" disabled>Stop</button></div>'
    )


def _field(name: str, title: str, step: str, known: dict[str, float]) -> str:
    low = known.get("minimum", step)  # one that must be above 0 begins with the first step
    return (
        f'<label class="field"><span>{title}</span><input type="number" data-sampling="{name}" value="{START[name]}" '
        f'min="{low}" max="{known["maximum"]}" step="{step}"></label>'
    )


def cards_html(models: Sequence[Servable]) -> str:
    """One card a model with its measured cost; the script writes the text and what it took."""
    return "".join(
        f'<section class="card {model.role}" data-model="{escape(model.digest)}" data-role="{model.role}">'
        f'<h2 class="title">{escape(compare_view.title(model))}</h2>'
        f'<p class="lead">{compare_view.speed(model)} · {compare_view.size(model)}</p>'
        f'<p class="lead">{escape(model.headline)} on the test data</p>'
        '<p class="lead live"></p><div class="written"><p class="lead waiting">Type a beginning, or pick one.</p></div></section>'
        for model in models
    )


def beginnings(examples: Sequence[Example]) -> list[str]:
    """The first words of test texts."""
    return [" ".join((example.text or "").split()[:WORDS]) for example in examples]
