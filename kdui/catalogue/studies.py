"""Studies: many recipes that differ in one thing, over several seeds, as one YAML file each."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from kdui.catalogue.methods import METHODS, plain_method
from kdui.catalogue.recipe_files import MOST_FAULTS, validated
from kdui.catalogue.references import anchored_plain
from kdui.catalogue.targets import Aim
from kdui.catalogue.yaml_text import read_file, read_yaml
from kdui.core.bounds import fault
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.method import Group, Place
from kdui.core.places import ASSETS
from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe

FOLDER = Path(__file__).parent / "studies"
RESULTS = ASSETS / "results"  # recorded tables, one NAME.json a study


class Arm(Frozen):
    """One row of a study's table: its title and the stages that make it; other fields stand for the study's own."""

    title: str
    stages: tuple[Any, ...]
    task: str | None = None
    teacher: str | None = None
    student: str | None = None


class Study(Frozen):
    """What is compared. ``training`` goes into every distillation stage, so that all arms have equal compute."""

    name: str = ""
    title: str
    summary: str = ""
    question: str = Field(default="", description="what it is meant to find out, as a question")
    limits: str = Field(default="", description="what its result does not show")
    task: str
    teacher: str | None = None
    student: str | None = None
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, max_length=100)
    effect: float | None = Field(
        default=1.0, gt=0, description="the smallest difference that its question is about, points; null where no arm is trained"
    )
    before: tuple[Any, ...] = ()
    training: dict[str, Any] = {}
    after: tuple[Any, ...] = Field(default_factory=lambda: ({plain_method(Place.MEASURED).name: {}},))
    arms: tuple[Arm, ...] = Field(min_length=1, max_length=200)
    own_teachers: bool = Field(default=False, description="teachers are trained anew with each seed; else all seeds share one")
    steps: bool = Field(default=False, description="the table shows every model on the way, not the last one alone")
    aims: tuple[Aim, ...] = ()
    inapplicable: dict[str, str] = Field(default={}, description="methods that this task or pair cannot have -> why")

    def recipes(self, arm: Arm, seeds: tuple[int, ...] | None = None) -> list[Recipe]:
        """The arm's recipe for each seed; raises RecipeError where it cannot be read."""
        plain = {
            "name": f"{self.title} · {arm.title}",
            "task": arm.task or self.task,
            "teacher": arm.teacher or self.teacher,
            "student": arm.student or self.student,
        }
        present = {key: value for key, value in plain.items() if value is not None}
        return [
            validated({**present, "stages": self._stages(arm, seed), "seed": seed}, f"Study '{self.name}'")
            for seed in seeds or self.seeds
        ]

    def _stages(self, arm: Arm, seed: int) -> list[Any]:
        stages = [*self.before, *(self._trained(stage) for stage in arm.stages), *self.after]
        return [_seeded(stage, seed) for stage in stages] if self.own_teachers else stages

    def _trained(self, stage: Any) -> Any:
        """The stage with the study's training knobs, where it trains a student; the arm's own values win."""
        method, settings = (stage, {}) if isinstance(stage, str) else next(iter(stage.items()))
        if METHODS[method].group is not Group.DISTILL:
            return stage
        return {method: {**self.training, **(settings or {})}}


def _seeded(stage: Any, seed: int) -> Any:
    """The stage with that seed, where it has one of its own; what it says itself wins."""
    method, settings = (stage, {}) if isinstance(stage, str) else next(iter(stage.items()))
    return {method: {"seed": seed, **(settings or {})}} if "seed" in METHODS[method].spec.model_fields else stage


def study_names() -> list[str]:
    """The built-in studies."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_study(name: str) -> Study:
    """A built-in study, or one in a YAML file; raises UnknownName or RecipeError in words."""
    path = Path(name).expanduser() if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise UnknownName("study", name, study_names())
    document = read_yaml(read_file(path), path.name)
    if not isinstance(document.data, dict):
        raise RecipeError(f"{path} is not a study: it holds no mapping.")
    try:
        data = document.data if path.parent == FOLDER else anchored_plain(document.data, path.absolute().parent)
        return Study.model_validate({**data, "name": path.stem})
    except ValidationError as error:
        faults = [(document.line(item["loc"]), fault(Study, item)) for item in error.errors()[:MOST_FAULTS]]
        words = "; ".join(f"line {line}: {fault_words}" if line else fault_words for line, fault_words in faults)
        raise RecipeError(f"{path} is not a study: {words}.") from None
