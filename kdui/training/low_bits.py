"""Training at low bits: convolutions and linear layers see rounded weights and inputs while they learn (LSQ)."""

import torch
from torch import nn
from torch.nn.utils import parametrize

from kdui.core.errors import StageFailed
from kdui.models.layers import output_layer
from kdui.models.low_bits import InputGrid, LayerGrid, Quantization
from kdui.training.lsq import QuantizedInput, QuantizedWeight

ENDS_BITS = 8
_INPUT = "quantized_input"


class LowBitTraining:
    """A compression that rounds from the first update on: ``begin`` puts LSQ beside each layer, ``finish`` takes it away.

    After ``finish`` the weights lie on their grid and ``quantization`` says which, and how each layer's inputs are rounded.
    ``activation_bits`` 0 leaves inputs as they are; ``ends`` keeps the first convolution and the output layer at 8 bits
    (Esser et al. 2020, section 2.3).
    """

    settled_at = 0.0

    def __init__(self, weight_bits: int, activation_bits: int, outputs: int, per_channel: bool = True, ends: bool = True):
        self.weight_bits, self.activation_bits = weight_bits, activation_bits
        self.outputs, self.per_channel, self.ends = outputs, per_channel, ends
        self._layers: dict[str, nn.Module] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self.quantization = Quantization(layers={})

    def begin(self, module: nn.Module) -> None:
        """Wrap every convolution and linear layer; raises StageFailed where the module has none."""
        self._layers = rounded_layers(module)
        if not self._layers:
            raise StageFailed(
                f"{type(module).__name__} has no convolution or linear layer that could be trained at low bits. "
                "Choose another model, or 'quantize' after training."
            )
        ends = self._ends(module) if self.ends else []
        for layer in self._layers.values():
            at_end = any(layer is end for end in ends)
            weight_bits = max(self.weight_bits, ENDS_BITS) if at_end else self.weight_bits
            quantizer = QuantizedWeight(layer.weight, weight_bits, self.per_channel)  # type: ignore[arg-type]
            parametrize.register_parametrization(layer, "weight", quantizer)
            if self.activation_bits:
                bits = max(self.activation_bits, ENDS_BITS) if at_end else self.activation_bits
                layer.add_module(_INPUT, QuantizedInput(bits))
                self._hooks.append(layer.register_forward_pre_hook(_round_input))

    def after_step(self, progress: float) -> None:
        for layer in self._layers.values():
            _weight_quantizer(layer).step.keep_positive()
            if self.activation_bits:
                _input_quantizer(layer).step.keep_positive()

    def finish(self) -> None:
        """Leave rounded weights in plain layers, and note their grids."""
        for hook in self._hooks:
            hook.remove()
        self.quantization = Quantization(layers={name: self._settle(layer) for name, layer in self._layers.items()})
        self._hooks, self._layers = [], {}

    def _ends(self, module: nn.Module) -> list[nn.Module]:
        """A text model begins with a table of embeddings, which is not rounded here; so only its output layer is an end."""
        convolutions = [layer for layer in self._layers.values() if isinstance(layer, nn.Conv2d)]
        return [*convolutions[:1], output_layer(module, self.outputs)]

    def _settle(self, layer: nn.Module) -> LayerGrid:
        weight = _weight_quantizer(layer)
        grid = LayerGrid(bits=weight.bits, steps=tuple(float(step) for step in weight.step().detach()))
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        if not self.activation_bits:
            return grid
        quantizer = _input_quantizer(layer)
        del layer._modules[_INPUT]
        if not quantizer.started:  # a layer that is built but never run, such as an unused pooler
            return grid
        low, high = quantizer.levels()
        return grid.model_copy(
            update={"inputs": InputGrid(bits=quantizer.bits, step=float(quantizer.step().detach()), low=low, high=high)}
        )


def rounded_layers(module: nn.Module) -> dict[str, nn.Module]:
    """The layers that are trained at low bits, by name: convolutions and linear layers.

    An output layer whose weights are the table of embeddings itself stays in float, as the table does.
    """
    tables = {id(layer.weight) for layer in module.modules() if isinstance(layer, nn.Embedding)}
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and id(layer.weight) not in tables
    }


def _round_input(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (_input_quantizer(layer)(inputs[0]), *inputs[1:])


def _weight_quantizer(layer: nn.Module) -> QuantizedWeight:
    return layer.parametrizations.weight[0]  # type: ignore[union-attr,index,return-value]


def _input_quantizer(layer: nn.Module) -> QuantizedInput:
    return layer._modules[_INPUT]  # type: ignore[return-value]
