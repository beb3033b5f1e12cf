"""Teachers that are already trained for the task, so that a recipe needs no ``teach`` stage: what is asked of them."""

import json
import re
from pathlib import Path

from kdui.catalogue.checkpoint_shapes import read_config
from kdui.catalogue.methods import METHODS
from kdui.core.artifact import MANIFEST
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore

TEACH_IT = "Put a 'teach' stage before the others"
_NAMELESS = re.compile(r"label[_ ]?\d+|\d+")  # what transformers writes where nobody named the labels


def comes_trained(teacher: ModelFacts, task: TaskFacts) -> bool:
    """Whether it may predict as it is: an earlier result, a checkpoint, or public weights of a model that needs no new head."""
    return teacher.ref.kind in ("artifact", "folder", "hub") or (not task.labels and teacher.source is not None)


def require_trained(teacher: ModelFacts, task: TaskFacts, settings: Settings) -> None:
    """Raises RecipeError in words where the teacher has nothing to tell as it is.

    What stands on the Hub is not here yet: its labels are looked at when it has been fetched.
    """
    if teacher.ref.kind == "folder":
        require_labels(Path(teacher.ref.name).expanduser(), teacher, task)
    elif teacher.ref.kind == "artifact":
        manifest = ArtifactStore(settings).bring(teacher.ref.name) / MANIFEST
        made_by = json.loads(manifest.read_bytes())["method"] if manifest.is_file() else ""
        if made_by in METHODS and not METHODS[made_by].answers:
            raise RecipeError(f"{teacher.title} is pretrained but not fine-tuned: it has no classification head. {TEACH_IT}.")


def require_labels(folder: Path, teacher: ModelFacts, task: TaskFacts) -> None:
    """Raises RecipeError where nothing tells which output of the checkpoint means which label of the task.

    Its config.json may name them in any order and case, or else the owner with the option ``labels``.
    """
    if teacher.options.get("labels") or not task.labels:
        return
    named = read_config(folder).get("id2label")
    theirs = sorted(str(name).casefold() for name in named.values()) if isinstance(named, dict) else []
    if theirs == sorted(label.casefold() for label in task.labels):
        return
    if all(_NAMELESS.fullmatch(name) for name in theirs):
        example = ModelRef(kind=teacher.ref.kind, name=teacher.ref.name, options={"labels": ",".join(task.labels)})
        raise RecipeError(
            f"The config.json of {teacher.title} does not name its labels, so its outputs cannot be mapped to labels. Write "
            f"'{example}' with the labels in the order of its outputs, or put a 'teach' stage before the others."
        )
    labels = ", ".join(theirs[:5]) + (" …" if len(theirs) > 5 else "")
    raise RecipeError(
        f"{teacher.title} has no head for the labels of {task.title}: its config.json names {labels}. {TEACH_IT}, or take a "
        "checkpoint that was fine-tuned on them."
    )
