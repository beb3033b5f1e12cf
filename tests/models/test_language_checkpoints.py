"""Causal language models from folders in the hub's layout, made on the spot: head, tie, tokenizer, and what is refused."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertLMHeadModel,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, RecipeError, SourceError
from kdui.modalities.text.prepare import prepare
from kdui.models.building import build_model, describe
from kdui.models.byte_pairs import trained_tokenizer
from kdui.models.module_store import load_model, save_model
from tests.models.small import facts_of

BOOKS = TASKS["books"]
WORDS = trained_tokenizer(["the rain fell on the roof", "the roof of the house"], 270)
ROWS = Tokenizer.from_str(WORDS).get_vocab_size()
IDS = torch.tensor([[0, 40, 41, 42, 43], [0, 50, 51, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
SMALL = {"vocab_size": ROWS, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}


def llama(tied):
    return LlamaForCausalLM(LlamaConfig(**SMALL, num_key_value_heads=2, max_position_embeddings=32, tie_word_embeddings=tied))


def gpt2(bos=0):
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=ROWS, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=bos, eos_token_id=bos)
    )


def saved(folder, network, words=WORDS):
    network.eval().save_pretrained(folder)
    (folder / "tokenizer.json").write_text(words, encoding="utf-8")
    return folder


def from_folder(folder, settings):
    return build_model(facts_of(f"folder:{folder}", BOOKS, settings), BOOKS, folder, None, 0).eval()


def seeded(build, *arguments):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(*arguments)


@pytest.mark.parametrize(("build", "tied"), [(lambda: llama(True), True), (lambda: llama(False), False), (gpt2, True)])
def test_a_checkpoint_predicts_as_transformers_does_and_lives_on_without_its_folder(settings, tmp_path, build, tied):
    theirs = seeded(build)
    folder, out = saved(tmp_path / "theirs", theirs), tmp_path / "ours"
    out.mkdir()
    module = from_folder(folder, settings)
    save_model(module, describe(facts_of(f"folder:{folder}", BOOKS, settings), BOOKS, folder), out)
    shutil.rmtree(folder)
    loaded, _, inputs = load_model(out)
    with torch.inference_mode():
        expected = theirs(input_ids=IDS, attention_mask=MASK).logits
        for one in (module, loaded):
            assert one.is_tied == tied
            torch.testing.assert_close(one(IDS, MASK)[MASK.bool()], expected[MASK.bool()], rtol=0, atol=1e-6)
    assert ("network.lm_head.weight" in load_file(out / "model.safetensors")) == (not tied)
    assert inputs.settings["max_length"] == 32
    with pytest.raises(KduiError, match="more than 32 tokens"):
        prepare(["the rain fell on the roof " * 20], inputs.settings, out)


def test_a_tokenizer_without_a_beginning_gets_the_networks_own(settings, tmp_path):
    plain = Tokenizer.from_str(WORDS)
    plain.add_special_tokens(["<|endoftext|>"])
    plain.post_processor = None
    plain.enable_padding(direction="left", pad_id=1, pad_token="<|pad|>")
    network = seeded(gpt2, 0)
    module = from_folder(saved(tmp_path / "own", network, plain.to_str()), settings)
    tokenizer = Tokenizer.from_str(module.tokenizer_json)
    assert tokenizer.encode("the roof").ids == [0, *plain.encode("the roof").ids]
    assert tokenizer.encode_batch(["the", "the rain fell"])[0].ids[0] == 0  # what is filled up stands on the right


def test_a_student_takes_the_tokens_of_a_checkpoint(settings, tmp_path):
    teacher = from_folder(saved(tmp_path, seeded(llama, False)), settings)
    facts = facts_of("lm-tiny?layers=1&width=16&heads=2&kv_heads=1&units=24", BOOKS, settings)
    student = build_model(facts, BOOKS, None, teacher, 0)
    assert student(IDS, MASK).shape == teacher(IDS, MASK).shape == (2, 5, ROWS)
    assert student.tokenizer_json == teacher.tokenizer_json


def test_a_checkpoint_without_its_head_is_refused(settings, tmp_path):
    folder = saved(tmp_path, seeded(llama, False))
    state = load_file(folder / "model.safetensors")
    save_file({name: tensor for name, tensor in state.items() if "lm_head" not in name}, folder / "model.safetensors")
    with pytest.raises(SourceError, match=r"lacks weights of the head that predicts tokens \(lm_head.weight\)"):
        from_folder(folder, settings)


def test_a_network_that_sees_later_tokens_is_refused(settings, tmp_path):
    network = seeded(lambda: BertLMHeadModel(BertConfig(**SMALL, max_position_embeddings=32)))
    with pytest.raises(SourceError, match="looks at later tokens"):
        from_folder(saved(tmp_path, network), settings)


def test_logits_that_are_capped_after_the_head_are_refused(settings, tmp_path):
    config = Gemma2Config(**SMALL, num_key_value_heads=2, head_dim=4, max_position_embeddings=32, final_logit_softcapping=0.01)
    with pytest.raises(SourceError, match="changes its logits after the head"):
        from_folder(saved(tmp_path, seeded(lambda: Gemma2ForCausalLM(config))), settings)


def test_an_encoder_with_a_decoder_is_no_language_model(settings, tmp_path):
    config = T5Config(vocab_size=ROWS, d_model=16, d_kv=4, d_ff=24, num_layers=1, num_heads=2)
    folder = saved(tmp_path, seeded(lambda: T5ForConditionalGeneration(config)))
    with pytest.raises(SourceError, match=r"cannot be read as a language model: .*Choose a causal language model checkpoint"):
        from_folder(folder, settings)


def test_a_tokenizer_of_another_model_is_refused(settings, tmp_path):
    folder = saved(tmp_path, seeded(llama, True), trained_tokenizer(["a long road of another text, with other words"] * 9, 300))
    with pytest.raises(SourceError, match="the network has embeddings for 270 tokens only"):
        from_folder(folder, settings)


def test_pictures_are_not_read_as_language_models(settings, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "vit", "image_size": 8}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(RecipeError, match="takes image"):
        facts_of(f"folder:{tmp_path}", BOOKS, settings)
