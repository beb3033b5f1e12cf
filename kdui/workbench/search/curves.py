"""How far each trial's student was at each tenth of its training, as its run's events tell."""

from collections.abc import Mapping, Sequence

from kdui.catalogue.methods import METHODS, trains_student
from kdui.core.errors import KduiError
from kdui.core.run import Run
from kdui.store.store import Store
from kdui.workbench.search.sampling import TENTHS
from kdui.workbench.search.trials import Trial

Curve = dict[int, float]


class TrialCurves:
    """Reads events; those of a finished trial are read once."""

    def __init__(self, store: Store):
        self.store = store
        self._kept: dict[str, Curve] = {}

    def of(self, going: Sequence[Trial], trials: Sequence[Trial]) -> Mapping[int, Curve]:
        """trial -> tenth of its training -> validation score; ``going``: those whose curve still grows."""
        growing = {trial.number for trial in going}
        curves: dict[int, Curve] = {}
        for trial in trials:
            if trial.run is None or trial.known:
                continue
            if trial.number in growing or trial.run not in self._kept:
                self._kept[trial.run] = self._read(trial.run)
            curves[trial.number] = self._kept[trial.run]
        return curves

    def _read(self, run_id: str) -> Curve:
        try:
            run = self.store.runs.get(run_id)
        except KduiError:
            return {}
        step, epochs = student_step(run)
        curve: Curve = {}
        for event in self.store.events(run_id).read()[0]:
            score = event.values.get("validation")
            if event.kind == "metric" and event.step == step and event.at and isinstance(score, (int, float)):
                curve[min(TENTHS, max(1, round(TENTHS * event.at / epochs)))] = float(score)
        return curve


def student_step(run: Run) -> tuple[str, float]:
    """The step that trains the student, and its epochs; an empty name where none does."""
    for stage in run.recipe.stages:
        if stage.method in METHODS and trains_student(METHODS[stage.method]):
            spec = METHODS[stage.method].spec
            epochs = stage.settings.get("epochs") or (spec.model_fields["epochs"].default if "epochs" in spec.model_fields else 0)
            step = next((step.name for step in run.steps if step.stage == stage.name and step.role == "student"), "")
            return step, float(epochs or 1)
    return "", 1.0
