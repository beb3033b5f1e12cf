"""The methods, and a stage's settings checked against its method's form."""

from typing import Any

from pydantic import ValidationError

from kdui.core.contracts import Method, StageSpec
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.recipe import Stage
from kdui.core.registry import Registry

METHODS: Registry[Method] = Registry("kdui.methods", "method", "METHOD")


def trains_student(method: Method) -> bool:
    """Whether it stands where ``distill`` does in a recipe: a person chooses one of these for the student."""
    return method.group == "distill" and method.order == METHODS["distill"].order


def stage_spec(stage: Stage) -> StageSpec:
    """The stage's validated settings; raises RecipeError with each wrong knob, its bounds and what was given."""
    method = METHODS[stage.method]
    for knob in stage.settings:
        if knob not in method.spec.model_fields:
            raise UnknownName(f"setting of stage '{stage.name}'", knob, method.spec.model_fields)
    try:
        return method.spec.model_validate(stage.settings)
    except ValidationError as error:
        raise RecipeError("; ".join(describe_error(f"{stage.name}.", item) for item in error.errors())) from None


def describe_error(prefix: str, item: Any) -> str:
    """One pydantic error as a sentence: which setting, what is wrong, what was given."""
    place = ".".join(str(part) for part in item["loc"])
    return f"{prefix}{place}: {item['msg'][0].lower()}{item['msg'][1:]}, but it is {item['input']!r}"
