"""Verifying: a delivered file's accuracy, size and latency measured again and held against what it claims."""

import math
import statistics
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.contracts import TaskFacts
from kdui.core.errors import DeviceUnavailable, KduiError, StageFailed
from kdui.core.plain import Frozen
from kdui.core.statistics.intervals import wilson
from kdui.core.words import percent
from kdui.delivery.claims import Claim, Claims
from kdui.delivery.stamp import Stamped, read_stamp, record_of
from kdui.inputs import input_kind
from kdui.kdz.container import MODEL, is_container, tail_of, unpack
from kdui.kdz.on_disk import write_whole
from kdui.methods.measure.provenance import provenance
from kdui.methods.measure.samples import timed_arrays
from kdui.objectives import objective_of
from kdui.runtime.latency import measure_latency
from kdui.runtime.sessions import graph_outputs
from kdui.settings import Settings
from kdui.tasks.examples import Examples

SAME_POINTS = 0.1  # of the headline: on the same examples and device it may differ by no more
TOLERANCE = 0.25  # how much slower than claimed an answer may be
LARGEST_INPUT, MOST_VALUES = 8192, 2_000_000_000  # of one setting, and of all examples together
TRIES = 3  # other work only ever slows a model down, so the fastest try is nearest to the truth

Verdict = Literal["pass", "fail", "other device", "not checked"]


class Check(Frozen):
    """One claim beside what was found now."""

    what: str
    claimed: str
    found: str
    verdict: Verdict
    note: str = ""


class Verification(Frozen):
    """All checks of one file."""

    file: str
    label: str
    task: str
    run: str
    recipe: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no claim turned out wrong, and a figure was measured again at all."""
        return self.judged and all(check.verdict != "fail" for check in self.checks)

    @property
    def code(self) -> int:
        """How the command ends: 0 where every checked claim holds, 1 where one fails, 2 where none could be checked."""
        return 0 if self.passed else 1 if self.judged else 2

    @property
    def judged(self) -> bool:
        """Whether any check was made beside that of the checksum, which no figure needs."""
        return any(check.verdict in ("pass", "fail") for check in self.checks[1:]) or self.checks[0].verdict == "fail"


def verify(path: Path, settings: Settings, task: str = "", tolerance: float = TOLERANCE) -> Verification:
    """Measure a delivered .onnx or .kdz again; ``task``: another task's test split than the claimed one.

    Raises ClaimsMissing or another KduiError in words where nothing can be checked.
    """
    with tempfile.TemporaryDirectory(prefix="kdui-verify-") as place:
        opened = _Opened(path, Path(place))
        claims = opened.stamped.claims
        facts = TASKS[task or claims.data.task]
        if facts.modality != claims.inputs.modality:
            raise KduiError(
                f"{path.name} takes {claims.inputs.modality} examples, but {facts.title} is made of {facts.modality} ones. "
                "Name a task of the same kind, or leave '--task' out."
            )
        _, splits = load_task(facts.name, settings)
        checks = [
            _weights(opened),
            *_sizes(opened),
            *_quality(opened, facts, splits["test"]),
            *_latency(opened, splits["validation"], tolerance),
            *_others(claims, facts.headline.name),
        ]
    return Verification(
        file=str(path), label=claims.label, task=facts.name, run=claims.run, recipe=claims.recipe, checks=tuple(checks)
    )


class _Opened:
    """A delivered file, unpacked if need be, with the files of its inputs in a folder of their own."""

    def __init__(self, path: Path, folder: Path):
        data = _read(path)
        self.packed_bytes: int | None = None
        self.graph, self.folder, self.beside = path, folder, path.parent
        if is_container(data):
            self.packed_bytes = tail_of(data)[1]
            for name, content in unpack(data).items():
                write_whole(folder / name, content)
            self.graph, self.beside = folder / MODEL, folder
            data = self.graph.read_bytes()
        self.stamped: Stamped = read_stamp(data)
        for name, content in self.stamped.files.items():
            write_whole(folder / name, content)

    @property
    def claims(self) -> Claims:
        return self.stamped.claims

    def prepared(self, raw: Any) -> dict[str, np.ndarray]:
        """Raw examples as the arrays that the graph takes; raises StageFailed where the settings mean none, or huge ones."""
        settings = self.claims.inputs.settings
        sizes = [value for value in settings.values() if isinstance(value, (int, float))]
        if any(not 0 <= value <= LARGEST_INPUT for value in sizes) or math.prod(filter(None, sizes)) * len(raw) > MOST_VALUES:
            raise StageFailed(
                f"The file asks for inputs of {settings}, which is more than verify tries. Deliver the model again."
            )
        try:
            return input_kind(self.claims.inputs.modality).prepare(raw, settings, self.folder)
        except (KeyError, TypeError, ValueError) as error:
            raise StageFailed(
                f"The file does not say how its inputs are prepared ({type(error).__name__}: {error}). Deliver the model again."
            ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KduiError(f"{path} cannot be read ({error.strerror}). Check its name.") from None


def _weights(opened: _Opened) -> Check:
    """The model's own bytes against the checksum that they had when they were measured."""
    found = record_of(opened.stamped.model)
    changed = [] if found == opened.claims.model else ["the model"]
    for name, record in opened.claims.beside.items():
        path = opened.beside / name
        if not path.is_file() or record_of(path.read_bytes()) != record:
            changed.append(name if path.is_file() else f"{name} (missing)")
    return Check(
        what="weights and graph",
        claimed=f"sha256 {opened.claims.model.sha256[:12]}…",
        found=f"sha256 {found.sha256[:12]}…",
        verdict="fail" if changed else "pass",
        note=f"changed since it was measured: {', '.join(changed)}" if changed else "unchanged since it was measured",
    )


