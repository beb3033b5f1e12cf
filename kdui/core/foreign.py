"""How a model that comes from outside is to be read: what its owner knows and its files do not say."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.plain import Frozen


def _parted(value: Any) -> Any:
    """``a,b,c`` and a lone value as a list."""
    if isinstance(value, (list, tuple)):
        return value
    return [part.strip() for part in str(value).split(",")] if str(value).strip() else []


def _all_finite(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(map(math.isfinite, values)):
        raise ValueError("all must be finite numbers")
    return values


def _none_zero(values: tuple[float, ...]) -> tuple[float, ...]:
    if 0 in values:
        raise ValueError("none may be zero")
    return values


Labels = Annotated[tuple[str, ...], BeforeValidator(_parted)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_parted), AfterValidator(_all_finite)]


class ForeignOptions(Frozen):
    """The order of the outputs, and what becomes of pixels between 0 and 1: ``(pixels · scale − mean) ÷ std``."""

    labels: Labels = Field(default=(), description="the labels in the order of the model's outputs, e.g. Negative,Positive")
    scale: float = Field(default=1.0, allow_inf_nan=False, description="what pixels between 0 and 1 are multiplied by, e.g. 255")
    mean: Numbers = Field(default=(), description="then taken off each colour, e.g. 0.485,0.456,0.406, or one for all")
    std: Annotated[Numbers, AfterValidator(_none_zero)] = Field(
        default=(), description="then each colour is divided by it, e.g. 0.229,0.224,0.225, or one for all"
    )


UNSAID: dict[str, Any] = {"labels": [], "scale": 1.0, "mean": [], "std": []}  # the options where nobody says anything


def check_reading(ref: Any, options: Mapping[str, Any], task: TaskFacts) -> None:
    """Raises RecipeError in words where the options of a reference cannot be those of a model of this task."""
    output_order(options["labels"], task)
    given = [name for name in ("scale", "mean", "std") if options[name] != UNSAID[name]]
    if given and task.modality != "image":
        raise RecipeError(f"'{ref}': '{given[0]}' is for images, but {task.title} is made of {task.modality}s. Leave it out.")
    if options["scale"] == 0:
        raise RecipeError(f"'{ref}': a scale of 0 makes all images alike. Write what pixels between 0 and 1 are multiplied by.")
    for name in ("mean", "std"):
        if len(options[name]) not in (0, 1, task.input.get("channels"), 3):
            raise RecipeError(f"'{ref}': {name} needs one number, or one for each colour of {task.title}.")


def output_order(labels: Sequence[str], task: TaskFacts) -> list[int] | None:
    """For each label of the task the output that means it; None where ``labels`` is empty. Raises RecipeError in words."""
    if not labels:
        return None
    theirs, ours = ([name.casefold() for name in names] for names in (labels, task.labels))
    if sorted(theirs) != sorted(ours):
        raise RecipeError(
            f"labels={','.join(labels)} must name the labels of {task.title}, each once, in the order of the model's outputs. "
            f"They are: {','.join(task.labels)}"
        )
    return [theirs.index(label) for label in ours]


def pixel_scale(options: Mapping[str, Any]) -> tuple[list[float], list[float]] | None:
    """Mean and deviation, one or one a colour, that give the same from pixels between 0 and 1; None where nothing was said."""
    if all(options[name] == UNSAID[name] for name in ("scale", "mean", "std")):
        return None
    mean, std, scale = list(options["mean"]) or [0.0], list(options["std"]) or [1.0], float(options["scale"])
    count = max(len(mean), len(std))
    spread = [values * (count // len(values)) for values in (mean, std)]
    return [value / scale for value in spread[0]], [value / scale for value in spread[1]]
