"""ONNX files of any size: beyond 1.5 GB the weights stand in one file beside the graph, and never outside its folder."""

from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from kdui.core.errors import StageFailed
from kdui.runtime.graph_notes import without_notes

LARGEST = 1_500_000_000  # bytes of a graph in one file; protobuf ends at 2 GiB
SMALLEST_APART = 1024  # bytes of a tensor that goes into the file beside the graph


def is_large(size: int) -> bool:
    """Whether a graph of this many bytes keeps its weights in a file beside it."""
    return size > LARGEST


def data_file(path: Path) -> Path:
    """Where the weights of a large graph lie."""
    return path.with_name(path.name + ".data")


def load_graph(path: Path) -> onnx.ModelProto:
    """The whole graph with its weights; raises StageFailed where it is no graph or points outside its folder."""
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise StageFailed(f"{path.name} cannot be read as an ONNX graph ({error}). Export the model again.") from None
    external_files(model, path.parent)
    onnx.load_external_data_for_model(model, str(path.parent))
    return model


def external_files(model: onnx.ModelProto, folder: Path) -> list[Path]:
    """The files beside the graph that hold its weights; raises StageFailed for one outside ``folder`` or too short."""
    files: dict[Path, None] = {}
    for tensor in model.graph.initializer:
        if not uses_external_data(tensor):
            continue
        try:
            info = ExternalDataInfo(tensor)
        except ValueError as error:
            raise StageFailed(f"The weights of '{tensor.name}' cannot be found ({error}). Export the model again.") from None
        place = PurePosixPath(info.location)
        path = folder / info.location
        outside = place.is_absolute() or ".." in place.parts or "\\" in info.location
        if outside or not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
            raise StageFailed(f"The weights of '{tensor.name}' would be read from outside the model's folder. Use another file.")
        if not path.is_file() or (info.offset or 0) + (info.length or 0) > path.stat().st_size:
            raise StageFailed(f"The weights of '{tensor.name}' are missing from {info.location}. Export the model again.")
        files[path] = None
    return list(files)


def save_graph(model: onnx.ModelProto, path: Path) -> None:
    """Write the graph without an exporter's notes as one file, or a large one with its weights in ``data_file(path)``."""
    without_notes(model)
    beside = data_file(path)
    beside.unlink(missing_ok=True)  # onnx would append to it
    if not is_large(model.ByteSize()):
        onnx.save(model, path)
        return
    onnx.save(
        model,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=beside.name,
        size_threshold=SMALLEST_APART,
    )


def graph_files(path: Path) -> list[Path]:
    """The graph's file and those beside it that hold its weights."""
    return [path, *external_files(onnx.load(path, load_external_data=False), path.parent)]


def graph_bytes(path: Path) -> int:
    """Bytes of a graph with all that stands beside it."""
    return sum(file.stat().st_size for file in graph_files(path))
