"""What Build says in words and tables: facts of task and models, and the estimate with its warnings and steps."""

from collections.abc import Iterable
from difflib import get_close_matches
from html import escape

from kdui.catalogue.graph_figures import GraphFigures
from kdui.catalogue.methods import is_of
from kdui.core.contracts import TaskFacts
from kdui.core.measurement import Origin
from kdui.core.method import Group
from kdui.core.numbers import duration, number, span, time_left
from kdui.core.page_rows import Estimate, EstimateRow, ModelCard, PlannedStep
from kdui.core.recipe import ModelRef, Recipe
from kdui.ui.provenance import mark, measured, ratio

ESTIMATING = '<p class="lead">Estimating …</p>'
LOOKING = '<p class="lead">Looking on the Hub …</p>'


def waiting(recipe: Recipe) -> str:
    """What stands in the place of the cost until it is known."""
    return LOOKING if hub_models(recipe) else ESTIMATING


def hub_models(recipe: Recipe) -> list[str]:
    """The names of the recipe's models that are looked up on the Hub."""
    return list(dict.fromkeys(model.name for model in (recipe.teacher, recipe.student) if model and model.kind == "hub"))


def still_looking(names: Iterable[str]) -> str:
    """What stands in the place of the cost while the Hub has not answered."""
    words = (
        f"The Hub has not answered yet about {' and '.join(names)}. The look-up goes on: change a setting or choose the model "
        "again to see the cost. The run can be queued now; it looks the model up itself."
    )
    return f'<div class="note" role="status">{escape(words)}</div>'


def task_facts(task: TaskFacts) -> str:
    """5,485 train · 2,189 test · 8 classes · text."""
    sizes = [f"{count:,} {split}" for split, count in task.splits.items() if split != "validation"]
    classes = [task.answer.counted] if task.answer.counted else []
    return _lines([" · ".join([*sizes, *classes, task.modality]), task.summary])


def model_facts(card: ModelCard | None, ref: str | None, noun: str = "accuracy") -> str:
    """Parameters, size, licence, measured headline; of a model that is not in the list, that it is read when the run starts."""
    if card is None and ref and ModelRef.parse(ref).kind == "preset":
        return ""  # it has no such options, or does not suit the task: the estimate says so
    if card is None and ref:
        return _lines([f"Details of {ref} are read when the run starts."])
    if card is None:
        return _lines(
            [
                "Pick one, or write hub:OWNER/NAME or folder:PATH; a teacher may also be onnx:PATH, csv:PATH or "
                "api:SERVER?model=NAME."
            ]
        )
    facts = []
    if card.parameters is not None:
        title = "estimated: 4 bytes a parameter in fp32"
        size = f'{number(card.parameters * 4, "bytes")}<span class="mark" title="{title}">{Origin.ESTIMATED.mark}</span> in fp32'
        facts += [f"{number(card.parameters)} parameters", size]
    lines = [" · ".join([*facts, escape(card.licence)])]
    if card.known is not None:
        lines.append(measured(card.known, words=True, name=noun))
    return _lines(lines, escaped=True) + _lines([card.summary])


def graph_facts(figures: GraphFigures) -> str:
    """An ONNX file as it lies there: size, weights and operations, read from it."""
    title = escape("counted in the file")
    counts = f"{number(figures.weights)} weights, {figures.operations:,} operations"
    marked = f'{number(figures.file_bytes, "bytes")}, {counts}<span class="mark" title="{title}">{Origin.MEASURED.mark}</span>'
    return _lines([f"ONNX file of {marked}"], escaped=True) + _lines(["Of it only the answers are used: it is not trained."])


def unread(problem: str) -> str:
    """Why a file has no figures."""
    return _lines([problem])


def no_teacher() -> str:
    return _lines(
        [
            "Students that learn from each other, in mutual learning, need none.",
            "Else pick one, or write hub:OWNER/NAME, folder:PATH, artifact:DIGEST, onnx:PATH, csv:PATH or api:SERVER?model=NAME.",
        ]
    )


def no_student() -> str:
    return _lines(["No student: the teacher itself is compressed."])


def _lines(lines: Iterable[str], *, escaped: bool = False) -> str:
    return "".join(f'<p class="fact">{line if escaped else escape(line)}</p>' for line in lines if line)


# --- the estimate -----------------------------------------------------------------------------------------------------------


