"""What models answered to one input, whether they agree, and the examples on which they part."""

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.numbers import number
from kdui.core.page_rows import Answer, Example, Servable
from kdui.ui.answers import renderer, together
from kdui.ui.answers.ranked import percent
from kdui.ui.input_widget import widget_of
from kdui.ui.provenance import mark, measured
from kdui.ui.run_view import ROLE_TITLES

SHORT = 96
MOST_ROWS = 64  # of an image whose levels are written into the page
NAMED = 3  # items of a history that a button names
Rows = list[list[int]] | list[list[list[int]]]  # of an image: grey levels, or three of a pixel in colour


def title(model: Servable) -> str:
    """Role and name: 'Teacher · MiniLM-L6'."""
    return f"{ROLE_TITLES[model.role]} · {model.title}"


def model_options(models: Sequence[Servable], chosen: str, optional: bool) -> str:
    """Models grouped by the run that made them, newest first, for one of the pickers."""
    groups: dict[str, list[Servable]] = {}
    for model in models:
        groups.setdefault(model.run, []).append(model)
    parts = ['<option value="">none</option>'] if optional else []
    order = list(ROLE_TITLES)
    for run, of_run in groups.items():
        inner = "".join(_option(model, chosen) for model in sorted(of_run, key=lambda model: order.index(model.role)))
        name = f"{of_run[0].run_name or 'Run'} · {run[:8]}"
        parts.append(f'<optgroup label="{escape(name)}">{inner}</optgroup>')
    return "".join(parts)


def _option(model: Servable, chosen: str) -> str:
    selected = " selected" if model.digest == chosen else ""
    return f'<option value="{escape(model.digest)}"{selected}>{escape(_described(model))}</option>'


def _described(model: Servable) -> str:
    parts = (ROLE_TITLES[model.role], model.title, model.apart, model.headline, size(model))
    return " · ".join(part for part in parts if part)


def size(model: Servable) -> str:
    """Its download, as every other tab counts it, and the file that is loaded where that is another one."""
    loaded = number(model.file_bytes, "bytes")
    if not model.download_bytes:
        return f"{loaded} ONNX file"
    return f"{number(model.download_bytes, 'bytes')} download, {loaded} unpacked"


def speed(model: Servable) -> str:
    """What Measure read, as Explore shows it: the ratio to its teacher and the p50."""
    if model.latency_ms is None:
        return "<b>speed not measured</b>"
    ratio = f"{number(model.speedup, '×')} its teacher's speed · " if model.speedup and model.role != "teacher" else ""
    return f"<b>{ratio}p50 {number(model.latency_ms, 'ms')}</b>{mark(model.latency_origin)}"


def cards_html(answers: Sequence[Answer], models: Mapping[str, Servable], then: Sequence[str] = ()) -> str:
    """One card a model: its measured cost, the speed of this one answer, and its best guesses; then what they are together.

    ``then``: what really came after the input of a test example.
    """
    told = told_of_each_other(answers, then)
    cards = "".join(_card(answer, models[answer.digest]) for answer in told)
    own = [(title(model), model.role, answer.parts[0]) for answer in told if answer.parts and (model := models[answer.digest])]
    return cards + (together(own) if own else "")


def told_of_each_other(answers: Sequence[Answer], then: Sequence[str] = ()) -> list[Answer]:
    """The answers, each part knowing those of the other models, where its kind shows something of them."""
    places = list(zip(*(answer.parts for answer in answers), strict=True))
    marked = [tell(parts, then) if (tell := getattr(renderer(parts[0]), "told", None)) else parts for parts in places]
    return [answer.model_copy(update={"parts": own}) for answer, own in zip(answers, zip(*marked, strict=True), strict=False)]


