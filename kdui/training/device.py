"""The device of a run in torch's terms, and the precision that helps on it."""

import contextlib
import os
from typing import Any

import torch

from kdui.core.errors import DeviceUnavailable
from kdui.machine import cores, cpu_flags, device_of

BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def torch_device(slot: str) -> torch.device:
    """``cpu`` or ``cuda:N`` of a slot; raises DeviceUnavailable in words."""
    slot = device_of(slot)
    if slot == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise DeviceUnavailable(
            f"The run needs {slot}, but PyTorch sees no CUDA device here. Choose device cpu, or install a CUDA build of torch."
        )
    index = int(slot.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise DeviceUnavailable(
            f"The run needs {slot}, but this machine has {torch.cuda.device_count()} CUDA device(s). Choose one of them."
        )
    return torch.device("cuda", index)


def autocast(device: torch.device) -> Any:
    """bf16 autocast where the hardware multiplies bf16: on other processors it is emulated and slower than fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if multiplies_bf16(device) else contextlib.nullcontext()


def multiplies_bf16(device: torch.device) -> bool:
    """Whether training and inference on this device use bf16 autocast rather than fp32."""
    return device.type == "cuda" or bool(BF16_FLAGS & cpu_flags())


def prepare_torch(device: torch.device) -> None:
    """Deterministic kernels, and all cores of the machine on the one CPU slot."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Writing NaN into fresh memory would only show a kernel that reads it; it costs a tenth of a convolution's training.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch declares it at run time
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if device.type == "cuda":
        torch.cuda.set_device(device)  # checkpoints keep the random state of the current device
    else:
        torch.set_num_threads(cores())
        # Denormals slow the last epochs of small networks by several times and change no result that matters.
        torch.set_flush_denormal(True)


def device_name(device: torch.device) -> str:
    """What provenance shows: the GPU's name, or the processor's."""
    from kdui.machine import cpu_name

    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