def cost_html(estimate: Estimate, notes: Iterable[str] = ()) -> str:
    """Table against the teacher, warnings, time and steps."""
    rows = "".join(_row(row) for row in estimate.rows)
    head = '<tr><th><span class="sr-only">Quantity</span></th><th>Teacher</th><th>Result</th><th>Ratio</th></tr>'
    table = f'<table class="table cost"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    warnings = "".join(f'<div class="note">{escape(text)}</div>' for text in (*estimate.warnings, *notes))
    return table + warnings + _time(estimate)


def unknown_model(name: str, cards: Iterable[ModelCard]) -> str:
    """A model that nobody knows: what may have been meant, by title, and what else may be written."""
    known = list(cards)
    words = {word.lower(): card.title for card in known for word in (card.ref, card.title)}
    near = dict.fromkeys(words[word] for word in get_close_matches(name.lower(), words, n=6, cutoff=0.5))
    meant = list(near)[:3] or [card.title for card in known[:3]]
    choices = meant[0] if len(meant) == 1 else ", ".join(meant[:-1]) + f" or {meant[-1]}"
    lead = "Did you mean" if near else "This task has"
    end = "?" if near else " and others in the list."
    return f"There is no model called '{name}'. {lead} {choices}{end} Or write hub:OWNER/NAME or folder:PATH."


def summary_html(estimate: Estimate, headline: str) -> str:
    """The estimate in one line, for the bar with the buttons: minutes, size, and the metric titled ``headline``."""
    rows = {row.quantity: row for row in estimate.rows}
    parts = [_lead(estimate)]
    if (row := rows.get("Download")) is not None and row.result is not None:
        parts.append(f"{number(row.result, row.unit)}{mark(row.result_origin)}")
    if (row := rows.get(headline)) is not None and (row.result is not None or row.result_low is not None):
        parts.append(f"{escape(row.quantity)} {_result(row)}{mark(row.result_origin)}")
    return f'<p class="sum">{" · ".join(parts)}</p>'


def _row(row: EstimateRow) -> str:
    result = _result(row)
    known = row.result is not None or row.result_low is not None
    teacher_mark = mark(row.teacher_origin) if row.teacher is not None else ""
    return (
        f"<tr><td>{escape(row.quantity)}</td><td>{number(row.teacher, row.unit)}{teacher_mark}</td>"
        f"<td>{result}{mark(row.result_origin) if known else ''}</td><td>{ratio(row.ratio, percent=row.percent)}</td></tr>"
    )


def _result(row: EstimateRow) -> str:
    if row.result is None and row.result_low is not None and row.result_high is not None:
        return span(row.result_low, row.result_high, row.unit)
    return number(row.result, row.unit)


def _lead(estimate: Estimate) -> str:
    if estimate.steps and all(step.cached for step in estimate.steps):
        return "Nothing to compute"
    return f"<b>{_capital(time_left(estimate.seconds))}</b>" if estimate.seconds is not None else "Time not known yet"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _time(estimate: Estimate) -> str:
    steps = estimate.steps
    cached = [step for step in steps if step.cached]
    if steps and len(cached) == len(steps):
        lead = "<b>Nothing to compute</b>: every step is cached."
    elif estimate.seconds is None:
        lead = "No time estimate yet: nothing like it has run here."
    else:
        about, words = (
            ("About ", left[6:]) if (left := time_left(estimate.seconds)).startswith("about ") else ("", left.capitalize())
        )
        lead = f"{about}<b>{words}</b> here"
        lead += (
            "; the teacher is already trained (cache hit)." if any(is_of(Group.TEACH, step.method) for step in cached) else "."
        )
    listed = "".join(_step(step) for step in steps)
    fold = f"<details><summary>{len(cached)} of {len(steps)} steps cached</summary><ul>{listed}</ul></details>" if steps else ""
    return f'<p class="lead">{lead}</p>{fold}'


def _step(step: PlannedStep) -> str:
    time = "cached" if step.cached else (f"≈ {duration(step.seconds)}" if step.seconds is not None else "not timed yet")
    sign = "✓" if step.cached else "○"
    name = f"{escape(step.label or step.name)} <small>{escape(step.method)}</small>"
    return f'<li><span aria-hidden="true">{sign}</span><span>{name}</span><span>{time}</span></li>'
