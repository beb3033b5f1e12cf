"""The knobs of training at low bits, which several stages share."""

from typing import Any

from kdui.core.errors import RecipeError
from kdui.core.plan import Step


def low_bit_remark(weight_bits: int, activation_bits: int) -> str:
    """How a model at low bits is told from others: W4A8, or W4 where activations are left as they are."""
    return f"W{weight_bits}" + (f"A{activation_bits}" if activation_bits else "")


def refuse_low_bits(stage: str, model: Step) -> None:
    """Raises RecipeError where a stage would round or change weights that were trained on a grid of few bits."""
    bits = model.settings.get("weight_bits")
    if bits:
        raise RecipeError(
            f"Stage '{stage}' would change the weights of {model.label}, which were trained on a grid of {bits} bits: "
            "export writes them with the scales they have learned. "
            f"Leave '{stage}' out, put it before the training at low bits, or set 'weight_bits: 0' there."
        )


def kernel_warnings(weight_bits: int) -> list[str]:
    """What a person should know before training at this many bits; 0 is float."""
    if not 0 < weight_bits < 8:
        return []
    return [f"No {weight_bits}-bit kernel on this CPU: file size is real, speed is that of 8 bits."]


def unpacked_words(weight_bits: int) -> dict[str, Any]:
    """What the summary says where no kernel computes in as few bits: speed is then that of the unpacked model."""
    return {"unpacked": f"{weight_bits}-bit weights"} if weight_bits < 8 else {}
