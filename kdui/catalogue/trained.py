"""Teachers that come trained for the task, so that a recipe needs no ``teach`` stage: what is asked of them."""

import json
from pathlib import Path

from kdui.core.artifact import MANIFEST
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.plan import ModelFacts
from kdui.settings import Settings

TEACH_IT = "Put a 'teach' stage before the others"


def require_trained(teacher: ModelFacts, task: TaskFacts, settings: Settings) -> None:
    """Raises RecipeError in words where the teacher has nothing to tell as it is.

    What stands on the Hub is not here yet: its labels are looked at when it has been fetched.
    """
    if teacher.ref.kind == "folder":
        require_labels(Path(teacher.ref.name).expanduser(), teacher.title, task)
    elif teacher.ref.kind == "artifact":
        manifest = settings.artifacts / teacher.ref.name[:2] / teacher.ref.name / MANIFEST
        if manifest.is_file() and json.loads(manifest.read_bytes())["method"] == "pretrain":
            raise RecipeError(f"{teacher.title} has only read texts and tells no labels yet. {TEACH_IT}.")


def require_labels(folder: Path, title: str, task: TaskFacts) -> None:
    """Raises RecipeError where the checkpoint's head tells other labels than the task's, whatever their order and case."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    theirs = sorted(str(name).casefold() for name in (config.get("id2label") or {}).values())
    if theirs != sorted(label.casefold() for label in task.labels):
        told = (", ".join(theirs[:5]) + (" …" if len(theirs) > 5 else "")) or "none"
        raise RecipeError(
            f"{title} does not tell the labels of {task.title} as it is: its config.json names {told}. "
            f"{TEACH_IT}, or take a checkpoint that was fine-tuned on them."
        )
