"""Writes the newest graph of any task packed without loss; it is judged as it is unpacked again."""

import shutil
import tempfile
from pathlib import Path

from kdui.core.errors import StageFailed
from kdui.core.layout import INPUTS_FILE, MODEL_FILE, PACKED_MODEL, read_inputs
from kdui.kdz.container import pack, unpack
from kdui.kdz.on_disk import read_model
from kdui.methods.deliver.package.graph_judge import GraphJudge
from kdui.methods.deliver.package.written import SAME, Written, archived, empty_folder, hold
from kdui.training.context import StepContext


def write(context: StepContext) -> Written:
    """The container and the files of its inputs as an archive; that of an ``encode`` stage as it made it."""
    judge, source, folder = GraphJudge(context), context.inputs["model"], empty_folder(context)
    whole = read_model(source.file(MODEL_FILE))
    made = PACKED_MODEL in source.manifest.files
    data = source.file(PACKED_MODEL).read_bytes() if made else pack(whole).data
    (folder / PACKED_MODEL).write_bytes(data)
    inputs = (INPUTS_FILE, *read_inputs(source.path).files)
    for name in inputs:
        shutil.copyfile(source.file(name), folder / name)
    with tempfile.TemporaryDirectory(prefix="kdui-unpacked-") as place:
        files = unpack(data)
        if files != whole:
            raise StageFailed(
                "The packed file does not decode to the graph byte for byte. Choose another format, and report this."
            )
        for name, content in files.items():
            (Path(place) / name).write_bytes(content)
        for name in inputs:
            shutil.copyfile(folder / name, Path(place) / name)
        own, read_back = judge(source.path), judge(Path(place))
    hold(context, own, read_back, SAME)
    return archived(context, folder, own, read_back)
