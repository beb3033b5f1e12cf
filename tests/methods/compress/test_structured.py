"""Structured pruning makes networks and transformers really smaller, and what is kept reloads and runs."""

import copy

import pytest
import torch
from torch import nn

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import InputSettings
from kdui.core.errors import StageFailed
from kdui.methods.compress.prune_structured.channels import check_channels, prune_channels
from kdui.methods.compress.prune_structured.rounds import joined
from kdui.methods.compress.prune_structured.strength import macs_share, strength_for
from kdui.methods.compress.prune_structured.transformer import (
    importance_of,
    kept_layers,
    kept_parts,
    layer_influence,
    narrow_width,
    prune_transformer,
)
from kdui.models.description import ModelDescription
from kdui.models.encoders import encoder_layers, keep_layers
from kdui.models.module_store import load_model, save_model
from kdui.models.size import count_macs, count_parameters
from kdui.training.loop import Batch
from tests.models.small import built, facts_of, random_tokens, small_teacher, word_pieces

NOTHING = {"heads": 0.0, "feed_forward": 0.0, "hidden": 0.0, "layers": 0.0}


def described(name, task, settings):
    facts = facts_of(name, task, settings)
    inputs = (
        InputSettings(modality="image", settings=dict(task.input))
        if task.modality == "image"
        else InputSettings(modality="text", settings={"max_length": 16}, files=("tokenizer.json",))
    )
    return ModelDescription(model=name, family=facts.family.name, version=1, options=facts.options, task=task, inputs=inputs)


def again(module, description, folder):
    """The module as it comes back from its files."""
    save_model(module.eval(), description, folder)
    return load_model(folder)[0]


def batches(count=2):
    return [Batch(random_tokens(4, 8), torch.tensor([0, 1, 1, 0]), torch.arange(4), 0)] * count


def losses(outputs, batch):
    return {"total": nn.functional.cross_entropy(outputs, batch.targets)}


@pytest.mark.parametrize("name", ["cnn-medium", "resnet-8", "depthwise", "squeeze-excite"])
def test_half_of_the_channels_leave_and_the_rest_reloads(name, settings, tmp_path):
    task = TASKS["fashion-mnist"]
    module = built(name, task, settings)
    before = count_parameters(module)
    pixels = {"pixels": torch.rand(2, 1, 28, 28)}
    prune_channels(module, pixels, 10, 0.5)
    assert 0.15 < count_parameters(module) / before < 0.5
    reloaded = again(module, described(name, task, settings), tmp_path)
    with torch.no_grad():
        assert torch.equal(reloaded(**pixels), module(**pixels))
    assert count_macs(reloaded, pixels) == count_macs(module, pixels)


@pytest.mark.parametrize("kind", ["magnitude", "taylor", "bn-scale"])
@pytest.mark.parametrize("together", [False, True])
def test_every_criterion_and_scope_removes_channels(kind, together, settings):
    module = built("resnet-8", TASKS["digits"], settings)
    pixels, targets = {"pixels": torch.rand(4, 1, 8, 8)}, torch.tensor([0, 1, 2, 3])
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.1, 2)
    before = count_parameters(module)
    nn.functional.cross_entropy(module(**pixels), targets).backward()
    prune_channels(module, pixels, 10, 0.5, kind, together)
    assert count_parameters(module) < 0.6 * before
    assert module(**pixels).shape == (4, 10)


