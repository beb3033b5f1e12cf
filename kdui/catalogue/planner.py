"""From a recipe to the plan of a run: everything is looked up and checked before a run is queued."""

from typing import Any

from kdui.catalogue.baselines import add_baselines
from kdui.catalogue.methods import METHODS, plain_method, stage_spec, trains_student
from kdui.catalogue.models import on_its_own, resolve, started, weights_folder
from kdui.catalogue.problems import PROBLEMS, meaningful, require_fit
from kdui.catalogue.source_attempt import Report
from kdui.catalogue.tasks import TASKS, described
from kdui.catalogue.trained import comes_trained, require_trained
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.method import Group, Method, Place
from kdui.core.plan import ModelFacts, PlanBuilder, Step
from kdui.core.recipe import ModelRef, Recipe
from kdui.machine import fingerprint
from kdui.settings import Settings


def plan_recipe(recipe: Recipe, settings: Settings) -> list[Step]:
    """The steps of a recipe in the order they will run.

    Raises RecipeError (UnknownName for names) in words: unknown task, model or method, a knob out of its bounds, stages in an
    order that cannot work, a model that does not fit the task or its teacher.
    """
    task = described(recipe.task, settings)
    specs = [(stage.name, METHODS[stage.method], stage_spec(stage)) for stage in recipe.stages]
    _check_order(recipe)
    teacher = _resolve(recipe.teacher, task, settings)
    student = _resolve(recipe.student, task, settings)
    if teacher is not None:
        on_its_own(teacher)
    if student is not None:
        student = started(student, teacher)
        if student.family.at_once:
            raise RecipeError(f"{student.title} is computed from the data and learns from no teacher. Use it as the teacher.")
        if not any(method.group is Group.DISTILL for _, method, _ in specs):
            raise RecipeError(
                f"The recipe names the student {student.title}, but no stage trains it. "
                "Add a 'distill' stage or leave 'student:' out."
            )
    exporter = plain_method(Place.EXPORTED)
    export = next((spec for _, method, spec in specs if method is exporter), exporter.spec())
    builder = PlanBuilder(
        recipe,
        task,
        teacher,
        student,
        versions={name: METHODS[name].version for name in METHODS},
        exporter=(exporter.name, meaningful(export, task)),
        distiller=plain_method(Place.STUDENT).name,
        machine=fingerprint(),
        resolve=lambda ref: _further(ref, task, teacher, settings),
        gives=PROBLEMS[task.problem].gives,
    )
    _check_adapters(builder, specs)
    _check_recomputation(builder, specs)
    _check_packing(specs)
    _take_teacher(builder, {stage.method for stage in recipe.stages}, settings)
    for name, method, spec in specs:
        require_fit(method, name, spec, task)
        if method.order is Place.MEASURED:
            add_baselines(builder, plain_method(Place.TEACHER))
        method.plan(builder, name, spec)
    return _as_it_runs(builder)


def plan_to_run(recipe: Recipe, settings: Settings, report: Report | None = None) -> list[Step]:
    """The plan of a run that begins now: what stands on the Hub is fetched first and named by its commit and its files.

    Before that it is named by its branch, which may move. Raises SourceError where it cannot be fetched.
    """
    plan = plan_recipe(recipe, settings)
    refs = [ModelRef.parse(name) for name in sorted({step.model for step in plan if step.model})]
    on_the_hub = [ref for ref in refs if ref.kind == "hub"]
    for ref in on_the_hub:
        weights_folder(resolve(ref, TASKS[recipe.task], settings), settings, report)
    return plan_recipe(recipe, settings) if on_the_hub else plan


def _take_teacher(builder: PlanBuilder, methods: set[str], settings: Settings) -> None:
    """Have a teacher that needs no stage of its own: a black box, or one that is already trained where no stage teaches it."""
    teacher, method = builder.teacher_facts, plain_method(Place.TEACHER)
    if teacher is None or method.take is None:
        return
    if teacher.ref.is_black_box:
        method.take(builder)
    elif method.name not in methods and comes_trained(teacher, builder.task):
        require_trained(teacher, builder.task, settings)
        method.take(builder)


