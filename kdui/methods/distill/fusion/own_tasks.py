"""What a teacher can learn from its inputs alone, with a small head that is discarded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.core.contracts import TaskFacts
from kdui.core.errors import StageFailed
from kdui.methods.distill.fusion.losses import turned
from kdui.methods.teach.pretrain.language_model import WordHead, is_decoder, special_tokens
from kdui.methods.teach.pretrain.losses import hidden_words, next_words
from kdui.models.layer_refs import Taps, penultimate, stages
from kdui.models.layers import output_layer
from kdui.models.size import example_inputs
from kdui.problems.row_losses import widened
from kdui.training.labels import HIDDEN
from kdui.training.saved import SavedModel

SHARE = 0.15  # of the tokens are hidden


class Rotation(nn.Module):
    """Tell by which of four quarters an image was turned (Gidaris et al. 2018, arXiv:1803.07728, section 2).

    Each image is turned once a step, by a quarter drawn at random; the paper shows all four at four times the cost.
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
        return functional.cross_entropy(widened(self.head(self._taps[self._point])), quarters)


class HiddenWords(nn.Module):
    """Tell which words were hidden from their context (Devlin et al. 2019, section 3.1); output weights are the embeddings."""

    def __init__(self, teacher: SavedModel, facts: TaskFacts):
        super().__init__()
        module: Any = teacher.module
        table = module.word_embedding.weight
        self._point = stages(module, example_inputs(facts, 1, teacher.inputs))[-1]
        self._taps = Taps(module, [self._point])
        with torch.no_grad():
            module.eval()(**example_inputs(facts, 1, teacher.inputs))
        self.head = WordHead(self._taps[self._point].shape[-1], table, causal=False)
        self._mask_id, self._special = special_tokens(module.tokenizer_json, len(table), "Choose own_loss: supervised")
        self._ordinary = (~self._special).nonzero().squeeze(1)

    def forward(self, network: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropy over the vocabulary, in nats, mean over the hidden words; zero where none was hidden."""
        words, device = inputs["input_ids"].cpu(), inputs["input_ids"].device
        hideable = (inputs["attention_mask"].cpu() == 1) & ~self._special[words]
        # The global generator, whose state a checkpoint holds.
        changed, labels = hidden_words(words, hideable, SHARE, self._mask_id, self._ordinary, torch.default_generator)
        network(**{**inputs, "input_ids": changed.to(device)})
        hidden = (labels != HIDDEN).to(device)
        losses: torch.Tensor = self.head(
            self._taps[self._point][hidden], inputs["input_ids"][hidden], network.word_embedding.weight
        )
        return losses.sum() / max(1, len(losses))


class NextWords(nn.Module):
    """Tell each next word of a text from those before it, for a decoder (Radford et al. 2018, equation 1)."""

    def __init__(self, teacher: SavedModel, facts: TaskFacts):
        super().__init__()
        module: Any = teacher.module
        self.head = WordHead(module.network.config.hidden_size, module.word_embedding.weight, causal=True)

    def forward(self, network: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropy over the vocabulary, in nats, mean over all words but the first ones; zero where there are none."""
        states = network.network.base_model(**inputs).last_hidden_state
        words = next_words(inputs["input_ids"], inputs["attention_mask"])
        real = words != HIDDEN
        losses: torch.Tensor = self.head(states[real], words[real], network.word_embedding.weight)
        return losses.sum() / max(1, len(losses))


@contextmanager
def still_statistics(network: nn.Module) -> Iterator[None]:
    """Leave the running means of batch norms as they are: the network will not predict rotated images."""
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
    texts = NextWords if is_decoder(teacher.module) else HiddenWords
    kinds: dict[str, type[nn.Module]] = {"image": Rotation, "text": texts}
    if facts.modality not in kinds:
        raise StageFailed(f"There is no self-supervised loss for {facts.modality} yet. Choose own_loss: supervised.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kinds[facts.modality](teacher, facts)
