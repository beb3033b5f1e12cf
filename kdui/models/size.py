"""How large a module is and how much it computes: counted, not timed."""

import copy
from collections.abc import Mapping

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import RecipeError


def count_parameters(module: nn.Module) -> int:
    """Trainable and frozen weights alike; buffers are not counted."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_macs(module: nn.Module, inputs: Mapping[str, torch.Tensor]) -> int:
    """Multiply-accumulate operations of one forward pass: half the FLOPs of its matrix products and convolutions.

    Runs on the meta device, where only shapes are computed, so it is quick and leaves the module as it is.
    """
    shadow = copy.deepcopy(module).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(**{name: tensor.to("meta") for name, tensor in inputs.items()})
    return counter.get_total_flops() // 2


def example_inputs(task: TaskFacts, batch: int = 1, inputs: InputSettings | None = None) -> dict[str, torch.Tensor]:
    """Arrays of the shape that a model of this task takes: mid-grey pixels, or token ids of full length.

    ``inputs`` are the model's own settings where they differ from the task's, e.g. a shorter length.
    """
    shape = {**task.input, **(inputs.settings if inputs else {})}
    if task.modality == "image":
        return {"pixels": torch.full((batch, shape["channels"], shape["height"], shape["width"]), 0.5)}
    if task.modality == "text":
        length = shape["max_length"]
        return {"input_ids": torch.ones((batch, length), dtype=torch.int64),
                "attention_mask": torch.ones((batch, length), dtype=torch.int64)}
    raise RecipeError(f"Nothing is known about the inputs of a {task.modality} model yet.")
