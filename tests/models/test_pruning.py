"""What torch-pruning leaves is described, saved and loaded again, bit for bit."""

import pytest
import torch
import torch_pruning

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StageFailed
from kdui.models.building import describe
from kdui.models.layers import attention_heads, output_layer, settle_heads
from kdui.models.module_store import load_model, save_model
from kdui.models.size import count_parameters, example_inputs
from kdui.models.surgery import apply_surgery, describe_surgery
from tests.models.small import built, facts_of, word_pieces


def halved(module: torch.nn.Module, inputs: dict[str, torch.Tensor], outputs: int) -> torch.nn.Module:
    """Half of every layer's channels and heads gone, the outputs kept."""
    pruner = torch_pruning.pruner.BasePruner(
        module,
        inputs,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=0.5,
        ignored_layers=[output_layer(module, outputs)],
        num_heads=attention_heads(module),
        prune_num_heads=True,
        prune_head_dims=False,
        head_pruning_ratio=0.5,
    )
    pruner.step()
    settle_heads(module)
    return module.eval()


@pytest.mark.parametrize("name", ["cnn-medium", "resnet-8", "depthwise", "squeeze-excite"])
def test_a_pruned_image_model_survives_saving(name, settings, tmp_path):
    task = TASKS["digits"]
    whole = built(name, task, settings)
    before = count_parameters(whole)
    inputs = {"pixels": torch.rand(2, 1, 8, 8)}
    module = halved(whole, inputs, 10)
    saved = save_model(module, describe(facts_of(name, task, settings), task, None), tmp_path)
    loaded, description, _ = load_model(tmp_path)
    assert count_parameters(loaded) == count_parameters(module) < 0.35 * before
    assert torch.equal(loaded(**inputs), module(**inputs))
    assert description == saved and saved.surgery["head"]["in_features"] == module.head.in_features


def test_a_transformer_with_half_its_heads_survives_saving(settings, tmp_path):
    task = TASKS["sentiment"]
    module = built("minilm-l6?layers=1", task, settings)
    module.tokenizer_json = word_pieces().to_str()
    halved(module, example_inputs(task, 2), 2)
    saved = save_model(module, describe(facts_of("minilm-l6?layers=1", task, settings), task, None), tmp_path)
    loaded, _, _ = load_model(tmp_path)
    attention = "network.bert.encoder.layer.0.attention.self"
    assert saved.surgery[attention] == {"num_attention_heads": 6, "all_head_size": 192}
    assert loaded.get_submodule(attention).num_attention_heads == 6
    inputs = example_inputs(task, 2)
    assert torch.equal(loaded(**inputs), module(**inputs))


def test_an_untouched_module_needs_no_surgery(settings):
    one, other = (built("resnet-8", TASKS["digits"], settings, seed=seed) for seed in (0, 1))
    assert describe_surgery(one, other) == {}


def test_depthwise_groups_follow(settings):
    task = TASKS["digits"]
    module = halved(built("depthwise", task, settings), {"pixels": torch.rand(1, 1, 8, 8)}, 10)
    fresh = built("depthwise", task, settings)
    apply_surgery(fresh, describe_surgery(module, fresh))
    assert fresh.features[1][0].groups == fresh.features[1][0].in_channels == 8
    assert fresh.features[1][0].weight.shape == (8, 1, 3, 3)


def test_layers_that_no_size_can_describe_are_refused(settings):
    fresh, changed = (built("cnn-small", TASKS["digits"], settings) for _ in range(2))
    changed.extra = torch.nn.Linear(1, 1)
    with pytest.raises(StageFailed, match="extra"):
        describe_surgery(changed, fresh)


def test_a_model_without_a_head_of_that_width_is_refused():
    with pytest.raises(StageFailed, match="7 outputs"):
        output_layer(torch.nn.Sequential(torch.nn.Linear(3, 4)), 7)


def test_a_head_that_a_model_names_is_its_output_layer(settings):
    network = built("cnn-small", TASKS["digits"], settings)
    assert output_layer(network, 10) is network.head
