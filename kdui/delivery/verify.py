"""Verifying: what a delivered file claims, measured again in a process with limits and compared with our own rules."""

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.contracts import TaskFacts
from kdui.core.errors import DeviceUnavailable, KduiError, StageFailed
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.core.words import percent
from kdui.delivery import rules
from kdui.delivery.claims import Claims
from kdui.delivery.opened import Opened
from kdui.delivery.rules import Check, Verdict
from kdui.delivery.stamp import record_of
from kdui.methods.deliver.measure.provenance import provenance
from kdui.methods.deliver.measure.samples import timed_arrays
from kdui.problems import problem_of
from kdui.problems.classification.calibration import calibrated_error, expected_calibration_error, fitted_temperature
from kdui.problems.judging import judged
from kdui.runtime.confined import GraphOverrun, Limits
from kdui.runtime.latency import measure_latency
from kdui.runtime.sessions import graph_batches
from kdui.settings import Settings
from kdui.tasks.examples import Examples

TOLERANCE = 0.25  # how much slower than claimed an answer may be
TRIES = 3  # other work only ever slows a model down, so the fastest try is nearest to the truth
CALIBRATION = {"ece": "%", "ece_scaled": "%", "calibration_temperature": ""}
EXPECTED = ("file_bytes", "latency_p50", "parameters", "nonzero", "macs")  # beside the headline: what a reader looks for