def _sizes(opened: _Opened) -> list[Check]:
    """The file without its claims; packed, both the container and what it unpacks to."""
    found = {"file_bytes": len(opened.stamped.model), "packed_bytes": opened.packed_bytes}
    titles = {"file_bytes": "size of the ONNX file", "packed_bytes": "size of the packed file"}
    checks = []
    for metric, title in titles.items():
        claim, now = opened.claims.figure(metric), found[metric]
        if now is None:
            if claim is not None:
                note = "the packed form is another file"
                checks.append(Check(what=title, claimed=_figure(claim), found="", verdict="not checked", note=note))
            continue
        if claim is None:
            checks.append(_unclaimed(title, f"{now:,} B"))
            continue
        verdict: Verdict = "pass" if now == claim.value else "fail"
        checks.append(Check(what=title, claimed=_figure(claim), found=f"{now:,} B", verdict=verdict, note="without its claims"))
    return checks


def _quality(opened: _Opened, facts: TaskFacts, test: Examples) -> list[Check]:
    """The headline on the test split: the same examples on the same device give the same figure, others one in its interval."""
    claims, metric = opened.claims, facts.headline
    claim = claims.figure(metric.name)
    if claim is None:
        return [_unclaimed(metric.title)]
    count = min(claims.data.n, len(test))
    same_data = (claims.data.version, claims.data.sha256) == (facts.version, test.sha256()) and count == claims.data.n
    title = f"{metric.title}, {count:,} test examples"
    try:
        outputs = graph_outputs(opened.graph, opened.prepared(test.inputs[:count]))
        found = objective_of(facts).headline(outputs, test.targets[:count])
    except Exception as error:  # ONNX Runtime has errors of many kinds for a graph that is broken or made for another task
        words = f"it cannot answer them ({type(error).__name__}: {str(error)[:200]})"
        return [Check(what=title, claimed=_figure(claim), found="no answer", verdict="fail", note=words)]
    same_device = claim.device == provenance().device
    near = abs(found - claim.value) <= SAME_POINTS
    low, high = _interval(claim, count)
    inside = low <= found <= high
    strict = same_data and same_device
    rule = (
        f"same examples and device: within {SAME_POINTS} points"
        if strict
        else f"inside {low:.2f} to {high:.2f}, the claim's interval over {count:,} examples"
    )
    others = [] if same_data else [f"other test data than claimed ({claims.data.task}, version {claims.data.version})"]
    others += [] if same_device else ["other device"]
    return [
        Check(
            what=title,
            claimed=_figure(claim),
            found=f"{found:.2f} {claim.unit}",
            verdict="pass" if near or (inside and not strict) else "fail",
            note="; ".join([*others, rule]),
        )
    ]


