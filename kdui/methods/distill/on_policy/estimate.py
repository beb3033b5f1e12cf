"""What a person should know before a student writes in its training."""

from typing import Any

from kdui.core.recipe import Recipe
from kdui.core.words import percent


def warnings(settings: dict[str, Any], recipe: Recipe) -> list[str]:
    """That writing takes time, which the estimate leaves out until a run like it was timed here."""
    if not settings["student_share"]:
        return []
    return [
        f"In {percent(settings['student_share'])} of the steps the student writes up to {settings['new_tokens']} tokens of each "
        "text, one by one, and the teacher runs in every step: the estimated time counts neither until such a run was timed here."
    ]
