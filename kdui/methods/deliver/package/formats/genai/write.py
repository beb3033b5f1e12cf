"""Writes the newest graph with the config and the tokenizer that ONNX Runtime GenAI wants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kdui.core.layout import MODEL_FILE, TOKENIZER, read_inputs
from kdui.core.runner import USUAL
from kdui.methods.deliver.package.folders import write_genai
from kdui.methods.deliver.package.read_back import TestTexts
from kdui.methods.deliver.package.written import SAME, Written, archived, empty_folder, hold
from kdui.modalities.text.chat import chat_of
from kdui.runtime.runners import open_runner
from kdui.training.context import StepContext


def write(context: StepContext) -> Written:
    """The folder as an archive."""
    source = context.inputs["model"]
    inputs = read_inputs(source.path)
    texts, folder = TestTexts(context, inputs, source.path), empty_folder(context)
    write_genai(folder, source.file(MODEL_FILE), source.file(TOKENIZER), int(inputs.settings["max_length"]), chat_of(source.path))
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    texts.require_same(lambda text: tokenizer.encode(text).ids)
    own, read_back = (texts.judge(_graph(path)) for path in (source.file(MODEL_FILE), folder / MODEL_FILE))
    hold(context, own, read_back, SAME)
    return archived(context, folder, own, read_back)


def _graph(path: Path) -> Callable[..., Any]:
    runner = open_runner(USUAL, path)
    return lambda ids: runner.run(None, {"input_ids": ids, "attention_mask": ids * 0 + 1})[0]
