"""The options that stand in a reference to a model, checked against the form of its family."""

import difflib
from typing import Any

from pydantic import ValidationError

from kdui.core.contracts import Family, TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.foreign import check_reading
from kdui.core.recipe import ModelRef


def options_of(ref: ModelRef, family: Family, given: dict[str, Any]) -> dict[str, Any]:
    """All options with their values; raises RecipeError that names those that exist."""
    try:
        return family.options.model_validate({**given, **ref.options}).model_dump(mode="json")
    except ValidationError as error:
        raise RecipeError(" ".join(_fault(ref, family, dict(fault)) for fault in error.errors())) from error


def read_as(ref: ModelRef, family: Family, task: TaskFacts) -> dict[str, Any]:
    """The options of a model from outside, which say how it is to be read."""
    options = options_of(ref, family, {})
    check_reading(ref, options, task)
    return options


def _fault(ref: ModelRef, family: Family, fault: dict[str, Any]) -> str:
    name, known = str(fault["loc"][0]), family.options.model_fields
    if fault["type"] != "extra_forbidden":
        return f"'{ref}': option {name} is {fault['input']!r}, but: {fault['msg'].lower()}."
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    listed = "; ".join(f"{key}: {field.description}" for key, field in known.items())
    return f"'{ref}' has no option '{name}'.{hint} Known: {listed or 'none'}."
