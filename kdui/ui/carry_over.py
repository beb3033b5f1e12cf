"""Another model in a recipe that somebody has edited: what they decided stays as far as it can, and what cannot is named."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kdui.catalogue.defaults import NO_TEACHER
from kdui.catalogue.methods import METHODS, is_of
from kdui.catalogue.recipe_files import validated
from kdui.core.errors import KduiError
from kdui.core.method import Group
from kdui.core.recipe import ModelRef, Recipe, Stage
from kdui.ui.forms import knobs
from kdui.ui.recipe_form import student_forms, with_distiller

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


@dataclass(frozen=True)
class Carried:
    """A recipe for other models. ``reset``: titles of the settings that had to go; ``told``: what else changed, in sentences."""

    recipe: Recipe
    reset: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def words(self, model: str) -> list[str]:
        """What changed beside the choice of that model, in sentences."""
        if not self.reset:
            return list(self.told)
        count = "1 setting" if len(self.reset) == 1 else f"{len(self.reset)} settings"
        return [*self.told, f"{count} reset to suit {model}: {', '.join(self.reset)}."]


def with_models(bench: "Workbench", edited: Recipe, teacher: str, student: str | None) -> Carried:
    """The edited recipe with another pair.

    A student that does not suit the teacher gives way to one that does. Where nothing helps, all is kept and the plan says why.
    """
    usual = bench.default_recipe(edited.task, teacher, student)
    kept = _changed(edited, name="", summary="", teacher=_model(teacher), student=_model(student))
    kept = _taught(kept, edited, usual)
    first, notice = _with_fitting_method(bench, kept)
    candidates = [Carried(first, told=notice)]
    suiting = bench.students(edited.task, teacher)
    if kept.teacher != edited.teacher and suiting and student not in (None, suiting[0].ref):
        other = _changed(first, student=_model(suiting[0].ref))
        sentence = f"The student is now {suiting[0].title}: the former one does not suit this teacher."
        candidates.append(Carried(other, told=(sentence, *notice)))
    for candidate in candidates:
        for tried in _smaller(candidate):
            if _runs(bench, tried.recipe):
                return tried
    return candidates[0]


def _smaller(carried: Carried) -> Iterator[Carried]:
    """The recipe itself, then without one setting, then without those of one stage, then without any."""
    yield carried
    stages = carried.recipe.stages
    for place, stage in enumerate(stages):
        for name in stage.settings:
            yield _without(carried, {place: [name]})
    for place, stage in enumerate(stages):
        if len(stage.settings) > 1:
            yield _without(carried, {place: stage.settings})
    yield _without(carried, {place: stage.settings for place, stage in enumerate(stages)})


def _without(carried: Carried, dropped: Mapping[int, Collection[str]]) -> Carried:
    stages, reset = list(carried.recipe.stages), list[str]()
    for place, names in dropped.items():
        stage = stages[place]
        titles = {knob.name: knob.title for knob in knobs(METHODS[stage.method].spec)} if stage.method in METHODS else {}
        reset += [titles.get(name, name) for name in names]
        stages[place] = stage.model_copy(update={"settings": {k: v for k, v in stage.settings.items() if k not in names}})
    return replace(carried, recipe=_changed(carried.recipe, stages=stages), reset=tuple(reset))


def _taught(recipe: Recipe, edited: Recipe, usual: Recipe) -> Recipe:
    """Without the training of a teacher that comes trained, and with the usual one where the former teacher came so."""
    if _comes_trained(recipe.teacher):
        return _changed(recipe, stages=[stage for stage in recipe.stages if not _teaches(stage)] or list(recipe.stages))
    if _comes_trained(edited.teacher) and not any(map(_teaches, recipe.stages)):
        return _changed(recipe, stages=[*filter(_teaches, usual.stages), *recipe.stages])
    return recipe


def _with_fitting_method(bench: "Workbench", recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
    """Without a teacher, a way to train the student that needs none."""
    forms = student_forms()
    method = next((stage.method for stage in recipe.stages if stage.method in forms), None)
    if recipe.teacher is not None or method is None or method not in (unfit := bench.unfit_methods(recipe)):
        return recipe, ()
    other = next((name for name in forms if name not in unfit), None)
    if other is None:
        return recipe, ()
    notice = f"{METHODS[other].title} takes the place of {METHODS[method].title.lower()}, which needs a teacher."
    return with_distiller(recipe, other), (notice,)


def _comes_trained(teacher: ModelRef | None) -> bool:
    return teacher is None or teacher.is_black_box or teacher.kind == "artifact"


def _teaches(stage: Stage) -> bool:
    return is_of(Group.TEACH, stage.method)


def _runs(bench: "Workbench", recipe: Recipe) -> bool:
    try:
        bench.check(recipe)
    except KduiError:
        return False
    return True


def _model(text: str | None) -> ModelRef | None:
    return ModelRef.parse(text) if text and text != NO_TEACHER else None


def _changed(recipe: Recipe, **values: Any) -> Recipe:
    return validated(recipe.model_dump() | values)
