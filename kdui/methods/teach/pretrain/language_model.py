"""A text classifier's body as the language model that it was, or could be."""

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

from kdui.core.errors import StageFailed
from kdui.methods.teach.pretrain.losses import hidden_words, next_words, text_sums, word_losses
from kdui.models.transformer import TextClassifier
from kdui.training.device_dataset import ResidentData
from kdui.training.labels import HIDDEN

MASKS = ("[MASK]", "<mask>")
_VALIDATION = 2**40  # a seed that no epoch has


class WordHead(nn.Module):
    """Turns states into guesses over the vocabulary; the word embeddings are its output weights (Press and Wolf 2017)."""

    def __init__(self, width: int, table: torch.Tensor, causal: bool):
        super().__init__()
        self.transform: nn.Module = nn.Identity()
        self.bias: nn.Parameter | None = None
        if not causal:
            self.transform = nn.Sequential(nn.Linear(width, table.shape[1]), nn.GELU(), nn.LayerNorm(table.shape[1]))
            self.bias = nn.Parameter(torch.zeros(len(table)))
        elif width != table.shape[1]:
            self.transform = nn.Linear(width, table.shape[1], bias=False)

    def forward(self, states: torch.Tensor, words: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Losses [m] in nats of words [m] by their states [m, width]."""
        return word_losses(self.transform(states), words, table, self.bias)


class LanguageModel(nn.Module):
    """The classifier's body at_positions for words. Its outputs [n, 2] are the sum of the losses of each text and their number.

    The classifier is changed in place; its own head takes no part. ``head`` is no part of this module but trained beside it.
    """

    def __init__(self, classifier: TextClassifier, causal: bool, seed: int):
        super().__init__()
        self.classifier = classifier
        width = classifier.network.config.hidden_size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._beside = (WordHead(width, classifier.word_embedding.weight, causal),)

    @property
    def head(self) -> WordHead:
        return self._beside[0]

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        body = self.classifier.network.base_model
        states = body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        real = words != HIDDEN
        return text_sums(self.head(states[real], words[real], self.classifier.word_embedding.weight), real)


def reads_forward(module: nn.Module) -> bool:
    """True for a decoder, which guesses next words, False for an encoder, which guesses hidden ones.

    Raises StageFailed for a model that is neither.
    """
    config = getattr(getattr(module, "network", None), "config", None)
    if isinstance(module, TextClassifier) and not getattr(config, "is_encoder_decoder", False):
        if type(config) in MODEL_FOR_MASKED_LM_MAPPING:
            return False
        if is_decoder(module):
            return True
    kind = getattr(config, "model_type", type(module).__name__)
    raise StageFailed(
        f"A model of type {kind} is neither an encoder (masked tokens) nor a decoder (next token). Remove the 'pretrain' "
        "stage, or choose another teacher."
    )


def is_decoder(module: nn.Module) -> bool:
    """Whether each of the classifier's states depends only on the words before it, so that it can predict the next one."""
    config = getattr(getattr(module, "network", None), "config", None)
    return type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING


class HiddenWords:
    """Hides other words in each view of a split; which ones is decided by seed and view alone, so a training can be resumed."""

    def __init__(self, tokenizer_json: str, vocabulary: int, share: float, seed: int):
        self._share, self._seed = share, seed
        self._mask_id, self._special = special_tokens(tokenizer_json, vocabulary)
        self._ordinary = (~self._special).nonzero().squeeze(1)
        self._held: tuple[int, ResidentData] | None = None

    def __call__(self, data: ResidentData, index: torch.Tensor, view: int) -> dict[str, torch.Tensor]:
        if self._held is None or self._held[0] != view:
            self._held = (view, self.of_view(data, view))
        return self._held[1].inputs(index)

    def of_view(self, data: ResidentData, view: int) -> ResidentData:
        """The whole split with its words of this view hidden."""
        ids, mask = data.arrays["input_ids"].cpu(), data.arrays["attention_mask"].cpu()
        generator = torch.Generator().manual_seed((self._seed * 1_000_003 + view) % 2**63)
        hideable = (mask == 1) & ~self._special[ids]
        changed, words = hidden_words(ids, hideable, self._share, self._mask_id, self._ordinary, generator)
        return at_positions(data, changed, words)


def at_positions(data: ResidentData, input_ids: torch.Tensor, words: torch.Tensor) -> ResidentData:
    """The split's texts as these ids, with the words to predict beside them."""
    arrays = {"input_ids": input_ids, "attention_mask": data.arrays["attention_mask"], "words": words}
    return ResidentData({name: tensor.cpu().numpy() for name, tensor in arrays.items()}, data.targets.cpu().numpy(), data.device)


def questions(data: ResidentData, hiding: HiddenWords | None, training: bool) -> ResidentData:
    """What a language model is at_positions about a split: next words, or hidden ones, other ones in each epoch of a training."""
    if hiding is None:
        ids, mask = data.arrays["input_ids"], data.arrays["attention_mask"]
        return at_positions(data, ids, next_words(ids, mask))
    if training:
        data.augmentation = hiding
        return data
    return hiding.of_view(data, _VALIDATION)


def special_tokens(
    tokenizer_json: str, vocabulary: int, otherwise: str = "Remove the 'pretrain' stage"
) -> tuple[int, torch.Tensor]:
    """The id of the mask, and which of the ids [vocabulary] are no words.

    Raises StageFailed for a tokenizer without a mask; ``otherwise``: the advice without one.
    """
    tokenizer = Tokenizer.from_str(tokenizer_json)
    mask_id = next((token_id for token_id in map(tokenizer.token_to_id, MASKS) if token_id is not None), None)
    if mask_id is None:
        raise StageFailed(
            f"The teacher's tokenizer has no mask token. {otherwise}, or choose a teacher that was pre-trained with masked "
            "language modelling."
        )
    special = torch.zeros(vocabulary, dtype=torch.bool)
    special[[mask_id, *(index for index, token in tokenizer.get_added_tokens_decoder().items() if token.special)]] = True
    special[tokenizer.get_vocab_size() :] = True
    return mask_id, special
