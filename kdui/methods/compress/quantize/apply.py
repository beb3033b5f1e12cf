"""Quantize: int8 chosen by measurement, blocks that run as they are, fp16, or any bit-width simulated and packed."""

import json
import shutil
from pathlib import Path
from typing import Any

import onnx

from kdui.core.errors import StageFailed
from kdui.core.layout import INPUTS_FILE, MODEL_FILE, read_inputs
from kdui.methods.compress.fine_tuning import recovery_losses
from kdui.methods.compress.quantize.cache_bits import cache_ranges, quantize_cache
from kdui.methods.compress.quantize.fastest import fastest, near_best
from kdui.methods.compress.quantize.fidelity import Fidelity
from kdui.methods.compress.quantize.half import NOTE, to_half
from kdui.methods.compress.quantize.int8 import variants, write_dynamic, write_static
from kdui.methods.compress.quantize.packed import PACKED_FILE
from kdui.methods.compress.quantize.rounding_plan import calibrated_of, choices_of, ranges_of
from kdui.methods.compress.quantize.scaled_inputs import divide_inputs
from kdui.methods.compress.quantize.simulated import Rounded, round_inputs, round_weights, write_simulated
from kdui.methods.compress.quantize.weight_only import storable, write_blocks
from kdui.methods.compress.sensitivity.weights import Weight, weights_of
from kdui.problems import problem_of
from kdui.runtime.graph_files import data_file, graph_files, load_graph, save_graph
from kdui.runtime.graph_metadata import write_metadata
from kdui.runtime.graph_opset import LEAST, opset_of, raise_opset
from kdui.training.context import StepContext
from kdui.training.fit import fit, keep
from kdui.training.initial_weights import load_input
from kdui.training.recorded_choice import recorded_choice
from kdui.training.straight_through import RoundedWeights, Rounding, read_as_blocks
from kdui.training.weights import prunable_weights

PARITY = 0.1  # share of the largest output by which a graph of blocks, whose inputs are rounded too, may differ from its weights'


def quantize(context: StepContext) -> dict[str, Any]:
    """The quantized graph with what serving needs; the summary holds what is inside and its validation score."""
    source = context.inputs["model"]
    settings = context.settings
    inputs = read_inputs(source.path)
    for name in (INPUTS_FILE, *inputs.files):
        shutil.copyfile(source.file(name), context.out / name)
    known: dict[str, Any] = {
        key: source.manifest.summary[key] for key in ("parameters", "nonzero", "macs") if key in source.manifest.summary
    }
    if source.manifest.summary.get("unpacked") == "zeros":  # they are in this graph, too, and no kernel passes over them
        known["unpacked"] = "zeros"
    facts: dict[str, Any] = {**known, "bits": settings["bits"], "scheme": settings["scheme"]}
    graph, raised = _raised(context, source.file(MODEL_FILE))
    facts |= raised
    fidelity = Fidelity(context, graph)
    made = {"simulated": _simulated, "weight-only": _weight_only, "fp16": _half}.get(settings["scheme"], _best_int8)
    facts |= made(context, fidelity)
    if bits := settings.get("cache_bits"):
        facts |= _quantize_cache(context, fidelity, bits)
    facts["validation"] = fidelity.of(context.out / MODEL_FILE)
    context.report.log(fidelity.words(facts["validation"]))
    if raised:
        for path in graph_files(graph):
            path.unlink()
    _sign(context)
    return facts


def _raised(context: StepContext, source: Path) -> tuple[Path, dict[str, Any]]:
    """The graph with operators that weights can be rounded in: as it is, or a copy in the step's folder; and its facts."""
    before = opset_of(source)
    if before >= LEAST:
        return source, {}
    target = context.out / "raised.onnx"
    raise_opset(source, target)
    context.report.log(
        f"The graph was written for ONNX operator set {before} and was raised to {LEAST}, so that it can be rounded."
    )
    return target, {"raised_from": before}


