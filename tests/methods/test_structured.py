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
from tests.models.small import built, facts_of, random_tokens, word_pieces


def saved(module, name, task, settings, folder):
    facts = facts_of(name, task, settings)
    inputs = (
        InputSettings(modality="image", settings=dict(task.input))
        if task.modality == "image"
        else InputSettings(modality="text", settings={"max_length": 16}, files=("tokenizer.json",))
    )
    description = ModelDescription(
        model=name, family=facts.family.name, version=1, options=facts.options, task=task, inputs=inputs
    )
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
    module = built("minilm-l6?layers=1", task, settings)
    module.tokenizer_json = word_pieces().to_str()
    tokens = random_tokens(2, 12)
    model = saved(module, "minilm-l6?layers=1", task, settings, tmp_path)
    prune_channels(model, tokens, 2, 0.5)
    attention = next(layer for layer in module.modules() if hasattr(layer, "num_attention_heads") and hasattr(layer, "query"))
    assert (attention.num_attention_heads, attention.query.out_features, attention.query.in_features) == (6, 192, 384)
    inner = [layer.out_features for layer in module.modules() if isinstance(layer, torch.nn.Linear) and layer.in_features == 384]
    assert 768 in inner
    save_model(module.eval(), model.description, tmp_path)
    again, _, _ = load_model(tmp_path)
    with torch.no_grad():
        assert torch.allclose(again(**tokens), module(**tokens), atol=1e-6)
        assert module(**tokens).shape == (2, 2)


class OutputsOnly(torch.nn.Module):
    """A model whose one layer gives the outputs, so that nothing may leave."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(64, 10)

    def forward(self, pixels):
        return self.head(pixels.flatten(1))


def test_a_model_with_nothing_to_remove_is_said_so(settings, tmp_path):
    model = saved(OutputsOnly(), "cnn-tiny", TASKS["digits"], settings, tmp_path)
    with pytest.raises(StageFailed, match="Nothing could be removed"):
        prune_channels(model, {"pixels": torch.rand(2, 1, 8, 8)}, 10, 0.5)


def test_zero_sparsity_is_an_identity(settings, tmp_path):
    module = built("cnn-tiny", TASKS["digits"], settings)
    pixels = {"pixels": torch.rand(2, 1, 8, 8)}
    before = module(**pixels)
    prune_channels(saved(module, "cnn-tiny", TASKS["digits"], settings, tmp_path), pixels, 10, 0.0)
    assert torch.equal(module(**pixels), before)