def _latency(opened: _Opened, validation: Examples, tolerance: float) -> list[Check]:
    """p50 of one answer, the file in turn with itself, threads as claimed; on another device the figure is shown, not judged."""
    claim, timing = opened.claims.figure("latency_p50"), opened.claims.timing
    if claim is None:
        return [_unclaimed("latency p50")]
    device = "cpu" if timing.device == "cpu" else "cuda:0"
    medians: list[float] = []
    try:
        sample = timed_arrays(opened.prepared(validation.inputs), opened.claims.inputs, 1)
        while len(medians) < TRIES and not any(value <= claim.value * (1 + tolerance) for value in medians):
            once = measure_latency(opened.graph, opened.graph, sample, runs=timing.runs, threads=timing.threads, device=device)
            medians.append(statistics.median((*once.candidate_ms, *once.baseline_ms)))
    except (StageFailed, DeviceUnavailable) as error:
        return [Check(what="latency p50", claimed=_figure(claim), found="", verdict="not checked", note=str(error))]
    found = min(medians)
    same = claim.device == provenance(device).device
    threads = f"{timing.threads} thread{'s' if timing.threads > 1 else ''}"
    note = f"{threads}, batch 1; at most {percent(tolerance)} slower"
    note += f", the fastest of {len(medians)} tries" if len(medians) > 1 else ""
    verdict: Verdict = "pass" if found <= claim.value * (1 + tolerance) else "fail"
    if not same:
        verdict, note = "other device", f"{threads}, batch 1; claimed on {claim.device or 'an unknown device'}"
    return [Check(what="latency p50", claimed=_figure(claim), found=f"{found:.3g} ms", verdict=verdict, note=note)]


def _interval(claim: Claim, n: int) -> tuple[float, float]:
    """Between which figures the headline may lie on ``n`` examples: of a share its binomial interval, whatever the file claims.

    Another metric has no such interval, so the claimed one counts; without one, the figure alone.
    """
    if claim.unit == "%" and 0 <= claim.value <= 100:
        low, high = wilson(claim.value / 100, n)
        return 100 * low, 100 * high
    return (claim.low, claim.high) if claim.low is not None and claim.high is not None else (claim.value, claim.value)


def _others(claims: Claims, headline: str) -> list[Check]:
    """What the file claims besides, by name: a reader must not take it for verified."""
    known = {headline, "file_bytes", "packed_bytes", "latency_p50"}
    names = sorted({claim.metric.replace("_", " ") for claim in claims.figures if claim.metric not in known})
    note = "not measured again: " + ", ".join(names)
    return [Check(what="other figures", claimed=f"{len(names)}", found="", verdict="not checked", note=note)] if names else []


def _unclaimed(what: str, found: str = "") -> Check:
    return Check(what=what, claimed="nothing", found=found, verdict="not checked", note="the file claims no such figure")


def _figure(claim: Claim) -> str:
    """A claimed figure with its interval and the mark of its origin."""
    if claim.unit == "B":
        return f"{claim.value:,.0f} B {claim.origin.mark}"
    digits = ".3g" if claim.unit == "ms" else ".2f"
    interval = f" ({claim.low:{digits}} to {claim.high:{digits}})" if claim.low is not None and claim.high is not None else ""
    return f"{claim.value:{digits}}{interval} {claim.unit} {claim.origin.mark}"


def as_rows(found: Verification) -> list[dict[str, Any]]:
    """The table that the command prints."""
    return [check.model_dump() for check in found.checks]
