"""Packages: the files of other programs that a run has written, as they are delivered; their claims stand in them."""

import contextlib
import shutil
from pathlib import Path

from kdui.catalogue.methods import METHODS
from kdui.core.deliverable import endings
from kdui.core.errors import ArtifactCorrupt, KduiError, UnknownName
from kdui.core.method import Place
from kdui.core.page_rows import Package
from kdui.core.plain import Frozen
from kdui.core.run import Run
from kdui.store.artifacts import ArtifactStore

ENDINGS = endings()


class DeliveredPackage(Frozen):
    """What was written: the file, its bytes, the step that it comes from, and what was measured of it."""

    path: Path
    bytes: int
    step: str
    words: str
    beside: tuple[Path, ...] = ()

    def rows(self) -> list[dict[str, str]]:
        """What the command prints of it."""
        return [
            {"what": "file", "is": str(self.path)},
            {"what": "contents", "is": f"{self.words} (step {self.step})"},
            {"what": "bytes", "is": f"{self.bytes:,}"},
        ]


def packages_of(artifacts: ArtifactStore, run: Run) -> tuple[Package, ...]:
    """The packages of a run that are in the store, in its order."""
    packages = []
    for step in run.steps:
        if step.method in METHODS and METHODS[step.method].order is Place.DELIVERED and artifacts.has(step.digest):
            with contextlib.suppress(ArtifactCorrupt):  # what the run has measured is shown all the same
                summary = artifacts.manifest(step.digest).summary
                facts = {name: str(summary[name]) for name in ("file", "words")}
                packages.append(Package(step=step.name, label=step.label, digest=step.digest, **facts))
    return tuple(packages)


def deliver_package(artifacts: ArtifactStore, run: Run, name: str, out: Path) -> DeliveredPackage:
    """Copy a package whose file ends as ``out`` does; ``name``: its step or label, empty for the newest. Raises in words."""
    fitting = [item for item in packages_of(artifacts, run) if item.file.endswith(out.suffix.lower())]
    if not fitting:
        raise KduiError(
            f"Run {run.id} has written no {out.suffix} file. Add a 'package' stage of that format to its recipe, or wait for it."
        )
    package = next((item for item in reversed(fitting) if name in ("", item.step, item.label)), None)
    if package is None:
        raise UnknownName("package of this run", name, [item.step for item in fitting])
    source = artifacts.open(package.digest).file(package.file)
    shutil.copyfile(source, out)
    return DeliveredPackage(path=out, bytes=out.stat().st_size, step=package.step, words=f"{package.label}: {package.words}")
