"""Logits of a trained model over a whole split: a laboratory keeps little of any split but the training data."""

import numpy as np

from kdui.bench.laboratory import Laboratory
from kdui.catalogue.tasks import load_task
from kdui.core.artifact import Artifact
from kdui.models.module_store import load_model
from kdui.training.context import TaskData
from kdui.training.device_dataset import ResidentData
from kdui.training.predicting import predict


def whole(laboratory: Laboratory) -> TaskData:
    """The task's data with all of its splits."""
    return TaskData(*load_task(laboratory.data.facts.name, laboratory.settings))


def test_logits(laboratory: Laboratory, data: TaskData, model: Artifact) -> np.ndarray:
    """Logits [n, classes] of the model over the test split, fp32."""
    module, _, inputs = load_model(model.path)
    arrays = data.prepared("test", inputs, model.path)
    return predict(module.to(laboratory.device), ResidentData(arrays, data.targets("test"), laboratory.device), exact=True)


def accuracy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Share of right predictions, %."""
    return float(100 * np.mean(logits.argmax(1) == targets))
