"""Judging a model of a finished run: what is odd, what is missed, and what nothing in the run could reach."""

import math
from collections.abc import Mapping

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError
from kdui.core.metric import Metric
from kdui.core.numbers import floor
from kdui.core.page_rows import ModelResult, RunDetail
from kdui.core.run import RunState
from kdui.core.statistics.paired import Discordant, over_examples
from kdui.delivery.deliver import chosen
from kdui.workbench.gating.figures import examples_needed, impossible, one_label, retained, speedup, stored, too_noisy
from kdui.workbench.gating.verdict import Aims, Figure, Judgement, Reason, Verdict
from kdui.workbench.stored_rows import keep_fp32
from kdui.workbench.workbench import Workbench

NAMES = {"retain": "retained", "faster": "speed-up", "smaller": "stored size"}
TEACHER = "the teacher"


def gate(bench: Workbench, run_id: str, model: str, aims: Aims, may_exceed: bool = False) -> Judgement:
    """Judge a model of a run (its step, label or role; empty: the newest compressed one, else the student).

    ``may_exceed``: a model that is better than its teacher beyond noise is no anomaly. Raises KduiError for a wrong call.
    """
    if not aims.given:
        raise KduiError("Nothing to judge by: give at least one of --retain, --faster and --smaller, e.g. --retain 99.")
    detail = bench.run(run_id)
    if not detail.run.state.is_final:
        raise KduiError(f"Run {run_id} is {detail.run.state}. Wait for its end, or 'python app.py resume {run_id}'.")
    if detail.run.state is not RunState.SUCCEEDED:
        words = f"The run has {detail.run.state}: {detail.run.error or 'it was not finished'}."
        return Judgement(
            verdict=Verdict.ANOMALOUS, run=run_id, model=model, step="", aims=aims, reasons=(Reason(aim="run", words=words),)
        )
    subject = chosen(detail, model)
    look = Look(bench, detail, aims)
    verdict, reasons = look.verdict(subject, may_exceed)
    return Judgement(verdict=verdict, run=run_id, model=subject.label, step=subject.step, aims=aims, reasons=tuple(reasons))


