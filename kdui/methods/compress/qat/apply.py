"""Quantization-aware training: the model in hand learns with rounded weights and inputs, and is kept on its grid."""

from typing import Any

from kdui.core.knobs.low_bits import unpacked_words
from kdui.core.words import percent
from kdui.methods.compress.fine_tuning import fine_tune
from kdui.methods.compress.qat.packing import write_packed
from kdui.models.low_bits import QUANTIZATION_FILE
from kdui.store.artifacts import write_json
from kdui.training.compression_chain import Composed, HeldZeros
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input
from kdui.training.low_bits import LowBitTraining
from kdui.training.saved import SavedModel


def qat(context: StepContext) -> dict[str, Any]:
    """The model with its weights on a grid; weights that pruning removed stay zero, which is a level of every grid."""
    saved = load_input(context, "model")
    rounding = low_bit_training(context, context.settings["granularity"] == "channel", context.settings["ends"])
    summary = fine_tune(context, saved, compression=Composed(rounding, HeldZeros()))
    return {**summary, **keep_low_bits(context, saved, rounding)}


def low_bit_training(context: StepContext, per_channel: bool = True, ends: bool = True) -> LowBitTraining:
    """The compression that the step's knobs ``weight_bits`` and ``activation_bits`` set."""
    settings = context.settings
    return LowBitTraining(
        settings["weight_bits"], settings.get("activation_bits", 0), context.facts.outputs, per_channel=per_channel, ends=ends
    )


def keep_low_bits(context: StepContext, saved: SavedModel, rounding: LowBitTraining) -> dict[str, Any]:
    """Write the grids and the packed file beside the kept model; returns their part of the summary."""
    quantization = rounding.quantization
    write_json(context.out / QUANTIZATION_FILE, quantization.model_dump())
    weights = dict(saved.module.named_parameters())
    rounded = sum(weights[f"{name}.weight"].numel() for name in quantization.layers)
    share = rounded / sum(weight.numel() for weight in weights.values())
    context.report.log(
        f"{len(quantization.layers)} layers with {percent(share, 1)} of the weights are on their grid; the rest stays in fp32."
    )
    return {
        "packed_bytes": write_packed(saved.module, quantization, context.out),
        "weight_bits": rounding.weight_bits,
        "activation_bits": rounding.activation_bits,
        "rounded_share": round(share, 4),
        **unpacked_words(rounding.weight_bits),
    }
