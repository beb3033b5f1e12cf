"""What a person should know before a teacher writes."""

from typing import Any

from kdui.core.recipe import Recipe
from kdui.core.words import percent


def warnings(settings: dict[str, Any], recipe: Recipe) -> list[str]:
    """That writing takes time, which the estimate leaves out until a run like it was timed here."""
    return [
        f"The teacher writes up to {settings['new_tokens']} tokens in {percent(settings['written'])} of the training texts, one "
        "by one and once for all students: the estimated time counts that as one pass over the texts until it was timed here."
    ]
