"""Package: the file of another program, read back and judged by the same test texts as the model itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kdui.core.errors import StageFailed
from kdui.core.layout import CLAIMS_FILE, MODEL_FILE, PACKAGES, TOKENIZER, read_inputs
from kdui.core.measurement import Origin
from kdui.core.numbers import THIN, number
from kdui.machine import cpu_name, versions
from kdui.methods.deliver.measure.provenance import is_simulated
from kdui.methods.deliver.package.folders import archive, read_hf, write_genai, write_hf
from kdui.methods.deliver.package.read_back import Judged, TestTexts, forward_of
from kdui.methods.deliver.package.spec import PackageSpec
from kdui.modalities.text.chat import chat_of
from kdui.models.causal import language_model
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.to_gguf import write_llama
from kdui.models.gguf_writer import Kind
from kdui.runtime.sessions import open_session
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input

SAME = 0.001  # of the bits per byte, by which a file without rounding may differ as it is read back
HALF = 0.005  # the same of half precision

KINDS: dict[str, Kind] = {"f16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0"}


def package(context: StepContext) -> dict[str, Any]:
    """Write, read back, judge, and put what was found into the file; raises StageFailed where it is not the model any more."""
    made: Callable[[StepContext], tuple[Judged, Judged, dict[str, Any]]] = {"hf": _hf, "gguf": _gguf, "genai": _genai}[
        context.settings["format"]
    ]
    own, read_back, facts = made(context)
    target = context.out / PACKAGES[context.settings["format"]]
    words = finding(context, own, read_back, target.stat().st_size)
    context.report.log(f"{PackageSpec(**context.settings).title}: {words}")
    return {**facts, **claims(context, own, read_back), "file": target.name, "file_bytes": target.stat().st_size, "words": words}


def claims(context: StepContext, own: Judged, read_back: Judged) -> dict[str, Any]:
    """What is measured of the file, with what a second measurement needs."""
    facts, metric = context.facts, context.facts.headline
    return {
        "task": facts.name,
        "task_version": facts.version,
        "split": "test",
        "n": read_back.n,
        "metric": metric.name,
        "unit": metric.unit,
        "value": read_back.value,
        "low": read_back.low,
        "high": read_back.high,
        "before": own.value,
        "origin": str(_origin(context)),
        "device": cpu_name(),
        "versions": versions(),
        "step": context.step.digest,
    }


def finding(context: StepContext, own: Judged, read_back: Judged, size: int) -> str:
    """For a person: what was read back, beside what the model itself needs."""
    metric = context.facts.headline
    change, unit = 100 * (read_back.value / own.value - 1), metric.unit
    return (
        f"{read_back.value:.4g} {unit} as read back over {read_back.n:,} test texts {_origin(context).mark} "
        f"({change:+.2f} % against {own.value:.4g} of the model), {number(size, 'bytes')}."
    ).replace(THIN, " ")


def _origin(context: StepContext) -> Origin:
    """Measured, or simulated where the graph holds rounded weights in float."""
    return Origin.SIMULATED if is_simulated(context.inputs["model"]) else Origin.MEASURED


def _hf(context: StepContext) -> tuple[Judged, Judged, dict[str, Any]]:
    saved = load_input(context, "model")
    module, texts = language_model(saved.module).eval(), TestTexts(context, saved.inputs, saved.folder)
    folder = _empty(context)
    write_hf(folder, module, saved.folder / TOKENIZER)
    own, (read, tokenizer) = texts.judge(forward_of(module)), read_hf(folder)
    texts.require_same(lambda text: tokenizer(text)["input_ids"])
    read_back = texts.judge(forward_of(read))
    _hold(own, read_back, SAME)
    return own, read_back, _archived(context, folder, own, read_back)


def _genai(context: StepContext) -> tuple[Judged, Judged, dict[str, Any]]:
    source = context.inputs["model"]
    inputs = read_inputs(source.path)
    texts, folder = TestTexts(context, inputs, source.path), _empty(context)
    write_genai(folder, source.file(MODEL_FILE), source.file(TOKENIZER), int(inputs.settings["max_length"]), chat_of(source.path))
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    texts.require_same(lambda text: tokenizer.encode(text).ids)
    own, read_back = (texts.judge(_graph(path)) for path in (source.file(MODEL_FILE), folder / MODEL_FILE))
    _hold(own, read_back, SAME)
    return own, read_back, _archived(context, folder, own, read_back)


def _graph(path: Path) -> Callable[..., Any]:
    session = open_session(path)
    return lambda ids: session.run(None, {"input_ids": ids, "attention_mask": ids * 0 + 1})[0]


def _gguf(context: StepContext) -> tuple[Judged, Judged, dict[str, Any]]:
    saved = load_input(context, "model")
    module, texts = language_model(saved.module).eval(), TestTexts(context, saved.inputs, saved.folder)
    module.tokenizer_json = (saved.folder / TOKENIZER).read_text(encoding="utf-8")
    path, kind = context.out / PACKAGES["gguf"], KINDS[context.settings["precision"]]
    tensors = write_llama(path, module, kind, context.inputs["model"].digest[:12])
    own = texts.judge(forward_of(module))
    read_back = _read_gguf(path, texts)
    if kind == "F16":
        _hold(own, read_back, HALF)
    # Once more with what was found in it: the tensors are the same bytes.
    write_llama(path, module, kind, context.inputs["model"].digest[:12], json.dumps(claims(context, own, read_back)))
    return own, read_back, {"tensors": tensors}


def _read_gguf(path: Path, texts: TestTexts) -> Judged:
    module = read_llama(path)
    tokenizer = Tokenizer.from_str(module.tokenizer_json or "")
    tokenizer.no_padding()
    texts.require_same(lambda text: tokenizer.encode(text).ids)
    return texts.judge(forward_of(module.eval()))


def _hold(own: Judged, read_back: Judged, share: float) -> None:
    if not abs(read_back.value - own.value) <= share * own.value:
        raise StageFailed(
            f"The file needs {read_back.value:.4f} bits per byte as it is read back, the model {own.value:.4f}: it is not "
            "the same model. Choose another format, and report this."
        )


def _empty(context: StepContext) -> Path:
    folder = context.out / "files"
    folder.mkdir()
    return folder


def _archived(context: StepContext, folder: Path, own: Judged, read_back: Judged) -> dict[str, Any]:
    """The folder as an archive with its claims; returns the names of its files."""
    (folder / CLAIMS_FILE).write_text(json.dumps(claims(context, own, read_back), indent=1), encoding="utf-8")
    archive(folder, context.out / PACKAGES[context.settings["format"]])
    files = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder)
    return {"files": files}
