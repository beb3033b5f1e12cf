"""Where a measured number comes from, in the words that every part of Measure shares."""

from typing import Any

from kdui.core.artifact import Artifact
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.machine import cpu_name, gpus, notable_flags, versions

SIMULATED_ACCURACY = "weights rounded inside a float graph"
SIMULATED_SPEED = "speed of the unpacked float model: this bit-width has no kernel"


def is_simulated(model: Artifact) -> bool:
    """Whether its accuracy is that of rounded weights in a float graph."""
    return model.manifest.summary.get("scheme") == "simulated"


def unpacked_note(model: Artifact) -> str:
    """A caveat for its speed: the packed form has no kernel; empty for a file that runs as it is."""
    if is_simulated(model):
        return SIMULATED_SPEED
    packed = model.manifest.summary.get("unpacked")
    return f"speed of the unpacked model: no kernel computes with its packed form ({packed})" if packed else ""


def variant_note(model: Artifact) -> str:
    """Which of several int8 graphs it is and by which readings that was decided; empty for any other model."""
    summary = model.manifest.summary
    if "variant" not in summary:
        return ""
    decided = [
        f"{each['variant']} ran {each['ratio']:.2f} ({each['low']:.2f} to {each['high']:.2f}) times as fast as {each['against']}"
        for each in summary.get("readings", ())
    ]
    return f"int8 graph {summary['variant']}" + (f", chosen because {'; '.join(decided)}" if decided else "")


def provenance(device: str = "cpu", **values: Any) -> Provenance:
    """Measured here and now on the processor, or on the GPU that ``cuda:0`` names."""
    if device == "cpu":
        name = f"{cpu_name()} ({', '.join(notable_flags())})" if notable_flags() else cpu_name()
    else:
        name = dict(enumerate(gpus())).get(int(device.partition(":")[2] or 0), device)
    return Provenance(**{"origin": Origin.MEASURED, "device": name, "versions": versions(), **values})


def row(metric: str, value: float, unit: str, source: Provenance, better: bool | None = False, **values: Any) -> Measurement:
    """A measurement; ``better``: whether higher is."""
    return Measurement(metric=metric, value=float(value), unit=unit, higher_is_better=better, provenance=source, **values)


def accuracy_provenance(model: Artifact, n: int) -> Provenance:
    """Measured on test data, or simulated where the weights are rounded in a float graph."""
    simulated = is_simulated(model)
    return provenance(
        n=n,
        split="test",
        origin=Origin.SIMULATED if simulated else Origin.MEASURED,
        note=SIMULATED_ACCURACY if simulated else "",
    )


def noted(source: Provenance, note: str) -> Provenance:
    """The same with one more thing that a reader must know."""
    return source.model_copy(update={"note": "; ".join(filter(None, (source.note, note)))})
