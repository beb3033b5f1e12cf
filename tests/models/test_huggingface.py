"""Hugging Face checkpoints made on the spot: heads, tokenizers, pixels, and a life without the checkpoint."""

import json
import shutil

import pytest
import torch
from transformers import GPT2Config, GPT2ForSequenceClassification, ViTForImageClassification

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError, SourceError
from kdui.modalities import modality_of
from kdui.models.building import build_model, describe, size_of
from kdui.models.module_store import load_model, save_model
from kdui.models.size import count_macs, count_parameters, example_inputs
from tests.models.small import WORDS, built, facts_of, image_checkpoint, random_tokens, small_bert, text_checkpoint, word_pieces

SENTIMENT, DIGITS = TASKS["sentiment"], TASKS["digits"]


def from_folder(folder, task, settings, seed=0):
    return build_model(facts_of(f"folder:{folder}", task, settings), task, folder, None, seed).eval()


def test_other_labels_get_a_new_head_that_follows_the_seed(settings, tmp_path):
    folder, theirs = text_checkpoint(tmp_path, ("x", "y")), small_bert(("x", "y"))
    one, same, other = (from_folder(folder, SENTIMENT, settings, seed) for seed in (0, 0, 1))
    assert torch.equal(one.network.classifier.weight, same.network.classifier.weight)
    assert not torch.equal(one.network.classifier.weight, other.network.classifier.weight)
    assert torch.equal(one.word_embedding.weight, theirs.get_input_embeddings().weight)


def test_a_head_of_another_width_is_replaced(settings, tmp_path):
    module = from_folder(text_checkpoint(tmp_path, ("x", "y", "z")), SENTIMENT, settings)
    assert module(**random_tokens(2, 5)).shape == (2, 2)


def test_the_same_labels_keep_the_head(settings, tmp_path):
    labels = tuple(label.upper() for label in SENTIMENT.labels)
    module = from_folder(text_checkpoint(tmp_path, labels), SENTIMENT, settings)
    tokens = random_tokens(2, 5)
    torch.testing.assert_close(module(**tokens), small_bert(labels).eval()(**tokens).logits, rtol=0, atol=1e-6)


def test_the_same_labels_in_another_order_are_put_in_the_tasks_order(settings, tmp_path):
    labels = SENTIMENT.labels[::-1]
    module = from_folder(text_checkpoint(tmp_path, labels), SENTIMENT, settings)
    tokens = random_tokens(2, 5)
    torch.testing.assert_close(module(**tokens), small_bert(labels).eval()(**tokens).logits.flip(1), rtol=0, atol=1e-6)


def test_text_checkpoint_is_saved_and_lives_on_without_its_folder(settings, tmp_path):
    folder, out = text_checkpoint(tmp_path / "theirs"), tmp_path / "ours"
    out.mkdir()
    facts = facts_of(f"folder:{folder}", SENTIMENT, settings)
    module = from_folder(folder, SENTIMENT, settings)
    save_model(module, describe(facts, SENTIMENT, folder), out)
    shutil.rmtree(folder)
    loaded, _, inputs = load_model(out)
    assert inputs.settings["max_length"] == 38
    arrays = modality_of("text").prepare(["the film is not very good", "fun"], inputs.settings, out)
    tokens = {name: torch.from_numpy(array) for name, array in arrays.items()}
    assert tokens["input_ids"][1].tolist()[:3] == [WORDS.index("[CLS]"), WORDS.index("fun"), WORDS.index("[SEP]")]
    assert torch.equal(loaded(**tokens), module(**tokens))


def test_vocab_txt_becomes_a_tokenizer_json(settings, tmp_path):
    folder = text_checkpoint(tmp_path)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    module = from_folder(folder, SENTIMENT, settings)
    assert json.loads(module.tokenizer_json)["model"]["vocab"]["film"] == WORDS.index("film")


