"""The recipe that a person begins with for a task and its models."""

from collections.abc import Iterable

from kdui.catalogue.methods import is_of, plain_methods
from kdui.catalogue.pairs import students, teachers
from kdui.catalogue.recipe_files import validated
from kdui.catalogue.tasks import TASKS
from kdui.core.method import Group
from kdui.core.recipe import ModelRef, Recipe

NO_TEACHER = ""  # in place of a reference: students that learn from each other


def default_recipe(known: Iterable[Recipe], task: str, teacher: str | None = None, student: str | None = None) -> Recipe:
    """The first known recipe of the task with these models in it, or a plain one made of defaults.

    A teacher that is already trained (a black box, an earlier result) is not taught again; without one there is nothing to teach.
    """
    facts = TASKS[task]
    teacher = teachers(facts)[0] if teacher is None else teacher
    ref = None if teacher == NO_TEACHER else ModelRef.parse(teacher)
    student = student or students(facts, ref)[0]
    recipe = next((recipe for recipe in known if recipe.task == task and recipe.student is not None), None)
    if recipe is not None and (recipe.teacher, str(recipe.student)) == (ref, student):
        return recipe
    stages = (
        recipe.stages
        if recipe is not None
        else validated({"task": task, "stages": [method.name for method in plain_methods()]}).stages
    )
    if ref is None or ref.is_black_box or ref.kind == "artifact":
        stages = tuple(stage for stage in stages if not is_of(Group.TEACH, stage.method))
    return validated({"task": task, "teacher": ref, "student": student, "seed": recipe.seed if recipe else 0, "stages": stages})
