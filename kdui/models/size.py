"""How large a module is and how much it computes: counted, not timed."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.modalities import modality_of
from kdui.problems import problem_of


def count_parameters(module: nn.Module) -> int:
    """Trainable and frozen weights alike; buffers are not counted."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_macs(module: nn.Module, inputs: Mapping[str, torch.Tensor]) -> int:
    """Multiply-accumulate operations of one forward pass: half the FLOPs of its matrix products and convolutions.

    Only shapes are computed, so it takes next to no time, the module may lie on the meta device, and its mode stays as it is.
    """
    shadow = copy.deepcopy(module).to("meta").eval()
    tensors = [*shadow.named_parameters(), *shadow.named_buffers()]
    with FakeTensorMode(), FlopCounterMode(display=False, custom_mapping=_RECURRENT) as counter, torch.no_grad():
        state = {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in tensors}
        torch.func.functional_call(
            shadow, state, kwargs={name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in inputs.items()}
        )
    return counter.get_total_flops() // 2


def _recurrent_flops(
    states: Sequence[int], input_weight: Sequence[int], hidden_weight: Sequence[int], *rest: Any, **keywords: Any
) -> int:
    """One layer over [batch, length, width]: both weight matrices once a step, two operations a weight."""
    return 2 * math.prod(states[:-1]) * (math.prod(input_weight) + math.prod(hidden_weight))


# The one LSTM kernel that PyTorch's own counter lacks: the fused one of the CPU.
_RECURRENT = {torch.ops.aten.mkldnn_rnn_layer: _recurrent_flops}


def example_inputs(task: TaskFacts, batch: int = 1, inputs: InputSettings | None = None) -> dict[str, torch.Tensor]:
    """Arrays of the shape that a model of this task takes: mid-grey pixels, or token ids of full length.

    ``inputs`` are the model's own settings where they differ from the task's, e.g. a shorter length.
    """
    shape = {**task.input, **(inputs.settings if inputs else {})}
    arrays = {**modality_of(task.modality).blank(shape, batch), **problem_of(task).blank_targets(shape, batch)}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