def recover_rounded(context: StepContext) -> dict[str, Any]:
    """The model fine-tuned while it sees its weights rounded as ``quantize`` will round them; they lie on their levels."""
    saved, settings = load_input(context, "model"), context.settings
    grid = {name: settings[name] for name in ("bits", "symmetric", "granularity", "group_size") if name in settings}
    weights = read_as_blocks(saved.module) if settings["blocks"] else prunable_weights(saved.module)
    rounded = RoundedWeights(weights, Rounding(**grid))
    training = fit(
        context,
        saved,
        recovery_losses(context),
        seed=settings["seed"],
        after_step=rounded.after_step,
        companion=rounded,
    )
    return keep(context, saved, training)


def _simulated(context: StepContext, fidelity: Fidelity) -> dict[str, Any]:
    """Rounded weights in a float graph, and the packed file."""
    model = load_graph(fidelity.source)
    weights = weights_of(model)
    rounded = _rounded(context, model, weights)
    facts = {**_inside(model, rounded), "rounded_activations": 0}
    if context.settings.get("activations") == "8":
        facts["rounded_activations"] = round_inputs(model, ranges_of(context, model))
    return facts | write_simulated(model, rounded, context.out / MODEL_FILE, context.out / PACKED_FILE)


def _weight_only(context: StepContext, fidelity: Fidelity) -> dict[str, Any]:
    """A graph that multiplies blocks; it must compute what the same weights in float do, but for its rounded inputs."""
    model = load_graph(fidelity.source)
    weights = storable(model, weights_of(model))
    if not weights:
        raise StageFailed(
            "This graph has no matrix product and no embedding that ONNX Runtime could read in blocks. Choose scheme: simulated."
        )
    rounded = _rounded(context, model, weights)
    facts = _inside(model, rounded)
    check = context.out / "rounded.onnx"
    write_simulated(model, rounded, check, context.out / PACKED_FILE)
    (context.out / PACKED_FILE).unlink()  # the graph itself is the packed form
    facts["products"] = write_blocks(model, rounded)
    save_graph(model, context.out / MODEL_FILE)
    facts["parity"] = fidelity.difference(context.out / MODEL_FILE, check)
    check.unlink()
    data_file(check).unlink(missing_ok=True)
    if not facts["parity"] <= PARITY:
        raise StageFailed(
            f"ONNX Runtime's block-wise products differ from the rounded weights by {facts['parity']:.2g} of the largest output. "
            "Choose more bits, or scheme: simulated."
        )
    return facts


