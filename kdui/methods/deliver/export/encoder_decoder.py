"""An encoder-decoder as one graph that computes a whole reference at once, and in parts writes token by token (see
``runtime.encoder_decoder``)."""

from pathlib import Path

import onnx
import torch
from torch import nn
from transformers import DynamicCache, EncoderDecoderCache

from kdui.core.padding import DECODER_IDS, MASK
from kdui.methods.deliver.export.tracing import translate
from kdui.models.encoder_decoder import EncoderDecoder, new_cache
from kdui.runtime.cache_inputs import IDS, LOGITS, PAST, PRESENT
from kdui.runtime.encoder_decoder import CROSS
from kdui.runtime.graph_files import is_large
from kdui.runtime.graph_notes import without_notes

BATCH, LENGTH, WRITTEN, KEPT = 2, 7, 3, 5  # of the sample; the graph takes any
_PARTS = ("key", "value")
_AXES = {
    IDS: ("batch", "length"),
    MASK: ("batch", "length"),
    DECODER_IDS: ("batch", "written"),
    LOGITS: ("batch", "written", ""),
    PAST: ("batch", "", "past", ""),
    PRESENT: ("batch", "", "total", ""),
    CROSS: ("batch", "", "length", ""),
}


class WholeStep(nn.Module):
    """The encoder over the input, and the decoder over new tokens beside keys and values of those before."""

    def __init__(self, module: EncoderDecoder):
        super().__init__()
        self.module = module

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, decoder_input_ids: torch.Tensor, past: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """``past``: the decoder's keys and values, layer by layer; the same come back, longer, after the logits, then those of
        the input."""
        cache = EncoderDecoderCache(DynamicCache(list(zip(past[::2], past[1::2], strict=True))), DynamicCache())
        logits = self.module.head(self.module.step(input_ids, attention_mask, decoder_input_ids, cache))
        return [logits, *_parts(cache.self_attention_cache), *_parts(cache.cross_attention_cache)]


def _parts(cache: DynamicCache) -> list[torch.Tensor]:
    return [part for layer in cache.layers for part in (layer.keys, layer.values)]


def write_encoder_decoder(module: EncoderDecoder, opset: int, path: Path) -> None:
    """Write the graph to one file, a large model with its weights beside it."""
    module.eval()
    automatic = torch.export.Dim.AUTO
    free = {0: automatic, 1: automatic}
    sample = {
        IDS: torch.ones(BATCH, LENGTH, dtype=torch.int64),
        MASK: torch.ones(BATCH, LENGTH, dtype=torch.int64),
        DECODER_IDS: torch.ones(BATCH, WRITTEN, dtype=torch.int64),
    }
    with torch.no_grad():
        cache = new_cache()
        module.step(sample[IDS], sample[MASK], torch.ones(BATCH, KEPT, dtype=torch.int64), cache)
        past = _parts(cache.self_attention_cache)
        names = [f"{number}.{part}" for number in range(len(past) // 2) for part in _PARTS]
        shapes = {**{name: free for name in sample}, "past": [{0: automatic, 2: automatic}] * len(past)}
        outputs = [LOGITS, *(f"{kind}.{name}" for kind in (PRESENT, CROSS) for name in names)]
        inputs = [*sample, *(f"{PAST}.{name}" for name in names)]
        program = translate(WholeStep(module), {**sample, "past": past}, shapes, opset, inputs, outputs)
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    program.save(path, external_data=is_large(size))
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:  # either half must find the batch's size in what it takes itself
        if (
            node.op_type == "Shape"
            and node.input[0] in (IDS, DECODER_IDS)
            and [each.i for each in node.attribute if each.name == "end"] == [1]
        ):
            node.input[0] = MASK
    for item in (*model.graph.input, *model.graph.output):
        for axis, name in zip(item.type.tensor_type.shape.dim, _AXES[item.name.partition(".")[0]], strict=True):
            if name:
                axis.dim_param = name
    del model.graph.value_info[:]  # they refer to the exporter's own names of the axes
    onnx.save(without_notes(model), path)  # weights beside it stay where they are