class Look:
    """The figures of one finished run's models beside its teacher."""

    def __init__(self, bench: Workbench, detail: RunDetail, aims: Aims):
        self.bench, self.detail, self.aims = bench, detail, aims
        self.metric: Metric = TASKS[detail.run.recipe.task].headline
        # The recipe's own teacher is the last one that was measured.
        self.teacher = next((item for item in reversed(detail.results) if item.role == "teacher"), None)

    def verdict(self, subject: ModelResult, may_exceed: bool) -> tuple[Verdict, list[Reason]]:
        """Anomalies first: of figures that cannot be trusted nothing else can be said."""
        odd = self._oddities(subject)
        if odd or self.teacher is None:
            return Verdict.ANOMALOUS, odd
        figures = {name: self.figure(subject, name) for name in self.aims.given}
        reasons = [self._held(name, figures[name], bound) for name, bound in self.aims.given.items()]
        anomalies = self._contradictions(subject, figures, may_exceed) + [
            Reason(aim=name, words=f"The question cannot be answered: {noise}", bound=bound, figure=figure)
            for name, bound in self.aims.given.items()
            if (figure := figures[name]) and figure.low < bound <= figure.high and (noise := too_noisy(figure))
        ]
        if anomalies:
            return Verdict.ANOMALOUS, anomalies + reasons
        more = [Reason(aim="faster", words=words)] if (words := keep_fp32(self.detail.run, self.detail.results, subject)) else []
        if all(reason.met for reason in reasons):
            return Verdict.ACCEPT, reasons + more
        infeasible = self._out_of_reach(figures)
        if infeasible:
            return Verdict.INFEASIBLE, infeasible + reasons + more
        return Verdict.REGRESSION, reasons + more + self._instead(subject)

    # --- figures -----------------------------------------------------------------------------------------------

    def figure(self, model: ModelResult, aim: str) -> Figure | None:
        """What the model reaches of one aim; None where that was not measured or cannot be paired."""
        if self.teacher is None:
            return None
        if model is self.teacher:
            one, unit = (100.0, "%") if aim == "retain" else (1.0, "×")
            return Figure(value=one, low=one, high=one, unit=unit, over="by definition")
        if aim == "retain":
            difference = self.bench.paired(self.detail.run.id, model.step, self.teacher.step)
            return retained(difference, self._headline(self.teacher)) if difference else None
        if aim == "faster":
            return speedup(model.measurements.get("speedup"))
        sizes = [stored(item) for item in (self.teacher, model)]
        if sizes[0] is None or sizes[1] is None:
            return None
        ratio = sizes[0] / sizes[1]
        return Figure(value=ratio, low=ratio, high=ratio, unit="×", over="exact: bytes of files")

    def _headline(self, model: ModelResult) -> float:
        item = model.measurements.get(self.metric.name)
        return math.nan if item is None else item.value

    def _held(self, name: str, figure: Figure | None, bound: float) -> Reason:
        assert figure is not None, "see the message above"
        met = figure.low >= bound
        # A share is cut as everywhere on the page: 97.199 % is not 97.2 % here and 97.1 % there.
        value, low, high = (
            floor(each, 2) if figure.unit == "%" else f"{each:.4g}" for each in (figure.value, figure.low, figure.high)
        )
        reading = f"{NAMES[name]} {value} {figure.unit} (95 % interval {low} to {high}, {figure.over})"
        if figure.low == figure.high:
            reading = f"{NAMES[name]} {value} {figure.unit} ({figure.over})"
        outcome = "met" if met else "missed" if figure.high < bound else "not shown: the interval reaches below it"
        words = f"{reading}; aim ≥ {bound:g} {figure.unit}: {outcome}."
        return Reason(aim=name, words=words, bound=bound, figure=figure, met=met)

    # --- what cannot be trusted ----------------------------------------------------------------------------------

    def _oddities(self, subject: ModelResult) -> list[Reason]:
        """Missing and impossible measurements, unlike test sets and devices, models that answer one label."""
        if self.teacher is None:
            return [Reason(aim="run", words="No teacher was measured in this run: there is nothing to compare the model with.")]
        if subject is self.teacher:
            return [Reason(aim="run", words="The model is the teacher itself. Name another one of the run.")]
        both = ((TEACHER, self.teacher), (subject.label, subject))
        odd = [Reason(aim="run", words=words) for who, model in both for words in impossible(who, model, self.metric)]
        missing = [name for name in self.aims.given if self.figure(subject, name) is None]
        odd += [Reason(aim=name, words=self._why_missing(subject, name)) for name in missing]
        devices = {
            model.measurements[name].provenance.device
            for _, model in both
            for name in ("latency_p50",)
            if name in model.measurements
        }
        if "faster" in self.aims.given and len(devices) > 1:
            listed = " and ".join(sorted(devices))
            odd.append(Reason(aim="faster", words=f"Speed was measured on different devices: {listed}. Measure both on one."))
        return odd + [Reason(aim="retain", words=words) for words in self._one_label(subject)]

    def _why_missing(self, subject: ModelResult, name: str) -> str:
        if name == "faster":
            return f"{subject.label} has no speed-up: measure it with speed on."
        if name == "smaller":
            return f"{subject.label} or {TEACHER} has no file size."
        counts = [
            item.measurements[self.metric.name].provenance.n
            for item in (self.teacher, subject)
            if item and self.metric.name in item.measurements
        ]
        if len(set(counts)) > 1:
            return f"{TEACHER} ran on {counts[0]} test examples, {subject.label} on {counts[1]}: different test sets."
        return f"Predictions of {subject.label} and {TEACHER} on the same test examples are not stored: they cannot be paired."

    def _one_label(self, subject: ModelResult) -> list[str]:
        """Models no better than the most frequent label alone; a share of such a teacher means nothing."""
        try:
            classes = self.bench.evidence(self.detail.run.id)["classes"]
        except KduiError as error:
            return [f"The test data could not be read: {error}"]
        if not len(classes):
            return []
        own = classes[classes["step"] == subject.step]
        rows = own if len(own) else classes[classes["step"] == classes["step"].iloc[0]]
        counts = dict(zip(rows["of"], rows["count"], strict=True))
        label, most = max(counts.items(), key=lambda item: item[1])
        share = 100 * most / max(1, sum(counts.values()))
        reasons = []
        for who, model in ((TEACHER, self.teacher), (subject.label, subject)):
            item = model.measurements.get(self.metric.name) if model else None
            if item is not None and item.unit == "%" and (item.low if item.low is not None else item.value) <= share:
                reasons.append(
                    f"{who} has {item.value:.1f} % right, and always answering '{label}' has {share:.1f} %: it is not shown to "
                    "be better than the most frequent label."
                )
        return reasons + ([f"{subject.label} predicts one label for all inputs."] if len(own) and one_label(own) else [])

    def _contradictions(self, subject: ModelResult, figures: Mapping[str, Figure | None], may_exceed: bool) -> list[Reason]:
        figure = figures.get("retain")
        if figure is None or figure.low <= 100 or may_exceed:
            return []
        words = (
            f"{subject.label} retains {figure.value:.1f} % ({figure.low:.1f} to {figure.high:.1f}), more than its teacher beyond "
            "noise: the teacher may be undertrained, or test data have leaked. Where that is meant, pass --may-exceed."
        )
        return [Reason(aim="retain", words=words, figure=figure)]

    # --- what nothing could reach ----------------------------------------------------------------------------------

    def _out_of_reach(self, figures: Mapping[str, Figure | None]) -> list[Reason]:
        """Aims that no model of this run could reach, alone or together; the teacher is one of its models."""
        reasons = []
        tables = {item.step: {name: self.figure(item, name) for name in self.aims.given} for item in self.detail.results}
        for name, bound in self.aims.given.items():
            if not any(figure and figure.high >= bound for figure in (table[name] for table in tables.values())):
                best = max((figure.value for table in tables.values() if (figure := table[name])), default=math.nan)
                unit = "%" if name == "retain" else "×"
                words = f"No model of this run could reach {NAMES[name]} ≥ {bound:g} {unit}: the most is {best:.4g} {unit}."
                reasons.append(Reason(aim=name, words=words, bound=bound))
        if (figure := figures.get("retain")) and self.aims.retain is not None and figure.low < self.aims.retain:
            reasons += self._beyond_the_data(self.aims.retain, figure)
        if reasons:
            return reasons
        made = [tables[item.step] for item in self.detail.results if item.role in ("student", "compressed", "assistant")]
        each = all(any(table[name] and table[name].high >= bound for table in made) for name, bound in self.aims.given.items())  # type: ignore[union-attr]
        together = any(
            all((figure := table[name]) and figure.high >= bound for name, bound in self.aims.given.items()) for table in made
        )
        if each and not together:
            words = "The aims contradict each other in this run: each is reached by one of its models, and all of them by none."
            return [Reason(aim="run", words=words)]
        return []

    def _beyond_the_data(self, bound: float, figure: Figure) -> list[Reason]:
        """A share that so few test examples could not show of a model that gives its teacher's every answer."""
        if self.teacher is None:
            return []
        item = self.teacher.measurements[self.metric.name]
        n = item.provenance.n or 0
        same = retained(over_examples([Discordant(0, 0, n)]), item.value) if n else None
        if same is None or same.low >= bound or figure.high < bound:
            return []
        needed = examples_needed(bound, item.value)
        more = f"{needed:,} would be needed" if needed else "no number of them would do"
        words = f"{n:,} test examples show {same.low:.2f} % at most, of a model that gives the teacher's every answer: {more}."
        return [Reason(aim="retain", words=words, bound=bound)]

    def _instead(self, subject: ModelResult) -> list[Reason]:
        """Another model of the run that meets all aims."""
        for item in self.detail.results:
            figures = {name: self.figure(item, name) for name in self.aims.given}
            if item not in (subject, self.teacher) and all(
                (figure := figures[name]) and figure.low >= bound for name, bound in self.aims.given.items()
            ):
                return [Reason(aim="run", words=f"{item.label} ({item.step.partition('.')[2]}) of this run meets all aims.")]
        return []
