"""Packed sequences: texts that share a row learn what each would learn alone."""

import copy

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Mamba2Config, Mamba2ForCausalLM

from kdui.core.errors import RecipeError, StageFailed
from kdui.models.causal import CausalLM
from kdui.models.packed_texts import packed_states, rows_of
from kdui.problems.language_model.problem import LanguageModelling
from kdui.training.device_dataset import ResidentData
from kdui.training.packing import keeps_texts_apart, packed
from tests.engine.digits import Bench
from tests.training.digits import CPU

LENGTHS = [3, 11, 1, 7, 4, 4, 2, 10]
SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 40, "initializer_range": 0.5}
PROBLEM = LanguageModelling()


def llama():
    torch.manual_seed(0)
    return CausalLM(LlamaForCausalLM(LlamaConfig(**SIZE, intermediate_size=24, num_key_value_heads=1)))


def gpt2():
    torch.manual_seed(0)
    config = GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=40, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    return CausalLM(GPT2LMHeadModel(config))


@pytest.fixture
def batch():
    mask = torch.tensor([[1] * length + [0] * (max(LENGTHS) - length) for length in LENGTHS])
    return {"input_ids": torch.randint(0, 40, mask.shape, generator=torch.Generator().manual_seed(1)), "attention_mask": mask}


def test_rows_hold_every_text_once_and_are_no_longer_than_the_longest():
    rows = rows_of(LENGTHS)
    assert sorted(text for row in rows for text in row) == list(range(len(LENGTHS)))
    assert max(sum(LENGTHS[text] for text in row) for row in rows) == 11 and len(rows) == 4  # 42 tokens: no fewer can hold them
    assert rows_of([5, 5, 5]) == [[0], [1], [2]]


@pytest.mark.parametrize("network", [llama, gpt2])
def test_a_packed_batch_has_the_loss_and_the_gradients_of_its_texts_alone(network, batch):
    model = network().train()
    single = {name: array[1:2] for name, array in batch.items()}

    def learned(pack):
        model.zero_grad()
        with packed(model, pack):
            outputs = PROBLEM.compute(model, batch)
            if pack:
                assert torch.allclose(outputs.states[1, :11], model.states(**single)[0, :11], atol=1e-5)
            loss = PROBLEM.loss(outputs, torch.zeros(len(LENGTHS)))
        loss.backward()
        return loss.item(), [parameter.grad.clone() for parameter in model.parameters()]

    (loss, gradients), (loss_packed, gradients_packed) = learned(False), learned(True)
    assert loss_packed == pytest.approx(loss, rel=1e-6) and not model.packs
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(gradients, gradients_packed, strict=True))
    each = [{name: array[i : i + 1, :length] for name, array in batch.items()} for i, length in enumerate(LENGTHS)]
    nats = [
        PROBLEM.loss(PROBLEM.compute(model, text), text["input_ids"]).item() if length > 1 else 0.0
        for text, length in zip(each, LENGTHS, strict=True)
    ]
    alone = sum(loss * (length - 1) for loss, length in zip(nats, LENGTHS, strict=True))
    assert loss_packed == pytest.approx(alone / (sum(LENGTHS) - len(LENGTHS)), rel=1e-5)


def test_one_text_changes_nothing_of_its_neighbours_and_padding_is_not_computed(batch):
    model = llama().eval()
    body, widths = model.network.base_model, []
    hook = body.embed_tokens.register_forward_hook(lambda _, inputs, __: widths.append(inputs[0].numel()))
    first = packed_states(body, **batch)
    hook.remove()
    changed = copy.deepcopy(batch)
    changed["input_ids"][3] = (changed["input_ids"][3] + 1) % 40
    differs = (packed_states(body, **changed) - first).abs().amax((1, 2)) > 1e-6
    assert differs.tolist() == [text == 3 for text in range(len(LENGTHS))]
    assert widths == [44] and batch["input_ids"].numel() == 88
    assert (first[2, 1:] == 0).all()


def test_a_network_that_carries_a_state_along_a_row_is_refused():
    model = CausalLM(Mamba2ForCausalLM(Mamba2Config(hidden_size=16, num_heads=4, head_dim=8, num_hidden_layers=1, vocab_size=40)))
    assert not keeps_texts_apart(model) and keeps_texts_apart(llama())
    with pytest.raises(StageFailed, match=r"from one text into the next\. Set 'packed: false'"), packed(model, True):
        pass


def test_packed_batches_are_drawn_whatever_their_lengths(batch):
    data = ResidentData({name: array.numpy() for name, array in batch.items()}, batch["attention_mask"].sum(1).numpy(), CPU)
    data.by_length = False
    order = torch.cat(data.batches(3, 0, 0))
    drawn = torch.randperm(len(LENGTHS), generator=torch.Generator().manual_seed(0))
    assert torch.equal(order, drawn)


def test_stages_that_match_features_and_tasks_without_tokens_refuse_it(tmp_path):
    bench = Bench(tmp_path)
    books = {"task": "books", "teacher": "lm-small", "student": "lm-tiny"}
    with pytest.raises(RecipeError, match="Stage 'hints' matches features of padded texts"):
        bench.plan({**books, "stages": ["teach", {"hints": {"packed": True}}]})
    with pytest.raises(RecipeError, match="'packed' needs texts that are continued"):
        bench.plan({"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": {"packed": True}}]})