def _card(answer: Answer, model: Servable) -> str:
    shown = "".join(renderer(part).html(part, model.role) for part in answer.parts)
    latency = answer.latency_ms
    return (
        f'<section class="card {model.role}"><h2 class="title">{escape(title(model))}</h2>'
        f'<p class="lead">{speed(model)} · {size(model)}</p>'
        f'<p class="lead live">just now {number(latency.value, latency.unit)} '
        f'<span class="prov">{_how(measured(latency, words=True))}</span></p>{shown}</section>'
    )


def _how(words: str) -> str:
    """Only the part that says how it was measured: the number itself stands before it."""
    return words.split(" ", 1)[1]


def on_test_data(model: Servable, metric: Metric) -> str:
    """The headline by its name: 17 % is much of an error rate, and little of an accuracy."""
    return f"{escape(model.headline)} · {escape(metric.noun)} on the test data"


def waiting_html(models: Sequence[Servable], metric: Metric) -> str:
    """The same cards before anything was asked, so that the page doesn't jump."""
    return "".join(
        f'<section class="card {model.role}"><h2 class="title">{escape(title(model))}</h2>'
        f'<p class="lead">{speed(model)} · {size(model)}</p>'
        f'<p class="lead">{on_test_data(model, metric)}</p>'
        '<p class="lead waiting">Waiting for an input: your own, or a test example.</p></section>'
        for model in models
    )


def best_labels(answer: Answer) -> tuple[str, ...]:
    """The most probable label; of a task of several parts that of each part."""
    return tuple(label for part in answer.parts for label in renderer(part).summary(part))


def agreement(answers: Sequence[Answer], models: Mapping[str, Servable], truth: str = "") -> str:
    """'All agree: crude' or who predicts otherwise; with the true label where the input is a test example."""
    says = [(models[answer.digest], " and ".join(best_labels(answer))) for answer in answers]
    votes = Counter(label for _, label in says)
    label, count = votes.most_common(1)[0]
    others = [f"{title(model)}: {word}" for model, word in says if word != label]
    if not others:
        text = f"All agree: {label}." if len(says) > 1 else f"{label}."
    elif count == 1:
        text = f"No two agree: {'; '.join(f'{title(model)}: {word}' for model, word in says)}."
    else:
        text = f"{count} of {len(says)} predict {label}; {'; '.join(others)}."
    return f"{text} The truth is {truth}." if truth else text


def compared(answers: Sequence[Answer], then: Sequence[str] = ()) -> str:
    """What answers have in common that are no labels; empty where their kind says nothing of it."""
    parts = [answer.parts[0] for answer in answers if answer.parts]
    compare = getattr(renderer(parts[0]), "compared", None) if parts else None
    return str(compare(parts, then)) if compare else ""


def agreement_html(answers: Sequence[Answer], models: Mapping[str, Servable], truth: str, then: Sequence[str] = ()) -> str:
    """The sentence with a mark of its own when they part; empty where answers are not of a kind that can be counted."""
    if not any(best_labels(answer) for answer in answers):
        words = compared(answers, then)
        return f'<div class="info agreement">{escape(words)}</div>' if words else ""
    same = len({best_labels(answer) for answer in answers}) == 1
    wrong = bool(truth) and same and truth not in best_labels(answers[0])
    kind, sign = ("note", "≠") if not same or wrong else ("win", "=")
    return f'<div class="{kind} agreement"><b>{sign}</b> {escape(agreement(answers, models, truth))}</div>'


def examples_html(examples: Sequence[Example], typed: Sequence[str]) -> str:
    """Buttons that put an example into the input: texts to try first, then test examples with their truth."""
    buttons = [
        f'<button type="button" class="example" data-text="{escape(text)}">{escape(_short(text))}</button>' for text in typed
    ]
    buttons += [
        _history(example.items, example.then)
        if example.items is not None
        else _example(example.text, example.image, example.truth, example.sound, example.passage)
        for example in examples
    ]
    return "".join(buttons)


