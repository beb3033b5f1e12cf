"""What a person should know before a teacher writes."""

from typing import Any

from kdui.core.recipe import Recipe
from kdui.core.words import percent


def warnings(settings: dict[str, Any], recipe: Recipe) -> list[str]:
    """That writing takes time, which the estimate leaves out until a run like it was timed here; a remote teacher's requests."""
    if recipe.teacher is not None and recipe.teacher.kind == "api":
        return [
            f"{recipe.teacher.options.get('model')} at {recipe.teacher.name} gets one request for each of "
            f"{percent(settings['written'])} of the training texts and writes up to {settings['new_tokens']} tokens for each "
            "(estimated): texts that it continued before are not sent again."
        ]
    return [
        f"The teacher writes up to {settings['new_tokens']} tokens in {percent(settings['written'])} of the training texts, one "
        "by one and once for all students: the estimated time counts that as one pass over the texts until it was timed here."
    ]