class Verification(Frozen):
    """All checks of one file, and the limits that its graph ran under."""

    file: str
    label: str
    task: str
    run: str
    recipe: str
    limits: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> bool:
        """Whether a claim turned out wrong."""
        return any(check.verdict == "fail" for check in self.checks)

    @property
    def judged(self) -> bool:
        """Whether anything of weight could be said: a claim is wrong, or the quality was measured again."""
        return self.failed or any(check.weighs and check.verdict == "pass" for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether the model's quality was measured again and no claim turned out wrong."""
        return self.judged and not self.failed

    @property
    def code(self) -> int:
        """How the command ends: 0 where every checked claim holds, 1 where one fails, 2 where the quality is not verified."""
        return 0 if self.passed else 1 if self.failed else 2

    @property
    def words(self) -> str:
        """The verdict as a sentence's end."""
        told = {
            0: "every claim that was checked holds",
            1: "not every claim holds",
            2: "not verified: nothing that it claims about the model's quality could be checked",
        }
        return told[self.code]


def verify(path: Path, settings: Settings, task: str = "", tolerance: float = TOLERANCE) -> Verification:
    """Measure a delivered .onnx or .kdz again; ``task``: another task's test split than the claimed one.

    Raises ClaimsMissing or another KduiError in words where nothing can be checked.
    """
    limits = Limits.of(settings, in_total=True)
    with tempfile.TemporaryDirectory(prefix="kdui-verify-") as place:
        opened = Opened(path, Path(place))
        claims = opened.claims
        claimed, facts = TASKS[claims.data.task], TASKS[task or claims.data.task]
        if facts.modality != claims.inputs.modality:
            raise KduiError(
                f"{path.name} takes {claims.inputs.modality} examples, but {facts.title} is made of {facts.modality} ones. "
                "Name a task of the same kind, or leave '--task' out."
            )
        _, splits = load_task(facts.name, settings)
        measured = _Measured(opened, facts, splits, limits)
        checks = [
            _weights(opened),
            *rules.twice(claims),
            *_contradictions(opened, claimed.labels),
            *_sizes(opened),
            *measured.quality(),
            *measured.counts(),
            *measured.latency(tolerance),
            *_others(claims, measured.known),
        ]
    return Verification(
        file=str(path),
        label=claims.label,
        task=facts.name,
        run=claims.run,
        recipe=claims.recipe,
        limits=limits.words,
        checks=tuple(checks),
    )


def _weights(opened: Opened) -> Check:
    """The model's own bytes against the checksum that they had when they were measured."""
    found = record_of(opened.stamped.model)
    changed = [] if found == opened.claims.model else ["the model"]
    for name, record in opened.claims.beside.items():
        path = opened.beside / name
        if Path(name).name != name or not path.is_file() or path.stat().st_size != record.bytes:
            changed.append(f"{name} (missing or of another size)")
        elif record_of(path.read_bytes()) != record:
            changed.append(name)
    return Check(
        what="weights and graph",
        claimed=f"sha256 {opened.claims.model.sha256[:12]}…",
        found=f"sha256 {found.sha256[:12]}…",
        verdict="fail" if changed else "pass",
        note=f"changed since it was measured: {', '.join(changed)}" if changed else "unchanged since it was measured",
    )


def _contradictions(opened: Opened, labels: tuple[str, ...]) -> list[Check]:
    """Where the graph's own metadata says otherwise than the claims."""
    found = opened.contradictions(labels)
    if not found:
        return []
    return [Check(what="task, labels and inputs", claimed="", found="", verdict="fail", note="; ".join(found))]


def _sizes(opened: Opened) -> list[Check]:
    """The file without its claims; packed, both the container and what it unpacks to."""
    beside = sum(record.bytes for record in opened.claims.beside.values())
    found = {"file_bytes": len(opened.stamped.model) + beside, "packed_bytes": opened.packed_bytes}
    titles = {"file_bytes": "size of the ONNX file", "packed_bytes": "size of the packed file"}
    checks = []
    for metric, title in titles.items():
        claim, now = opened.claims.figure(metric), found[metric]
        if now is None:
            if claim is not None:
                note = rules.misstated(claim, "B") or "the packed form is another file"
                verdict: Verdict = "fail" if rules.misstated(claim, "B") else "not checked"
                checks.append(Check(what=title, claimed=rules.figure(claim), found="", verdict=verdict, note=note))
        elif claim is None:
            checks.append(rules.unclaimed(title, f"{now:,} B"))
        else:
            checks.append(rules.size(title, claim, now))
    return checks


class _Measured:
    """The figures of a delivered file measured here; once its graph has overrun its limits it is not masked again."""

    def __init__(self, opened: Opened, facts: TaskFacts, splits: Mapping[Any, Examples], limits: Limits):
        self.opened, self.facts, self.limits = opened, facts, limits
        self._test, self._validation = splits["test"], splits["validation"]
        self._overrun = ""
        self._counts: dict[str, int | None] = {}
        self.known = {facts.headline.name, "file_bytes", "packed_bytes", "latency_p50", "parameters", "nonzero", "macs"}

    def quality(self) -> list[Check]:
        """Every figure of the problem that is claimed, over as many examples as claimed and never fewer than we ask for."""
        claims, headline = self.opened.claims, self.facts.headline
        count = min(len(self._test), max(claims.data.n, rules.least_examples(len(self._test))))
        title = f"{headline.title}, {count:,} test examples"
        claim = claims.figure(headline.name)
        try:
            found = self._scores(count)
        except Exception as error:  # ONNX Runtime has errors of many kinds for a graph that is broken or made for another task
            if isinstance(error, GraphOverrun):
                self._overrun = str(error)
            words = str(error) if isinstance(error, StageFailed) else f"{type(error).__name__}: {str(error)[:200]}"
            claimed = rules.figure(claim) if claim else "nothing"
            note = f"it cannot answer them ({words})"
            return [Check(what=title, claimed=claimed, found="no answer", verdict="fail", note=note, weighs=True)]
        self.known |= {metric.name for metric, _ in found}
        data = claims.data
        named = data.task == self.facts.name and data.version == self.facts.version
        same_data = named and data.sha256 == self._test.sha256() and data.n == min(data.n, len(self._test))
        checks = [] if claim else [rules.unclaimed(headline.title, weighs=True)]
        for metric, value in found:
            if item := claims.figure(metric.name):
                checks.append(
                    rules.quality(
                        item, metric, value, count, claims,
                        test=len(self._test), same_data=same_data, same_device=item.device == provenance().device,
                        simulated=self.opened.simulated, headline=metric.name == headline.name,
                    )
                )  # fmt: skip
        return checks

    def _scores(self, count: int) -> list[tuple[Metric, float]]:
        targets, problem = self._test.targets[:count], problem_of(self.facts)
        arrays = self.opened.prepared(self._test.inputs[:count])
        one = {name: array[:1].shape for name, array in self.opened.prepared(self._validation.inputs).items()}
        with self.opened.session(self.limits) as session:
            self._counts = session.counts(one)
            batches = graph_batches(self.opened.graph, arrays, problem.graph_batch, session=session)
            values = judged(problem, targets, batches).values
        found = list(problem.score(values, targets, self.facts))
        logits = problem.label_logits(values, targets)
        if logits is not None and any(self.opened.claims.figure(name) for name in CALIBRATION):
            figures = (
                100 * expected_calibration_error(logits, targets),
                100 * calibrated_error(logits, targets),
                fitted_temperature(logits, targets),
            )
            found += [
                (Metric(name=name, title=name.replace("_", " "), unit=unit), float(value))
                for (name, unit), value in zip(CALIBRATION.items(), figures, strict=True)
            ]
        return found

    def counts(self) -> list[Check]:
        """Weights, non-zeros and MACs, as they were counted in the graph before it answered."""
        weights, nonzero, vectors = (self._counts.get(name) for name in ("weights", "nonzero", "vectors"))
        folded = f"in matrices and kernels; with biases and normalisation up to {vectors:,} more" if vectors is not None else ""
        # Rounding to low bit-widths makes further zeros: the claim tells of the weights before it.
        before = weights if self.opened.rounded else nonzero
        known = {
            "parameters": ("weights", weights, _sum(weights, vectors), folded),
            "nonzero": ("non-zero weights", nonzero, _sum(before, vectors), folded),
            "macs": ("multiply-adds", self._counts.get("macs"), None, ""),
        }
        return [
            rules.count(title, claim, rules.UNITS[name], found, most=most, note=note)
            for name, (title, found, most, note) in known.items()
            if (claim := self.opened.claims.figure(name))
        ]

    def latency(self, tolerance: float) -> list[Check]:
        """p50 of one answer, the file in turn with itself, threads as claimed; another device's figure is shown, not judged."""
        claim, timing = self.opened.claims.figure("latency_p50"), self.opened.claims.timing
        if claim is None:
            return [rules.unclaimed("latency p50")]
        claimed = rules.figure(claim)
        if reason := rules.misstated(claim, "ms"):
            return [Check(what="latency p50", claimed=claimed, found="", verdict="fail", note=reason)]
        if self._overrun:
            return [Check(what="latency p50", claimed=claimed, found="", verdict="not checked", note=self._overrun)]
        device = "cpu" if timing.device == "cpu" else "cuda:0"
        medians: list[float] = []
        try:
            sample = timed_arrays(self.opened.prepared(self._validation.inputs), self.opened.claims.inputs, 1)
            while len(medians) < TRIES and not any(value <= claim.value * (1 + tolerance) for value in medians):
                once = measure_latency(
                    self.opened.graph, self.opened.graph, sample,
                    runs=timing.runs, threads=timing.threads, device=device, limits=self.limits,
                )  # fmt: skip
                medians.append(statistics.median((*once.candidate_ms, *once.baseline_ms)))
        except (StageFailed, DeviceUnavailable) as error:
            return [Check(what="latency p50", claimed=claimed, found="", verdict="not checked", note=str(error))]
        found = min(medians)
        threads = f"{timing.threads} thread{'s' if timing.threads > 1 else ''}"
        note = f"{threads}, batch 1; at most {percent(tolerance)} slower"
        note += f", the fastest of {len(medians)} tries" if len(medians) > 1 else ""
        verdict: Verdict = "pass" if found <= claim.value * (1 + tolerance) else "fail"
        if claim.device != provenance(device).device:
            verdict = "other device"
            note = f"not verified here: {threads}, batch 1; claimed on {claim.device or 'an unknown device'}"
        return [Check(what="latency p50", claimed=claimed, found=f"{found:.3g} ms", verdict=verdict, note=note)]


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _others(claims: Claims, known: set[str]) -> list[Check]:
    """What the file claims besides, and what it leaves out, by name: a reader must not take either for verified."""
    names = sorted({claim.metric.replace("_", " ") for claim in claims.figures if claim.metric not in known})
    left_out = [name.replace("_", " ") for name in EXPECTED if claims.figure(name) is None]
    checks = []
    if names:
        note = "not measured again: " + ", ".join(names)
        checks.append(Check(what="other figures", claimed=f"{len(names)}", found="", verdict="not checked", note=note))
    if left_out:
        note = "the file does not claim: " + ", ".join(left_out)
        checks.append(Check(what="missing claims", claimed="nothing", found="", verdict="not checked", note=note))
    return checks


def as_rows(found: Verification) -> list[dict[str, Any]]:
    """The table that the command prints."""
    return [check.model_dump(exclude={"weighs"}) for check in found.checks]
