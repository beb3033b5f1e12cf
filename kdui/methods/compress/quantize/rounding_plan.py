"""What a step's settings choose for each weight: its grid, its bits by sensitivity, and what is read off calibration inputs."""

from typing import Any

import numpy as np
import onnx

from kdui.core.layout import read_inputs
from kdui.methods.compress.quantize.activations import input_moments, input_ranges, layer_inputs
from kdui.methods.compress.quantize.allocation import allocate
from kdui.methods.compress.quantize.grids import GridChoice, make_grid
from kdui.methods.compress.quantize.scaled_inputs import divisible
from kdui.methods.compress.quantize.simulated import Awq, Gptq
from kdui.methods.compress.quantize.spec import BLOCK_BITS
from kdui.methods.compress.sensitivity.probe import Probe
from kdui.methods.compress.sensitivity.weights import Weight
from kdui.training.context import StepContext

SIMULATED_BITS = (2, 3, 4, 5, 6, 8)
SENSITIVITY_EXAMPLES = 256


def grid_choice(settings: dict[str, Any], bits: int) -> GridChoice:
    """The grid that the settings describe, at these bits."""
    names = ("symmetric", "granularity", "group_size", "calibration")
    return GridChoice(bits=bits, **{name: settings[name] for name in names if name in settings})


def choices_of(context: StepContext, weights: list[Weight]) -> dict[str, GridChoice]:
    """A grid for each weight: the same bits for all, or bits by measured sensitivity under the budget."""
    settings = context.settings
    if settings.get("allocation") != "mixed":
        return {weight.name: grid_choice(settings, int(settings["bits"])) for weight in weights}
    widths = BLOCK_BITS if settings["scheme"] == "weight-only" else SIMULATED_BITS
    bits = mixed_bits(context, weights, widths)
    bit_words = ", ".join(f"{weight.title} {width}" for weight, width in zip(weights, bits, strict=True))
    context.report.log(f"Bits of each layer: {bit_words}.")
    return {weight.name: grid_choice(settings, width) for weight, width in zip(weights, bits, strict=True)}


def mixed_bits(context: StepContext, weights: list[Weight], widths: tuple[int, ...]) -> list[int]:
    """Bits of each weight under the budget ``bits`` of the settings, by the mean KL divergence in nats on validation examples.

    Costs of single layers add up only while they are small, so an allocation is made for each lowest width that the budget
    allows, the uniform one among them, and the one that costs least when all layers are rounded together is taken.
    """
    settings = context.settings
    probe = Probe(context.inputs["model"].path, context.facts, context.data.splits["validation"], SENSITIVITY_EXAMPLES)
    costs = measured_costs(context, probe, weights, widths)
    sizes = [weight.values.size for weight in weights]
    tried = []
    for lowest in (width for width in widths if width <= settings["bits"]):
        bits = allocate(sizes, [{width: cost[width] for width in widths if width >= lowest} for cost in costs], settings["bits"])
        together = {
            weight.name: rounded_values(weight, grid_choice(settings, width)) for weight, width in zip(weights, bits, strict=True)
        }
        context.report.check()
        tried.append((probe.effect(together).kl, bits))
        context.report.log(
            f"At least {lowest} bits for each layer: KL divergence {tried[-1][0]:.4f} nats on {probe.count} examples."
        )
    return min(tried)[1]


def measured_costs(context: StepContext, probe: Probe, weights: list[Weight], widths: tuple[int, ...]) -> list[dict[int, float]]:
    """Mean KL divergence in nats when one layer alone is rounded to each width."""
    costs: list[dict[int, float]] = []
    for number, weight in enumerate(weights):
        costs.append({})
        for width in widths:
            context.report.check()
            costs[-1][width] = probe.effect({weight.name: rounded_values(weight, grid_choice(context.settings, width))}).kl
        context.report.progress(0.9 * (number + 1) / len(weights))
    return costs


def rounded_values(weight: Weight, choice: GridChoice) -> np.ndarray:
    """The initializer rounded to the nearest levels of its grid."""
    grid = make_grid(weight.matrix, choice)
    return weight.restored(grid.values(grid.codes(weight.matrix)))


def calibrated_of(context: StepContext, model: onnx.ModelProto, names: list[str]) -> Gptq | Awq | None:
    """What the chosen rounding knows of the layers' calibration inputs; None where it rounds to the nearest level."""
    settings = context.settings
    if settings.get("rounding") == "gptq":
        return Gptq(_moments(context, model, set(names)), settings["dampening"], settings["act_order"])
    if settings.get("rounding") == "awq":
        return Awq(_moments(context, model, divisible(model, set(names))))
    return None


def _moments(context: StepContext, model: onnx.ModelProto, names: set[str]) -> dict[str, np.ndarray]:
    """X Xᵀ of every linear layer over the calibration examples; layers that read the same input share it."""
    input_names = {name: inputs for name, inputs in layer_inputs(model).items() if name in names}
    moments = input_moments(
        model, _calibration(context), [each for inputs in input_names.values() for each in inputs], context.report.check
    )
    return {name: np.sum([moments[each] for each in inputs], axis=0) for name, inputs in input_names.items()}


def ranges_of(context: StepContext, model: onnx.ModelProto) -> dict[str, tuple[float, float]]:
    """The range of every activation that meets a constant weight."""
    names = [name for inputs in layer_inputs(model, linear=False).values() for name in inputs]
    histograms = input_ranges(model, _calibration(context), names, context.report.check)
    return {name: histogram.range(context.settings.get("calibration", "min-max")) for name, histogram in histograms.items()}


def _calibration(context: StepContext) -> dict[str, np.ndarray]:
    folder = context.inputs["model"].path
    return context.data.prepared("train", read_inputs(folder), folder, context.settings["calibration_examples"])
