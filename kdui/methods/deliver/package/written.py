"""What every format's writer shares: claims about a file as it was read back, the bound that it must hold, archives."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from kdui.core.deliverable import DELIVERABLES
from kdui.core.errors import StageFailed
from kdui.core.layout import CLAIMS_FILE
from kdui.core.measurement import Origin
from kdui.core.numbers import THIN, number
from kdui.machine import cpu_name, versions
from kdui.methods.deliver.measure.provenance import is_simulated
from kdui.methods.deliver.package.folders import archive
from kdui.methods.deliver.package.read_back import Judged
from kdui.training.context import StepContext

SAME = 0.001  # of the headline, by which a file without rounding may differ as it is read back


class Written(NamedTuple):
    """The model itself and its file judged on the same test examples, and further facts for the summary."""

    own: Judged
    read_back: Judged
    facts: dict[str, Any]


def target_of(context: StepContext) -> Path:
    """The file that the step's format writes."""
    return context.out / DELIVERABLES[context.settings["format"]].file


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
    """For a person: what was read back, beside what the model itself has."""
    unit = context.facts.headline.unit
    change = 100 * (read_back.value / own.value - 1) if own.value else 0.0
    return (
        f"{read_back.value:.4g} {unit} as read back over {read_back.n:,} test examples {_origin(context).mark} "
        f"({change:+.2f} % against {own.value:.4g} of the model), {number(size, 'bytes')}."
    ).replace(THIN, " ")


def _origin(context: StepContext) -> Origin:
    """Measured, or simulated where the graph holds rounded weights in float."""
    return Origin.SIMULATED if is_simulated(context.inputs["model"]) else Origin.MEASURED


def hold(context: StepContext, own: Judged, read_back: Judged, share: float) -> None:
    """Raises StageFailed where what was read back differs from the model by more than this share of its headline."""
    if not abs(read_back.value - own.value) <= share * abs(own.value):
        metric = context.facts.headline
        raise StageFailed(
            f"The file has {read_back.value:.4f} {metric.unit} ({metric.noun}) as it is read back, the model {own.value:.4f}: it "
            "is not the same model. Choose another format, and report this."
        )


def empty_folder(context: StepContext) -> Path:
    """Where a format of several files puts them before they are archived."""
    folder = context.out / "files"
    folder.mkdir()
    return folder


def archived(context: StepContext, folder: Path, own: Judged, read_back: Judged) -> Written:
    """The folder as an archive with its claims."""
    (folder / CLAIMS_FILE).write_text(json.dumps(claims(context, own, read_back), indent=1), encoding="utf-8")
    archive(folder, target_of(context))
    files = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder)
    return Written(own, read_back, {"files": files})
