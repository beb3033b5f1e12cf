"""Teachers made elsewhere: softmax regressions exported to ONNX with inputs and outputs of any shape, and tables of answers."""

import csv
import re
from pathlib import Path

import torch
from torch import nn

from kdui.catalogue.tasks import TASKS
from kdui.core.run import RunState
from tests.methods.taught import STUDENT, digits_recipe

DIGITS = TASKS["digits"]
KNOBS = {**STUDENT, "epochs": 6}


class ForeignTeachers(nn.Module):
    """Softmax regression on pixels, with whatever shape of input and output a test wants."""

    def __init__(self, layout: str = "first", answer: str = "logits", outputs: int = 10):
        super().__init__()
        self.linear, self.layout, self.answer = nn.Linear(64, outputs), layout, answer

    def forward(self, image):
        if self.layout == "last":
            image = image.permute(0, 3, 1, 2)
        logits = self.linear(image.flatten(1))
        match self.answer:
            case "probabilities":
                return logits.softmax(-1)
            case "two":
                return logits, logits.argmax(-1)
            case "label":
                return logits.argmax(-1)
            case "nan":
                return logits / (logits - logits)
        return logits


def write(path: Path, module: nn.Module, shape=(1, 8, 8), free: bool = True) -> Path:
    """An ONNX file with an input named otherwise than kdui's own."""
    axes = {"image": {0: "n"}} if free else None
    torch.onnx.export(
        module.eval(), (torch.rand(2, *shape),), path, input_names=["image"], dynamic_axes=axes, dynamo=False, opset_version=13
    )
    return path


def taught(module: nn.Module, splits) -> nn.Module:
    """The regression fitted to the digits by full-batch Adam."""
    pixels = torch.from_numpy(splits["train"].inputs).permute(0, 3, 1, 2).float() / 255
    targets = torch.from_numpy(splits["train"].targets)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module.linear(pixels.flatten(1)), targets).backward()
        optimizer.step()
    return module


def recipe(teacher: str, method: str = "distill", measure: bool = False, **settings):
    plain = digits_recipe(method, teacher=teacher, **{**KNOBS, **settings})
    plain["stages"] = [plain["stages"][1], *([{"measure": {"latency_runs": 20}}] if measure else [])]
    return plain


def refused(bench, teacher: str, words: str) -> None:
    run = bench.run(recipe(teacher))
    assert run.state is RunState.FAILED
    assert re.search(words, run.error), run.error


def table(path: Path, rows, labels=DIGITS.labels) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([labels, *rows])
    return path
