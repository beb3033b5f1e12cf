"""Delivering: a copy of a measured model with its claims behind it, as ONNX or packed as .kdz."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kdui.core.artifact import Artifact, Manifest
from kdui.core.errors import KduiError, UnknownName
from kdui.core.layout import INPUTS_FILE, MODEL_FILE, PACKED_MODEL, read_inputs
from kdui.core.measurement import Origin
from kdui.core.page_rows import ModelResult, RunDetail
from kdui.core.plain import Frozen
from kdui.delivery.claims import Claim, Claims, DataClaim, Timing
from kdui.delivery.packages import ENDINGS, DeliveredPackage, deliver_package
from kdui.delivery.stamp import record_of, stamp
from kdui.kdz.container import pack, with_tail
from kdui.kdz.on_disk import read_model, write_whole
from kdui.store.artifacts import ArtifactStore

# Series that a reader of the file does not need.
SWEEPS = ("latency.", "prefill.", "decode.", "robustness.", "elsewhere.", "majority.")


class Delivered(Frozen):
    """What was written: the file, its bytes, those of the model alone, its claims, and the files beside it."""

    path: Path
    bytes: int
    model_bytes: int
    claims: Claims
    beside: tuple[Path, ...] = ()


def deliver(
    artifacts: ArtifactStore, detail: RunDetail, model: str, out: Path, data_of: Callable[[str], dict[str, Any]]
) -> Delivered | DeliveredPackage:
    """Write a measured model of a run to ``out``; ``model``: its step, label or role, empty for the run's last result.

    A name that ends with .kdz takes the packed form: that of an encode stage, else the graph packed as it is. ``data_of``:
    version and sha256 of a task's test split. One that ends with .gguf or .zip takes a package of the run, ``model`` its step or
    label. Raises KduiError in words.
    """
    if out.suffix.lower() in ENDINGS:
        return deliver_package(artifacts, detail.run, model, out)
    result = chosen(detail, model)
    artifact = artifacts.open(result.digest)
    measured = artifacts.manifest(next(step.digest for step in detail.run.steps if step.name == result.step))
    inputs = read_inputs(artifact.path)
    files = {name: artifact.file(name).read_bytes() for name in inputs.files}
    claims = claims_of(detail, result, artifact, measured, data_of(detail.run.recipe.task))
    packed = out.suffix.lower() == ".kdz"
    own = _container(artifact) if packed else artifact.file(MODEL_FILE).read_bytes()
    if packed and PACKED_MODEL not in artifact.manifest.files:
        claims = _packed_as(claims, len(own))
    tail = stamp(claims, files)
    data = with_tail(own, tail) if packed else own + tail
    beside = () if packed else tuple(claims.beside)
    for name in beside:
        if (out.parent / name).exists() and record_of((out.parent / name).read_bytes()) != claims.beside[name]:
            raise KduiError(f"{out.parent / name} is in the way of the model's weights. Deliver into an empty folder.")
        write_whole(out.parent / name, artifact.file(name).read_bytes())
    write_whole(out, data)
    return Delivered(
        path=out, bytes=len(data), model_bytes=len(own), claims=claims, beside=tuple(out.parent / name for name in beside)
    )


def _container(artifact: Artifact) -> bytes:
    """The packed form that an encode stage made; of another model its graph is packed here, as it is and without loss."""
    if PACKED_MODEL in artifact.manifest.files:
        return artifact.file(PACKED_MODEL).read_bytes()
    return pack(read_model(artifact.file(MODEL_FILE))).data


def _packed_as(claims: Claims, packed_bytes: int) -> Claims:
    """The claims with the size of this container; that of another packed form is not this file's."""
    others = tuple(claim for claim in claims.figures if claim.metric != "packed_bytes")
    own = Claim(metric="packed_bytes", value=packed_bytes, unit="B", origin=Origin.MEASURED, device=claims.device, n=1)
    return claims.model_copy(update={"figures": (*others, own)})


def chosen(detail: RunDetail, model: str) -> ModelResult:
    """The measured model of that step, label or role; without a name the newest compressed one, else the student."""
    if not detail.results:
        raise KduiError(
            f"Run {detail.run.id} has no measured model (it is {detail.run.state}). Claims need measurements: add a 'measure' "
            "stage to its recipe, or wait for it."
        )
    newest = list(reversed(detail.results))
    if not model:
        return next((item for role in ("compressed", "student") for item in newest if item.role == role), newest[0])
    found = next((item for item in newest if model in _names(item)), None)
    if found is None:
        raise UnknownName("model of this run", model, [deliver_name(item) for item in detail.results])
    return found


def deliver_name(item: ModelResult) -> str:
    """The shortest name of a model that no other of its run has: its step without the measuring."""
    return item.step.partition(".")[2] or item.step


def _names(item: ModelResult) -> tuple[str, ...]:
    """What a person may call a model: its step without the measuring, its step, its label, its role."""
    return deliver_name(item), item.step, item.label, item.role


def claims_of(detail: RunDetail, result: ModelResult, artifact: Artifact, measured: Manifest, data: dict[str, Any]) -> Claims:
    """What was measured of a model, with all that a second measurement needs."""
    headline, records = next(iter(result.measurements.values())), artifact.manifest.files
    inputs = read_inputs(artifact.path)
    kept = {MODEL_FILE, INPUTS_FILE, *inputs.files}
    settings = measured.settings
    return Claims(
        run=detail.run.id,
        recipe=detail.run.recipe.digest,
        artifact=artifact.digest,
        step=result.step.partition(".")[2] or result.step,
        label=result.label,
        role=result.role,
        data=DataClaim(
            task=detail.run.recipe.task, version=data["version"], sha256=data["sha256"], n=headline.provenance.n or data["n"]
        ),
        model=records[MODEL_FILE],
        files={name: records[name] for name in inputs.files},
        beside={name: record for name, record in records.items() if name not in kept and name.startswith(MODEL_FILE)},
        inputs=inputs,
        timing=Timing(threads=settings["threads"], runs=settings["latency_runs"], device=settings.get("device", "cpu")),
        device=headline.provenance.device,
        versions=headline.provenance.versions,
        figures=tuple(Claim.of(item) for name, item in result.measurements.items() if not name.startswith(SWEEPS)),
    )


def as_rows(found: Delivered | DeliveredPackage) -> Sequence[dict[str, Any]]:
    """What the command prints of it."""
    if isinstance(found, DeliveredPackage):
        return found.rows()
    rows = [
        {"what": "file", "is": str(found.path)},
        {"what": "model", "is": f"{found.claims.label} ({found.claims.step} of run {found.claims.run})"},
        {
            "what": "bytes",
            "is": f"{found.bytes:,}: the model {found.model_bytes:,}, its claims and inputs {found.bytes - found.model_bytes:,}",
        },
    ]
    return [*rows, *({"what": "weights", "is": str(path)} for path in found.beside)]


def as_json(found: Delivered | DeliveredPackage) -> dict[str, Any]:
    """The same as one object."""
    return dict(json.loads(found.model_dump_json()))
