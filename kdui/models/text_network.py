"""What networks of the transformers library that write text have in common behind kdui's own forward."""

from typing import Any, Self

from torch import nn

from kdui.core.chat import ChatFormat
from kdui.models.transformer import ATTENTION

FUSED = "sdpa"  # scaled dot-product attention of PyTorch (Dao et al. 2022, FlashAttention, arXiv:2205.14135)


class TextNetwork(nn.Module):
    """A network of the library; ``tokenizer_json`` goes with it."""

    def __init__(self, network: Any, tokenizer_json: str | None = None):
        super().__init__()
        self.network = network
        self.tokenizer_json = tokenizer_json
        self.chat: ChatFormat | None = None  # of a checkpoint that comes with a chat template, and of its students

    @property
    def word_embedding(self) -> nn.Embedding:
        """The table of token embeddings [vocabulary, width]; an encoder and its decoder share it."""
        return self.network.get_input_embeddings()

    @property
    def head(self) -> nn.Linear:
        """What makes logits of states; in many models its weights are the table of embeddings itself."""
        return self.network.get_output_embeddings()

    @property
    def is_tied(self) -> bool:
        """Whether embeddings and head are one table."""
        return self.head.weight is self.word_embedding.weight

    def train(self, mode: bool = True) -> Self:
        """Fused attention while it trains, where the network has it; otherwise the plain products that a graph is made of."""
        super().train(mode)
        if self._has_fused_attention():
            self.network.set_attn_implementation(FUSED if mode else ATTENTION)
        return self

    def _has_fused_attention(self) -> bool:
        """Whether the library's fused kernel computes what this network's plain products do: it knows no capped scores."""
        return getattr(self.network, "_supports_sdpa", False) and not getattr(self.network.config, "attn_logit_softcapping", None)
