"""Adapters that were not merged are refused with the way to merge them, in a folder and on the Hub."""

import shutil

import pytest
import torch
from transformers import BertForSequenceClassification

from kdui.catalogue.checkpoint_files import folder_digest
from kdui.catalogue.planner import plan_to_run
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe
from kdui.models.building import build_model
from tests.catalogue.servers import hub, hub_at
from tests.models.small import facts_of, random_tokens, small_bert, text_checkpoint

SENTIMENT = TASKS["sentiment"]
WORDS = r"holds adapters \(adapter_config\.json, adapter_model\.safetensors\).*merge_and_unload.*name that one"


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    """What peft leaves of a BERT whose adapters have learned something."""
    from peft import LoraConfig, get_peft_model  # takes seconds: imported where it is needed

    folder = tmp_path_factory.mktemp("adapters")
    wanted = LoraConfig(r=2, target_modules=["query", "value"], task_type="SEQ_CLS", init_lora_weights=False)
    get_peft_model(small_bert(SENTIMENT.labels), wanted).save_pretrained(folder)
    return folder


def whole(folder, adapters):
    """A whole checkpoint with the adapters beside it."""
    text_checkpoint(folder, SENTIMENT.labels)
    for path in adapters.iterdir():
        shutil.copy(path, folder)
    return folder


def test_a_folder_with_adapters_is_refused_until_they_are_merged(adapters, tmp_path, settings):
    from peft import PeftModel

    beside = whole(tmp_path / "beside", adapters)
    for folder in (adapters, beside):
        with pytest.raises(RecipeError, match=WORDS):
            facts_of(f"folder:{folder}", SENTIMENT, settings)

    base = text_checkpoint(tmp_path / "base", SENTIMENT.labels)
    tuned = PeftModel.from_pretrained(BertForSequenceClassification.from_pretrained(base), adapters)
    merged = tmp_path / "merged"
    tuned.merge_and_unload().save_pretrained(merged)
    shutil.copy(base / "tokenizer.json", merged)
    tokens = random_tokens(2, 5)
    read = build_model(facts_of(f"folder:{merged}", SENTIMENT, settings), SENTIMENT, merged, None, seed=0).eval()
    untuned = build_model(facts_of(f"folder:{base}", SENTIMENT, settings), SENTIMENT, base, None, seed=0).eval()
    fresh = PeftModel.from_pretrained(BertForSequenceClassification.from_pretrained(base), adapters).eval()
    torch.testing.assert_close(read(**tokens), fresh(**tokens).logits)
    assert not torch.allclose(read(**tokens), untuned(**tokens))


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.bin", "adapter_model.safetensors", "pytorch_adapter.bin"])
def test_any_file_of_an_adapter_is_enough(name, tmp_path, settings):
    folder = text_checkpoint(tmp_path, SENTIMENT.labels)
    (folder / name).write_bytes(b"{}")
    with pytest.raises(RecipeError, match=rf"holds adapters \({name}\)"):
        facts_of(f"folder:{folder}", SENTIMENT, settings)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_adapters_are_in_a_folders_digest(name, adapters, tmp_path):
    folder = whole(tmp_path / "beside", adapters)
    before = folder_digest(folder)
    (folder / name).write_bytes(b"other")
    assert folder_digest(folder) != before


@pytest.mark.parametrize("alone", [True, False])
def test_adapters_on_the_hub_are_refused_when_they_have_been_fetched(alone, adapters, tmp_path, empty_settings, monkeypatch):
    folder = adapters if alone else whole(tmp_path / "beside", adapters)
    recipe = Recipe.model_validate({"task": "sentiment", "teacher": "hub:someone/tiny-model", "stages": ["teach"]})
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with hub_at(monkeypatch, tmp_path / "hub", hub(files)), pytest.raises(RecipeError, match=f"someone/tiny-model {WORDS}"):
        plan_to_run(recipe, empty_settings)
