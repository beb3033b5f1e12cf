"""A KV cache in few bits: the operator computes what the graph did, and keys and values are kept rounded."""

import numpy as np
import onnx
import pytest
import torch

from kdui.core.errors import StageFailed
from kdui.methods.compress.quantize.cache_bits import cache_ranges, layers_of, quantize_cache
from kdui.methods.deliver.export.cached import write_cached_onnx
from kdui.models.causal import CausalLM
from kdui.runtime.generation import Decoder
from kdui.runtime.graph_files import load_graph, save_graph
from kdui.runtime.sessions import open_session
from tests.methods.deliver.test_cached_graph import IDS, ROWS, gpt2, llama

LENGTHS = [12, 5, 9]


@pytest.fixture(scope="module", params=[llama, gpt2])
def path(request, tmp_path_factory):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = CausalLM(request.param()).eval()
    path = tmp_path_factory.mktemp("cached") / "model.onnx"
    write_cached_onnx(module, 20, path)
    return path


def texts():
    mask = np.array([[1] * length + [0] * (12 - length) for length in LENGTHS])
    return {"input_ids": np.random.RandomState(1).randint(0, ROWS, mask.shape), "attention_mask": mask}


@pytest.mark.parametrize(("bits", "off", "kind"), [(8, 0.03, "tensor(int8)"), (4, 0.4, "tensor(uint8)")])
def test_it_gives_nearly_the_same_logits_token_by_token_and_at_once(path, tmp_path, bits, off, kind):
    model = load_graph(path)
    ranges = cache_ranges(model, texts())
    quantize_cache(model, ranges, bits)
    onnx.checker.check_model(model)
    save_graph(model, tmp_path / "model.onnx")
    session, exact = open_session(tmp_path / "model.onnx"), open_session(path)
    expected, logits = (each.run(None, texts())[0] for each in (exact, session))
    real = texts()["attention_mask"] == 1
    assert off / 1000 < np.sqrt(np.square((logits - expected)[real]).mean() / np.square(expected[real]).mean()) < off
    scales = ranges.sizes["present.0.key"][None] / (2 ** (bits - 1) - 1)
    kept, keys = (each.run(["present.0.key"], texts())[0] for each in (session, exact))
    if bits == 4:  # two channels in a byte, the first one below, each from -8 on
        kept = np.stack([kept & 15, kept >> 4], axis=-1).reshape(keys.shape).astype(np.int64) - 8
    places = np.broadcast_to(real[:, None, :, None], keys.shape)
    assert (np.abs(kept * scales - keys) <= 0.501 * scales)[places].all()
    decoder = Decoder(session)
    stepped = np.concatenate([decoder.feed(IDS[:4]), *(decoder.feed([token]) for token in IDS[4:])])
    whole = session.run(None, {"input_ids": np.array([IDS]), "attention_mask": np.ones((1, 12), np.int64)})[0][0]
    assert np.allclose(stepped, whole, atol=1e-4 * np.abs(whole).max())
    past = [each for each in session.get_inputs() if each.name.startswith("past_key_values.")]
    assert {each.type for each in past} == {kind}
    assert past[0].shape[3] * (2 if bits == 4 else 1) == keys.shape[3]
    assert not any(node.op_type == "Softmax" for node in model.graph.node)


def test_ranges_are_those_of_real_tokens(path):
    ranges = cache_ranges(load_graph(path), texts())
    alone = [{name: array[i : i + 1, :length] for name, array in texts().items()} for i, length in enumerate(LENGTHS)]
    each = [cache_ranges(load_graph(path), one) for one in alone]
    for name, sizes in ranges.sizes.items():
        assert np.allclose(sizes, np.max([one.sizes[name] for one in each], axis=0), rtol=1e-4)
    assert ranges.heads in (2, 4) and len(ranges.sizes) == 2 * len(layers_of(load_graph(path)))


def test_another_attention_and_a_graph_without_a_cache_are_refused(path):
    model = load_graph(path)
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    softmax.op_type = "Sigmoid"
    with pytest.raises(StageFailed, match="more than scale, mask and Softmax"):
        layers_of(model)
    del model.graph.input[1:]
    with pytest.raises(StageFailed, match="no KV cache to quantize"):
        layers_of(model)
