"""What this machine is: processor, flags, GPUs, and the name under which its latencies are kept. No torch."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kdui.core.errors import DeviceUnavailable

VERSIONED = ("torch", "onnxruntime", "onnx", "transformers", "numpy")
# What decides speed in low precision, best first.
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
    """Cores that this process may use at a time: by its affinity, by the share that a container is given (``--cpus``), and by
    OMP_NUM_THREADS, with which people keep all programs of this field to a number of threads.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wished = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # what follows a comma is for nested loops
    if wished.isdecimal() and int(wished):
        allowed = min(allowed, int(wished))
    quota = cpu_quota()
    # Rounded down: threads beyond the share are stopped in the middle of a step, and all others wait for them there.
    return allowed if quota is None else max(1, min(allowed, int(quota + 0.01)))


@cache
def cpu_quota(root: Path = Path("/")) -> float | None:
    """Processors' worth of time that the control groups of this process grant, the least of them; None without a limit."""
    found = [quota for folder in _group_folders(root) if (quota := _quota_in(folder)) is not None]
    return min(found, default=None)


def _group_folders(root: Path) -> list[Path]:
    """This process's groups and all above them: of version 2 (line ``0::/path``) and of version 1's controller ``cpu``."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        for mount in ("cpu", "cpu,cpuacct") if controllers else ("", "unified"):
            base = root / "sys/fs/cgroup" / mount
            here = base / path.lstrip("/")
            folders += [folder for folder in (here, *here.parents) if folder == base or base in folder.parents]
    return folders


def _quota_in(folder: Path) -> float | None:
    try:
        if (both := folder / "cpu.max").is_file():
            quota, period = both.read_text(encoding="utf-8").split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8") for name in ("quota", "period"))
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return None


def gpus() -> tuple[str, ...]:
    """Names of the GPUs that PyTorch can use here, by its own numbers."""
    return look_for_gpus()[0]


@cache
def look_for_gpus() -> tuple[tuple[str, ...], str]:
    """Names of the GPUs that PyTorch sees, and where it sees none, why: a sentence, empty where there is no driver either.

    PyTorch is asked in a process of its own, once, and only where a driver, a CUDA build and the environment let it see one.
    """
    driver = _driver_lists()
    if not driver:
        return (), ""
    there = f"The NVIDIA driver lists {', '.join(driver)}, but"
    if not _torch_has_cuda():
        return (), f"{there} PyTorch is a build for the processor alone. Install a CUDA build of torch to use it."
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1", "NoDevFiles"):
        return (), f"{there} CUDA_VISIBLE_DEVICES='{visible}' hides it. Unset it to use it."
    names, problem = _ask_torch()
    shown = f" with CUDA_VISIBLE_DEVICES='{visible}'" if visible is not None else ""
    return (
        names,
        "" if names else f"{there} PyTorch sees none{shown}{problem}. A newer driver or another build of torch may help.",
    )


def _driver_lists() -> tuple[str, ...]:
    """Names that the driver's own program gives."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        found = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(line.strip() for line in found.stdout.splitlines() if line.strip()) if found.returncode == 0 else ()


def _torch_has_cuda() -> bool:
    """Whether the installed PyTorch was built for CUDA, read from its version file: importing it takes seconds."""
    spec = PathFinder.find_spec("torch")
    try:
        text = (Path(str(spec.origin)).parent / "version.py").read_text(encoding="utf-8") if spec else ""
    except OSError:
        return False
    return re.search(r"^cuda\b[^=]*=\s*['\"]", text, re.MULTILINE) is not None


def _ask_torch() -> tuple[tuple[str, ...], str]:
    """The names that PyTorch gives, and what it said where it gives none."""
    program = "import json, torch; print(json.dumps([torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]))"
    try:
        found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=90)
        return tuple(json.loads(found.stdout.splitlines()[-1])), ""
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), f" ({type(error).__name__})"
    except (ValueError, IndexError):
        last = next(reversed(found.stderr.strip().splitlines()), "")[:200]
        return (), f" ({last})" if last else ""


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