@pytest.mark.parametrize("together", [False, True])
def test_the_strongest_cut_leaves_a_channel_in_every_layer(together, settings):
    module, pixels = built("cnn-medium", TASKS["digits"], settings), {"pixels": torch.rand(2, 1, 8, 8)}
    whole = count_macs(module, pixels)
    prune_channels(module, pixels, 10, 0.95, together=together)
    widths = [layer.out_channels for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert min(widths) >= 1 and count_macs(module, pixels) < 0.02 * whole
    assert together or widths == [1, 1, 2, 2, 3, 3]


def test_cutting_channels_equals_masking_them(settings):
    module = built("cnn-medium", TASKS["digits"], settings)
    pixels = {"pixels": torch.rand(2, 1, 8, 8)}
    masked = copy.deepcopy(module)
    prune_channels(module, pixels, 10, 0.5)
    gone = gone_channels(module, masked)
    with torch.no_grad():
        for norm, channels in zip(norms(masked), gone, strict=True):
            assert len(channels) == norm.num_features // 2
            norm.weight[channels], norm.bias[channels] = 0.0, 0.0
        assert torch.allclose(masked(**pixels), module(**pixels), atol=1e-5)


def norms(module):
    return [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]


def gone_channels(small, whole):
    """Of each convolution the channels of ``whole`` that ``small`` lacks, found by their weights on the kept inputs."""
    inputs, collected = torch.arange(1), []
    convolutions = [[layer for layer in module.modules() if isinstance(layer, nn.Conv2d)] for module in (small, whole)]
    for mine, theirs in zip(*convolutions, strict=True):
        rows = theirs.weight[:, inputs]
        kept = [next(index for index in range(len(rows)) if torch.equal(rows[index], row)) for row in mine.weight]
        collected.append([index for index in range(len(rows)) if index not in kept])
        inputs = torch.tensor(kept)
    return collected


def test_cutting_heads_and_units_equals_masking_them():
    module, tokens = small_teacher(), random_tokens(2, 9)
    masked = copy.deepcopy(module)
    importance = importance_of(module, [], losses, "magnitude")
    prune_transformer(module, tokens, {**NOTHING, "heads": 0.5, "feed_forward": 0.25}, importance)
    assert [(layer.heads, layer.units) for layer in encoder_layers(module)] == [(2, 36)] * 2
    with torch.no_grad():
        for number, layer in enumerate(encoder_layers(masked)):
            heads = kept_parts(importance.heads, 0.5, False)[number].tolist()
            units = kept_parts(importance.units, 0.25, False)[number]
            for head in set(range(4)) - set(heads):
                layer.mix.weight[:, 8 * head : 8 * head + 8] = 0
            mask = torch.zeros(48)
            mask[units] = 1
            layer.outer.weight.mul_(mask)
        assert torch.allclose(masked(**tokens), module(**tokens), atol=1e-6)


def test_a_taylor_score_is_the_gradient_of_a_gate():
    module = small_teacher()
    given = batches(1)
    importance = importance_of(module, given, losses, "taylor")
    layer = encoder_layers(module)[1]
    gate = torch.ones(48, requires_grad=True)
    hook = layer.outer.register_forward_pre_hook(lambda _, inputs: (inputs[0] * gate,))
    losses(module(**given[0].inputs), given[0])["total"].backward()
    hook.remove()
    assert torch.allclose(importance.units[1], gate.grad.abs(), atol=1e-6)
    assert (len(importance.heads[0]), len(importance.width)) == (4, 32)


def test_parts_are_ranked_in_each_layer_or_together():
    scores = [torch.tensor([4.0, 1.0, 3.0, 4.0]), torch.tensor([0.1, 0.1, 9.0, 0.2])]
    assert [kept.tolist() for kept in kept_parts(scores, 0.5, False)] == [[0, 3], [2, 3]]
    assert [kept.tolist() for kept in kept_parts(scores, 0.5, True)] == [[0, 2, 3], [2]]
    assert [len(kept) for kept in kept_parts(scores, 0.95, True)] == [1, 1]
    wide = [torch.rand(width) for width in (12, 16, 20, 40, 64)]
    for together in (False, True):
        exact = [len(kept) for kept in kept_parts(wide, 0.37, together)]
        eights = [len(kept) for kept in kept_parts(wide, 0.37, together, multiple=8)]
        assert eights[0] == exact[0]  # too narrow for two multiples
        assert all(count % 8 == 0 and abs(count - request) <= 4 for count, request in zip(eights[1:], exact[1:], strict=True))
    assert [len(kept) for kept in kept_parts(wide[3:], 0.0, False, multiple=12)] == [36, 60]
    assert [len(kept) for kept in kept_parts(wide[3:], 0.95, False, multiple=8)] == [8, 8]
    assert kept_layers(torch.tensor([0.3, 0.1, 0.2]), 0.34, every=False) == [0, 2]
    assert kept_layers(torch.zeros(6), 0.5, every=True) == [0, 2, 5]
    assert kept_layers(torch.zeros(3), 0.9, every=True) == [0]


def test_the_influence_of_a_layer_that_changes_nothing_is_zero():
    module = small_teacher()
    first, second = encoder_layers(module)
    with torch.no_grad():
        first.outer.weight.mul_(50)
        for linear in (second.mix, second.outer):
            linear.weight.zero_()
            linear.bias.zero_()
    result = layer_influence(module, batches(2))
    assert result[1] == pytest.approx(0.0, abs=1e-4) and 0.001 < result[0] < 2
    whole = module(**random_tokens(2, 8))
    keep_layers(module, kept_layers(result, 0.5, every=False))
    assert len(encoder_layers(module)) == 1
    assert torch.allclose(module(**random_tokens(2, 8)), whole, atol=1e-4)


def test_every_part_of_a_transformer_leaves_and_the_rest_reloads(settings, tmp_path):
    task = TASKS["sentiment"]
    name = "minilm-l6?layers=3&intermediate=64&heads=4"
    module = built(name, task, settings)
    module.tokenizer_json = word_pieces().to_str()
    tokens = random_tokens(2, 12)
    shares = {"heads": 0.5, "feed_forward": 0.5, "hidden": 0.25, "layers": 0.34}
    importance = importance_of(module, batches(1), losses, "taylor", influence=True)
    prune_transformer(module, tokens, shares, importance)
    layers = encoder_layers(module)
    assert [(layer.heads, layer.units, layer.mix.out_features) for layer in layers] == [(2, 32, 288)] * 2
    assert module.word_embedding.weight.shape[1] == 288
    reloaded = again(module, described(name, task, settings), tmp_path)
    with torch.no_grad():
        assert torch.equal(reloaded(**tokens), module(**tokens))
    assert count_macs(reloaded, tokens) == count_macs(module, tokens)
    assert count_parameters(reloaded) == count_parameters(module)


def test_nothing_leaves_at_shares_of_zero(settings):
    text, tokens = small_teacher(), random_tokens(2, 8)
    before = text(**tokens)
    prune_transformer(text, tokens, NOTHING, importance_of(text, [], losses, "magnitude"))
    assert torch.equal(text(**tokens), before)
    picture, pixels = built("cnn-tiny", TASKS["digits"], settings), {"pixels": torch.rand(2, 1, 8, 8)}
    before = picture(**pixels)
    prune_channels(picture, pixels, 10, 0.0)
    assert torch.equal(picture(**pixels), before)


def test_the_lowest_strength_that_meets_a_share_of_macs(settings):
    module, pixels = built("cnn-medium", TASKS["digits"], settings), {"pixels": torch.rand(2, 1, 8, 8)}
    cost = macs_share(count_macs(module, {"pixels": pixels["pixels"][:1]}), pixels)

    def cut(trial, strength):
        prune_channels(trial, pixels, 10, 0.95 * strength)

    strength, reached = strength_for(module, cut, cost, 0.3, 10)
    cut(module, strength)
    assert 0.2 < reached <= 0.3 and cost(module) == reached
    assert strength_for(module, cut, cost, 0.5, 10) == (0.0, reached)
    with pytest.raises(StageFailed, match="Even the strongest cut"):
        strength_for(module, cut, cost, 1e-6, 3)


def test_rounds_are_reported_as_one_training():
    point = {"seconds": 1.5, "step_seconds": 1.0, "steps": 4, "examples_seen": 10}
    rounds = [
        {"epochs": 2, "best_epoch": 1.0, "validation": 80.0, "history": [{"epoch": 1.0}, {"epoch": 2.0}], **point},
        {"epochs": 1, "best_epoch": 1.0, "validation": 90.0, "history": [{"epoch": 1.0}], **point},
    ]
    result = joined(rounds)
    assert (result["epochs"], result["steps"], result["seconds"], result["best_epoch"]) == (3, 8, 3.0, 3.0)
    assert [entry["epoch"] for entry in result["history"]] == [1.0, 2.0, 3.0] and result["validation"] == 90.0


class Flat(nn.Module):
    """A model with nothing to remove whole."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)


def test_models_that_cannot_shrink_are_refused_in_words(settings):
    with pytest.raises(StageFailed, match="neither convolutions nor attention"):
        check_channels(Flat(), "magnitude")
    with pytest.raises(StageFailed, match="no batch normalisation"):
        check_channels(nn.Sequential(nn.Conv2d(1, 1, 3)), "bn-scale")


def test_other_encoders(settings, tmp_path):
    from transformers import DistilBertConfig, DistilBertForSequenceClassification, ViTConfig, ViTForImageClassification

    distil = DistilBertForSequenceClassification(
        DistilBertConfig(vocab_size=20, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=40)
    ).eval()
    tokens = random_tokens(2, 8)
    layers = encoder_layers(distil)
    assert [(layer.heads, layer.units) for layer in layers] == [(4, 48)] * 2
    layers[0].keep_heads(torch.tensor([1, 3]))
    layers[0].keep_units(torch.arange(10))
    keep_layers(distil, [0])
    assert distil(**tokens).logits.shape == (2, 2)
    config = ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=8, patch_size=4
    )
    picture = Pictures(ViTForImageClassification(config).eval())
    assert [(layer.heads, layer.units) for layer in encoder_layers(picture)] == [(2, 32)] * 2
    with pytest.raises(StageFailed, match="cannot be narrowed"):
        narrow_width(picture, {"pixels": torch.rand(2, 3, 8, 8)}, [0, 1])


class Pictures(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return self.network(pixel_values=pixels).logits