def _check_adapters(builder: PlanBuilder, specs: list[tuple[str, Method, Any]]) -> None:
    """Adapters go beside the attention of a transformer: another model is refused before it is queued."""
    for name, method, spec in specs:
        trained = method.trained(builder, spec)
        if getattr(spec, "adapter_rank", 0) and trained is not None and not trained.family.is_transformer:
            raise RecipeError(
                f"Stage '{name}' trains adapters beside attention, but {trained.title} has none. "
                "Set 'adapter_rank: 0', or choose a transformer."
            )


def _check_recomputation(builder: PlanBuilder, specs: list[tuple[str, Method, Any]]) -> None:
    """Gradient checkpointing is made of a transformer's layers: another model is refused before it is queued."""
    for name, method, spec in specs:
        trained = method.trained(builder, spec) if getattr(spec, "recompute", False) else None
        if trained is not None and not trained.family.is_transformer:
            raise RecipeError(
                f"Stage '{name}' recomputes layers of a transformer, but {trained.title} is none. Leave 'recompute' out."
            )


def _check_packing(specs: list[tuple[str, Method, Any]]) -> None:
    """Features are matched text by text, which packed rows are not."""
    for name, method, spec in specs:
        if getattr(spec, "packed", False) and method.transfers == "representations":
            raise RecipeError(
                f"Stage '{name}' matches features of padded texts, which packed ones are not. Leave 'packed' out, or choose a "
                "method that transfers outputs."
            )


def _check_order(recipe: Recipe) -> None:
    """Teach, distil, prune, quantize, export, measure: a later kind of stage never comes before an earlier one."""
    for before, after in zip(recipe.stages, recipe.stages[1:], strict=False):
        if METHODS[before.method].order > METHODS[after.method].order:
            raise RecipeError(
                f"Stage '{after.name}' must come before '{before.name}': the order is " + ", ".join(_order_of_stages()) + "."
            )


def _order_of_stages() -> list[str]:
    """The methods by place; of those that train a student the plain one stands for all."""
    shown = [method for method in METHODS.values() if method.plain or not trains_student(method)]
    return [method.name for method in sorted(shown, key=lambda method: method.order)]


def _resolve(ref: ModelRef | None, task: TaskFacts, settings: Settings) -> ModelFacts | None:
    return resolve(ref, task, settings) if ref is not None else None


def _further(ref: str, task: TaskFacts, teacher: ModelFacts | None, settings: Settings) -> ModelFacts:
    """A model that a stage names beside the recipe's own; it may start from the teacher's weights where they fit."""
    facts = resolve(ModelRef.parse(ref), task, settings)
    if facts.ref.is_black_box:
        raise RecipeError(f"'{ref}' is a black box, which can only be the teacher of the whole recipe. Name it in 'teacher:'.")
    facts = started(facts, teacher)
    return facts


def _as_it_runs(builder: PlanBuilder) -> list[Step]:
    """Each model is exported and measured as soon as it exists, so that charts fill while the rest still trains."""
    waiting = list(builder.steps.values())
    done: list[Step] = []
    names: set[str] = set()

    def ready(step: Step) -> bool:
        return all(source in names for source in step.inputs.values())

    while waiting:
        deliver = next((step for step in waiting if METHODS[step.method].group is Group.DELIVER and ready(step)), None)
        step = deliver or next(item for item in waiting if ready(item))
        waiting.remove(step)
        done.append(step)
        names.add(step.name)
    return done


def plain_plan(steps: list[Step]) -> list[dict[str, Any]]:
    """The plan for a log or JSON."""
    return [{"name": step.name, "label": step.label, "method": step.method, "digest": step.digest} for step in steps]
