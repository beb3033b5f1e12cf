"""Writes safetensors, config and tokenizer, and reads them back with transformers."""

from kdui.core.layout import TOKENIZER
from kdui.methods.deliver.package.folders import read_hf, write_hf
from kdui.methods.deliver.package.read_back import TestTexts, forward_of
from kdui.methods.deliver.package.written import SAME, Written, archived, empty_folder, hold
from kdui.models.causal import language_model
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input


def write(context: StepContext) -> Written:
    """The folder as an archive."""
    saved = load_input(context, "model")
    module, texts = language_model(saved.module).eval(), TestTexts(context, saved.inputs, saved.folder)
    folder = empty_folder(context)
    write_hf(folder, module, saved.folder / TOKENIZER)
    own, (read, tokenizer) = texts.judge(forward_of(module)), read_hf(folder)
    texts.require_same(lambda text: tokenizer(text)["input_ids"])
    read_back = texts.judge(forward_of(read))
    hold(context, own, read_back, SAME)
    return archived(context, folder, own, read_back)
