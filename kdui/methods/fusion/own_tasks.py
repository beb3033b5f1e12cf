"""What a teacher can learn from its inputs alone, with a small head that is thrown away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from kdui.core.contracts import TaskFacts
from kdui.core.errors import StageFailed
from kdui.methods.fusion.losses import hide_words, turned, word_loss
from kdui.models.layers import output_layer
from kdui.models.points import penultimate, stages
from kdui.models.size import example_inputs
from kdui.models.taps import Taps
from kdui.training.saved import SavedModel

MASKS = ("[MASK]", "<mask>")


class Rotation(nn.Module):
    """Tell by which of four quarters a picture was turned (Gidaris et al. 2018, arXiv:1803.07728, section 2).

    Each picture is turned once a step, by a quarter drawn at random; the paper shows all four at four times the cost.
    """

    def __init__(self, teacher: SavedModel, facts: TaskFacts):
        super().__init__()
        self._point = penultimate(teacher.module, facts.outputs)
        self._taps = Taps(teacher.module, [self._point])
        self.head = nn.Linear(output_layer(teacher.module, facts.outputs).in_features, 4)

    def forward(self, network: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropy over the four quarters, in nats."""
        pixels = inputs["pixels"]
        quarters = torch.randint(4, (len(pixels),), device=pixels.device)
        with still_statistics(network):
            network(pixels=turned(pixels, quarters))
        return functional.cross_entropy(self.head(self._taps[self._point]).float(), quarters)


class HiddenWords(nn.Module):
    """Tell which words were hidden from their context (Devlin et al. 2019, section 3.1); output weights are the embeddings."""

    ordinary: torch.Tensor
    special: torch.Tensor

    def __init__(self, teacher: SavedModel, facts: TaskFacts):
        super().__init__()
        module: Any = teacher.module
        table = module.word_embedding.weight
        self._point = stages(module, example_inputs(facts, 1, teacher.inputs))[-1]
        self._taps = Taps(module, [self._point])
        with torch.no_grad():
            module.eval()(**example_inputs(facts, 1, teacher.inputs))
        width = self._taps[self._point].shape[-1]
        self.transform = nn.Sequential(nn.Linear(width, table.shape[1]), nn.GELU(), nn.LayerNorm(table.shape[1]))
        self.bias = nn.Parameter(torch.zeros(len(table)))
        self.mask_id, special = _special_tokens(module.tokenizer_json, len(table))
        self.register_buffer("special", special, persistent=False)
        self.register_buffer("ordinary", (~special).nonzero().squeeze(1), persistent=False)

    def forward(self, network: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropy over the vocabulary, in nats, mean over the hidden words."""
        words = inputs["input_ids"]
        changed, hidden = hide_words(words, (inputs["attention_mask"] == 1) & ~self.special[words], self.mask_id, self.ordinary)
        network(**{**inputs, "input_ids": changed})
        states = self.transform(self._taps[self._point][hidden])
        return word_loss(states, words[hidden], network.word_embedding.weight, self.bias)


@contextmanager
def still_statistics(network: nn.Module) -> Iterator[None]:
    """Leave the running means of batch norms as they are: turned pictures are not what the network will be asked about."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum


def own_task(teacher: SavedModel, facts: TaskFacts, seed: int) -> nn.Module:
    """The self-supervised task of a teacher; its head starts from the seed. Raises StageFailed in words where there is none."""
    kinds: dict[str, type[Rotation] | type[HiddenWords]] = {"image": Rotation, "text": HiddenWords}
    if facts.modality not in kinds:
        raise StageFailed(f"There is no self-supervised loss for {facts.modality} yet. Choose own_loss: supervised.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kinds[facts.modality](teacher, facts)


def _special_tokens(tokenizer_json: str, rows: int) -> tuple[int, torch.Tensor]:
    """The id of the mask, and which rows of the table are no words; raises StageFailed for a tokenizer without a mask."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    mask_id = next((found for found in map(tokenizer.token_to_id, MASKS) if found is not None), None)
    if mask_id is None:
        raise StageFailed(
            "The teacher's tokenizer has no mask token, so no words can be hidden. Choose own_loss: supervised, or a teacher "
            "that was pretrained on hidden words."
        )
    special = torch.zeros(rows, dtype=torch.bool)
    special[[mask_id, *(index for index, token in tokenizer.get_added_tokens_decoder().items() if token.special)]] = True
    special[tokenizer.get_vocab_size() :] = True
    return mask_id, special
