"""What an ONNX file from anywhere says of itself at once: its size, weights and operations.

Read off protobuf's wire format, names and shapes only: no weight is read, nothing is parsed by a library, and a file of countless
parts is left after the first ``MOST_FIELDS``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from kdui.catalogue.black_box import answers_file, graph_files
from kdui.catalogue.reach import require_reach
from kdui.core.errors import ContainerCorrupt, RecipeError
from kdui.core.plain import Frozen
from kdui.core.recipe import ModelRef
from kdui.kdz.graph_bytes import DATA_TYPE, DATA_TYPES, DEEPEST, DIMS, FIXED32, FIXED64, INSIDE, LENGTH, VARINT
from kdui.settings import Settings

MOST_FIELDS = 200_000  # of a file: some tenths of a second
WEIGHTS = {
    number for number, (name, _) in DATA_TYPES.items() if name.startswith(("float", "bfloat")) or name in ("int8", "uint8")
}


class GraphFigures(Frozen):
    """``file_bytes`` with those of weights that lie beside it; ``weights``: numbers in its tensors, lone ones left out."""

    file_bytes: int
    weights: int
    operations: int


def graph_figures(ref: ModelRef, settings: Settings) -> GraphFigures:
    """The figures of ``onnx:PATH``; raises RecipeError where there is no such file, or none that can be read."""
    require_reach(ref.name, settings)
    path = answers_file(ref)
    facts = [(file, file.stat()) for file in graph_files(path)]
    return _figures(path, sum(fact.st_size for _, fact in facts), tuple(fact.st_mtime_ns for _, fact in facts))


@lru_cache(maxsize=64)
def _figures(path: Path, file_bytes: int, _changed: tuple[int, ...]) -> GraphFigures:
    try:
        with path.open("rb") as file:
            count = _Count(file)
            count.walk("model", path.stat().st_size, 0)
    except (OSError, ContainerCorrupt) as error:
        raise RecipeError(f"{path} cannot be read as an ONNX file. Export it again.") from error
    if not count.operations or count.weights > file_bytes:  # a weight of these types takes a byte or more
        raise RecipeError(f"{path} cannot be read as an ONNX file. Export it again.")
    return GraphFigures(file_bytes=file_bytes, weights=count.weights, operations=count.operations)


@dataclass
class _Count:
    """Counts on the way through a file's messages."""

    file: BinaryIO
    weights: int = 0
    operations: int = 0
    seen: int = 0
    value: int = 0  # of the last field that is a number

    def walk(self, message: str, end: int, depth: int) -> None:
        """One message up to ``end``; raises ContainerCorrupt where it is none."""
        if depth > DEEPEST:
            raise ContainerCorrupt("Graphs within graphs.")
        for number, length in self._fields(end):
            inner = INSIDE[message].get(number)
            if inner is None or length is None:
                continue
            self.operations += inner == "node"
            stop = self.file.tell() + length
            if inner == "tensor":
                self._tensor(stop)
            else:
                self.walk(inner, stop, depth + 1)

    def _tensor(self, end: int) -> None:
        size, kind = 1, 0
        for number, length in self._fields(end):
            if number == DIMS and length is not None:  # packed
                stop = self.file.tell() + length
                while self.file.tell() < stop:
                    size *= self._varint()
            elif number == DIMS:
                size *= self.value
            elif number == DATA_TYPE:
                kind = self.value
        if kind in WEIGHTS and size > 1:
            self.weights += size

    def _fields(self, end: int) -> Iterator[tuple[int, int | None]]:
        """Number of each field, and bytes of its content where it has some: the file then stands before them."""
        while self.file.tell() < end:
            self.seen += 1
            if self.seen > MOST_FIELDS:
                raise ContainerCorrupt("Too many parts.")
            number, wire = divmod(self._varint(), 8)
            if wire == VARINT:
                self.value = self._varint()
                yield number, None
                continue
            if wire not in (LENGTH, FIXED64, FIXED32):
                raise ContainerCorrupt("A field of an unknown kind.")
            length = self._varint() if wire == LENGTH else 8 if wire == FIXED64 else 4
            stop = self.file.tell() + length
            if stop > end:
                raise ContainerCorrupt("A field is cut off.")
            yield number, length
            self.file.seek(stop)

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 64, 7):
            byte = self.file.read(1)
            if not byte:
                break
            value |= (byte[0] & 127) << shift
            if byte[0] < 128:
                return value
        raise ContainerCorrupt("A number without end.")
