"""Package: the file of another program, read back and judged by the same test examples as the model itself."""

from typing import Any

from kdui.core.deliverable import DELIVERABLES
from kdui.methods.deliver.package.spec import PackageSpec
from kdui.methods.deliver.package.written import Written, claims, finding, target_of
from kdui.training.context import StepContext


def package(context: StepContext) -> dict[str, Any]:
    """Write, read back, judge, and put what was found into the file; raises StageFailed where it is not the model any more."""
    name = context.settings["format"]
    written: Written = DELIVERABLES.module(name, "write").write(context)
    target, own, read_back = target_of(context), written.own, written.read_back
    words = finding(context, own, read_back, target.stat().st_size)
    context.report.log(f"{PackageSpec(**context.settings).title(name)}: {words}")
    facts = {"file": target.name, "file_bytes": target.stat().st_size, "words": words}
    return {**written.facts, **claims(context, own, read_back), **facts}
