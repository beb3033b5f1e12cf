"""Predictions of a teacher on clothing images, for the lesson on temperature."""

import base64
from typing import Any

import numpy as np

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.bench.lessons.outputs import accuracy, test_logits, whole
from kdui.core.recipe import Recipe
from kdui.problems.softmax import softmax
from kdui.settings import Settings

RECIPE: dict[str, Any] = {
    "task": "fashion-mnist",
    "teacher": "cnn-medium",
    "stages": [{"teach": {"epochs": 4, "train_examples": 20_000, "batch_size": 128, "learning_rate": 0.004}}],
}
SURE = (0.9, 0.9995)  # at T = 1: more would leave nothing to see, less is a teacher that does not know
WRONG = 2


def temperature(settings: Settings) -> dict[str, Any]:
    """One confident and right example of each class whose runner-up comes out most at T = 4, and confident mistakes."""
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, RECIPE["task"])
        model = laboratory.make(laboratory.plan(Recipe.model_validate(RECIPE)), "teach")
        data = whole(laboratory)
        logits = test_logits(laboratory, data, model)
    targets, labels = data.targets("test"), list(data.facts.labels)
    sure, runner_up = softmax(logits, 1).max(1), np.sort(softmax(logits, 4), 1)[:, -2]
    right = logits.argmax(1) == targets
    shown = []
    for place in range(len(labels)):
        worth = np.where(right & (targets == place) & (sure > SURE[0]) & (sure < SURE[1]), runner_up, 0)
        shown.append(int(worth.argmax()))
    shown += np.argsort(np.where(right, 0, sure))[::-1][:WRONG].tolist()
    pictures = data.splits["test"].inputs
    examples = [
        {
            "truth": labels[targets[at]],
            "logits": [round(float(logit), 3) for logit in logits[at]],
            "image": base64.b64encode(np.asarray(pictures[at], np.uint8).tobytes()).decode(),
        }
        for at in shown
    ]
    height, width = np.asarray(pictures[0]).shape[:2]
    return {
        "title": f"{data.facts.title}, test images; the teacher is CNN medium with {accuracy(logits, targets):.1f} % accuracy",
        "labels": labels,
        "height": height,
        "width": width,
        "examples": examples,
    }