def _quantize_cache(context: StepContext, fidelity: Fidelity, bits: int) -> dict[str, Any]:
    """Let the graph that was made keep its cache in few bits; what a token then takes of memory."""
    arrays = fidelity.training(context.settings["calibration_examples"])
    ranges = cache_ranges(load_graph(fidelity.source), arrays, context.report.check)
    model = load_graph(context.out / MODEL_FILE)
    quantize_cache(model, ranges, bits)
    save_graph(model, context.out / MODEL_FILE)
    numbers = sum(each.size for each in ranges.sizes.values())
    context.report.log(f"The KV cache takes {numbers * bits // 8:,} bytes a token in place of {4 * numbers:,}.")
    return {"cache_bits": bits, "cache_bytes_a_token": numbers * bits // 8}


def _half(context: StepContext, fidelity: Fidelity) -> dict[str, Any]:
    save_graph(to_half(load_graph(fidelity.source)), context.out / MODEL_FILE)
    context.report.log(f"{NOTE}.")
    return {"note": NOTE}


def _rounded(context: StepContext, model: onnx.ModelProto, weights: list[Weight]) -> list[Rounded]:
    """All these weights on the grids of the settings; where they are scaled, the graph divides their inputs."""
    choices = choices_of(context, weights)
    names = [weight.name for weight in weights]
    rounded = round_weights(weights, choices, calibrated_of(context, model, names), context.report.check)
    divide_inputs(model, {each.weight.name: each.divisors for each in rounded if each.divisors is not None})
    return rounded


def _inside(model: onnx.ModelProto, rounded: list[Rounded]) -> dict[str, Any]:
    """Bits of each layer, the share of the numbers that is rounded, and how many stay in float."""
    done = {each.weight.name: each.codes.size for each in rounded}
    total = sum(_size(tensor) for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    count = sum(done.values())
    return {
        "layers": [each.row() for each in rounded],
        "average_bits": round(sum(each.grid.bits * each.codes.size for each in rounded) / max(1, count), 3),
        "rounded_weights": count,
        "rounded_share": round(count / max(1, total), 4),
        "left_float": total - count,
    }


def _size(tensor: onnx.TensorProto) -> int:
    count = 1
    for size in tensor.dims:
        count *= size
    return count


def _best_int8(context: StepContext, fidelity: Fidelity) -> dict[str, Any]:
    """The int8 graph that was chosen for this step before, or the one that is chosen now and recorded (see ``fastest``)."""
    names = list(variants(context.settings["scheme"]))
    what = f"int8 variant of {', '.join(names)}"  # the processor's instruction sets decide which there are
    chosen, before = recorded_choice(context, what, lambda: _chosen_int8(context, fidelity))
    path = context.out / f"{names.index(chosen['variant'])}.onnx"
    if before:
        _write_variant(context, fidelity, chosen["variant"], path)
        context.report.log(f"{chosen['variant']}, as chosen on this processor when the step was first run.")
    _keep(context.out, path, len(names))
    return {**chosen, **_stored(context.out / MODEL_FILE)}


def _chosen_int8(context: StepContext, fidelity: Fidelity) -> dict[str, Any]:
    """Write every variant, score it on validation data, and time those that lose no more than allowed against each other."""
    paths: dict[str, Path] = {}
    scores: dict[str, float] = {}
    for number, name in enumerate(variants(context.settings["scheme"])):
        context.report.check()
        path = context.out / f"{number}.onnx"
        if _write_variant(context, fidelity, name, path):
            paths[name], scores[name] = path, fidelity.of(path)["quantized"]
            context.report.log(f"{name}: {scores[name]:.2f} on validation data")
    order = near_best(scores, problem_of(context.facts).watched(context.facts.headline))
    choice = fastest(paths, order, fidelity.one(), context.report.log)
    return {**choice, "variants": {name: {"validation": score} for name, score in scores.items()}}


def _write_variant(context: StepContext, fidelity: Fidelity, name: str, path: Path) -> bool:
    """Write the int8 graph of that name; False where this graph has no such variant."""
    settings = context.settings
    options = variants(settings["scheme"])[name]
    if settings["scheme"] == "dynamic":
        return write_dynamic(fidelity.source, path, **options, sample=fidelity.few())
    arrays = fidelity.training(settings["calibration_examples"])
    write_static(fidelity.source, path, arrays, **options, calibration=settings.get("calibration", "min-max"))
    return True


def _keep(folder: Path, kept: Path, count: int) -> None:
    """Make that variant the model and remove the others, with the weights that stand beside large ones."""
    if data_file(kept).exists():
        save_graph(load_graph(kept), folder / MODEL_FILE)
    else:
        kept.rename(folder / MODEL_FILE)
    for each in range(count):
        path = folder / f"{each}.onnx"
        path.unlink(missing_ok=True)
        data_file(path).unlink(missing_ok=True)


def _stored(path: Path) -> dict[str, Any]:
    """How many weights an int8 graph keeps in 8 bits and in float; scales, zero-points and biases count with the float ones."""
    tensors = onnx.load(path, load_external_data=False).graph.initializer
    weights = [tensor for tensor in tensors if len(tensor.dims) >= 2]
    eight = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    small = [tensor for tensor in weights if tensor.data_type in eight]
    left = sum(_size(tensor) for tensor in tensors if tensor.data_type == onnx.TensorProto.FLOAT)
    count = sum(map(_size, small))
    return {
        "layers": [{"name": tensor.name.removesuffix("_quantized"), "bits": 8, "weights": _size(tensor)} for tensor in small],
        "rounded_weights": count,
        "rounded_share": round(count / max(1, count + left), 4),
        "left_float": left,
    }


def _sign(context: StepContext) -> None:
    """Write into the file which step made it and how."""
    settings = {name: value for name, value in context.settings.items() if name != "machine"}
    values = {"kdui.step": context.step.digest, "kdui.quantization": json.dumps(settings)}
    write_metadata(context.out / MODEL_FILE, values)
