"""Encoder-decoder networks behind kdui's own forward: an input and the tokens written so far in, logits of each next one out."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.text_network import TextNetwork
from kdui.models.transformer import ATTENTION

if TYPE_CHECKING:
    from transformers import EncoderDecoderCache  # a second that a run on pictures need not wait for


class EncoderDecoder(TextNetwork):
    """A network of the transformers library that writes a text for a text; ``tokenizer_json`` goes with it.

    Padding stands on the right on both sides. The encoder's is masked; no real token of the decoder looks at its own.
    """

    def states(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        decoder_input_ids: torch.Tensor,
        decoder_attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """What the head takes, [batch, written, width]: a loss in chunks makes logits of a part of it at a time."""
        return self.step(input_ids, attention_mask, decoder_input_ids, None)

    def step(
        self,
        input_ids: torch.Tensor | None,
        attention_mask: torch.Tensor,
        decoder_input_ids: torch.Tensor,
        cache: "EncoderDecoderCache | None",
    ) -> torch.Tensor:
        """The states of new tokens of the decoder beside a cache, which grows.

        Without ``input_ids`` the cache has what the encoder gave.
        """
        encoded = None if input_ids is not None else (attention_mask.unsqueeze(-1).float(),)  # its shape alone is looked at
        states = self.network.base_model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            encoder_outputs=encoded,
            decoder_input_ids=decoder_input_ids,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        scale = self._output_scale
        return states if scale == 1 else states * scale

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        decoder_input_ids: torch.Tensor,
        decoder_attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits [batch, written, vocabulary]."""
        return self.head(self.states(input_ids, attention_mask, decoder_input_ids))

    @property
    def _output_scale(self) -> float:
        """T5 with tied embeddings divides its states by the root of their width (Raffel et al. 2020, its published code)."""
        config = self.network.config
        return config.d_model**-0.5 if getattr(config, "scale_decoder_outputs", False) else 1.0


def new_cache() -> "EncoderDecoderCache":
    """A cache of no tokens."""
    from transformers import DynamicCache, EncoderDecoderCache

    return EncoderDecoderCache(DynamicCache(), DynamicCache())


def described(module: EncoderDecoder) -> dict[str, Any]:
    """The network's config: enough to build it without the place where its weights came from."""
    facts: dict[str, Any] = {"config": json.loads(module.network.config.to_json_string(use_diff=False))}
    return {**facts, "head_bias": True} if module.head.bias is not None else facts


def from_description(architecture: Mapping[str, Any]) -> EncoderDecoder:
    """The network that ``described`` describes, with new weights."""
    from transformers import AutoConfig, AutoModelForSeq2SeqLM

    settings = dict(architecture["config"])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    network = AutoModelForSeq2SeqLM.from_config(
        config, attn_implementation=ATTENTION, dtype=torch.float32, trust_remote_code=False
    )
    network.tie_weights()
    module = EncoderDecoder(network)
    if architecture.get("head_bias"):
        module.head.bias = nn.Parameter(torch.zeros(module.head.out_features))
    return module


def resize_vocabulary(module: EncoderDecoder, rows: int) -> None:
    """Give embeddings and head this many rows: the first ones stay, those that join are drawn as new ones are."""
    table = module.word_embedding.weight
    deviation = module.network.config.d_model**-0.5
    more = rows - len(table)
    with torch.no_grad():
        resized = torch.cat([table, deviation * torch.randn(more, table.shape[1])]) if more > 0 else table[:rows]
    shared = nn.Parameter(resized.detach().clone())
    for layer in module.modules():  # both halves have layers of their own with the one table
        if isinstance(layer, nn.Embedding) and layer.weight is table:
            layer.weight, layer.num_embeddings = shared, rows
    module.head.weight, module.head.out_features = shared, rows
    module.network.config.vocab_size = rows
    if hasattr(module.network, "final_logits_bias"):
        module.network.final_logits_bias = torch.zeros(1, rows, device=table.device)


def encoder_decoder(module: nn.Module) -> EncoderDecoder:
    """The module as the encoder-decoder that it is; raises StageFailed where it is none."""
    if not isinstance(module, EncoderDecoder):
        raise StageFailed("This model writes no text for a text. Name an encoder-decoder model here.")
    return module
