"""GGUF files: blocks of few bits, LLaMA's turned queries and keys, the tokenizer, and files that are damaged."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from kdui.core.errors import SourceError
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.gguf_file import GgufFile
from tests.models.gguf import blocks, write_gguf

ALPHABET = [*"<>", *sorted({chr(number) for number in range(33, 127)} - {"<", ">"}), "Ġ", "th", "the"]
TOKENS = ["<|endoftext|>", "<|im_end|>", *ALPHABET]


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(TOKENS),
                hidden_size=64,
                intermediate_size=96,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=32,
                rope_parameters={"rope_type": "default", "rope_theta": 500.0},
                rms_norm_eps=1e-5,
                tie_word_embeddings=True,
                initializer_range=0.2,
            )
        ).eval()


@pytest.mark.parametrize("kind", ["F32", "F16", "Q4_0", "Q4_1", "Q8_0"])
def test_a_llama_is_read_as_it_was_written(network, tmp_path, kind):
    write_gguf(tmp_path / "small.gguf", network, TOKENS, ["t h", "th e"], kind)
    module = read_llama(tmp_path / "small.gguf").eval()
    ids = torch.randint(2, len(TOKENS), (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(input_ids=ids).logits
        assert torch.allclose(module(ids, torch.ones_like(ids)), expected, atol=1e-5)
    assert module.is_tied and float(expected.abs().max()) > 0.5


def test_few_bits_are_near_what_they_round():
    values = np.random.RandomState(0).randn(4, 64).astype(np.float32)
    errors = {kind: float(np.abs(blocks(values, kind)[1] - values).max()) for kind in ("F16", "Q8_0", "Q4_1", "Q4_0")}
    assert errors["F16"] < 0.002 < errors["Q8_0"] < 0.02 < errors["Q4_1"] <= errors["Q4_0"] < 0.5


def test_its_tokenizer_begins_texts_and_cuts_digits_apart(network, tmp_path):
    write_gguf(tmp_path / "small.gguf", network, TOKENS, ["t h", "th e"], "F32")
    tokenizer = Tokenizer.from_str(read_llama(tmp_path / "small.gguf").tokenizer_json)
    assert tokenizer.encode("the 12").tokens == ["<|endoftext|>", "the", "Ġ", "1", "2"]
    assert tokenizer.decode(tokenizer.encode("the 12").ids) == "the 12"


def test_damaged_files_are_refused_in_words(network, tmp_path):
    path = tmp_path / "small.gguf"
    write_gguf(path, network, TOKENS, ["t h", "th e"], "Q4_1")
    whole = path.read_bytes()
    for damaged, reason in (
        (b"GGML" + whole[4:], "another format"),
        (whole[: len(whole) - 64], "cut off before"),
        (whole[:200], "no GGUF file that can be read"),
        (whole.replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_xx.weight"), "lacks 'blk.1.ffn_up.weight'"),
        (whole[:8] + b"\xff" * 8 + whole[16:], "announces too much"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match=reason):
            read_llama(path)


def test_kinds_of_tensors_that_are_not_read_are_named(network, tmp_path):
    path = tmp_path / "small.gguf"
    write_gguf(path, network, TOKENS, ["t h", "th e"], "F32")
    data = bytearray(path.read_bytes())
    place = data.index(b"token_embd.weight") + len(b"token_embd.weight") + 4 + 16
    data[place] = 14
    path.write_bytes(data)
    with pytest.raises(SourceError, match="is of kind 14; those read are F32, F16, Q4_0, Q4_1, Q8_0"):
        GgufFile(path)
