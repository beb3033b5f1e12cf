"""Saved models: which files, what they say, and what happens when they are not right."""

import json

import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StageFailed, StoreError
from kdui.modalities import modality_of
from kdui.models.building import describe
from kdui.models.module_store import load_model, save_model
from tests.models.small import built, facts_of, small_teacher


def saved_cnn(settings, folder):
    task = TASKS["digits"]
    module = built("cnn-small", task, settings)
    save_model(module, describe(facts_of("cnn-small", task, settings), task, None), folder)
    return module


def test_an_image_model_is_three_files(settings, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    saved_cnn(settings, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["inputs.json", "model.json", "model.safetensors"]
    assert json.loads((folder / "inputs.json").read_text())["settings"] == {"height": 8, "width": 8, "channels": 1}


def test_a_text_model_carries_its_tokenizer_and_vocabulary(settings, tmp_path):
    task, teacher = TASKS["sentiment"], small_teacher()
    module = built("bilstm-64?embedding=8&hidden=4", task, settings, teacher)
    saved = save_model(module, describe(facts_of("bilstm-64?embedding=8&hidden=4", task, settings), task, None), tmp_path)
    loaded, description, inputs = load_model(tmp_path)
    assert saved.surgery == {"word_embedding": {"num_embeddings": 16}}
    assert loaded.tokenizer_json == teacher.tokenizer_json
    arrays = modality_of("text").prepare(["a good film", "not very dull at all"], inputs.settings, tmp_path)
    tokens = {name: torch.from_numpy(array) for name, array in arrays.items()}
    assert torch.equal(loaded(**tokens), module(**tokens))
    assert (description.family, description.options["hidden"]) == ("bilstm", 4)


def test_channels_last_weights_are_stored_as_they_are(settings, tmp_path):
    task = TASKS["digits"]
    module = built("cnn-small", task, settings).to(memory_format=torch.channels_last)
    save_model(module, describe(facts_of("cnn-small", task, settings), task, None), tmp_path)
    pixels = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(load_model(tmp_path)[0](pixels), module(pixels), rtol=0, atol=1e-6)


def test_loading_leaves_the_global_generator_alone(settings, tmp_path):
    saved_cnn(settings, tmp_path)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    load_model(tmp_path)
    assert torch.equal(torch.rand(1), expected)


def test_a_text_model_without_tokenizer_is_not_saved(settings, tmp_path):
    task = TASKS["sentiment"]
    module = built("minilm-l6?layers=1", task, settings)
    with pytest.raises(StageFailed, match="no tokenizer"):
        save_model(module, describe(facts_of("minilm-l6?layers=1", task, settings), task, None), tmp_path)


def test_a_folder_without_a_model_reports_it(tmp_path):
    with pytest.raises(StoreError, match=r"no model\.json"):
        load_model(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\x08" + bytes(40)])
def test_damaged_weights_are_refused(damage, settings, tmp_path):
    saved_cnn(settings, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(damage)
    with pytest.raises(StoreError, match="do not fit"):
        load_model(tmp_path)


def test_a_description_that_does_not_fit_is_refused(settings, tmp_path):
    saved_cnn(settings, tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    described["options"]["width"] = 9
    (tmp_path / "model.json").write_text(json.dumps(described))
    with pytest.raises(StoreError, match="do not fit"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(StoreError, match="cannot be read"):
        load_model(tmp_path)
