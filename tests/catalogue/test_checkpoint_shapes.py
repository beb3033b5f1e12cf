"""What a config says of layers and width, against the built networks; a fetched hub checkpoint is checked before queueing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    MobileBertConfig,
    PretrainedConfig,
    ResNetConfig,
    SwinConfig,
)

from kdui.catalogue.checkpoint_shapes import shape_of, shape_of_folder
from kdui.catalogue.fetch import fetch_hub_model
from kdui.catalogue.models import resolve
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef, Recipe
from kdui.models.layer_refs import stages
from kdui.models.layers import attentions
from kdui.models.transformer import TextClassifier
from kdui.settings import Settings

BERT: dict[str, Any] = {"vocab_size": 30, "hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}


def checkpoint(folder: Path, config: PretrainedConfig) -> torch.nn.Module:
    pictures = isinstance(config, (ResNetConfig, SwinConfig))
    kind = AutoModelForImageClassification if pictures else AutoModelForSequenceClassification
    with torch.random.fork_rng(devices=[]):
        network = kind.from_config(config)
    network.save_pretrained(folder)
    return network


@pytest.mark.parametrize(
    "config",
    [
        BertConfig(num_hidden_layers=3, **BERT),
        ElectraConfig(num_hidden_layers=4, embedding_size=8, **BERT),
        MobileBertConfig(num_hidden_layers=5, vocab_size=30, intra_bottleneck_size=16, num_attention_heads=2),
        DistilBertConfig(vocab_size=30, n_layers=3, dim=24, n_heads=2, hidden_dim=32),
        GPT2Config(vocab_size=30, n_layer=4, n_embd=24, n_head=2, pad_token_id=0),
    ],
    ids=lambda config: config.model_type,
)
def test_a_config_states_what_the_built_network_has(config, tmp_path):
    network, words = checkpoint(tmp_path / "one", config), torch.ones(1, 6, dtype=torch.int64)
    shape = shape_of_folder(tmp_path / "one")
    assert shape["layers"] == len(stages(TextClassifier(network), {"input_ids": words, "attention_mask": words}))
    assert {layer.query.out_features for layer in attentions(network)} <= {shape["width"]}


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (AlbertConfig(embedding_size=8, **BERT), {"width": 24}),  # its one layer is passed twelve times
        (ResNetConfig(num_channels=1, embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic"), {}),
        (SwinConfig(image_size=32, patch_size=2, embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=4), {}),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_what_a_config_does_not_say_stays_open(config, shape, tmp_path):
    checkpoint(tmp_path / "one", config)
    assert shape_of(json.loads((tmp_path / "one" / "config.json").read_text())) == shape


def test_a_config_that_cannot_be_read_says_nothing(tmp_path):
    assert shape_of_folder(None) == shape_of_folder(tmp_path) == {}
    for text in ("not json", "[1]"):
        (tmp_path / "config.json").write_text(text)
        assert shape_of_folder(tmp_path) == {}


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Settings:
    """A home of its own, and a hub cache with one BERT of three layers; the hub itself cannot be reached."""
    snapshot = tmp_path / "hub" / "models--someone--tiny-bert" / "snapshots" / ("b" * 40)
    checkpoint(snapshot, BertConfig(num_hidden_layers=3, **BERT))
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("b" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    return Settings(home=tmp_path / "home", offline=True, quickstart=False)


def planned(settings: Settings, method: str, **knobs: Any) -> list[str]:
    recipe = {"task": "reuters-r8", "teacher": "hub:someone/tiny-bert", "student": "hub:someone/tiny-bert"}
    stages = ["teach", {method: {"control": False, **knobs}}]
    return [step.digest for step in plan_recipe(Recipe.model_validate({**recipe, "stages": stages}), settings)]


@pytest.mark.parametrize(
    ("method", "wrong", "right", "words"),
    [
        ("hints", {"layers": "0:7"}, {"layers": "0:2"}, "pairs layer 7 of the teacher, but someone/tiny-bert has layers 0 to 2"),
        ("minilm_relations", {"relation_heads": 7}, {"relation_heads": 8}, "7 relation heads do not divide the widths 24"),
    ],
)
def test_a_hub_checkpoint_is_checked_once_it_was_fetched(hub, method, wrong, right, words):
    before = planned(hub, method, **right)
    assert planned(hub, method, **wrong)
    assert not hub.cache.exists()  # planning fetches nothing
    fetch_hub_model("someone/tiny-bert", "main", hub)
    with pytest.raises(RecipeError) as refused:
        planned(hub, method, **wrong)
    assert words in str(refused.value)
    assert planned(hub, method, **right) != before  # it is named by its commit and files now


def test_an_unfetched_hub_checkpoint_is_not_known(hub):
    facts = resolve(ModelRef.parse("hub:someone/tiny-bert"), TASKS["reuters-r8"], hub)
    assert (facts.layers, facts.attention_width) == (None, None)
