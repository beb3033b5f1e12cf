"""Teach: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.recipe import Recipe


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """That a black box is not trained."""
    if recipe.teacher is None or not recipe.teacher.is_black_box:
        return []
    return ["The teacher is a black box and used as it is: the settings of Teach have no effect."]