def test_a_hugging_face_teacher_gives_its_embeddings(settings, tmp_path):
    teacher = from_folder(text_checkpoint(tmp_path), SENTIMENT, settings)
    student = built("pooled-32?embedding=6", SENTIMENT, settings, teacher)
    assert student.word_embedding.weight.shape == (len(WORDS), 6)


def test_image_checkpoint_takes_the_tasks_own_pixels(settings, tmp_path):
    folder, out = image_checkpoint(tmp_path / "theirs", tuple("abc")), tmp_path / "ours"
    out.mkdir()
    module = from_folder(folder, DIGITS, settings)
    pixels = torch.rand(2, 1, 8, 8)
    larger = torch.nn.functional.interpolate(pixels.repeat(1, 3, 1, 1), size=(16, 16), mode="bilinear")
    expected = module.network(pixel_values=(larger - 0.4) / 0.2).logits
    torch.testing.assert_close(module(pixels), expected)
    assert expected.shape == (2, 10)
    save_model(module, describe(facts_of(f"folder:{folder}", DIGITS, settings), DIGITS, folder), out)
    shutil.rmtree(folder)
    loaded, _, inputs = load_model(out)
    assert torch.equal(loaded(pixels), module(pixels))
    assert inputs.settings == {"height": 8, "width": 8, "channels": 1}


def test_image_checkpoint_of_the_tasks_labels_keeps_its_head(settings, tmp_path):
    folder = image_checkpoint(tmp_path, DIGITS.labels, channels=1)
    theirs = ViTForImageClassification.from_pretrained(folder)
    assert torch.equal(from_folder(folder, DIGITS, settings).network.classifier.weight, theirs.classifier.weight)


def test_size_of_a_checkpoint_reads_no_weights(settings, tmp_path):
    folder = image_checkpoint(tmp_path, tuple("abc"))
    module = from_folder(folder, DIGITS, settings)
    next(folder.glob("*.safetensors")).write_bytes(b"not weights")
    size = size_of(facts_of(f"folder:{folder}", DIGITS, settings), DIGITS, folder)
    assert (size.parameters, size.macs) == (count_parameters(module), count_macs(module, example_inputs(DIGITS)))


def test_an_unreadable_checkpoint_states_what_to_choose(settings, tmp_path):
    folder = text_checkpoint(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    for change in ({"model_type": "unheard-of"}, {"num_attention_heads": 0}, {"hidden_act": 5}):
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(SourceError, match="Choose a sequence or image classification checkpoint"):
            from_folder(folder, SENTIMENT, settings)


def test_code_of_a_checkpoint_is_never_run(settings, tmp_path):
    folder = text_checkpoint(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(SourceError, match="cannot be read as a classifier"):
        from_folder(folder, SENTIMENT, settings)
    assert not (tmp_path / "ran").exists()


def test_pixels_with_fewer_channels_than_wanted_must_divide(settings, tmp_path):
    folder = image_checkpoint(tmp_path, DIGITS.labels, channels=1)
    colour = DIGITS.model_copy(update={"input": {"height": 8, "width": 8, "channels": 3}})
    with pytest.raises(RecipeError, match="wants 1"):
        from_folder(folder, colour, settings)


def test_a_decoder_without_a_padding_token_reads_short_texts_in_long_batches(settings, tmp_path):
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(WORDS), n_positions=40, n_embd=16, n_layer=1, n_head=2, num_labels=2)
    GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    word_pieces().save(str(tmp_path / "tokenizer.json"))
    module = from_folder(tmp_path, SENTIMENT, settings)
    assert module.network.config.pad_token_id == WORDS.index("[PAD]")
    alone = random_tokens(1, 5)
    padded = {name: torch.nn.functional.pad(tensor, (0, 7)) for name, tensor in alone.items()}
    long = random_tokens(1, 12)
    with torch.inference_mode():
        together = module(**{name: torch.cat([padded[name], long[name]]) for name in alone})
        assert torch.allclose(together[:1], module(**alone), atol=1e-6)
        assert torch.allclose(together[1:], module(**long), atol=1e-6)
