"""A language model on real books from beginning to end: taught, distilled, exported."""

import json
import zipfile

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.tasks import load_task
from kdui.core.errors import KduiError, RecipeError
from kdui.core.layout import read_inputs
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.delivery.packages import deliver_package
from kdui.methods.compress.qat.packing import PACKED_MODEL, read_packed_state
from kdui.modalities.text.prepare import prepare
from kdui.models.byte_pairs import trained_tokenizer
from kdui.models.module_store import load_model
from kdui.runtime.sessions import run_graph
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")
FEW = 24

KNOBS = {"train_examples": 160, "batch_size": 8, "learning_rate": 0.01}
TEACH = {"teach": {**KNOBS, "epochs": 3}}
TEACHER = "lm-small?layers=1&width=64&heads=4&kv_heads=2&units=96&vocabulary=512"
STUDENT = "lm-tiny?layers=1&width=32&heads=2&kv_heads=1&units=48"


@pytest.fixture(scope="module")
def bench(tmp_path_factory, shared_cache):
    fresh_bench = Bench(tmp_path_factory.mktemp("books"))
    (fresh_bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return fresh_bench


def test_a_student_learns_tokens_under_its_teacher_and_its_files_predict_alike(bench, tmp_path):
    _, splits = load_task("books", bench.settings)
    stages = [
        TEACH,
        {"distill": {**KNOBS, "epochs": 1, "control": False, "packed": True}},
        "export",
        *(
            {"method": "package", "name": name, "settings": {"format": name, "test_examples": 4}}
            for name in ("hf", "gguf", "genai")
        ),
    ]
    run = bench.run({"task": "books", "teacher": TEACHER, "student": STUDENT, "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    assert bench.summary(run, "teach")["training"]["validation"] < 3.7  # bits per byte; 4.05 where all 512 tokens are as likely
    facts = bench.summary(run, "export.distill")
    assert facts["parity_alike"] > 5000 and facts["parity_cached"] < 1e-3 and facts["cached_tokens"] == 32
    folder = bench.folder(run, "export.distill")
    arrays = prepare(splits["test"].inputs[:3], read_inputs(folder).settings, folder)
    module = load_model(bench.folder(run, "distill"))[0].eval()
    with torch.no_grad():
        ours = module(**{name: torch.from_numpy(array) for name, array in arrays.items()}).numpy()
    real = arrays["attention_mask"].astype(bool)
    assert np.allclose(run_graph(folder / "model.onnx", arrays)[real], ours[real], atol=1e-3)
    for name, allowed in (("hf", 1e-4), ("gguf", 0.02), ("genai", 1e-6)):
        packed = bench.summary(run, name)
        assert (
            packed["value"] == pytest.approx(packed["before"], rel=allowed) and packed["low"] < packed["value"] < packed["high"]
        )
        delivered = deliver_package(bench.store.artifacts, bench.store.runs.get(run.id), name, tmp_path / packed["file"])
        assert delivered.bytes == packed["file_bytes"] and "as read back over 4 test examples" in delivered.words
    with zipfile.ZipFile(tmp_path / "package.zip") as archive:  # of genai, which came last
        config, claims = (json.loads(archive.read(name)) for name in ("genai_config.json", "kdui.json"))
        assert {"model.onnx", "tokenizer.json", "tokenizer_config.json"} < set(archive.namelist())
    assert config["model"]["decoder"]["inputs"]["past_key_names"] == "past_key_values.%d.key" and claims["n"] == 4
    with pytest.raises(KduiError, match=r"has written no \.gguf file"):
        deliver_package(
            bench.store.artifacts, bench.store.runs.get(run.id).model_copy(update={"steps": ()}), "", tmp_path / "a.gguf"
        )


def test_a_checkpoint_that_learned_nothing_is_no_teacher_and_one_that_did_needs_no_stage(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("taken"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    _, splits = load_task("books", bench.settings)
    folder = tmp_path_factory.mktemp("checkpoint")
    words = trained_tokenizer(splits["train"].inputs[:100], 400)
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    network = LlamaForCausalLM(LlamaConfig(vocab_size=400, tie_word_embeddings=True, max_position_embeddings=512, **size))
    network.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(words, encoding="utf-8")
    recipe = {"task": "books", "teacher": f"folder:{folder}", "stages": [{"export": {"parity_examples": 4}}]}
    run = bench.run(recipe)
    assert run.state is RunState.FAILED and "one drawn at random among 400 takes 5.99: it predicts nothing" in (run.error or "")
    taught = bench.run(
        {**recipe, "stages": [{"teach": {"train_examples": 80, "batch_size": 8, "learning_rate": 0.02, "epochs": 2}}]}
    )
    assert taught.state is RunState.SUCCEEDED, taught.error
    digest = bench.folder(taught, "teach").name
    again = bench.run({**recipe, "teacher": f"artifact:{digest}"})
    assert again.state is RunState.SUCCEEDED, again.error
    assert bench.summary(again, "teacher")["training"]["validation"] == bench.summary(taught, "teach")["training"]["validation"]


def test_public_weights_predict_as_they_are_and_random_ones_do_not(settings):
    plan = {
        "task": "books",
        "teacher": "smollm2-135m",
        "student": "smollm2-135m-l15",
        "stages": [{"distill": {"control": False}}],
    }
    assert plan_recipe(Recipe.model_validate(plan), settings)[0].name == "teacher"
    with pytest.raises(RecipeError, match="LM small is not trained yet"):
        plan_recipe(Recipe.model_validate({**plan, "teacher": "lm-small", "student": "lm-tiny"}), settings)


def test_other_methods_on_rows_train_it_too(bench):
    once = {**KNOBS, "train_examples": 32, "epochs": 1, "control": False}
    for stage in ({"dkd": once}, {"mutual": {**once, "peers": 2}}, {"distill": {**once, "standardize": True}}):
        run = bench.run({"task": "books", "teacher": TEACHER, "student": STUDENT, "stages": [TEACH, stage]})
        assert run.state is RunState.SUCCEEDED, run.error
        history = bench.summary(run, next(iter(stage)))["training"]["history"]
        assert all(np.isfinite(list(epoch.values())).all() for epoch in history)


def test_it_is_compressed_and_each_file_is_judged_in_bits_per_byte(bench):
    stages = [
        TEACH,
        {"prune": {"sparsity": 0.3, "epochs": 0}},
        {"quantize": {"bits": 4, "scheme": "weight-only"}},
        {"sensitivity": {"examples": 16, "changes": "quantize"}},
        {"measure": {"speed": False, "test_examples": 16, "agreement": 8, "choices": 4, "generated": 2}},
    ]
    run = bench.run({"task": "books", "teacher": TEACHER, "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    measured = {name: result["bits_per_byte"] for name, result in bench.measured(run).items()}
    assert set(measured) == {"teach", "prune", "quantize"}
    for item in measured.values():
        assert item.low < item.value < item.high and item.unit == "bits per byte" and not item.higher_is_better
    facts = bench.summary(run, "quantize")
    assert facts["validation"]["kl"] > 0 and facts["validation"]["quantized"] == pytest.approx(
        measured["quantize"].value, rel=0.2
    )
    teacher, rounded = (bench.measured(run)[name] for name in ("teach", "quantize"))
    assert teacher["perplexity"].value > 1 and "teacher_divergence" not in teacher  # it is what others are held against
    assert 0 < rounded["teacher_divergence"].value < 0.5 and rounded["teacher_agreement"].value > 50
    assert (
        rounded["teacher_agreement"].provenance.n == 8 and "the teacher in fp32" in rounded["teacher_agreement"].provenance.note
    )
    for name, count in (("continuation_choice", 4), ("repetition", 2)):
        item = rounded[name]
        assert item.provenance.n == count and 0 <= item.low <= item.value <= item.high <= 100


def test_it_is_pruned_and_rounded_by_what_its_layers_are_given(bench):
    calibration = {"calibration_examples": 16}
    rounding = {"bits": 3, "rounding": "awq", "granularity": "group", "group_size": 16, "cache_bits": "8"}
    stages = {
        kind: {"prune": {"kind": kind, "sparsity": 0.3, "epochs": 0, **calibration}}
        for kind in ("taylor", "sparsegpt", "wanda-2:4")
    }
    for kind, more in (("taylor", []), ("sparsegpt", []), ("wanda-2:4", [{"quantize": {**rounding, **calibration}}])):
        run = bench.run({"task": "books", "teacher": TEACHER, "stages": [TEACH, stages[kind], *more]})
        assert run.state is RunState.SUCCEEDED, run.error
        assert 0.1 < bench.summary(run, "prune")["sparsity"] < 0.6
    fours = load_model(bench.folder(run, "prune"))[0].state_dict()["network.model.layers.0.mlp.down_proj.weight"].reshape(-1, 4)
    assert ((fours == 0).sum(1) == 2).all()
    facts = bench.summary(run, "quantize")
    assert facts["cache_bits"] == 8 and facts["cache_bytes_a_token"] == 2 * 2 * 16  # keys and values of two heads of 16
    with pytest.raises(RecipeError, match=r"beside weights in blocks or simulated, not dynamic\. Choose scheme: weight-only"):
        bench.plan({"task": "books", "teacher": TEACHER, "stages": [TEACH, {"quantize": {"cache_bits": "4"}}]})
    by_layer = [layer["rounding"] for layer in facts["layers"]]
    assert by_layer.count("awq") >= 7 and by_layer.count("nearest") == 1  # all products; the table that is also the head
    assert facts["validation"]["quantized"] < facts["validation"]["float"] + 1.5


def test_training_at_low_bits_leaves_the_table_that_is_also_the_head_in_float(bench):
    stages = [TEACH, {"qat": {**KNOBS, "train_examples": 32, "epochs": 1, "weight_bits": 4}}]
    run = bench.run({"task": "books", "teacher": TEACHER, "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    folder = bench.folder(run, "qat")
    module = load_model(folder)[0]
    layers = json.loads((folder / "quantization.json").read_bytes())["layers"]
    assert module.is_tied and layers and not any("lm_head" in name for name in layers)
    packed = read_packed_state(folder / PACKED_MODEL)
    state = module.state_dict()
    assert all(torch.equal(packed[name], state[name]) for name in packed)
    assert set(state) - set(packed) == {"network.lm_head.weight"}  # the table under its second name


def test_adapters_stand_beside_its_attention(bench):
    knobs = {**KNOBS, "train_examples": 32, "epochs": 1, "adapter_rank": 2, "control": False}
    run = bench.run({"task": "books", "teacher": TEACHER, "student": STUDENT, "stages": [TEACH, {"distill": knobs}]})
    assert run.state is RunState.SUCCEEDED, run.error
    assert 0 < bench.summary(run, "distill")["trained_share"] < 1
