"""Writes the newest graph of any task with its weights and what its inputs need."""

import shutil

from kdui.core.layout import INPUTS_FILE, MODEL_FILE, read_inputs
from kdui.methods.deliver.package.graph_judge import GraphJudge
from kdui.methods.deliver.package.written import SAME, Written, archived, empty_folder, hold
from kdui.runtime.graph_files import graph_files
from kdui.training.context import StepContext


def write(context: StepContext) -> Written:
    """The folder as an archive."""
    judge, source, folder = GraphJudge(context), context.inputs["model"], empty_folder(context)
    for path in graph_files(source.file(MODEL_FILE)):
        shutil.copyfile(path, folder / path.name)
    for name in (INPUTS_FILE, *read_inputs(source.path).files):
        shutil.copyfile(source.file(name), folder / name)
    own, read_back = judge(source.path), judge(folder)
    hold(context, own, read_back, SAME)
    return archived(context, folder, own, read_back)
