"""Continues a batch of texts token by token, with the keys and values of what was read kept (KV cache)."""

from collections.abc import Callable, Mapping

import torch

from kdui.models.causal import CausalLM
from kdui.models.encoder_decoder import EncoderDecoder, new_cache
from kdui.problems.seq2seq.decoder_tokens import Ends

COLDEST = 1e-3  # temperatures below are the limit 0: the most probable token
Choose = Callable[[torch.Tensor], torch.Tensor]  # logits [batch, vocabulary] -> token ids [batch]


@torch.no_grad()
def continued(module: CausalLM, prompts: torch.Tensor, tokens: int, choose: Choose) -> torch.Tensor:
    """Token ids [batch, length + tokens] of prompts [batch, length] without padding, each continued by as many tokens.

    A forward pass reads the prompts, and one each new token: their cost does not grow with what is kept but for attention. The
    module computes as in evaluation, and is left as it was.
    """
    was_training, body = module.training, module.eval().network.base_model
    read, pieces, kept = prompts, [prompts], None
    for _ in range(tokens):
        step = body(input_ids=read, past_key_values=kept, use_cache=True)
        kept = step.past_key_values
        read = choose(module.head(step.last_hidden_state[:, -1]).float()).unsqueeze(1)
        pieces.append(read)
    module.train(was_training)
    return torch.cat(pieces, dim=1)


@torch.no_grad()
def answered(module: EncoderDecoder, inputs: Mapping[str, torch.Tensor], ends: Ends, tokens: int, choose: Choose) -> torch.Tensor:
    """Token ids [batch, 1 + at most ``tokens``] that an encoder-decoder writes for inputs [batch, length], from its begin on.

    An answer's end may be anywhere in its row; what follows it means nothing. The module is left as it was.
    """
    was_training, cache = module.training, new_cache()
    module.eval()
    source, mask = inputs["input_ids"], inputs["attention_mask"]
    read = torch.full((len(source), 1), ends.begin, device=source.device)
    pieces, ended = [read], torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for place in range(tokens):
        states = module.step(source if place == 0 else None, mask, read, cache)
        read = choose(module.head(states[:, -1]).float()).unsqueeze(1)
        pieces.append(read)
        ended |= read[:, 0] == ends.end
        if bool(ended.all()):
            break
    module.train(was_training)
    return torch.cat(pieces, dim=1)


def sampler(temperature: float, top_p: float, generator: torch.Generator) -> Choose:
    """Draws from the nucleus of the softened distribution; ``generator`` (of the CPU) decides, so a seed names the texts."""

    def choose(logits: torch.Tensor) -> torch.Tensor:
        if temperature < COLDEST:
            return logits.argmax(-1)
        softened = logits.double() / temperature
        shares = nucleus((softened - softened.logsumexp(-1, keepdim=True)).exp(), top_p)
        cumulative = shares.cumsum(-1)
        drawn = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64).to(logits.device) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, drawn, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)

    return choose


def nucleus(shares: torch.Tensor, top_p: float) -> torch.Tensor:
    """Of distributions [batch, choices] the fewest most probable choices whose probabilities sum to ``top_p`` or more, their sum
    1 again, the others 0 (Holtzman et al. 2020, arXiv:1904.09751, section 3.1)."""
    if top_p >= 1:
        return shares
    ordered, places = shares.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = torch.zeros_like(shares).scatter(-1, places, ordered * (before < top_p - 1e-12))
    return kept / kept.sum(-1, keepdim=True)
