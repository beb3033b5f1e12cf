"""Where each model's prediction comes from, the fewest parts that it hangs on, and a race over test inputs."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from kdui.core.errors import KduiError
from kdui.core.page_rows import Servable
from kdui.ui.answers.ranked import percent
from kdui.ui.calls import whole
from kdui.ui.chart_frame import pin_button
from kdui.ui.compare_input import Question, input_of
from kdui.ui.compare_view import thumbnail, title
from kdui.workbench.generating import generates

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

TELLING = 0.02  # change of a probability from which a part is marked
NAMED = 3
LAP_SECONDS, MOST_RACED = 0.08, 5_000
HOW = (
    "Each part is left out once, and the probability of the predicted label read again: a fall marks what it hangs on, a rise "
    "what speaks against it. It works on every model; parts that matter only together can stay unmarked."
)


class ExplainCalls:
    """What the browser can ask about a prediction's reasons, and the race."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def compare_explain(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Of each chosen model the marked input and what makes its prediction flip."""
        question = Question.model_validate(payload)
        facts = next((task for task in self.workbench.tasks() if task.name == question.task), None)
        if facts is None or generates(facts) or not facts.labels:
            raise KduiError("Only predictions of labels can be explained this way.")
        from kdui.modalities import modality_of

        raw = modality_of(facts.modality).parse(input_of(question), facts)
        plain = raw.tolist() if hasattr(raw, "tolist") else raw
        told = self.workbench.serving.call("explain", task=facts.name, digests=list(question.models), raw=plain)
        known = {model.digest: model for model in self.workbench.servable(facts.name)}
        show = marked_text if facts.modality == "text" else marked_picture
        cards = "".join(_card(each, known[each["digest"]], show(plain, told["parts"], each)) for each in told["models"])
        return {"html": f'<div class="answers">{cards}</div><p class="lead">{HOW}</p>', "title": finding(told["models"], known)}

    def compare_race(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One lap: each model in turn has the same time; ``start``: inputs that were raced before."""
        models = [str(each) for each in payload["models"]][:4]
        start, most = max(0, whole(payload, "start")), min(MOST_RACED, max(1, whole(payload, "most", 500)))
        laps = self.workbench.serving.call(
            "race", task=str(payload["task"]), digests=models, start=start, most=most, seconds=LAP_SECONDS
        )
        return {"laps": laps}


def finding(models: Sequence[Mapping[str, Any]], known: Mapping[str, Servable]) -> str:
    """Who flips with the fewest parts left out."""
    flips = [each for each in models if each["flip"]]
    if not flips:
        return "No prediction flips, whatever few parts are left out"
    least = min(flips, key=lambda each: len(each["flip"]))
    same = [each for each in flips if len(each["flip"]) == len(least["flip"])]
    count = _parts(len(least["flip"]))
    if len(flips) > 1 and len(same) == len(flips):
        return f"All predictions that flip do so without {count}"
    names = " and ".join(title(known[each["digest"]]) for each in same)
    return f"{names} flip{'s' * (len(same) == 1)} first: without {count}"


def _parts(count: int) -> str:
    return f"{count} part{'s' * (count != 1)}"


def _card(told: Mapping[str, Any], model: Servable, marked: str) -> str:
    label = escape(" and ".join(told["label"]))
    flip = (
        f"<p><b>Flips without {_parts(len(told['flip']))}:</b> from {label} to "
        f"{escape(' and '.join(told['flipped']))} ({percent(told['flipped_probability'])})</p>"
        if told["flip"]
        else f"<p>Stays {label}, however few parts are left.</p>"
    )
    return (
        f'<section class="card {model.role}"><h3 class="title">{escape(title(model))}</h3>'
        f'<p class="lead">predicts {label}, {percent(told["probability"])}</p>{marked}{flip}</section>'
    )


def marked_text(raw: str, parts: Sequence[str], told: Mapping[str, Any]) -> str:
    """The words, those that the prediction hangs on marked by shade and line; the most telling ones in numbers below."""
    weights, flip = told["weights"], set(told["flip"])
    largest = max((abs(weight) for weight in weights), default=0.0) or 1.0
    words = []
    for place, (word, weight) in enumerate(zip(parts, weights, strict=True)):
        kind = "" if abs(weight) < TELLING else " for" if weight > 0 else " against"
        shade = f' style="--shade:{min(1.0, abs(weight) / largest):.2f}"' if kind else ""
        gone = " gone" if place in flip else ""
        change = f"without it {_points(-weight)}"
        words.append(f'<span class="word{kind}{gone}"{shade} title="{change}">{escape(word)}</span>')
    rest = len(str(raw).split()) - len(parts)
    more = f' <span class="mute">and {rest:,} more words, not looked at</span>' if rest > 0 else ""
    return f'<p class="marked">{" ".join(words)}{more}</p>{_named(parts, weights)}'


def _named(parts: Sequence[str], weights: Sequence[float]) -> str:
    order = sorted(range(len(weights)), key=lambda place: -abs(weights[place]))[:NAMED]
    told = [f"“{escape(parts[place])}” {_points(-weights[place])}" for place in order if abs(weights[place]) >= TELLING]
    return f'<p class="lead">Without {", ".join(told)}.</p>' if told else '<p class="lead">No single part changes much.</p>'


def _points(change: float) -> str:
    return f"{'+' if change > 0 else '−'}{abs(100 * change):.0f} points"


def marked_picture(raw: Any, parts: Sequence[str], told: Mapping[str, Any]) -> str:
    """The picture under its squares: framed what it hangs on, dashed what speaks against it; beside it the flipped one."""
    from kdui.modalities.image.parts import grid, without

    picture = np.asarray(raw, np.uint8)
    rows, columns = grid(picture.shape)
    weights = told["weights"]
    largest = max((abs(weight) for weight in weights), default=0.0) or 1.0
    squares = "".join(
        f'<rect x="{place % columns}" y="{place // columns}" width="1" height="1" class="{"for" if weight > 0 else "against"}" '
        f'style="--shade:{abs(weight) / largest:.2f}"><title>row {parts[place]}: without it {_points(-weight)}</title></rect>'
        for place, weight in enumerate(weights)
        if abs(weight) >= TELLING
    )
    overlay = f'<svg viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" aria-hidden="true">{squares}</svg>'
    shown = [("What it hangs on", f'<div class="heat">{thumbnail(_plain(picture))}{overlay}</div>')]
    if told["flip"]:
        shown.append(("Flipped", f'<div class="heat">{thumbnail(_plain(without(picture, told["flip"])))}</div>'))
    figures = "".join(f"<figure>{inner}<figcaption>{name}</figcaption></figure>" for name, inner in shown)
    strongest = max(range(len(weights)), key=lambda place: weights[place])
    row, column = parts[strongest].split(", ")
    words = f"Most: square in row {row}, column {column}, {_points(-weights[strongest])} without it."
    if weights[strongest] < TELLING:
        words = "No single square changes much."
    return f'<div class="heats">{figures}</div><p class="lead">{words}</p>'


def _plain(picture: np.ndarray) -> list[Any]:
    shown: list[Any] = (picture if picture.shape[-1] == 3 else picture[..., 0]).tolist()
    return shown


def explain_markup() -> str:
    """The frame that assets/modules/explain.js fills."""
    return f"""
<div class="buttons under" id="compare-tools"><span></span>
  <button type="button" class="act small" id="compare-explain" hidden>Where does it come from?</button>
  <button type="button" class="act small" id="compare-race" hidden>Race over the test inputs</button></div>
<section class="card" id="explain-card" aria-labelledby="explain-title" hidden><div class="run-title">
  <h2 class="title" id="explain-title">&nbsp;</h2>{pin_button("explain", hidden=False)}</div>
  <div id="explain-shown"></div></section>
<section class="card" id="race-card" aria-label="Race" hidden><div class="run-title"><h2 class="title" id="race-title">&nbsp;</h2>
  <button type="button" class="act small" id="race-stop">Stop</button></div>
  <div id="race-bars" role="status"></div>
  <p class="lead">One input at a time, one thread; the models take turns on equal time, and only the model itself is timed.</p>
</section>
"""
