"""A language model as a graph with a KV cache: keys and values of earlier tokens go in and come out, each computed once.

Inputs and outputs have the names that ONNX Runtime GenAI gives them. In: ``input_ids`` and ``position_ids`` [batch, length],
``attention_mask`` [batch, past + length], of each layer N ``past_key_values.N.key`` and ``.value`` [batch, heads, past, width].
Out: ``logits`` [batch, length, vocabulary], ``present.N.key`` and ``.value`` [batch, heads, past + length, width].
"""

from pathlib import Path

import onnx
import torch
from torch import nn
from transformers import DynamicCache

from kdui.core.errors import StageFailed
from kdui.methods.deliver.export.tracing import translate
from kdui.models.causal import CausalLM, language_model
from kdui.runtime.graph_files import is_large
from kdui.runtime.graph_notes import without_notes

BATCH, LENGTH, PAST = 2, 3, 5  # of the sample; the graph takes any
_PARTS = ("key", "value")
_AXES = {
    "input_ids": ("batch", "length"),
    "position_ids": ("batch", "length"),
    "attention_mask": ("batch", "total"),
    "logits": ("batch", "length", ""),
    "past_key_values": ("batch", "", "past", ""),
    "present": ("batch", "", "total", ""),
}


class CachedStep(nn.Module):
    """The network over new tokens, beside keys and values of those before."""

    def __init__(self, module: CausalLM):
        super().__init__()
        self.module = module

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor, past: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """``past``: keys and values, layer by layer; the same come back, longer, after the logits."""
        cache = DynamicCache(list(zip(past[::2], past[1::2], strict=True)))
        states = self.module.network.base_model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, past_key_values=cache, use_cache=True
        ).last_hidden_state
        return [self.module.head(states), *(part for layer in cache.layers for part in (layer.keys, layer.values))]


def sees_a_window(module: nn.Module) -> bool:
    """Whether some layers of a language model see the last tokens only: their cache is another one."""
    return set(getattr(language_model(module).network.config, "layer_types", None) or ["full_attention"]) != {"full_attention"}


def write_cached_onnx(module: CausalLM, opset: int, path: Path) -> None:
    """Write the graph to one file, a large model with its weights beside it; raises StageFailed where layers see a window."""
    if sees_a_window(module):
        raise StageFailed(
            "Some layers of this model see only its last tokens, for which no KV cache is written. Choose another model."
        )
    module.eval()
    past = _sample_past(module)
    names = [f"{number}.{part}" for number in range(len(past) // 2) for part in _PARTS]
    automatic = torch.export.Dim.AUTO
    free = {0: automatic, 1: automatic}
    sample = {
        "input_ids": torch.zeros(BATCH, LENGTH, dtype=torch.int64),
        "attention_mask": torch.ones(BATCH, PAST + LENGTH, dtype=torch.int64),
        "position_ids": torch.arange(PAST, PAST + LENGTH).repeat(BATCH, 1),
        "past": past,
    }
    shapes = {
        **{name: free for name in ("input_ids", "attention_mask", "position_ids")},
        "past": [{0: automatic, 2: automatic}] * len(past),
    }
    inputs = ["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{name}" for name in names)]
    with torch.no_grad():
        program = translate(CachedStep(module), sample, shapes, opset, inputs, ["logits", *(f"present.{name}" for name in names)])
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    program.save(path, external_data=is_large(size))
    model = onnx.load(path, load_external_data=False)
    _name_axes(model.graph)
    onnx.save(without_notes(model), path)  # weights beside it stay where they are


def _sample_past(module: CausalLM) -> list[torch.Tensor]:
    """Keys and values of a few tokens, layer by layer: the network itself gives their shapes."""
    cache = DynamicCache()
    with torch.no_grad():
        module.network.base_model(input_ids=torch.zeros(BATCH, PAST, dtype=torch.int64), past_key_values=cache, use_cache=True)
    return [part for layer in cache.layers for part in (layer.keys, layer.values)]


def _name_axes(graph: onnx.GraphProto) -> None:
    """Give the free axes the names of the module's docstring in place of the exporter's numbered ones."""
    for item in (*graph.input, *graph.output):
        for axis, name in zip(item.type.tensor_type.shape.dim, _AXES[item.name.partition(".")[0]], strict=True):
            if name:
                axis.dim_param = name
    del graph.value_info[:]  # they refer to the old names
