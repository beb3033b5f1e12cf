"""Train the classifier in whose features made pictures are judged: ``python -m kdui.bench.judge FILE``.

The file that comes with kdui was written by this once. Another one is another ruler: it changes the digest that the task
names, and no earlier figure can be held against a later one.
"""

import sys
from pathlib import Path

import onnx
import torch
from torch import nn

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.catalogue.tasks import load_task
from kdui.core.recipe import Recipe
from kdui.models.convolution import ConvClassifier
from kdui.models.module_store import load_model
from kdui.runtime.graph_notes import without_notes
from kdui.settings import Settings
from kdui.training.context import TaskData

RECIPE = Recipe.model_validate(
    {
        "task": "fashion-mnist",
        "teacher": "cnn-medium?depth=1",
        "stages": [{"teach": {"epochs": 10, "batch_size": 128, "learning_rate": 0.01, "augment": True}}],
    }
)


class Judge(nn.Module):
    """Pixels [n, 1, height, width] in 0..1 to the features [n, width] that the output layer reads, and its logits [n, labels]."""

    def __init__(self, classifier: ConvClassifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.classifier.features(self.classifier.scale(pixels)).mean(dim=(2, 3))
        return features, self.classifier.head(features)


def main(target: Path) -> None:
    """Train, export, and say what it reached on validation data."""
    with temporary_home(Settings.from_environment()) as settings:
        laboratory = Laboratory(settings, RECIPE.task)
        laboratory.data = TaskData(*load_task(RECIPE.task, settings))
        trained = laboratory.make(laboratory.plan(RECIPE), "teach")
        module, *_ = load_model(trained.path)
        print(f"validation accuracy {trained.manifest.summary['training']['validation']:.2f} %")
    assert isinstance(module, ConvClassifier)
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        Judge(module).eval(),
        (torch.zeros(2, 1, 28, 28),),
        input_names=["pixels"],
        output_names=["features", "logits"],
        dynamic_shapes=({0: batch},),
        dynamo=True,
    )
    assert program is not None
    onnx.save(without_notes(program.model_proto), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
