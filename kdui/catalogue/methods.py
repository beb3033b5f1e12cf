"""The methods, and a stage's settings checked against its method's form."""

from typing import Any

from pydantic import ValidationError

from kdui.core.bounds import fault
from kdui.core.contracts import StageSpec
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.method import Group, Method, Place
from kdui.core.recipe import Stage
from kdui.core.registry import Registry

METHODS: Registry[Method] = Registry("kdui.methods", "method", "METHOD")


def trains_student(method: Method) -> bool:
    """Whether it trains the recipe's student: a person chooses one of these."""
    return method.order == Place.STUDENT


def plain_methods() -> list[Method]:
    """The methods that stand for all of their places, in the order of a recipe's stages."""
    return sorted((method for method in METHODS.values() if method.plain), key=lambda method: method.order)


def plain_method(place: Place) -> Method:
    """The one that stands for all of its place."""
    return next(method for method in plain_methods() if method.order == place)


def is_of(group: Group, method: str) -> bool:
    """Whether a method that somebody named is there and of that group; another version may have had more of them."""
    return method in METHODS and METHODS[method].group is group


def stage_spec(stage: Stage) -> StageSpec:
    """The stage's validated settings; raises RecipeError with each wrong knob, what it may be and what was given."""
    faults = stage_faults(stage)
    if faults:
        raise RecipeError("; ".join(words for _, words in faults))
    return METHODS[stage.method].spec.model_validate(stage.settings)


def stage_faults(stage: Stage) -> list[tuple[str, str]]:
    """(knob, what is wrong) of each setting that cannot be used; raises UnknownName for a method or knob that is not there."""
    spec = METHODS[stage.method].spec
    for knob in stage.settings:
        if knob not in spec.model_fields:
            raise UnknownName(f"setting of stage '{stage.name}'", knob, spec.model_fields)
    try:
        spec.model_validate(stage.settings)
    except ValidationError as error:
        return [(str(item["loc"][0]) if item["loc"] else "", _fault(stage, spec, item)) for item in error.errors()]
    return []


def _fault(stage: Stage, spec: type[StageSpec], item: Any) -> str:
    words = fault(spec, item)
    return f"{stage.name}.{words}" if item["loc"] else f"{stage.name}: {words}"
