"""Training at low bits from the recipe to the graph that runs: grids, files, and what the graph answers."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from kdui.core.errors import RecipeError, StageFailed
from kdui.methods.compress.qat.packing import PACKED_MODEL, read_packed_state
from kdui.methods.deliver.export.low_bits import write_grids
from kdui.methods.deliver.export.to_onnx import to_onnx
from kdui.modalities.image.prepare import AXES as PIXELS
from kdui.modalities.text.prepare import AXES as TOKENS
from kdui.models.convolution import ConvUnit
from kdui.models.low_bits import layer_codes, read_quantization, rounded_inputs, weight_codes
from kdui.models.module_store import load_model
from kdui.models.residual import ResidualBlock
from kdui.training.low_bits import LowBitTraining
from tests.methods.taught import digits_recipe

QAT = {"epochs": 3, "batch_size": 32, "learning_rate": 0.005}


class Pictures(nn.Module):
    """Convolutions with batch normalisation, a residual block, a pooled linear head."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(ConvUnit(1, 8), nn.MaxPool2d(2), ConvUnit(8, 8), ResidualBlock(8, 12, 2))
        self.head = nn.Linear(12, 5)

    def forward(self, pixels):
        return self.head(self.features(pixels).mean(dim=(2, 3)))


class Words(nn.Module):
    """Linear layers over tokens, as a transformer has them."""

    def __init__(self):
        super().__init__()
        self.table, self.inner, self.norm = nn.Embedding(20, 16), nn.Linear(16, 24), nn.LayerNorm(24)
        self.head = nn.Linear(24, 5, bias=False)

    def forward(self, input_ids):
        return self.head(self.norm(nn.functional.gelu(self.inner(self.table(input_ids))))).mean(1)


