"""Checkpoints whose weights, tokenizer or config are not what they should be: each is refused in words, or read and said."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, SourceError
from kdui.models.building import build_model, size_of
from tests.models.small import WORDS, facts_of, image_checkpoint, random_tokens, small_bert, text_checkpoint

SENTIMENT, DIGITS = TASKS["sentiment"], TASKS["digits"]


def read(folder, settings, task=SENTIMENT, options=""):
    return build_model(facts_of(f"folder:{folder}{options}", task, settings), task, folder, None, seed=0).eval()


def changed(folder: Path, change) -> Path:
    """The folder after its weights went through ``change``."""
    weights = change(load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def configured(folder: Path, **values) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))
    return folder


@pytest.fixture
def folder(tmp_path):
    return text_checkpoint(tmp_path, SENTIMENT.labels)


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "_orig_mod.module.", "network.model."])
def test_a_wrappers_prefix_is_taken_off_and_reported(folder, settings, prefix):
    expected = read(folder, settings)
    module = read(changed(folder, lambda weights: {prefix + name: tensor for name, tensor in weights.items()}), settings)
    tokens = random_tokens(2, 5)
    assert torch.equal(module(**tokens), expected(**tokens))
    assert len(module.fit.remarks) == prefix.count(".") and "prefix of a wrapper was taken off" in module.fit.remarks[0]
    assert expected.fit.remarks == ()


def test_a_wrapper_in_the_middle_of_the_names_is_taken_off(folder, settings):
    expected = read(folder, settings)
    changed(folder, lambda weights: {name.replace("layer.", "layer._orig_mod."): tensor for name, tensor in weights.items()})
    module = read(folder, settings)
    assert torch.equal(module(**random_tokens(2, 5)), expected(**random_tokens(2, 5)))


def test_missing_weights_are_named(folder, settings):
    changed(folder, lambda weights: {name: tensor for name, tensor in weights.items() if "layer.1.attention" not in name})
    with pytest.raises(SourceError, match=r"lacks 10 of the weights .*bert\.encoder\.layer\.1\.attention.* and 7 more"):
        read(folder, settings)


def test_weights_that_the_network_lacks_are_named(folder, settings):
    with pytest.raises(SourceError, match=r"holds 16 weights that the network of its config\.json lacks.*layer\.1\."):
        read(configured(folder, num_hidden_layers=1), settings)


def test_the_encoder_alone_gets_a_new_head(tmp_path, settings):
    bare = small_bert(SENTIMENT.labels).bert
    bare.save_pretrained(tmp_path)
    text_checkpoint(tmp_path / "other")
    (tmp_path / "tokenizer.json").write_text((tmp_path / "other" / "tokenizer.json").read_text())
    module = read(tmp_path, settings)
    assert module.fit.untrained == ("classifier.bias", "classifier.weight") and module.fit.unused == ()
    assert torch.equal(module.word_embedding.weight, bare.get_input_embeddings().weight)


def test_leftovers_of_the_pretraining_do_no_harm(folder, settings):
    expected = read(folder, settings)

    def more(weights):
        return {
            **weights,
            "bert.embeddings.position_ids": torch.arange(40)[None],
            "cls.predictions.bias": torch.zeros(len(WORDS)),
        }

    module = read(changed(folder, more), settings)
    assert torch.equal(module(**random_tokens(2, 5)), expected(**random_tokens(2, 5)))
    assert module.fit.unused == () and "1 weights of its file belong to no classifier" in module.fit.remarks[0]
    changed(folder, lambda weights: {**weights, "adapter.gate": torch.ones(3)})
    assert read(folder, settings).fit.unused == ("adapter.gate",)


def test_weights_of_another_shape_are_named(tmp_path, settings):
    folder = image_checkpoint(tmp_path, DIGITS.labels, channels=1)
    changed(folder, lambda weights: {name: torch.zeros(3) for name in weights})
    with pytest.raises(SourceError, match=r"weights in .* have another shape than its config\.json says"):
        read(folder, settings, DIGITS)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(folder, settings, value):
    def broken(weights):
        weights["bert.pooler.dense.bias"][3] = value
        return weights

    changed(folder, broken)
    with pytest.raises(SourceError, match=r"bert\.pooler\.dense\.bias hold NaN or infinity"):
        read(folder, settings)


def test_a_file_that_was_cut_off_or_holds_nothing_is_refused(folder, settings):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=rf"was cut off: its header announces {len(whole):,} bytes, but it has"):
        read(folder, settings)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    with pytest.raises(SourceError, match="hold no tensor at all"):
        read(folder, settings)
    for nonsense in (b"not weights", b"", struct.pack("<Q", 1 << 60), struct.pack("<Q", 4) + b"[[]]"):
        (folder / "model.safetensors").write_bytes(nonsense)
        with pytest.raises(SourceError, match="no safetensors file that can be read"):
            read(folder, settings)


def test_parts_that_the_index_names_must_be_there(folder, settings):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    with pytest.raises(SourceError, match=r"neither model\.safetensors nor a readable model\.safetensors\.index\.json"):
        read(folder, settings)
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "../model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(SourceError, match=r"1 of the 2 files that .* names are not there"):
        read(folder, settings)


def test_a_network_far_larger_than_its_weights_is_never_made(folder, settings):
    configured(folder, hidden_size=60_000, intermediate_size=60_000, num_hidden_layers=4)
    with pytest.raises(SourceError, match=r"describes a network of [\d,.]+ GB, but its weights have"):
        read(folder, settings)
    assert size_of(facts_of(f"folder:{folder}", SENTIMENT, settings), SENTIMENT, folder).parameters > 10**10  # counted, not made


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(folder, settings):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {"extra": 16, "more": 17}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(SourceError, match="gives ids up to 17, but the network has embeddings for 16 tokens only"):
        read(folder, settings)


def test_a_checkpoint_without_a_vocabulary_is_refused(folder, settings):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(SourceError, match="has no vocabulary"):
        read(folder, settings)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizerFast"}')
    with pytest.raises(SourceError, match="has no vocabulary"):
        read(folder, settings)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    with pytest.raises(SourceError, match="holds no words"):
        read(folder, settings)


def test_the_owner_names_the_order_of_the_outputs(tmp_path, settings):
    folder = text_checkpoint(tmp_path, ("LABEL_0", "LABEL_1"))
    tokens = random_tokens(2, 5)
    theirs = small_bert(("LABEL_0", "LABEL_1")).eval()(**tokens).logits
    torch.testing.assert_close(read(folder, settings, options="?labels=Negative,Positive")(**tokens), theirs)
    torch.testing.assert_close(read(folder, settings, options="?labels=positive,negative")(**tokens), theirs.flip(1))


@pytest.mark.parametrize(
    ("options", "stated", "mean", "std"),
    [
        ("", {"do_rescale": False, "do_normalize": False}, 0.0, 1 / 255),
        ("", {"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False}, 0.5, 0.5),
        ("?scale=255", {}, 0.0, 1 / 255),
        ("?mean=0.25&std=0.5", {}, 0.25, 0.5),
        ("?scale=255&mean=127.5&std=127.5", {}, 0.5, 0.5),
        ("", {"image_mean": [0.1], "image_std": [0.3]}, 0.1, 0.3),
    ],
)
def test_pixels_are_given_on_the_scale_that_is_stated(tmp_path, settings, options, stated, mean, std):
    folder = image_checkpoint(tmp_path, DIGITS.labels, channels=1)
    (folder / "preprocessor_config.json").write_text(json.dumps(stated))
    scale = read(folder, settings, DIGITS, options).scale
    assert (float(scale.mean), float(scale.std)) == pytest.approx((mean, std))


def test_no_error_of_a_foreign_file_is_without_words(folder, settings):
    for name in ("config.json", "tokenizer.json"):
        whole = (folder / name).read_bytes()
        for nonsense in (b"", b"[1]", b"{" * 100_000, b"\xff\xfe"):
            (folder / name).write_bytes(nonsense)
            with pytest.raises(KduiError, match=r"Save the checkpoint again|Add its tokenizer"):
                read(folder, settings)
        (folder / name).write_bytes(whole)
