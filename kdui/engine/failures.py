"""Errors of libraries below us, known by their words: memory that ran out, with the knob that helps, and a lost GPU."""

from collections.abc import Sequence

from kdui.core.plan import Step

# PyTorch, ONNX Runtime, safetensors, the C++ library, the loader of libraries and oneDNN each say it their own way.
_NO_MEMORY = (
    "out of memory",
    "t allocate memory",
    "cannot allocate memory",
    "allocate memory for",
    "bad_alloc",
    "bad allocation",
    "failed to map segment",
    "could not create a primitive",
    "could not create a memory",
)
_GPU_LOST = (
    "no cuda-capable device",
    "device(s) is/are busy or unavailable",
    "fallen off the bus",
    "uncorrectable ecc",
    "unspecified launch failure",
    "driver shutting down",
    "cuda error: hardware",
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether the machine or the GPU had no memory left."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or any(part in text for part in _NO_MEMORY)
    )


def gpu_is_lost(error: BaseException) -> bool:
    """Whether the GPU stopped answering: a new process may find it again."""
    return isinstance(error, RuntimeError) and any(part in str(error).lower() for part in _GPU_LOST)


def memory_advice(plan: Sequence[Step], running: str, device: str) -> str:
    """What ran out, and the setting of the step under way that makes it need less. ``running``: the step's name."""
    step = next((step for step in plan if step.name == running), None)
    place = "the GPU" if device.startswith("cuda") else "the machine"
    where = f" in step {running}" if running else ""
    size = step.settings.get("batch_size") if step else None
    if step is None or not isinstance(size, int):
        return f"There was not enough memory on {place}{where}. Choose a smaller model, or end other programs, then resume."
    if size > 1:
        advice = f"Lower {step.stage}.batch_size (now {size})"
        if step.settings.get("epochs") and step.settings.get("accumulate", 1) == 1:  # a knob at its default may be left out
            advice += f", or raise {step.stage}.accumulate, which gives the same updates with less memory"
    elif step.settings.get("epochs") and not step.settings.get("recompute"):
        advice = f"Set {step.stage}.recompute, which keeps fewer values for the backward pass"
    else:
        advice = "Choose a smaller model"
    return f"There was not enough memory on {place}{where}. {advice}, then resume; finished steps are kept."
