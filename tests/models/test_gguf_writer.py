"""GGUF files that are written here: blocks by hand, and a network with its tokenizer as it is read back."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from kdui.core.errors import StageFailed
from kdui.models.byte_pairs import trained_tokenizer, vocabulary_size
from kdui.models.causal import CausalLM
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.to_gguf import write_llama
from kdui.models.gguf_file import GgufFile
from kdui.models.gguf_writer import write_gguf

TEXTS = [
    "It is a truth universally acknowledged, that a single man",
    "in possession of 4 good fortunes, must be in want of a wife",
]


@pytest.fixture(scope="module")
def module():
    words = trained_tokenizer(TEXTS, 280)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        size = {"hidden_size": 64, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = LlamaConfig(vocab_size=vocabulary_size(words) + 3, num_key_value_heads=2, tie_word_embeddings=True, **size)
        config.initializer_range = 0.2
        return CausalLM(LlamaForCausalLM(config).eval(), words)


@pytest.mark.parametrize(("kind", "error"), [("F16", 0.02), ("Q8_0", 0.1), ("Q4_0", 2.0)])
def test_a_network_and_its_tokenizer_are_read_back(module, tmp_path, kind, error):
    path = tmp_path / "model.gguf"
    counted = write_llama(path, module, kind, "small", '{"value": 2.5}')
    file, read = GgufFile(path), read_llama(path).eval()
    words = [Tokenizer.from_str(each.tokenizer_json) for each in (module, read)]
    ids = [each.encode(TEXTS[1]).ids for each in words]
    assert ids[0] == ids[1] and ids[0][0] == 0 and words[1].decode(ids[1]) == TEXTS[1]
    tensor = torch.tensor(ids[:1])
    with torch.inference_mode():
        expected, logits = (each(tensor, torch.ones_like(tensor)) for each in (module, read))
    off = float((expected - logits).abs().max() / expected.abs().max())
    assert error / 1000 < off < error  # it was rounded, and is near
    assert file.facts["kdui.claims"] == '{"value": 2.5}' and file.facts["tokenizer.ggml.tokens"][-1].startswith("[unused")
    # Rows of 80 inner units are no whole blocks; the table, which is the head too, keeps 8 bits.
    assert file.stored["blk.0.ffn_down.weight"].kind == "F16" and file.stored["output_norm.weight"].kind == "F32"
    assert file.stored["token_embd.weight"].kind == ("F16" if kind == "F16" else "Q8_0")
    assert sum(counted.values()) == len(file.stored) == 20


def test_blocks_by_hand(tmp_path):
    rows = np.zeros((2, 32), np.float32)
    rows[0, :3] = 8.0, -4.0, 1.0
    write_gguf(tmp_path / "a.gguf", {"general.name": "a"}, {"four": (rows, "Q4_0"), "eight": (rows, "Q8_0")})
    file = GgufFile(tmp_path / "a.gguf")
    assert file.tensor("four")[0, :4].tolist() == [8.0, -4.0, 1.0, 0.0] and not file.tensor("four")[1].any()
    assert np.allclose(file.tensor("eight")[0, :3], rows[0, :3], atol=8 / 254 + 0.01) and not file.tensor("eight")[1].any()
    assert (file.stored["four"].bytes, file.stored["eight"].bytes) == (36, 68)


def test_other_networks_are_refused_in_words(module, tmp_path):
    other = GPT2LMHeadModel(GPT2Config(vocab_size=40, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(
        StageFailed, match=r"Only LLaMA networks are written as GGUF, and this one is GPT2LMHeadModel\. Use format: hf"
    ):
        write_llama(tmp_path / "a.gguf", CausalLM(other, module.tokenizer_json), "F16", "a")
    with pytest.raises(StageFailed, match="has no tokenizer"):
        write_llama(tmp_path / "a.gguf", CausalLM(module.network), "F16", "a")
