"""Export in a process of its own: ``python -m kdui.methods.deliver.export.subprocess_export FOLDER SAMPLE.npz OPSET TARGET``.

torch 2.13's exporter fixes the length of an LSTM's second graph in one process to that of its sample; the first one in a
process keeps it free.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from kdui.core.errors import StageFailed

TIME_LIMIT = 600.0
PROGRAM = str(Path(__file__).resolve().parents[4])


def accepts_any_size(path: Path, axes: Mapping[str, tuple[str, ...]]) -> bool:
    """True when batch and length, as the modality names its ``axes``, are free in the graph's inputs."""
    return all(
        dimension.dim_param
        for item in onnx.load(path, load_external_data=False).graph.input
        for axis, dimension in zip(axes[item.name], item.type.tensor_type.shape.dim, strict=True)
        if axis in ("batch", "length")
    )


def export_alone(
    folder: Path, sample: dict[str, np.ndarray], axes: Mapping[str, tuple[str, ...]], opset: int, target: Path
) -> None:
    """Export the saved model of a folder in a fresh process; raises StageFailed when sizes are still fixed."""
    with tempfile.TemporaryDirectory(prefix="kdui-export-") as place:
        np.savez(Path(place) / "sample.npz", **sample)  # type: ignore[arg-type]
        command = [
            sys.executable,
            "-m",
            "kdui.methods.deliver.export.subprocess_export",
            str(folder),
            str(Path(place) / "sample.npz"),
            str(opset),
            str(target),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [PROGRAM, os.environ.get("PYTHONPATH")]))}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    if done.returncode != 0 or not accepts_any_size(target, axes):
        last = (done.stderr.strip().splitlines() or ["its input sizes are fixed"])[-1]
        raise StageFailed(f"The model could not be exported for inputs of any size ({last}). Choose another model.")


def main(folder: Path, sample: Path, opset: int, target: Path) -> None:
    """Load, export, save."""
    from kdui.methods.deliver.export.to_onnx import write_onnx
    from kdui.modalities import modality_of
    from kdui.models.module_store import load_model

    module, _, inputs = load_model(folder)
    with np.load(sample, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    write_onnx(module, arrays, modality_of(inputs.modality).AXES, opset, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
