"""Quantization after training: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import Counts
from kdui.core.recipe import Recipe
from kdui.machine import cpu_flags

FAST_INT8 = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}  # instructions for products of 8 bits


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """Weights keep as many bits as they are rounded to."""
    return counts.rounded_to(_bits(settings))


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """Where fewer bits bring no speed."""
    bits, scheme = _bits(settings), settings["scheme"]
    if scheme == "fp16":
        return ["fp16 halves the file size and is for GPUs: it is not faster on a CPU."]
    if bits < 8 and scheme != "weight-only":
        return [f"No {bits:g}-bit kernel on this CPU: file size is real, accuracy is simulated, speed is unchanged."]
    if bits == 8 and scheme != "weight-only" and not cpu_flags() & FAST_INT8:
        return [
            "This CPU has no int8 dot-product instructions (VNNI): int8 reduces size, but the speed-up is smaller, and small "
            "networks may get slower."
        ]
    return []


def _bits(settings: Mapping[str, Any]) -> float:
    """That a weight keeps; with mixed bits, on average."""
    if settings["scheme"] == "fp16":
        return 16.0
    return float(settings["average_bits"] if settings["allocation"] == "mixed" else settings["bits"])
