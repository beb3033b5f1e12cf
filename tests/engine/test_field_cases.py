"""The field's cases: built-in recipes whose models lie on the Hub, run on small checkpoints of the same architectures.

Each checkpoint is what save_pretrained leaves of new weights; stages, methods and formats are the recipe's.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2LMHeadModel,
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
)

from kdui.catalogue.recipe_files import BUILT_IN, parse_recipe
from kdui.catalogue.tasks import load_task
from kdui.core.run import Run, RunState
from kdui.models.byte_pairs import trained_tokenizer
from tests.engine.bert import word_pieces
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")
FEW = 60
TEXTS = 300  # of which vocabularies are made


@pytest.fixture(scope="module")
def bench(tmp_path_factory, shared_cache):
    fresh_bench = Bench(tmp_path_factory.mktemp("cases"))
    (fresh_bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return fresh_bench


def texts_of(task: str, bench: Bench) -> list[str]:
    return list(load_task(task, bench.settings)[1]["train"].inputs[:TEXTS])


def saved(
    folder: Path, network: type[PreTrainedModel], config: Any, words: str = "", pixels: dict[str, Any] | None = None
) -> str:
    """A reference to the checkpoint in the Hub's format."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network(config).save_pretrained(folder)
    if words:
        (folder / "tokenizer.json").write_text(words, encoding="utf-8")
    if pixels:
        (folder / "preprocessor_config.json").write_text(json.dumps(pixels), encoding="utf-8")
    return f"folder:{folder}"


def run_case(bench: Bench, name: str, models: dict[str, str], knobs: dict[str, Any], **others: Any) -> Run:
    """The built-in recipe of this name with other models and a short training."""
    plain = parse_recipe((BUILT_IN / f"{name}.yaml").read_text(encoding="utf-8")).model_dump(mode="json")
    shorter = {"teach": knobs, "distill": {**knobs, "control": False}, "export": {"parity_examples": 4}, "measure": others}
    for stage in plain["stages"]:
        stage["settings"] |= shorter.get(stage["method"], {})
    run = bench.run({**plain, **models})
    assert run.state is RunState.SUCCEEDED, run.error
    return run


def require_sound(bench: Bench, run: Run, headline: str) -> None:
    """Each model was measured with an interval, and rounding makes the student's file smaller."""
    measured = bench.measured(run)
    for result in measured.values():
        assert result[headline].low <= result[headline].value <= result[headline].high
    assert measured["quantize"]["file_bytes"].value < measured["distill"]["file_bytes"].value


def test_bert_teaches_a_distilbert(bench, tmp_path):
    words = word_pieces(texts_of("reuters-r52", bench), 800)
    large = BertConfig(
        vocab_size=words.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    small = DistilBertConfig(vocab_size=words.get_vocab_size(), dim=32, n_layers=1, n_heads=2, hidden_dim=64)
    teacher = saved(tmp_path / "bert", BertModel, large, words.to_str())
    student = saved(tmp_path / "distilbert", DistilBertModel, small, words.to_str())
    knobs = {"epochs": 2, "batch_size": 16, "learning_rate": 0.003, "train_examples": 240}
    run = run_case(bench, "bert-distilbert", {"teacher": teacher, "student": student}, knobs, speed=False, test_examples=FEW)
    require_sound(bench, run, "accuracy")


def test_a_residual_network_teaches_a_mobilenet(bench, tmp_path):
    pixels = {"size": {"shortest_edge": 32}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    large = ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="bottleneck")
    small = MobileNetV2Config(image_size=32, depth_multiplier=0.1, min_depth=8, depth_divisible_by=8)
    models = {
        "task": "digits",
        "teacher": saved(tmp_path / "resnet", ResNetForImageClassification, large, pixels=pixels),
        "student": saved(tmp_path / "mobilenet", MobileNetV2ForImageClassification, small, pixels=pixels),
    }
    knobs = {"epochs": 3, "batch_size": 32, "learning_rate": 0.005, "train_examples": 500, "augment": False}
    require_sound(bench, run_case(bench, "resnet50-mobilenet", models, knobs, speed=False), "accuracy")


def test_a_gpt2_teaches_a_distilgpt2(bench, tmp_path):
    words = trained_tokenizer(texts_of("books", bench), 400)
    shape = {"vocab_size": 400, "n_positions": 512, "n_embd": 32, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0}
    models = {
        "teacher": saved(tmp_path / "gpt2", GPT2LMHeadModel, GPT2Config(n_layer=2, **shape), words),
        "student": saved(tmp_path / "distilgpt2", GPT2LMHeadModel, GPT2Config(n_layer=1, **shape), words),
    }
    knobs = {"epochs": 2, "batch_size": 8, "learning_rate": 0.02, "train_examples": 80}
    run = run_case(bench, "gpt2-distilgpt2", models, knobs, speed=False, test_examples=16, generated=2)
    require_sound(bench, run, "bits_per_byte")
    for model in ("teach", "distill", "quantize"):
        assert bench.measured(run)[model]["bits_per_byte"].value < 4.3  # 4.45 where all 400 tokens are as likely
