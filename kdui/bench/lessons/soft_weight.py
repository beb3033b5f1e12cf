"""Students at several soft weights and their control, over ten seeds, for the lesson on the control."""

from typing import Any

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.bench.lessons.outputs import accuracy, test_logits, whole
from kdui.core.recipe import Recipe
from kdui.settings import Settings

WEIGHTS = (0.25, 0.5, 0.75, 0.9, 1.0)
SEEDS = tuple(range(10))
EXAMPLES = 120  # that student and control are trained on; the teacher is trained on all


def recipe(weight: float, seed: int) -> Recipe:
    """One student under one teacher, which is trained on all examples and shared by all seeds."""
    distill = {"epochs": 30, "batch_size": 32, "learning_rate": 0.01, "temperature": 4, "soft_weight": weight}
    stages = [{"teach": {"epochs": 15, "learning_rate": 0.004}}, {"distill": {**distill, "train_examples": EXAMPLES}}]
    return Recipe.model_validate(
        {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "seed": seed, "stages": stages}
    )


def soft_weight(settings: Settings) -> dict[str, Any]:
    """Test accuracy, %, of each student [weights][seeds] and of the control [seeds]."""
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, "digits")
        data = whole(laboratory)
        targets = data.targets("test")

        def reached(given: Recipe, name: str) -> float:
            logits = test_logits(laboratory, data, laboratory.make(laboratory.plan(given), name))
            return round(accuracy(logits, targets), 3)

        control = [reached(recipe(WEIGHTS[0], seed), "distill.control") for seed in SEEDS]
        student = [[reached(recipe(weight, seed), "distill") for seed in SEEDS] for weight in WEIGHTS]
        teacher = reached(recipe(WEIGHTS[0], SEEDS[0]), "teach")
    return {
        "title": f"Digits, {len(targets)} test images; teacher CNN medium {teacher:.1f} %, student CNN small, {EXAMPLES} images",
        "weights": list(WEIGHTS),
        "seeds": len(SEEDS),
        "n": len(targets),
        "examples": EXAMPLES,
        "teacher": teacher,
        "control": control,
        "student": student,
    }
