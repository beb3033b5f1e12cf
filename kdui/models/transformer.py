"""Hugging Face networks behind kdui's own forward: named arrays in, logits out."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError
from kdui.models.convolution import PixelScale

# Eager attention is plain matrix products: torch-pruning can follow them and ONNX Runtime can quantize them.
ATTENTION = "eager"


def label_maps(facts: TaskFacts) -> dict[str, Any]:
    """The task's labels in its order, as a config of transformers writes them down."""
    names = facts.labels
    return {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}


class TextClassifier(nn.Module):
    """A sequence classification network; ``tokenizer_json`` goes with it, because token ids mean nothing without it."""

    def __init__(self, network: Any, tokenizer_json: str | None = None):
        super().__init__()
        self.network = network
        self.tokenizer_json = tokenizer_json

    @property
    def word_embedding(self) -> nn.Embedding:
        """The table of word-piece embeddings [vocabulary, width]."""
        return self.network.get_input_embeddings()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.network(input_ids=input_ids, attention_mask=attention_mask).logits


class ImageClassifier(nn.Module):
    """An image classification network that takes the task's own pixels [n, c, h, w] in 0..1.

    Grey pixels are repeated over the network's channels, then resized and normalised inside the graph, so that an
    exported file needs no preprocessor beside it.
    """

    def __init__(self, network: nn.Module, preprocessing: Mapping[str, Any], facts: TaskFacts):
        """``preprocessing``: size [height, width] or None for any, and mean and std of each channel."""
        super().__init__()
        channels, own = len(preprocessing["mean"]), facts.input["channels"]
        if channels % own:
            raise RecipeError(
                f"{facts.title} has {own} colour channels, but the checkpoint wants {channels}. Choose another model."
            )
        self.scale = PixelScale(preprocessing["mean"], preprocessing["std"])
        self.network = network
        self.preprocessing = dict(preprocessing)
        size = preprocessing["size"]
        self.size = None if size == [facts.input["height"], facts.input["width"]] else size
        self.repeats = channels // own

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.repeats > 1:
            pixels = pixels.repeat(1, self.repeats, 1, 1)
        if self.size:
            pixels = interpolate(pixels, size=self.size, mode="bilinear", align_corners=False)
        return self.network(pixel_values=self.scale(pixels)).logits
