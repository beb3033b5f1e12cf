"""One page to decide by: what a run's model gains and loses against its teacher, for whom, how sure that is, and the verdict."""

from typing import TYPE_CHECKING

from pydantic import Field

from kdui.catalogue.tasks import TASKS
from kdui.charts.gain import reading, unseen
from kdui.core.errors import KduiError
from kdui.core.measurement import Measurement, with_download
from kdui.core.metric import Metric
from kdui.core.numbers import MINUS, THIN, floor, number, signed, significant, span, times
from kdui.core.page_rows import ModelResult, RunDetail
from kdui.core.plain import Frozen
from kdui.core.presentation import Content, Table, Tile
from kdui.workbench.devices import Fit, fits
from kdui.workbench.stakes import Costs, Inputs, Stake, stakes

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_LABELS = 5
ESTIMATED = "○"


class Decide(Frozen):
    """What is to be decided: a run's model (empty: the newest compressed one), the aims, and the stakes' inputs."""

    run: str = Field(max_length=64)
    model: str = Field(default="", max_length=200)
    retain: float | None = 97.0
    faster: float | None = 1.0
    smaller: float | None = 2.0
    inputs: Inputs = Inputs()


def teacher_of(detail: RunDetail) -> ModelResult:
    """The recipe's own teacher; raises KduiError where none was measured."""
    teacher = next((item for item in reversed(detail.results) if item.role == "teacher"), None)
    if teacher is None:
        raise KduiError("No teacher was measured in this run: there is nothing to compare a model with. Choose another run.")
    return teacher


def decision(bench: "Workbench", ask: Decide) -> Content:
    """The page as data. Raises KduiError where the run has not ended or has no teacher, or an aim is none."""
    from kdui.delivery.deliver import chosen  # what judges is not wanted before somebody decides: the page must start fast
    from kdui.workbench.gating.judge import gate
    from kdui.workbench.gating.verdict import aims_of

    detail = bench.run(ask.run)
    teacher, model = teacher_of(detail), chosen(detail, ask.model)
    metric, task = TASKS[detail.run.recipe.task].headline, TASKS[detail.run.recipe.task]
    judged = gate(bench, ask.run, model.step, aims_of(retain=ask.retain, faster=ask.faster, smaller=ask.smaller))
    difference = bench.paired(detail.run.id, model.step, teacher.step)
    sure = "Not paired: predictions of both on the same test examples are not stored."
    if difference is not None:
        sure = f"{reading(difference, metric)}. {unseen(difference, metric)}".strip()
    both = (_costs(teacher), _costs(model))
    return Content(
        title=f"{model.label} instead of {teacher.label}?",
        subtitle=f"{task.title} · {detail.run.name} · run {detail.run.id} · seed {detail.run.recipe.seed}",
        badge=judged.verdict,
        tiles=(*_tiles(teacher, model, metric), _sure_tile(difference, metric)),
        lines=(f"How sure: {sure}", *(f"Gate: {reason.words}" for reason in judged.reasons), *_unlearned(detail)),
        tables=(_harm(bench, detail, model), _stakes_table(stakes(*both, ask.inputs)), _devices_table(fits(*both, ask.inputs))),
    )


def _unlearned(detail: RunDetail) -> tuple[str, ...]:
    return (detail.unlearned,) if detail.unlearned else ()


def _tiles(teacher: ModelResult, model: ModelResult, metric: Metric) -> tuple[Tile, ...]:
    """Size, speed and quality of the model, each beside its teacher's."""
    tiles = []
    sizes = [with_download(item.measurements).get("download") for item in (teacher, model)]
    if sizes[0] and sizes[1]:
        ratio = sizes[0].value / sizes[1].value
        label, tone = ("Smaller download", "gain") if ratio >= 1 else ("Larger download: its size is", "loss")
        tiles.append(Tile(label=label, value=f"{times(ratio)} {sizes[1].mark}", detail=_beside(sizes), tone=tone))
    latency = [item.measurements.get("latency_p50") for item in (teacher, model)]
    speedup = model.measurements.get("speedup")
    if latency[0] and latency[1] and speedup:
        label, tone = ("Faster", "gain") if speedup.value >= 1 else ("Slower: its speed is", "loss")
        sure = "" if speedup.low is None or speedup.high is None else f", 95 % interval {span(speedup.low, speedup.high, '×')}"
        detail = f"p50 {_beside(latency)}{sure}"
        tiles.append(Tile(label=label, value=f"{times(speedup.value)} {speedup.mark}", detail=detail, tone=tone))
    quality = [item.measurements.get(metric.name) for item in (teacher, model)]
    if quality[0] and quality[1]:
        gain = metric.gain(quality[1].value, quality[0].value)
        kept = metric.retained(quality[1].value, quality[0].value)
        share = "" if kept is None else f", {floor(kept)} % retained"
        value = f"{signed(gain, metric.places_of(gain))} {metric.gain_unit(gain)} {quality[1].mark}"
        tone = "loss" if gain < 0 else "gain"
        tiles.append(Tile(label=metric.title, value=value, detail=f"{_beside(quality)}{share}", tone=tone))
    return tuple(tiles)


