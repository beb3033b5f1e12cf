"""How each file of a run came to be: its steps as boxes with digest, time and cache hit, and what each was made from."""

from datetime import datetime
from typing import Any

from kdui.catalogue.planner import plan_recipe
from kdui.core.artifact import Manifest
from kdui.core.errors import ArtifactCorrupt, KduiError
from kdui.core.plain import Frozen
from kdui.core.run import Run, StepState, StepStatus
from kdui.store.store import Store


class Box(Frozen):
    """One step. ``inputs``: name of the input -> the step of this run, or the digest, that it comes from."""

    step: StepStatus
    inputs: dict[str, str]
    seconds: float | None
    made_by: str = ""
    size: int = 0
    files: dict[str, int] = {}
    settings: dict[str, Any] = {}
    method: str = ""
    operation: str = ""
    device: str = ""
    created: datetime | None = None

    @property
    def cached(self) -> bool:
        """Whether the run found it in the store."""
        return self.step.state is StepState.CACHED

    @property
    def there(self) -> bool:
        """Whether the store still holds it."""
        return self.created is not None


def lineage(store: Store, run: Run) -> list[Box]:
    """A box for each step, in the order of the plan.

    What is made says itself what it was made from; of what is not, the plan says so, where the recipe can still be planned.
    ``seconds``: what it cost whoever made it, also where this run found it in the store; ``made_by``: the first run that did.
    """
    names = {step.digest: step.name for step in run.steps}
    manifests = {step.name: _manifest(store, step.digest) for step in run.steps}
    planned = {} if all(manifests.values()) else _planned(store, run)
    first = store.runs.makers(step.digest for step in run.steps)
    boxes = []
    for step in run.steps:
        made = manifests[step.name]
        if made is None:
            boxes.append(Box(step=step, inputs=planned.get(step.name, {}), seconds=step.seconds, method=step.method))
            continue
        sizes = {name: file.bytes for name, file in made.files.items()}
        boxes.append(
            Box(
                step=step,
                inputs={name: names.get(digest, digest) for name, digest in made.inputs.items()},
                seconds=made.seconds,
                made_by=first.get(step.digest, ""),
                size=sum(sizes.values()),
                files=sizes,
                settings=made.settings,
                method=made.method,
                operation=made.operation,
                device=made.device,
                created=made.created,
            )
        )
    return boxes


def _manifest(store: Store, digest: str) -> Manifest | None:
    if not store.artifacts.has(digest):
        return None
    try:
        return store.artifacts.manifest(digest)
    except ArtifactCorrupt:  # a damaged one is shown as not there; whoever opens it is told why
        return None


def _planned(store: Store, run: Run) -> dict[str, dict[str, str]]:
    try:
        return {step.name: step.inputs for step in plan_recipe(run.recipe, store.settings)}
    except KduiError:  # of another version, or its data are gone: then nothing is known
        return {}
