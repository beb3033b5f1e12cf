"""What an epoch of distillation costs: against an epoch of plain training, and with the teacher in the loop."""

from kdui.bench.findings import Finding, Spread, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.catalogue.recipe_files import read_recipe
from kdui.settings import Settings

NOTE = "initial weights, the recipe's own batch size, loss and optimizer; training alone, validation on {n} examples"


def epoch_costs(settings: Settings, recipe: str, examples: int, repeats: int, live_repeats: int = 0) -> list[Finding]:
    """Epochs over the first ``examples`` of a built-in recipe's task: plain and with cached teacher outputs in turn,
    then (``live_repeats``) with cached outputs and with the teacher in the loop in turn."""
    base = read_recipe(recipe, settings).with_values(
        {"teach.epochs": 0, "distill.epochs": 1, "distill.train_examples": examples, "distill.views": 1}
    )
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, base.task)
        cached = laboratory.plan(base)
        live = laboratory.plan(base.with_values({"distill.cache_teacher": False}))
        laboratory.train(cached, "distill")  # makes teacher and outputs, and warms up
        plain_seconds, cached_seconds = [], []
        for _ in range(repeats):
            plain_seconds.append(laboratory.train(cached, "distill.control"))
            cached_seconds.append(laboratory.train(cached, "distill"))
        beside_live, live_seconds = [], []
        for _ in range(live_repeats):
            beside_live.append(laboratory.train(cached, "distill"))
            live_seconds.append(laboratory.train(live, "distill"))
        where = f"{laboratory.data.facts.title}, {base.teacher} → {base.student}"
        note = f"{examples:,} examples an epoch; " + NOTE.format(n=len(laboratory.data.splits["validation"]))
    plain, kept = Spread(tuple(plain_seconds), "s"), Spread(tuple(cached_seconds), "s")
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
        kept, asked = Spread(tuple(beside_live), "s"), Spread(tuple(live_seconds), "s")
        findings.append(
            ratio(
                f"KD epoch with the teacher in the loop ÷ cached, {where}",
                asked,
                kept,
                "≥",
                3.0,
                [f"cached {kept}", f"teacher in the loop {asked}", note],
            )
        )
    return findings


def fashion(settings: Settings, examples: int = 12_800, repeats: int = 5) -> list[Finding]:
    """Pictures: a convolutional teacher and student."""
    return epoch_costs(settings, "fashion-cnn", examples, repeats)


def reuters(settings: Settings, examples: int = 1_280, repeats: int = 5, live_repeats: int = 3) -> list[Finding]:
    """Texts: a transformer teaches a recurrent network."""
    return epoch_costs(settings, "reuters-bilstm", examples, repeats, live_repeats)