def _beside(pair: "list[Measurement | None]") -> str:
    """The model's value instead of the teacher's."""
    teacher, model = (number(item.value, item.unit) if item else "–" for item in pair)
    return f"{model} instead of {teacher}".replace(THIN, " ")


def _sure_tile(difference: "object | None", metric: Metric) -> Tile:
    from kdui.core.statistics.paired import Difference

    if not isinstance(difference, Difference) or difference.low is None or difference.high is None:
        return Tile(label="How sure", value="–", detail="One seed, and no paired predictions: not known.")
    places = metric.places_of(difference.low, difference.high)
    value = f"{signed(difference.low, places)} to {signed(difference.high, places)}"
    seen = "" if difference.detectable is None else f"; detectable from {metric.format_detectable(difference.detectable)}"
    shown = "a difference is shown" if difference.is_shown else "no difference is shown"
    return Tile(label="How sure: 95 % interval", value=value, detail=f"{metric.difference_unit} to the teacher: {shown}{seen}")


def _harm(bench: "Workbench", detail: RunDetail, model: ModelResult) -> Table:
    """The labels that lose most recall against the teacher; a row that says why where that is not known."""
    heads = ("For whom: label", "Recall", "Change", "Test examples")
    try:
        classes = bench.evidence(detail.run.id)["classes"]
    except KduiError as error:
        return Table(heads=heads, rows=((f"Not known: {error}"[:500], "–", "–", "–"),), caption="Who is harmed")
    rows = classes[classes["step"] == model.step] if len(classes) else classes
    if not len(rows):
        return Table(heads=heads, rows=(("Not measured by label", "–", "–", "–"),), caption="Who is harmed")
    worst = rows.sort_values(["recall_change", "of"], kind="stable").head(MOST_LABELS)
    lost, least = int((rows["recall_change"] < 0).sum()), int(rows["count"].min())
    caption = f"{lost} of {len(rows)} labels lose recall; with {least} test examples a label or more, a point or two is chance"
    headline = model.measurements.get(TASKS[detail.run.recipe.task].headline.name)
    mark = headline.mark if headline else ""  # recall is of the same predictions: simulated or replayed where they are
    cells = tuple(
        (
            str(row["of"]),
            f"{number(row['recall'], '%')} {mark}".strip(),
            _points(row),
            f"{row['count']:,}",
        )
        for row in worst.to_dict("records")
    )
    return Table(heads=heads, rows=cells, caption=caption)


def _points(row: "dict[str, float]") -> str:
    return f"{signed(row['recall_change'])} points"


def _costs(model: ModelResult) -> Costs:
    """Seconds of a core: latency is measured one answer at a time, on as many threads as Measure was told, one as a rule."""
    latency = model.measurements.get("latency_p50")
    size = with_download(model.measurements).get("download") or model.measurements.get("file_bytes")
    file, memory = (model.measurements.get(name) for name in ("file_bytes", "peak_memory"))
    return Costs(
        latency.value / 1000 if latency else None,
        size.value if size else None,
        file.value if file else None,
        memory.value * 1e6 if memory else None,
    )


def _stakes_table(rows: "list[Stake]") -> Table:
    cells = tuple(
        (row.quantity, _stake(row.teacher, row), _stake(row.model, row), _stake(row.saved, row), row.formula) for row in rows
    )
    caption = f"{ESTIMATED} estimated from measured latency p50 and download, and from these inputs"
    return Table(heads=("What it means", "Teacher", "This model", "Saved", "Formula and inputs"), rows=cells, caption=caption)


def _devices_table(rows: "list[Fit]") -> Table:
    """Whether a model fits each device; the teacher's need stands beside it."""
    cells = tuple((row.device, *(_fit(need, row.allowed) for need in (row.teacher, row.model)), row.rule) for row in rows)
    caption = f"{ESTIMATED} estimated from measured sizes: speed there and the working memory of microcontrollers are not known"
    return Table(heads=("Fits on", "Teacher", "This model", "Rule and source"), rows=cells, caption=caption)


def _fit(need: "float | None", allowed: float) -> str:
    if need is None:
        return "–"
    return f"{'✓ fits' if need <= allowed else '✗ too large'}: {number(need, 'bytes').replace(THIN, ' ')} {ESTIMATED}"


def _stake(value: "float | None", row: "Stake") -> str:
    if value is None:
        return "–"
    text = f"{value:,.0f}" if not row.unit else f"{significant(value)} {row.unit}"
    return f"{text.replace('-', MINUS)} {ESTIMATED}"
