"""What ``doctor`` finds: this machine's processor and GPUs, the versions of what measures, the store, and what is missing."""

import shutil
from pathlib import Path
from typing import Any

from kdui import machine
from kdui.catalogue.recipe_files import named_artifacts
from kdui.cli.keeping import total, written
from kdui.core.errors import KduiError
from kdui.store.waste import waste
from kdui.workbench.workbench import Workbench


def examination(bench: Workbench) -> dict[str, Any]:
    """What this machine can do: processor, GPUs, versions, store, sources."""
    home = bench.settings.home
    names, why = machine.look_for_gpus()
    quota = machine.cpu_quota()
    return {
        "processor": machine.cpu_name(),
        "cores": machine.cores(),
        "instruction sets": ", ".join(machine.notable_flags()) or "none that speed up low bits",
        "int8": "fast (dot products in hardware)"
        if machine.cpu_flags() & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}
        else "works; without dot products in hardware it gains less speed and may slow small networks down",
        "share of the processor": f"{quota:g} cores (control group)" if quota is not None else "all of these cores",
        "GPUs": ", ".join(names) or f"none: runs use the CPU. {why}".strip(),
        "slots": ", ".join(machine.slots(bench.settings.runs_per_gpu)),
        "versions": ", ".join(f"{name} {number}" for name, number in machine.versions().items()),
        "store": str(home),
        "free disk": _free_disk(home),
        "disk use": disk_use(bench),
        "runs": _runs(bench),
        "network": "off (KDUI_OFFLINE)" if bench.settings.offline else "used when data or weights are missing",
        "own data": str(bench.settings.data_dir or "none (KDUI_DATA_DIR)"),
        **({"settings": " ".join(bench.settings.notes)} if bench.settings.notes else {}),
    }


def _free_disk(home: Path) -> str:
    """Where the home lies or would lie."""
    there = next((path for path in (home, *home.parents) if path.exists()), home)
    try:
        return f"{shutil.disk_usage(there).free / 1e9:.1f} GB"
    except OSError as error:
        return f"not known ({error.strerror})"


def disk_use(bench: Workbench) -> str:
    """What artifacts take, what they may take, and what ``gc`` would free; or why that cannot be told."""
    try:
        taken = sum(item.bytes for item in bench.store.artifacts.stored())
        freed = total(waste(bench.store, named_artifacts(bench.settings)))
    except KduiError as error:
        return f"not known: {error}"
    most = f" of {bench.settings.store_gb:g} GB (KDUI_STORE_GB)" if bench.settings.store_gb else ""
    return f"artifacts take {written(taken)}{most}; 'gc' would free {written(freed)}"


def _runs(bench: Workbench) -> int | str:
    """How many there are, or why the store cannot be opened: this command is for finding out."""
    try:
        return sum(bench.store.runs.counts().values())
    except KduiError as error:
        return f"not known: {error}"
