"""Package: the file of another program, read back and judged by the same test texts as the model itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kdui.core.errors import StageFailed
from kdui.core.layout import CLAIMS_FILE, MODEL_FILE, PACKAGES, read_inputs
from kdui.core.measurement import Origin
from kdui.core.numbers import THIN, number
from kdui.machine import cpu_name, versions
from kdui.methods.deliver.measure.provenance import is_simulated
from kdui.methods.deliver.package.folders import archive, read_hf, write_genai, write_hf
from kdui.methods.deliver.package.read_back import Judged, TestTexts, forward_of
from kdui.methods.deliver.package.spec import PackageSpec
from kdui.modalities.text.prepare import TOKENIZER
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
    own, found, facts = made(context)
    target = context.out / PACKAGES[context.settings["format"]]
    words = finding(context, own, found, target.stat().st_size)
    context.report.log(f"{PackageSpec(**context.settings).title}: {words}")
    return {**facts, **claims(context, own, found), "file": target.name, "file_bytes": target.stat().st_size, "words": words}


def claims(context: StepContext, own: Judged, found: Judged) -> dict[str, Any]:
    """What is measured of the file, with what a second measurement needs."""
    facts, metric = context.facts, context.facts.headline
    return {
        "task": facts.name,
        "task_version": facts.version,
        "split": "test",
        "n": found.n,
        "metric": metric.name,
        "unit": metric.unit,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "before": own.value,
        "origin": str(_origin(context)),
        "device": cpu_name(),
        "versions": versions(),
        "step": context.step.digest,
    }


def finding(context: StepContext, own: Judged, found: Judged, size: int) -> str:
    """For a person: what was read back, beside what the model itself needs."""
    metric = context.facts.headline
    change, unit = 100 * (found.value / own.value - 1), metric.unit
    return (
        f"{found.value:.4g} {unit} as read back over {found.n:,} test texts {_origin(context).mark} "
        f"({change:+.2f} % against {own.value:.4g} of the model), {number(size, 'bytes')}."
    ).replace(THIN, " ")


def _origin(context: StepContext) -> Origin:
    """Measured, or simulated where the graph holds rounded weights in float."""
    return Origin.SIMULATED if is_simulated(context.inputs["model"]) else Origin.MEASURED


def _hf(context: StepContext) -> tuple[Judged, Judged, dict[str, Any]]:
    saved = load_input(context, "model")
    module, texts = saved.module.eval(), TestTexts(context, saved.inputs, saved.folder)
    folder = _empty(context)
    write_hf(folder, module, saved.folder / TOKENIZER)
    own, (read, tokenizer) = texts.judge(forward_of(module)), read_hf(folder)
    texts.require_same(lambda text: tokenizer(text)["input_ids"])
    found = texts.judge(forward_of(read))
    _hold(own, found, SAME)
    return own, found, _archived(context, folder, own, found)


def _genai(context: StepContext) -> tuple[Judged, Judged, dict[str, Any]]:
    source = context.inputs["model"]
    inputs = read_inputs(source.path)
    texts, folder = TestTexts(context, inputs, source.path), _empty(context)
    write_genai(folder, source.file(MODEL_FILE), source.file(TOKENIZER), int(inputs.settings["max_length"]))
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    texts.require_same(lambda text: tokenizer.encode(text).ids)
    own, found = (texts.judge(_graph(path)) for path in (source.file(MODEL_FILE), folder / MODEL_FILE))
    _hold(own, found, SAME)
    return own, found, _archived(context, folder, own, found)


def _graph(path: Path) -> Callable[..., Any]:
    session = open_session(path)
    return lambda ids: session.run(None, {"input_ids": ids, "attention_mask": ids * 0 + 1})[0]


def _gguf(context: StepContext) -> tuple[Judged, Judged, dict[str, Any]]:
    saved = load_input(context, "model")
    module, texts = saved.module.eval(), TestTexts(context, saved.inputs, saved.folder)
    module.tokenizer_json = (saved.folder / TOKENIZER).read_text(encoding="utf-8")
    path, kind = context.out / PACKAGES["gguf"], KINDS[context.settings["precision"]]
    tensors = write_llama(path, module, kind, context.inputs["model"].digest[:12])
    own = texts.judge(forward_of(module))
    found = _read_gguf(path, texts)
    if kind == "F16":
        _hold(own, found, HALF)
    # Once more with what was found in it: the tensors are the same bytes.
    write_llama(path, module, kind, context.inputs["model"].digest[:12], json.dumps(claims(context, own, found)))
    return own, found, {"tensors": tensors}


def _read_gguf(path: Path, texts: TestTexts) -> Judged:
    module = read_llama(path)
    tokenizer = Tokenizer.from_str(module.tokenizer_json or "")
    tokenizer.no_padding()
    texts.require_same(lambda text: tokenizer.encode(text).ids)
    return texts.judge(forward_of(module.eval()))


def _hold(own: Judged, found: Judged, share: float) -> None:
    if not abs(found.value - own.value) <= share * own.value:
        raise StageFailed(
            f"The file needs {found.value:.4f} bits per byte as it is read back, the model {own.value:.4f}: it is not the same "
            "model. Choose another format, and report this."
        )


def _empty(context: StepContext) -> Path:
    folder = context.out / "files"
    folder.mkdir()
    return folder


def _archived(context: StepContext, folder: Path, own: Judged, found: Judged) -> dict[str, Any]:
    """The folder as an archive with its claims; returns the names of its files."""
    (folder / CLAIMS_FILE).write_text(json.dumps(claims(context, own, found), indent=1), encoding="utf-8")
    archive(folder, context.out / PACKAGES[context.settings["format"]])
    files = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder)
    return {"files": files}
