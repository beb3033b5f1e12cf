"""A model that is computed from the training data at once, by ``learn`` of its family: no epochs, no seed."""

import time
from typing import Any

from kdui.catalogue.models import FAMILIES
from kdui.models.history_counts import Learned
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.fit import keep, resident
from kdui.training.initial_weights import start_model
from kdui.training.predicting import predict


def learn(context: StepContext) -> dict[str, Any]:
    """The computed model; its summary holds what it reached on the validation data and what its family has to tell."""
    saved, began = start_model(context, seed=0), time.monotonic()
    saved.module.to(context.device)
    problem, data = problem_of(context.facts), resident(context, "validation", saved.inputs, saved.folder)
    targets = context.data.targets("validation")

    def judge() -> float:
        return problem.headline(predict(saved.module, data, exact=True, problem=problem), targets)

    learned = Learned(
        context.data.splits["train"], judge, context.facts.headline.better, context.report.log, context.report.progress
    )
    facts = FAMILIES.module(saved.description.family, "build").learn(saved.module, learned, saved.description.options)
    value = judge()
    context.report.metric(0.0, validation=value)
    training = {
        "epochs": 0,
        "best_epoch": 0.0,
        "validation": value,
        "seconds": round(time.monotonic() - began, 3),
        "examples_seen": len(context.data.targets("train")),
        "history": [],
        **facts,
    }
    return keep(context, saved, training)
