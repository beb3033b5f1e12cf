"""Writes a GGUF file and reads it back with kdui's own reader."""

import json
from pathlib import Path

from tokenizers import Tokenizer

from kdui.core.layout import TOKENIZER
from kdui.methods.deliver.package.read_back import Judged, TestTexts, forward_of
from kdui.methods.deliver.package.written import Written, claims, hold, target_of
from kdui.models.causal import language_model
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.to_gguf import write_llama
from kdui.models.gguf_writer import Kind
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input

HALF = 0.005  # of the bits per byte, by which a file in half precision may differ as it is read back
KINDS: dict[str, Kind] = {"f16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0"}


def write(context: StepContext) -> Written:
    """One file with weights, tokenizer and claims."""
    saved = load_input(context, "model")
    module, texts = language_model(saved.module).eval(), TestTexts(context, saved.inputs, saved.folder)
    module.tokenizer_json = (saved.folder / TOKENIZER).read_text(encoding="utf-8")
    path, kind = target_of(context), KINDS[context.settings["precision"]]
    tensors = write_llama(path, module, kind, context.inputs["model"].digest[:12])
    own = texts.judge(forward_of(module))
    read_back = _read(path, texts)
    if kind == "F16":
        hold(context, own, read_back, HALF)
    # Once more with what was found in it: the tensors are the same bytes.
    write_llama(path, module, kind, context.inputs["model"].digest[:12], json.dumps(claims(context, own, read_back)))
    return Written(own, read_back, {"tensors": tensors})


def _read(path: Path, texts: TestTexts) -> Judged:
    module = read_llama(path)
    tokenizer = Tokenizer.from_str(module.tokenizer_json or "")
    tokenizer.no_padding()
    texts.require_same(lambda text: tokenizer.encode(text).ids)
    return texts.judge(forward_of(module.eval()))
