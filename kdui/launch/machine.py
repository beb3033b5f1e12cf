"""What this machine is: processor, flags, GPUs, and the name under which its latencies are kept. No torch."""

import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kdui.core.errors import DeviceUnavailable

VERSIONED = ("torch", "onnxruntime", "onnx", "transformers", "numpy")
# What decides speed in few bits, best first.
NOTABLE = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512f", "avx2", "asimddp", "asimd")
SHORT = {
    "amx_int8": "AMX",
    "avx512_vnni": "VNNI",
    "avx_vnni": "VNNI",
    "avx512_bf16": "BF16",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "asimddp": "NEON dot product",
    "asimd": "NEON",
}


@cache
def _cpuinfo() -> dict[str, str]:
    """The first processor's block of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    first = text.split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}


@cache
def cpu_name() -> str:
    """The processor's name with its family and model numbers, since virtual machines often hide the name."""
    info = _cpuinfo()
    if name := info.get("model name") or info.get("Model"):
        numbers = f" family {info['cpu family']} model {info['model']}" if "cpu family" in info else ""
        return name + numbers
    if platform.system() == "Darwin":
        found = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        return found.stdout.strip() or platform.machine()
    return platform.processor() or platform.machine()


@cache
def cpu_flags() -> frozenset[str]:
    """Instruction sets by the kernel's names."""
    info = _cpuinfo()
    return frozenset((info.get("flags") or info.get("Features") or "").split())


def notable_flags() -> list[str]:
    """The instruction sets that matter for low-bit speed, best first."""
    return [flag for flag in NOTABLE if flag in cpu_flags()]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def gpus() -> tuple[str, ...]:
    """Names of the NVIDIA GPUs that the driver lists; empty where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        found = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, check=False, timeout=10
        )
    except subprocess.TimeoutExpired:
        return ()
    return tuple(line.strip() for line in found.stdout.splitlines() if line.strip()) if found.returncode == 0 else ()


def slots(runs_per_gpu: int = 1) -> list[str]:
    """Where runs can run at the same time: one slot or several a GPU, else one for the CPU.

    The second slot of a GPU is ``cuda:0/2``; each GPU has its first one before any has a second.
    """
    shares = ["", *(f"/{number}" for number in range(2, runs_per_gpu + 1))]
    return [f"cuda:{index}{share}" for share in shares for index in range(len(gpus()))] or ["cpu"]


def device_of(slot: str) -> str:
    """The device that a slot is a share of."""
    return slot.partition("/")[0]


def devices() -> list[str]:
    """What a person may ask for."""
    return ["auto", "cpu", *(slot for slot in slots() if slot != "cpu")]


def require_device(device: str) -> None:
    """Refuse a device that this machine does not have, in words."""
    if device not in devices():
        raise DeviceUnavailable(f"This machine has no device '{device}'. Choose one of: {', '.join(devices())}.")


@cache
def versions() -> dict[str, str]:
    """Versions of what decides a measurement."""
    found = {"python": platform.python_version()}
    for package in VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def fingerprint() -> str:
    """Names this machine and its runtime: a latency measured on another one is not a cache hit."""
    facts = [cpu_name(), sorted(cpu_flags()), cores(), gpus(), versions().get("onnxruntime")]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def summary() -> str:
    """The header's chip, e.g. ``CPU · 2 cores · VNNI``."""
    if gpus():
        return " · ".join(gpus())
    flags = [SHORT[flag] for flag in notable_flags()[:1]]
    return " · ".join(["CPU", f"{cores()} core{'s' if cores() != 1 else ''}", *flags])
