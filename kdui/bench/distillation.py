"""What an epoch of distillation costs: against an epoch of plain training, and with the teacher in the loop."""

from collections.abc import Callable

from kdui.bench.findings import Finding, Spread, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.catalogue.recipe_files import read_recipe
from kdui.core.recipe import Recipe
from kdui.settings import Settings

NOTE = "initial weights, the recipe's own batch size, loss and optimizer; training alone, validation on {n} examples"


def epoch_costs(
    settings: Settings, recipe: str, examples: int, repeats: int, live_repeats: int = 0, teacher: str = ""
) -> list[Finding]:
    """Epochs over the first ``examples`` of a built-in recipe's task: plain and with cached teacher outputs in turn,
    then (``live_repeats``) with cached outputs and with the teacher in the loop in turn."""
    base = taught_by(teacher, read_recipe(recipe, settings)).with_values(
        {"teach.epochs": 0, "distill.epochs": 1, "distill.train_examples": examples, "distill.views": 1}
    )
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, base.task)
        cached = laboratory.plan(base)
        live = laboratory.plan(base.with_values({"distill.cache_teacher": False}))
        laboratory.train(cached, "distill")  # makes teacher and outputs, and warms up
        plain, kept = in_turn(
            repeats, lambda: laboratory.train(cached, "distill.control"), lambda: laboratory.train(cached, "distill")
        )
        from_cache, in_loop = in_turn(
            live_repeats, lambda: laboratory.train(cached, "distill"), lambda: laboratory.train(live, "distill")
        )
        where = f"{laboratory.data.facts.title}, {base.teacher} → {base.student}"
        note = f"{examples:,} examples an epoch; " + NOTE.format(n=len(laboratory.data.splits["validation"]))
    findings = [
        ratio(
            f"KD epoch with cached teacher outputs ÷ plain epoch, {where}",
            kept,
            plain,
            "≤",
            1.1,
            [f"plain {plain}", f"cached {kept}", note],
        )
    ]
    if live_repeats:
        lines = [f"cached {from_cache}", f"teacher in the loop {in_loop}", note]
        findings.append(ratio(f"KD epoch with the teacher in the loop ÷ cached, {where}", in_loop, from_cache, "≥", 3.0, lines))
    return findings


def matching_costs(settings: Settings, recipe: str, examples: int, repeats: int, teacher: str = "") -> list[Finding]:
    """Epochs of hints (the teacher's last intermediate features, kept) and of plain training in turn, on the same student."""
    base = taught_by(teacher, read_recipe(recipe, settings))
    knobs = {**base.stage("distill").settings, "epochs": 1, "train_examples": examples, "views": 1}
    plain_recipe = base.plain()
    plain_recipe["stages"] = [{"teach": {**base.stage("teach").settings, "epochs": 0}}, {"hints": knobs}]
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, base.task)
        steps = laboratory.plan(Recipe.model_validate(plain_recipe))
        laboratory.train(steps, "hints")  # makes the teacher and its intermediate features, and warms up
        plain, kept = in_turn(repeats, lambda: laboratory.train(steps, "hints.control"), lambda: laboratory.train(steps, "hints"))
        stored = laboratory.make(steps, "hints.features").manifest.summary["bytes"] / 1e6
        where = f"{laboratory.data.facts.title}, {base.teacher} → {base.student}"
        note = f"{examples:,} examples an epoch; {stored:.1f} MB kept; " + NOTE.format(
            n=len(laboratory.data.splits["validation"])
        )
    title = f"Epoch with cached hidden states ÷ plain epoch, {where}"
    return [ratio(title, kept, plain, "≤", 1.3, [f"plain {plain}", f"cached {kept}", note])]


def taught_by(teacher: str, recipe: Recipe) -> Recipe:
    """The recipe with another teacher, where one is named."""
    return recipe.with_values({"teacher": teacher}) if teacher else recipe


def in_turn(repeats: int, measure_one: Callable[[], float], measure_other: Callable[[], float]) -> tuple[Spread, Spread]:
    """Seconds of both, taken in turn; who goes first changes, so that a machine that slows down favours neither."""
    first: list[float] = []
    second: list[float] = []
    for number in range(repeats):
        for measure, seconds in ((measure_one, first), (measure_other, second))[:: 1 if number % 2 else -1]:
            seconds.append(measure())
    return Spread(tuple(first), "s"), Spread(tuple(second), "s")


def fashion(settings: Settings, examples: int = 5_120, repeats: int = 5) -> list[Finding]:
    """Images: a convolutional teacher and student."""
    logits = epoch_costs(settings, "fashion-cnn", examples, repeats)
    return [*logits, *matching_costs(settings, "fashion-cnn", examples, repeats)]


def reuters(settings: Settings, examples: int = 640, repeats: int = 5, live_repeats: int = 3, teacher: str = "") -> list[Finding]:
    """Texts: a transformer teaches a recurrent network."""
    logits = epoch_costs(settings, "reuters-bilstm", examples, repeats, live_repeats, teacher)
    return [*logits, *matching_costs(settings, "reuters-bilstm", examples, repeats, teacher)]
