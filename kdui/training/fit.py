"""What every stage that trains a model has in common: data on the device, training, saving, facts for the lenses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, Split
from kdui.core.knobs.training import TrainingKnobs
from kdui.models.module_store import save_model
from kdui.problems import problem_of
from kdui.store.artifacts import write_json
from kdui.training.adapters import merge_adapters
from kdui.training.augmentation import transfer_views
from kdui.training.context import StepContext
from kdui.training.device_dataset import Augmentation, ResidentData
from kdui.training.labels import Labels, true_labels
from kdui.training.loop import LossFunction, Trainer
from kdui.training.saved import SavedModel
from kdui.training.teacher_outputs import answered
from kdui.training.weights import weight_lens

LENS_FILE = "lens.json"


def resident(context: StepContext, split: Split, inputs: InputSettings, folder: Path, limit: int = 0) -> ResidentData:
    """A split in the form that the model of ``inputs`` takes, on the step's device; training data with the views of a transfer
    set."""
    arrays = context.data.prepared(split, inputs, folder, limit)
    mirror = bool(context.facts.input.get("mirror"))
    data = ResidentData(arrays, context.data.targets(split), context.device, limit, mirror)
    data.boxes = problem_of(context.facts).target_boxes
    if split == "train":
        data.erase = context.settings.get("erase", 0.0)
    if split == "train" and "augmentation" in context.settings:
        data.augmentation = transfer_views(context, inputs, folder, limit)
    return data


def knobs_of(context: StepContext) -> TrainingKnobs:
    """The training knobs among a step's settings; the views of a transfer set are cycled like any others."""
    values = {name: context.settings[name] for name in TrainingKnobs.model_fields if name in context.settings}
    if "augmentation" in context.settings:
        values["augment"] = True
    return TrainingKnobs.model_validate(values)


def visible_labels(context: StepContext, draw_all: bool = False) -> Labels:
    """The ground-truth labels that a step may see: those of its knob's share among its training examples."""
    knobs = knobs_of(context)
    targets = context.data.targets("train")
    targets = targets[: knobs.train_examples] if knobs.train_examples else targets
    return true_labels(targets, knobs.labels, draw_all)


def fit(
    context: StepContext,
    saved: SavedModel,
    losses: LossFunction,
    seed: int,
    after_step: Callable[[float], None] | None = None,
    companion: nn.Module | None = None,
    settled_at: float = 0.0,
    companion_rate: float = 1.0,
    labels: Labels | None = None,
    augmentation: Augmentation | None = None,
) -> dict[str, Any]:
    """Train the model on the task's data under the given losses; returns the trainer's summary.

    ``labels`` are the training labels; without them, the ground-truth labels of the share that the knob ``labels`` leaves, and no
    other example is seen. ``augmentation`` gives the batches of every epoch, which is their view.
    """
    knobs = knobs_of(context)
    data = resident(context, "train", saved.inputs, saved.folder, knobs.train_examples)
    data.by_length = not knobs.packed
    known = answered(context)
    if labels is not None or knobs.labels < 1 or known is not None:
        labels = labels or visible_labels(context)
        data.set_labels(labels if known is None else labels.among(known))
    if augmentation is not None:
        data.augmentation, knobs = augmentation, knobs.model_copy(update={"augment": True})
    problem = problem_of(context.facts)
    trainer = Trainer(
        model=saved.module,
        data=data,
        validation=resident(context, "validation", saved.inputs, saved.folder, knobs.validation_examples),
        problem=problem,
        metric=problem.watched(context.facts.headline),
        losses=losses,
        knobs=knobs,
        seed=seed,
        report=context.report,
        checkpoint=context.checkpoint,
        views=int(context.settings.get("views", 0)),
        after_step=after_step,
        companion=companion,
        companion_rate=companion_rate,
        settled_at=settled_at,
    )
    return trainer.run()


def keep(context: StepContext, saved: SavedModel, training: dict[str, Any]) -> dict[str, Any]:
    """Write the model, its adapters merged, and the lens data into the step's folder; returns the artifact's summary.

    ``trained_share`` in it is the share of the parameters that were trained, where adapters were.
    """
    module = saved.module.to("cpu").float().eval()
    share = merge_adapters(module)
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    save_model(module, saved.description, context.out)
    write_json(context.out / LENS_FILE, weight_lens(module))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    nonzero = sum(int(torch.count_nonzero(parameter)) for parameter in module.parameters())
    summary = {"parameters": parameters, "nonzero": nonzero, "training": training}
    return summary if share is None else {**summary, "trained_share": share}
