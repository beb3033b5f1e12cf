"""Causal language models behind kdui's own forward: token ids in, logits of each next token out."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.embeddings import set_rows
from kdui.models.packed_texts import packed_states
from kdui.models.text_network import TextNetwork
from kdui.models.transformer import ATTENTION

if TYPE_CHECKING:
    from transformers import PretrainedConfig  # a second that a run on pictures need not wait for


class CausalLM(TextNetwork):
    """A network of the transformers library that predicts each next token; ``tokenizer_json`` goes with it.

    The output at a place is a distribution of the token after it. Padding stands on the right, where no real token looks at it.
    """

    packs = False  # whether it packs the texts of a batch while it trains, see ``training.packing``

    def states(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """What the head takes, [batch, length, width]: a loss in chunks makes logits of a part of it at a time.

        Padding on the right needs no mask, because no real token looks there; without one the fused kernel skips what is ahead.
        """
        if self.training and self.packs:
            return packed_states(self.network.base_model, input_ids, attention_mask)
        mask = None if self.training else attention_mask
        return self.network.base_model(input_ids=input_ids, attention_mask=mask, use_cache=False).last_hidden_state

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits [batch, length, vocabulary]."""
        return self.head(self.states(input_ids, attention_mask))


def described(module: CausalLM) -> dict[str, Any]:
    """The network's config: enough to build it without the place where its weights came from."""
    return {"config": json.loads(module.network.config.to_json_string(use_diff=False))}


def from_description(architecture: Mapping[str, Any]) -> CausalLM:
    """The network that ``described`` describes, with new weights."""
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = dict(architecture["config"])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    network = AutoModelForCausalLM.from_config(
        config, attn_implementation=ATTENTION, dtype=torch.float32, trust_remote_code=False
    )
    network.tie_weights()
    return CausalLM(network)


def shape_of(config: "PretrainedConfig") -> dict[str, int]:
    """Layers, widths and vocabulary of a network, by the names of the options."""
    return {
        "layers": config.num_hidden_layers,
        "width": config.hidden_size,
        "heads": config.num_attention_heads,
        "kv_heads": getattr(config, "num_key_value_heads", None) or config.num_attention_heads,
        "units": getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * config.hidden_size,
        "head_width": getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        "vocabulary": config.vocab_size,
    }


def keep_layers(module: CausalLM, network: Any, kept: Sequence[int]) -> None:
    """Let the module have this network with only these of its layers, renumbered."""
    body = network.base_model
    name, layers = next((name, part) for name, part in body.named_children() if isinstance(part, nn.ModuleList))
    setattr(body, name, nn.ModuleList([layers[place] for place in kept]))
    for number, layer in enumerate(getattr(body, name)):
        for part in layer.modules():
            if hasattr(part, "layer_idx"):
                part.layer_idx = number
    network.config.num_hidden_layers = len(kept)
    if kinds := getattr(network.config, "layer_types", None):
        network.config.layer_types = [kinds[place] for place in kept]
    module.network = network


def resize_vocabulary(module: CausalLM, rows: int) -> None:
    """Give embeddings and head this many rows: the first ones stay, those that join are drawn as new ones are."""
    embedding, head, tied = module.word_embedding, module.head, module.is_tied
    deviation = module.network.config.initializer_range
    with torch.no_grad():
        set_rows(embedding, _resized(embedding.weight, rows, deviation))
        head.weight = embedding.weight if tied else nn.Parameter(_resized(head.weight, rows, deviation))
    head.out_features = rows
    module.network.config.vocab_size = rows


def keep_tokens(module: CausalLM, rows: torch.Tensor) -> None:
    """Let embeddings and head have these rows alone, in this order; what the config names of the others is forgotten."""
    embedding, head, tied = module.word_embedding, module.head, module.is_tied
    embedding.padding_idx = None
    set_rows(embedding, embedding.weight.detach()[rows])
    head.weight = embedding.weight if tied else nn.Parameter(head.weight.detach()[rows])
    if head.bias is not None:
        head.bias = nn.Parameter(head.bias.detach()[rows])
    head.out_features = len(rows)
    config, numbers = module.network.config, {old: new for new, old in enumerate(rows.tolist())}
    config.vocab_size = len(rows)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        named = getattr(config, name, None)
        kept = [numbers[each] for each in (named if isinstance(named, list) else [named]) if each in numbers]
        setattr(config, name, (kept if isinstance(named, list) else kept[0]) if kept else None)


def _resized(table: torch.Tensor, rows: int, deviation: float) -> torch.Tensor:
    more = rows - len(table)
    return torch.cat([table, deviation * torch.randn(more, table.shape[1])]) if more > 0 else table[:rows]


def language_model(module: nn.Module) -> CausalLM:
    """The module as the language model that it is; raises StageFailed where it is none."""
    if not isinstance(module, CausalLM):
        raise StageFailed("This model generates no text. Name a language model here.")
    return module
