"""Structured pruning makes networks and transformers really smaller, and what is kept reloads and runs."""

import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import InputSettings
from kdui.core.errors import StageFailed
from kdui.methods.prune.structured import prune_channels
from kdui.models.description import ModelDescription
from kdui.models.module_store import load_model, save_model
from kdui.training.saved import SavedModel
from tests.models.small import built, facts_of, random_tokens, small_teacher


def saved(module, name, task, settings, folder):
    facts = facts_of(name, task, settings)
    inputs = (InputSettings(modality="image", settings=dict(task.input)) if task.modality == "image"
              else InputSettings(modality="text", settings={"max_length": 16}, files=("tokenizer.json",)))
    description = ModelDescription(model=name, family=facts.family.name, version=1, options=facts.options, task=task, inputs=inputs)
    return SavedModel(module, description, inputs, folder)


@pytest.mark.parametrize("name", ["cnn-medium", "resnet-8", "depthwise", "squeeze-excite"])
def test_half_of_the_channels_leave_and_the_rest_reloads(name, settings, tmp_path):
    task = TASKS["fashion-mnist"]
    module = built(name, task, settings)
    before = sum(parameter.numel() for parameter in module.parameters())
    pixels = {"pixels": torch.rand(2, 1, 28, 28)}
    model = saved(module, name, task, settings, tmp_path)
    prune_channels(model, pixels, 10, 0.5)
    after = sum(parameter.numel() for parameter in module.parameters())
    assert 0.15 < after / before < 0.5
    save_model(module.eval(), model.description, tmp_path)
    again, _, _ = load_model(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(**pixels), module(**pixels))


def test_heads_and_hidden_units_of_a_transformer_leave_but_not_its_width(settings, tmp_path):
    task = TASKS["sentiment"]
    module = small_teacher()
    tokens = random_tokens(2, 12)
    model = saved(module, "minilm-l6", task, settings, tmp_path)
    prune_channels(model, tokens, 2, 0.5)
    attention = next(layer for layer in module.modules() if hasattr(layer, "num_attention_heads") and hasattr(layer, "query"))
    assert attention.num_attention_heads == 2 and attention.query.out_features == 16 and attention.query.in_features == 32
    inner = [layer.out_features for layer in module.modules() if isinstance(layer, torch.nn.Linear) and layer.in_features == 32]
    assert 24 in inner
    save_model(module.eval(), model.description, tmp_path)
    again, _, _ = load_model(tmp_path)
    with torch.no_grad():
        assert torch.allclose(again(**tokens), module(**tokens), atol=1e-6)
        assert module(**tokens).shape == (2, 2)


def test_layers_too_narrow_to_prune_are_said_so(settings, tmp_path):
    task = TASKS["digits"]
    module = built("cnn-tiny", task, settings)
    with pytest.raises(StageFailed, match="Nothing could be removed"):
        prune_channels(saved(module, "cnn-tiny", task, settings, tmp_path), {"pixels": torch.rand(2, 1, 8, 8)}, 10, 0.05)
