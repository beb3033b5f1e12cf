"""Text that a model continues in a batch: with a KV cache the same as without, and drawn from the right tokens."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from kdui.models.causal import CausalLM
from kdui.models.continuation import continued, nucleus, sampler
from kdui.runtime import sampling
from kdui.training.recomputation import recomputed
from kdui.training.writing import seeded, write

GREEDY = {"prompt": 0.5, "new_tokens": 64, "sampling_temperature": 0.0, "top_p": 1.0}
NONE = torch.tensor([], dtype=torch.int64)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 40}
    return CausalLM(LlamaForCausalLM(LlamaConfig(**size, initializer_range=0.5, tie_word_embeddings=True))).train()


def texts(*lengths):
    mask = torch.tensor([[1] * length + [0] * (max(lengths) - length) for length in lengths])
    return {"input_ids": torch.randint(0, 40, mask.shape, generator=seeded(1)) * mask, "attention_mask": mask}


def test_with_a_cache_it_writes_what_whole_passes_write(model):
    prompts = texts(5, 5, 5)["input_ids"]
    whole = prompts
    with torch.no_grad():
        for _ in range(9):
            whole = torch.cat([whole, model(whole, torch.ones_like(whole))[:, -1].argmax(-1, keepdim=True)], dim=1)
    assert torch.equal(continued(model, prompts, 9, lambda logits: logits.argmax(-1)), whole)
    assert model.training


def test_each_text_keeps_its_beginning_and_its_length_whatever_stands_beside_it(model):
    batch = texts(4, 11, 9)
    new = write(model, batch, GREEDY, NONE, seeded(0))
    assert new.prompt == 2 and torch.equal(new.attention_mask, batch["attention_mask"])
    assert torch.equal(new.input_ids[:, :2], batch["input_ids"][:, :2]) and not torch.equal(new.input_ids, batch["input_ids"])
    alone = {name: array[1:2] for name, array in batch.items()}
    beside = write(model, alone, {**GREEDY, "prompt": 2 / 11}, NONE, seeded(0))
    assert torch.equal(beside.input_ids, new.input_ids[1:2])
    short = write(model, batch, {**GREEDY, "new_tokens": 3}, NONE, seeded(0))
    assert torch.equal(short.input_ids, new.input_ids[:, :5] * batch["attention_mask"][:, :5])
    assert (new.input_ids * (1 - new.attention_mask) == 0).all()  # padding stays what it was


def test_a_text_ends_before_a_token_that_ends_texts(model):
    batch = texts(8, 8)
    new = write(model, batch, GREEDY, NONE, seeded(0))
    end = new.input_ids[0, 5]
    cut = write(model, batch, GREEDY, end[None], seeded(0))
    first = int((new.input_ids[0, 4:] == end).nonzero()[0]) + 4
    assert cut.attention_mask[0].tolist() == [1] * first + [0] * (8 - first)


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 1.0])
def test_the_nucleus_is_that_of_serving(top_p):
    shares = torch.softmax(3 * torch.randn(20, 30, generator=seeded(2), dtype=torch.float64), -1)
    result = nucleus(shares, top_p)
    assert np.allclose(result.numpy(), [sampling.nucleus(row, top_p) for row in shares.numpy()], atol=1e-12)


def test_tokens_are_drawn_as_often_as_they_are_probable():
    shares = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = (2.0 * shares.log()).repeat(20_000, 1)  # at a temperature of 2
    drawn = sampler(2.0, 1.0, seeded(3))(logits)
    assert torch.allclose(torch.bincount(drawn, minlength=4) / 20_000, shares, atol=0.015)
    assert torch.equal(drawn, sampler(2.0, 1.0, seeded(3))(logits))
    assert set(sampler(2.0, 0.75, seeded(3))(logits).tolist()) == {0, 1}
    assert set(sampler(0.0, 1.0, seeded(3))(logits).tolist()) == {0}


def test_recomputed_layers_have_the_same_gradients(model):
    def gradients(again):
        model.zero_grad()
        with recomputed(model, again):
            model(**texts(6, 4)).square().mean().backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    assert all(torch.allclose(one, other, atol=1e-7) for one, other in zip(gradients(False), gradients(True), strict=True))
    assert not any(getattr(part, "gradient_checkpointing", False) for part in model.modules())