def exported(module: nn.Module, sample, bits: int, activations: int, path, per_channel: bool = True):
    """The module with LSQ's first grids, its graph with them, and its own answers."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):  # folding it must not lose a channel's grid, whatever its sign
            for tensor, reach in ((layer.weight, (-1, 1)), (layer.bias, (-1, 1)), (layer.running_var, (0.5, 2))):
                tensor.data.uniform_(*reach)
    module.eval()
    training = LowBitTraining(bits, activations, outputs=5, per_channel=per_channel, ends=False)
    training.begin(module)
    inputs = {name: torch.from_numpy(array) for name, array in sample.items()}
    with torch.no_grad():
        module(**inputs)
    training.finish()
    to_onnx(module, sample, {**PIXELS, **TOKENS}, 20).save(path, external_data=False)
    count = write_grids(path, layer_codes(module, training.quantization))
    with torch.no_grad(), rounded_inputs(module, training.quantization):
        return training.quantization, count, module(**inputs).numpy()


def answers(path, sample, optimize: bool):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path.with_suffix(".optimized.onnx"))
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
    return session.run(None, sample)[0], kinds


SAMPLES = {
    "pictures": (Pictures, {"pixels": np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)}, "QLinearConv"),
    "words": (Words, {"input_ids": np.random.default_rng(0).integers(0, 20, (3, 7))}, "MatMulIntegerToFloat"),
}


@pytest.mark.parametrize(
    ("kind", "bits", "activations", "per_channel"),
    [("pictures", 4, 4, True), ("pictures", 2, 3, False), ("words", 8, 8, True), ("words", 4, 3, False)],
)
def test_the_graph_answers_as_the_module_within_one_step(kind, bits, activations, per_channel, tmp_path):
    torch.manual_seed(1)
    build, sample, kernel = SAMPLES[kind]
    module, path = build(), tmp_path / "model.onnx"
    grids, count, expected = exported(module, sample, bits, activations, path, per_channel)
    assert count == len(grids.layers)
    onnx.checker.check_model(str(path))
    exact, _ = answers(path, sample, optimize=False)
    np.testing.assert_allclose(exact, expected, atol=2e-6)
    head = grids.layers["head"]
    step = head.inputs.step * float(module.head.weight.detach().abs().sum(1).max())
    fast, kinds = answers(path, sample, optimize=True)
    assert np.abs(fast - expected).max() <= step
    assert kernel in kinds


def test_weights_alone_are_stored_as_the_codes_of_their_bits(tmp_path):
    torch.manual_seed(2)
    module = Pictures()
    grids, _, expected = exported(module, SAMPLES["pictures"][1], 3, 0, tmp_path / "model.onnx")
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer}
    codes = {name: value for name, value in stored.items() if value.dtype == np.int8 and value.ndim > 1}
    assert len(codes) == len(grids.layers)
    assert all(np.abs(value).max() <= 4 for value in codes.values())
    exact, _ = answers(tmp_path / "model.onnx", SAMPLES["pictures"][1], optimize=False)
    np.testing.assert_allclose(exact, expected, atol=2e-6)
    assert not any(value.dtype == np.float32 and value.ndim > 1 for value in stored.values())


def test_a_layer_that_is_not_in_the_graph_is_named(tmp_path):
    torch.manual_seed(2)
    module = Words()
    grids, _, _ = exported(module, SAMPLES["words"][1], 4, 0, tmp_path / "model.onnx")
    codes = layer_codes(module, grids)
    with pytest.raises(StageFailed, match="no weights of head, inner"):
        write_grids(tmp_path / "model.onnx", codes)  # they are codes by now


@pytest.fixture(scope="module")
def run(bench):
    """A student distilled, then trained at 4 bits, exported and measured."""
    recipe = digits_recipe("distill")
    recipe["stages"] += [{"qat": {**QAT, "weight_bits": 4, "activation_bits": 4}}, {"measure": {"latency_runs": 20}}]
    finished_run = bench.run(recipe)
    assert finished_run.state == "succeeded", finished_run.error
    return finished_run


def test_a_student_at_four_bits_keeps_its_accuracy_and_is_measured_as_the_file_that_runs(bench, run):
    measured = bench.measured(run)
    assert measured["qat"]["accuracy"].value > measured["distill"]["accuracy"].value - 3
    assert measured["qat"]["accuracy"].provenance.origin == "measured"
    summary = bench.summary(run, "export.qat")
    assert (summary["weight_bits"], summary["activation_bits"], summary["unpacked"]) == (4, 4, "4-bit weights")
    assert summary["parity"] < 1e-3
    assert measured["qat"]["packed_bytes"].value == summary["packed_bytes"] < 4 * summary["parameters"]


def test_the_saved_model_lies_on_its_grid_and_the_packed_file_holds_it_to_the_bit(bench, run):
    folder = bench.folder(run, "qat")
    module, _, _ = load_model(folder)
    grids = read_quantization(folder)
    assert {name: grid.bits for name, grid in grids.layers.items()} == {"features.0.0": 8, "features.2.0": 4, "head": 8}
    for name, grid in grids.layers.items():
        weight = module.get_submodule(name).weight
        steps = torch.tensor(grid.steps).view(-1, *[1] * (weight.ndim - 1))
        assert torch.equal(weight_codes(weight, grid).float() * steps, weight)
    state = module.state_dict()
    packed = read_packed_state(folder / PACKED_MODEL)
    assert packed.keys() == state.keys()
    assert all(torch.equal(packed[name], tensor) for name, tensor in state.items())
    assert (folder / PACKED_MODEL).stat().st_size == bench.summary(run, "qat")["packed_bytes"]


def test_eight_bits_are_near_identity(bench):
    recipe = digits_recipe("distill")
    recipe["stages"] += [{"qat": {**QAT, "epochs": 0, "weight_bits": 8, "activation_bits": 0, "soft_weight": 0}}]
    finished_run = bench.run(recipe)
    assert finished_run.state == "succeeded", finished_run.error
    before, after = (load_model(bench.folder(finished_run, stage))[0] for stage in ("distill", "qat"))
    kernel, rounded = before.features[2][0].weight, after.features[2][0].weight
    step = torch.tensor(read_quantization(bench.folder(finished_run, "qat")).layers["features.2.0"].steps).view(-1, 1, 1, 1)
    inside = kernel.abs() <= 127 * step
    assert inside.float().mean() > 0.99
    assert bool(((rounded - kernel).abs() <= 0.5001 * step)[inside].all())


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{"qat": {}}, {"quantize": {"bits": 8}}], "'quantize' would change the weights of .* grid of 4 bits"),
        ([{"qat": {"adapter_rank": 4}}], "adapter_rank: 0"),
        ([{"qat": {"activation_bits": 1}}], "at least 2 bits"),
        ([{"qat": {"weight_bits": 1}}], "must be 2 to 8"),
        ([{"distill_sparse": {"weight_bits": 1}}], "2 to 8"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_queued(bench, stages, words):
    recipe = digits_recipe("distill")
    recipe["stages"] += stages
    with pytest.raises(RecipeError, match=words):
        bench.plan(recipe)
