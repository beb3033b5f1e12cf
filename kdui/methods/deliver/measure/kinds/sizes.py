"""What a model costs to keep: bytes of its file, and what was counted at export."""

import zlib
from pathlib import Path

from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE
from kdui.core.measurement import Measurement
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import provenance, row
from kdui.runtime.graph_files import graph_bytes, graph_files
from kdui.training.context import StepContext


def sizes(context: StepContext, model: Artifact) -> list[Measurement]:
    """Bytes of the file, gzipped and packed, and what was counted at export."""
    path, summary = model.file(MODEL_FILE), model.manifest.summary
    values: list[tuple[str, float, str]] = [
        ("file_bytes", graph_bytes(path), "B"),
        ("gzip_bytes", sum(gzipped_bytes(file) for file in graph_files(path)), "B"),
    ]
    values += [
        (name, summary[name], unit)
        for name, unit in (("packed_bytes", "B"), ("parameters", ""), ("nonzero", ""), ("macs", "MAC"))
        if summary.get(name) is not None
    ]
    context.report.progress(0.5)
    return [row(name, value, unit, provenance(n=1)) for name, value, unit in values]


def gzipped_bytes(path: Path) -> int:
    """Bytes of a file after gzip, read in pieces."""
    packer, count = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        while piece := file.read(1 << 24):
            count += len(packer.compress(piece))
    return count + len(packer.flush())


KIND = Measuring("sizes", 20, sizes)
