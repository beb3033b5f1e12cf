"""Small language models: their tokenizer, what a token sees, tied weights in files, and students over a teacher's tokens."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tokenizers import Tokenizer

from kdui.catalogue.models import resolve
from kdui.catalogue.pairs import students, teachers
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, RecipeError, StageFailed
from kdui.core.recipe import ModelRef
from kdui.modalities.text.prepare import padding_of, prepare
from kdui.models.building import build_model, describe, size_of
from kdui.models.byte_pairs import BEGIN, PAD, trained_tokenizer
from kdui.models.module_store import load_model, save_model
from kdui.models.size import count_parameters
from tests.models.small import facts_of

BOOKS = TASKS["books"]
TEXTS = ["The rain fell on the roof all night long.", "All night she read of rain, of roofs and of long roads.", "Naïve: 5 €."]
TEACHER = "lm-small?layers=2&width=32&heads=4&kv_heads=2&units=48&vocabulary=300"
STUDENT = "lm-tiny?layers=1&width=16&heads=2&kv_heads=1&units=24"
WORDS = trained_tokenizer(TEXTS, 280)


def teacher_of(settings, name=TEACHER, seed=0, texts=TEXTS):
    return build_model(facts_of(name, BOOKS, settings), BOOKS, None, None, seed, texts).eval()


def tokens(*lengths, rows=280):
    mask = torch.tensor([[1] * length + [0] * (max(lengths) - length) for length in lengths])
    return torch.randint(2, rows, mask.shape, generator=torch.Generator().manual_seed(1)) * mask, mask


def test_a_tokenizer_of_the_same_texts_is_the_same():
    assert trained_tokenizer(iter(TEXTS), 280) == WORDS
    assert Tokenizer.from_str(WORDS).get_vocab_size() == 280
    assert len(Tokenizer.from_str(WORDS).encode(TEXTS[0]).ids) < len(TEXTS[0])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back_as_it_was(text):
    tokenizer = Tokenizer.from_str(WORDS)
    ids = tokenizer.encode(text).ids
    assert ids[0] == tokenizer.token_to_id(BEGIN)
    assert tokenizer.decode(ids[1:], skip_special_tokens=False) == text  # also where it names a mark


def test_padding_is_a_token_of_its_own():
    tokenizer = Tokenizer.from_str(WORDS)
    assert padding_of(tokenizer) == (PAD, 1)
    assert tokenizer.token_to_id(BEGIN) == 0


def test_a_token_changes_only_what_comes_after_it_and_padding_nothing(settings):
    module = teacher_of(settings)
    ids, mask = tokens(9, 5)
    with torch.inference_mode():
        logits = module(ids, mask)
        assert torch.allclose(module(ids[1:, :5], mask[1:, :5]), logits[1:, :5], atol=1e-5)
        changed = ids.clone()
        changed[0, 6] = 7
        assert torch.allclose(module(changed, mask)[0, :6], logits[0, :6], atol=1e-6)
        assert not torch.allclose(module(changed, mask)[0, 6:], logits[0, 6:], atol=1e-3)
        assert torch.equal(module.head(module.states(ids, mask)), logits)


def test_fused_attention_of_a_training_gives_the_same_states_and_gradients(settings):
    module = teacher_of(settings)
    ids, mask = tokens(9, 5)
    result = {}
    for training in (True, False):
        module.train(training).zero_grad()
        states = module.states(ids, mask)
        (states[mask == 1] ** 2).sum().backward()
        result[training] = states[mask == 1].detach(), module.word_embedding.weight.grad.clone()
        assert module.network.config._attn_implementation == ("sdpa" if training else "eager")
    for fused, plain in zip(result[True], result[False], strict=True):
        assert torch.allclose(fused, plain, rtol=1e-4, atol=1e-4)


def test_tied_weights_stand_once_in_the_file_and_are_tied_again(settings, tmp_path):
    module = teacher_of(settings)
    save_model(module, describe(facts_of(TEACHER, BOOKS, settings), BOOKS, None), tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    assert sum(tensor.numel() for tensor in state.values()) == count_parameters(module)
    loaded, _, inputs = load_model(tmp_path)
    assert module.is_tied and loaded.is_tied and loaded.tokenizer_json == module.tokenizer_json
    ids, mask = tokens(7, 3)
    assert torch.equal(loaded(ids, mask), module(ids, mask))
    prepared = prepare(["The rain"], inputs.settings, tmp_path)
    assert Tokenizer.from_str(module.tokenizer_json).decode(prepared["input_ids"][0].tolist()) == "The rain"


def test_texts_with_fewer_pairs_make_a_smaller_vocabulary_that_is_stored_as_such(settings, tmp_path):
    name = TEACHER.replace("300", "4096")
    module = teacher_of(settings, name)
    rows = module.word_embedding.num_embeddings
    assert rows == Tokenizer.from_str(module.tokenizer_json).get_vocab_size() < 400
    save_model(module, describe(facts_of(name, BOOKS, settings), BOOKS, None), tmp_path)
    loaded = load_model(tmp_path)[0]
    assert loaded.is_tied and loaded.head.weight.shape == (rows, 32) and loaded.head.out_features == rows


@pytest.mark.parametrize("vocabulary", [300, 5000])
def test_a_student_has_its_teachers_tokens_and_weights_of_its_own(settings, vocabulary):
    teacher = teacher_of(settings, TEACHER.replace("300", str(vocabulary)))
    facts = facts_of(STUDENT, BOOKS, settings)
    one, same, other = (build_model(facts, BOOKS, None, teacher, seed) for seed in (0, 0, 1))
    assert one.tokenizer_json == teacher.tokenizer_json
    assert one.head.out_features == teacher.head.out_features and one.is_tied and one.head.weight.shape[1] == 16
    assert torch.equal(one.head.weight, same.head.weight) and not torch.equal(one.head.weight, other.head.weight)


def test_a_student_over_more_tokens_than_usual_draws_rows_for_them(settings):
    teacher = teacher_of(settings)
    teacher.head.out_features = 4100
    student = build_model(facts_of(STUDENT, BOOKS, settings), BOOKS, None, teacher, 0)
    drawn = student.word_embedding.weight[4096:]
    assert drawn.shape == (4, 16) and 0.005 < float(drawn.detach().std()) < 0.05


def test_a_shallower_student_is_its_teacher_without_some_layers(settings, tmp_path):
    teacher = teacher_of(settings, TEACHER.replace("layers=2", "layers=4"))
    options = "lm-small-l3?layers=2&width=32&heads=4&kv_heads=2&units=48"
    student = build_model(facts_of(options, BOOKS, settings), BOOKS, None, teacher, 0).eval()
    ids, mask = tokens(6, 4)
    body = teacher.network.model
    body.layers, whole = body.layers[:0], list(body.layers)
    body.layers.extend([whole[0], whole[3]])
    teacher.network.config.num_hidden_layers = 2
    with torch.inference_mode():
        expected = teacher(ids, mask)
        assert torch.equal(student(ids, mask), expected)
    save_model(student, describe(facts_of(options, BOOKS, settings), BOOKS, None), tmp_path)
    assert torch.equal(load_model(tmp_path)[0](ids, mask), expected)
    assert student.is_tied and student.tokenizer_json == teacher.tokenizer_json


def test_a_student_of_other_widths_or_more_layers_keeps_no_layers(settings):
    teacher = teacher_of(settings)
    with pytest.raises(StageFailed, match=r"as wide as .* \(width 256 and 32, head_width 32 and 8, heads 8 and 4"):
        build_model(facts_of("lm-small-l3", BOOKS, settings), BOOKS, None, teacher, 0)
    deep = facts_of("lm-small-l3?layers=5&width=32&heads=4&kv_heads=2&units=48", BOOKS, settings)
    with pytest.raises(StageFailed, match="5 layers but its teacher only 2"):
        build_model(deep, BOOKS, None, teacher, 0)


NARROW = "lm-small-narrow?layers=2&width=32&heads=2&kv_heads=1&head_width=8&units=24"


def test_a_narrower_student_keeps_the_heads_and_units_that_are_active(settings, tmp_path):
    teacher = teacher_of(settings)
    with torch.no_grad():
        for number, layer in enumerate(teacher.network.model.layers):  # what never fires can leave without a trace
            layer.self_attn.v_proj.weight.view(2, 8, 32)[number] = 0
            layer.mlp.up_proj.weight[number::2] = 0
    student = build_model(facts_of(NARROW, BOOKS, settings), BOOKS, None, teacher, 0, TEXTS).eval()
    ids, mask = tokens(9, 5)
    with torch.inference_mode():
        assert torch.allclose(student(ids, mask), teacher(ids, mask), atol=1e-5)
    assert student.network.model.layers[0].mlp.down_proj.weight.shape == (32, 24)
    save_model(student, describe(facts_of(NARROW, BOOKS, settings), BOOKS, None), tmp_path)
    assert torch.equal(load_model(tmp_path)[0](ids, mask), student(ids, mask))
    table = student.word_embedding.weight.numel() - 4096 * 32
    assert count_parameters(student) - table == size_of(facts_of(NARROW, BOOKS, settings), BOOKS).parameters
    with pytest.raises(StageFailed, match="Set heads to 2"):
        build_model(facts_of(NARROW.replace("heads=2", "heads=1", 1), BOOKS, settings), BOOKS, None, teacher, 0, TEXTS)
    with pytest.raises(StageFailed, match="there are none"):
        build_model(facts_of(NARROW, BOOKS, settings), BOOKS, None, teacher, 0)


def test_a_student_of_fewer_tokens_cuts_texts_of_its_teachers_as_before_and_others_into_bytes(settings, tmp_path):
    others = ["Whether wheels or windows were wider, whichever wheel was whirling, wherever windows were winding: wildly."] * 4
    teacher = teacher_of(settings, TEACHER.replace("300", "420"), texts=[*TEXTS, *others])
    fewer = "lm-small-l3?layers=2&width=32&heads=4&kv_heads=2&units=48&vocabulary={}".format
    size = teacher.head.out_features - 20
    student = build_model(facts_of(fewer(size), BOOKS, settings), BOOKS, None, teacher, 0, TEXTS).eval()
    theirs, ours = Tokenizer.from_str(teacher.tokenizer_json), Tokenizer.from_str(student.tokenizer_json)
    assert ours.get_vocab_size() == student.head.out_features == len(student.word_embedding.weight) == size
    rows = [theirs.token_to_id(ours.id_to_token(number)) for number in range(size)]
    for text in TEXTS:
        before, after = theirs.encode(text), ours.encode(text)
        assert after.tokens == before.tokens
        ids, mask = torch.tensor([before.ids, after.ids]), torch.ones(1, len(after), dtype=torch.int64)
        with torch.inference_mode():
            assert torch.allclose(student(ids[1:], mask), teacher(ids[:1], mask)[..., rows], atol=1e-5)
    save_model(student, describe(facts_of(fewer(size), BOOKS, settings), BOOKS, None), tmp_path)
    assert load_model(tmp_path)[0].is_tied
    smallest = build_model(facts_of(fewer(262), BOOKS, settings), BOOKS, None, teacher, 0, TEXTS)
    ours = Tokenizer.from_str(smallest.tokenizer_json)
    for text in (*TEXTS, "Zürich, 東京 and rain\n"):
        assert ours.decode(ours.encode(text).ids[1:], skip_special_tokens=False) == text


def test_a_text_is_refused_and_not_cut(settings, tmp_path):
    (tmp_path / "tokenizer.json").write_text(WORDS)
    settings = {"max_length": 12, "whole": True}
    assert prepare(["The rain"], settings, tmp_path)["attention_mask"].sum() <= 12
    with pytest.raises(KduiError, match=r"1 of 2 texts have more than 12 tokens.*'All night she"):
        prepare(["rain", TEXTS[1]], settings, tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("kv_heads=3", "they do not divide the 8 heads"),
        ("heads=5", "do not divide the width 256"),
        ("vocabulary=100", "single bytes alone need 258"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_in_words(settings, options, reason):
    with pytest.raises(RecipeError, match=reason):
        resolve(ModelRef.parse(f"lm-small?{options}"), BOOKS, settings)


def test_classifiers_and_language_models_are_not_mixed_up(settings):
    assert teachers(BOOKS) == ("lm-small", "smollm2-135m")
    assert students(BOOKS, "lm-small") == ("lm-tiny", "lm-mini", "lm-small-l3", "lm-small-narrow")
    assert students(BOOKS, "smollm2-135m")[0] == "smollm2-135m-l15"
    assert "lm-small" not in teachers(TASKS["sentiment"]) and "lm-tiny" not in students(TASKS["sentiment"], "minilm-l6")
    with pytest.raises(RecipeError, match=r"'minilm-l6' is a model for classification or several.*e.g. lm-small"):
        resolve(ModelRef.parse("minilm-l6"), BOOKS, settings)
    with pytest.raises(RecipeError, match="is a task of classification"):
        resolve(ModelRef.parse("lm-small"), TASKS["sentiment"], settings)


def test_sizes_are_what_the_summaries_say(settings):
    counts = {name: size_of(facts_of(name, BOOKS, settings), BOOKS).parameters for name in ("lm-small", "lm-tiny", "lm-mini")}
    tables = {"lm-small": 0, "lm-tiny": 4096 * 128, "lm-mini": 4096 * 96}
    assert {name: round((counts[name] - tables[name]) / 1e6, 1) for name in counts} == {
        "lm-small": 5.8,
        "lm-tiny": 0.8,
        "lm-mini": 0.2,
    }


def test_the_tokenizer_is_part_of_the_model_description(settings, tmp_path):
    module = teacher_of(settings)
    save_model(module, describe(facts_of(TEACHER, BOOKS, settings), BOOKS, None), tmp_path)
    assert json.loads((tmp_path / "inputs.json").read_text())["settings"]["whole"] is True
    assert json.loads((tmp_path / "tokenizer.json").read_text())["padding"]["pad_id"] == 1
