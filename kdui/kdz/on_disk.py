"""Containers on disk: an ONNX file with its data files into one .kdz, and back."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kdui.core.errors import KduiError
from kdui.kdz.container import MODEL, MOST_BYTES, Packed, pack, unpack
from kdui.kdz.graph_bytes import weights_of


def pack_file(source: Path, target: Path, bases: Mapping[str, np.ndarray] | None = None) -> Packed:
    """Write the container of an ONNX file; data files are looked for beside it. ``bases`` as in ``pack``. Raises KduiError."""
    packed = pack(read_model(source), bases=bases)
    write_whole(target, packed.data)
    return packed


def unpack_file(source: Path, target: Path, most_bytes: int | None = None) -> list[Path]:
    """Write the model of a container as ``target`` and its data files beside it, and say where all went.

    Raises ContainerCorrupt for a damaged container, and KduiError where a data file would replace one that is there.
    """
    (_, model), *others = unpack(read_file(source), most_bytes).items()
    for name, data in others:
        place = target.parent / name
        if place == target or (place.exists() and place.read_bytes() != data):
            raise KduiError(f"{place} is in the way of the model's data file. Unpack into an empty folder.")
    for name, data in others:
        write_whole(target.parent / name, data)
    write_whole(target, model)
    return [target, *(target.parent / name for name, _ in others)]


def read_model(path: Path) -> dict[str, bytes]:
    """An ONNX file and the data files that it names, the model first, under the name that it has in a container."""
    model = read_file(path)
    files = {MODEL: model}
    for one in weights_of(model):
        if one.file and one.file not in files:
            place = path.parent / one.file
            if Path(one.file).name != one.file:
                raise KduiError(f"{path} keeps weights in '{one.file}', outside its folder. Save it with its data beside it.")
            files[one.file] = read_file(place)
    return files


def write_whole(path: Path, data: bytes) -> None:
    """Write under a temporary name and rename, so that nobody meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name[:40] + ".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_file(path: Path) -> bytes:
    """A whole file; raises KduiError in words where it is none (a device never ends) or larger than any that is packed."""
    try:
        if not path.is_file():
            raise KduiError(f"There is no file {path}. Check its name.")
        if path.stat().st_size > MOST_BYTES:
            raise KduiError(
                f"{path} has {path.stat().st_size:,} bytes; files up to {MOST_BYTES:,} are read. Use a smaller model."
            )
        return path.read_bytes()
    except OSError as error:
        raise KduiError(f"{path} cannot be read ({error.strerror}). Check its name.") from None
