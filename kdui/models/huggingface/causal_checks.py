"""Whether a foreign network predicts each next token from those before it, by a head that its file holds."""

from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig

from kdui.core.errors import SourceError
from kdui.models.causal import CausalLM
from kdui.models.fit import Fit, listed

TOLERANCE = 1e-3  # of the largest logit


def beginnings(config: PretrainedConfig) -> list[str | int | None]:
    """What may begin a text where the tokenizer itself puts nothing there: the network's own marks, then usual ones."""
    own = [getattr(config, name, None) for name in ("bos_token_id", "eos_token_id")]
    return [*(one for one in own if isinstance(one, int)), "<s>", "<|endoftext|>", "</s>"]


def require_head(module: CausalLM, fit: Fit, folder: Path) -> None:
    """Raises SourceError where the file lacks the head, where logits are more than the head's, or a token sees later ones."""
    if fit.untrained:
        raise SourceError(
            f"{folder} lacks weights of the head that predicts tokens ({listed(fit.untrained)}): they would be random. Choose a "
            "checkpoint that was saved as a causal language model."
        )
    if not isinstance(module.head, torch.nn.Linear):
        raise SourceError(f"The head of the network in {folder} is no linear layer. Choose another checkpoint.")
    rows = module.word_embedding.num_embeddings
    ids = torch.arange(4, device="cpu").remainder(rows).repeat(2, 1)
    ids[1, -1] = rows - 1
    ours, theirs = _logits(module, ids)
    if not torch.allclose(theirs[0, :-1], theirs[1, :-1], rtol=0, atol=TOLERANCE * float(theirs.abs().max())):
        raise SourceError(
            f"The network in {folder} looks at later tokens (it is a masked language model), so it cannot predict them. "
            "Choose a causal language model."
        )
    if not torch.allclose(ours, theirs, rtol=0, atol=TOLERANCE * float(theirs.abs().max())):
        raise SourceError(
            f"The network in {folder} changes its logits after the head (it scales or caps them), which nothing here does. "
            "Choose another checkpoint."
        )


def _logits(module: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    was = module.training
    module.eval()
    with torch.inference_mode():
        mask = torch.ones_like(ids)
        logits = module(ids, mask), module.network(input_ids=ids, attention_mask=mask, use_cache=False).logits
    module.train(was)
    return logits
