"""A teacher that is already trained (fine-tuned): checked once, then kept unchanged."""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdui.catalogue.models import resolve, weights_folder
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.trained import require_labels
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.foreign import pixel_scale
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef
from kdui.models.fit import Fit
from kdui.models.layers import output_layer
from kdui.models.transformer import ImageClassifier
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.device_dataset import ResidentData
from kdui.training.fit import keep, resident
from kdui.training.initial_weights import start_model
from kdui.training.plausibility import Options, Scales, require_plausible, usual_scales
from kdui.training.predicting import predict
from kdui.training.saved import SavedModel

CHECKED = 100  # validation texts that a language model is checked on as it comes: a large one takes minutes for all
LEAST_LEARNED = 0.9  # of the loss of drawing tokens at random; a model that has learned anything takes half of it


def take_trained(context: StepContext) -> dict[str, Any]:
    """Keep the teacher as it comes, with its validation score as the summary of a training of no epoch.

    Raises StageFailed where a checkpoint of the Hub names other labels than the task's, where weights of its head are missing,
    and where its predictions are not those of a model that learned the task (see ``training.plausibility``).
    """
    began = time.monotonic()
    facts = resolve(ModelRef.parse(context.step.model), context.facts, context.app_settings)
    _require_named(context, facts)
    saved = start_model(context, seed=context.settings["seed"])
    fit = getattr(saved.module, "fit", Fit())
    _require_whole_head(facts, fit)
    limit = CHECKED if "continuations" in PROBLEMS[context.facts.problem].gives else 0
    validation = resident(context, "validation", saved.inputs, saved.folder, limit)
    saved.module.to(context.device)
    if any(isinstance(module, torch.nn.Conv2d) for module in saved.module.modules()):
        saved.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    targets = context.data.targets("validation")[: limit or None]
    values = predict(saved.module, validation, problem=problem_of(context.facts), check=lambda _: context.report.check())
    if context.facts.labels:
        share = require_plausible(facts, context.facts, values, targets, _scales(context, facts, saved), fit.order)
        context.report.log(f"{facts.title} gets {100 * share:.1f} % of the validation examples right as it comes.")
    training = _training(context, values, targets, time.monotonic() - began)
    if not context.facts.labels:
        _require_learned(context, facts, training["history"][0]["loss"], output_layer(saved.module, 0).out_features)
    return keep(context, saved, training)


def _require_learned(context: StepContext, facts: ModelFacts, loss: float, choices: int) -> None:
    """Of a language model; raises StageFailed where its tokens cost about as much as if each were as likely."""
    chance = math.log(choices)
    if not loss < LEAST_LEARNED * chance:
        raise StageFailed(
            f"{facts.title} takes {loss:.2f} nats for a token of {context.facts.title}, and one drawn at random among "
            f"{choices:,} takes {chance:.2f}: it predicts nothing. Choose another model, or put a 'teach' stage first."
        )
    context.report.log(f"{facts.title} takes {loss:.2f} nats for a token of the first {CHECKED} validation texts as it comes.")


def _require_named(context: StepContext, facts: ModelFacts) -> None:
    """The labels of a checkpoint of the Hub are known when it has been fetched; those of a folder were looked at before."""
    if facts.ref.kind == "hub" and (folder := weights_folder(facts, context.app_settings, context.report.download)):
        try:
            require_labels(Path(folder), facts, context.facts)
        except RecipeError as problem:
            raise StageFailed(str(problem)) from problem


def _require_whole_head(facts: ModelFacts, fit: Fit) -> None:
    for names, what in ((fit.untrained, "lacks weights of the classifier"), (fit.unused, "has weights of another classifier")):
        if names:
            raise StageFailed(
                f"{facts.title} {what} ({', '.join(names[:3])}{' …' if len(names) > 3 else ''}), so it cannot predict the labels "
                "as it is. Put a 'teach' stage before the others, or take a checkpoint that was fine-tuned on them."
            )


def _scales(context: StepContext, facts: ModelFacts, saved: SavedModel) -> Scales | None:
    """A checkpoint's outputs for pixels on other scales; None of an earlier result, which was trained on the task's own."""
    module = saved.module
    if facts.ref.kind == "artifact" or not isinstance(module, ImageClassifier):
        return None
    arrays = context.data.prepared("validation", saved.inputs, saved.folder)
    channels = len(module.preprocessing["mean"])

    def outputs(options: Options, index: np.ndarray) -> np.ndarray:
        validated = facts.family.options.model_validate(options).model_dump(mode="json")
        own = module.scale.mean, module.scale.std
        mean, std = (
            torch.tensor(values, device=own[0].device).view(1, -1, 1, 1).expand(1, channels, 1, 1)
            for values in pixel_scale(validated) or ([0.0], [1.0])
        )
        module.scale.mean, module.scale.std = mean, std
        try:
            part = {name: array[index] for name, array in arrays.items()}
            return predict(module, ResidentData(part, context.data.targets("validation")[index], context.device))
        finally:
            module.scale.mean, module.scale.std = own

    ways = [way for way in usual_scales(arrays["pixels"]) if len(str(way.get("mean", "0")).split(",")) in (1, channels)]
    return Scales(ways, outputs)


def _training(context: StepContext, outputs: np.ndarray, targets: np.ndarray, seconds: float) -> dict[str, Any]:
    """The summary that a training of no epoch gives."""
    problem = problem_of(context.facts)
    loss = problem.validation_loss(outputs, targets)
    score = problem.headline(outputs, targets)
    context.report.metric(0.0, validation=score, validation_loss=loss)
    return {
        "epochs": 0,
        "steps": 0,
        "best_epoch": 0.0,
        "validation": score,
        "seconds": round(seconds, 3),
        "step_seconds": 0.0,
        "examples_seen": 0,
        "history": [{"epoch": 0.0, "validation": score, "loss": loss}],
    }
