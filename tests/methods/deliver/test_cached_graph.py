"""The graph with a KV cache: token by token it gives what the whole forward pass gives."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from kdui.core.errors import StageFailed
from kdui.methods.deliver.export.cached import write_cached_onnx
from kdui.models.causal import CausalLM
from kdui.models.transformer import ATTENTION
from kdui.runtime.generation import Decoder
from kdui.runtime.sessions import open_session

TOLERANCE = 1e-4  # of the largest logit
ROWS = 67
IDS = np.random.RandomState(0).randint(0, ROWS, 12).tolist()


def llama():
    config = LlamaConfig(
        vocab_size=ROWS,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        tie_word_embeddings=True,
        attn_implementation=ATTENTION,
        initializer_range=0.3,
    )
    return LlamaForCausalLM(config)


def gpt2():
    marks = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=ROWS, n_positions=32, n_embd=16, n_layer=1, n_head=2, attn_implementation=ATTENTION, **marks)
    )


@pytest.fixture(scope="module", params=[llama, gpt2])
def written(request, tmp_path_factory):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = CausalLM(request.param()).eval()
    path = tmp_path_factory.mktemp("cached") / "model.onnx"
    write_cached_onnx(module, 20, path)
    return module, path


def whole(module, ids):
    with torch.inference_mode():
        tensor = torch.tensor([ids])
        return module(tensor, torch.ones_like(tensor))[0].numpy()


@pytest.mark.parametrize("parts", [[1] * 12, [12], [5, 1, 1, 1, 4], [1, 11]])
def test_pieces_of_any_length_give_what_the_whole_gives(written, parts):
    module, path = written
    decoder, result, start = Decoder(open_session(path)), [], 0
    for count in parts:
        result.append(decoder.feed(IDS[start : start + count]))
        start += count
    expected = whole(module, IDS)
    assert decoder.has_cache
    assert np.abs(np.concatenate(result) - expected).max() < TOLERANCE * np.abs(expected).max()


def test_texts_of_a_batch_do_not_see_each_other_nor_padding(written):
    module, path = written
    session = onnxruntime.InferenceSession(path)
    shapes = {item.name: item.shape for item in session.get_inputs() if item.name.startswith("past")}
    empty = {name: np.zeros((2, shape[1], 0, shape[3]), np.float32) for name, shape in shapes.items()}
    ids, mask = np.array([IDS[:6], [0, 0, *IDS[6:10]]]), np.array([[1] * 6, [0, 0, 1, 1, 1, 1]])
    positions = np.maximum(mask.cumsum(1) - 1, 0)
    logits = session.run(["logits"], {"input_ids": ids, "attention_mask": mask, "position_ids": positions, **empty})[0]
    assert np.allclose(logits[0], whole(module, IDS[:6]), atol=1e-4)
    assert np.allclose(logits[1, 2:], whole(module, IDS[6:10]), atol=1e-4)


def test_names_and_axes_are_those_of_genai(written):
    module, path = written
    graph = onnx.load(path).graph
    layers = module.network.config.num_hidden_layers
    given = {item.name: [axis.dim_param or axis.dim_value for axis in item.type.tensor_type.shape.dim] for item in graph.input}
    assert set(given) == {
        *("input_ids", "attention_mask", "position_ids"),
        *(f"past_key_values.{number}.{part}" for number in range(layers) for part in ("key", "value")),
    }
    heads = module.network.config.num_attention_heads // (2 if layers == 2 else 1)
    assert given["past_key_values.0.key"] == ["batch", heads, "past", 8]
    assert given["attention_mask"] == ["batch", "total"]
    assert [item.name for item in graph.output][:3] == ["logits", "present.0.key", "present.0.value"]


def test_layers_that_see_a_window_are_refused(tmp_path):
    config = MistralConfig(vocab_size=ROWS, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    config.layer_types = ["sliding_attention"]
    with pytest.raises(StageFailed, match="see only its last tokens"):
        write_cached_onnx(CausalLM(MistralForCausalLM(config)), 20, tmp_path / "model.onnx")