def _example(text: str | None, image: Rows | None, truth: str, sound: str | None = None, passage: str | None = None) -> str:
    if image is not None:
        return (
            f'<button type="button" class="example thumb" {_own(image, sound)}data-truth="{escape(truth)}" '
            f'aria-label="Test example: {escape(truth)}">{thumbnail(image)}<span>{escape(truth)}</span></button>'
        )
    about = f'data-passage="{escape(passage)}" ' if passage is not None else ""
    return (
        f'<button type="button" class="example" data-text="{escape(text or "")}" {about}data-truth="{escape(truth)}">'
        f'{escape(_short(text or ""))} <span class="mute">{escape(truth)}</span></button>'
    )


def _history(items: Sequence[str], then: Sequence[str]) -> str:
    """A button with the latest items of somebody's history."""
    more = f" and {len(items) - NAMED:,} more" if len(items) > NAMED else ""
    return (
        f'<button type="button" class="example" data-items="{escape(json.dumps(items))}" data-then="{escape(json.dumps(then))}">'
        f'{escape(", ".join(items[:NAMED]))} <span class="mute">{more}</span></button>'
    )


def _own(image: Rows, sound: str | None) -> str:
    """What the button sends: the sound, or the levels; one in colour or large is sent back as the picture that it shows, for as
    numbers it would take ten times the room."""
    if sound:
        return f'data-sound="{escape(sound)}" '
    large = len(image) > MOST_ROWS
    return "" if large or isinstance(image[0][0], list) else f'data-pixels="{json.dumps(image)}" '


def thumbnail(image: Rows) -> str:
    """An image inside the page, so nothing else has to be fetched."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image, dtype=np.uint8)).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img class="pixels" alt="" src="data:image/png;base64,{data}">'


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[:SHORT].rsplit(" ", 1)[0] + " …"


def parted_html(parting: Mapping[str, Any], facts: TaskFacts, first: Servable, other: Servable) -> str:
    """Examples on which the first is right and the other wrong: what was taken for what, the most frequent confusion first."""
    things = widget_of(facts).noun
    whose = "the teacher" if first.role == "teacher" else "the first one"
    head = (
        f'<h2 class="title">Disagreements: {parting["count"]:,} of {parting["total"]:,} {things}</h2>'
        f'<p class="lead">{escape(title(first))} right, {escape(title(other))} wrong · most frequent confusions first; '
        f"examples on which {whose} is most confident. Click one to run all models on it; arrow keys go from one to the next.</p>"
    )
    if not parting["pairs"]:
        return head + f'<div class="empty">None: {escape(title(other))} is right wherever {escape(title(first))} is.</div>'
    more = f'<p class="mute">{parting["more"]:,} rarer confusions are not shown.</p>' if parting["more"] else ""
    return f"{head}{''.join(_pair(pair, first, other, at < 3) for at, pair in enumerate(parting['pairs']))}{more}"


def _pair(pair: Mapping[str, Any], first: Servable, other: Servable, unfolded: bool) -> str:
    """One confusion: its count, and examples with both models' confidence; the first few are unfolded."""
    truth, taken = str(pair["teacher"]), str(pair["other"])
    examples = "".join(
        f'<div class="parted-one" data-sure="{row["teacher_p"]:.3f}">'
        f"{_example(row.get('text'), row.get('image'), str(row['truth']), row.get('sound'))}"
        f'<span class="mute"><span class="swatch {first.role}"></span>{percent(row["teacher_p"])} '
        f'<span class="swatch {other.role}"></span>{percent(row["other_p"])}</span></div>'
        for row in pair["rows"]
    )
    left = pair["count"] - len(pair["rows"])
    rest = f'<span class="mute">and {left:,} more</span>' if left else ""
    return (
        f'<details class="fold parted"{" open" if unfolded else ""}><summary><b>{escape(truth)}</b> predicted as '
        f'<b>{escape(taken)}</b> · {pair["count"]:,}</summary><div class="parted-row">{examples}{rest}</div></details>'
    )
