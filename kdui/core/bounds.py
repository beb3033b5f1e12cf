"""What a field may be, and what is wrong with a value, in one language for recipes, variables and the page."""

import reprlib
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlevel = 2


def shown(value: Any) -> str:
    """A value as it was given, cut short: what was given may be large or nested."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool):
        return str(value).lower()
    return _SHORT.repr(value) if value is not None else "nothing"


def title_of(name: str, field: FieldInfo | None) -> str:
    """A field's title as the forms show it."""
    return (field.title if field else None) or name.replace("_", " ").capitalize()


def allowed(field: FieldInfo) -> str:
    """What a field may be, e.g. ``1 to 20``, ``a whole number above 0``, ``true or false``; empty where only its type decides."""
    kinds = [kind for kind in get_args(field.annotation) or () if kind is not type(None)]
    kind = field.annotation if get_origin(field.annotation) is Literal or not kinds else kinds[0] if len(kinds) == 1 else None
    if get_origin(kind) is Literal:
        return _listed([str(item) for item in get_args(kind)])
    if kind is bool:
        return "true or false"
    low, high = (_bound(field, *names) for names in (("ge", "gt"), ("le", "lt")))
    if kind in (int, float):
        return _numbers(field, kind is int, low, high)
    lengths = [_bound(field, name) for name in ("min_length", "max_length")]
    if kind is str and lengths[1] is not None:
        return f"text of {'at most' if not lengths[0] else f'{lengths[0]} to'} {lengths[1]} characters"
    return "text" if kind is str else ""


def _numbers(field: FieldInfo, whole: bool, low: Any, high: Any) -> str:
    noun = "a whole number" if whole else "a number"
    percent = isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("percent")
    unit = f" ({low * 100:g} to {high * 100:g} %)" if percent and low is not None and high is not None else ""
    if low is not None and high is not None and _bound(field, "gt") is None and _bound(field, "lt") is None:
        return f"{low:g} to {high:g}{unit}" if not whole else f"{low} to {high}"
    above = f"above {low:g}" if _bound(field, "gt") is not None else f"{low:g} or more" if low is not None else ""
    below = f"below {high:g}" if _bound(field, "lt") is not None else f"{high:g} at most" if high is not None else ""
    return " ".join(filter(None, [noun, " and ".join(filter(None, [above, below]))])) + unit


def _bound(field: FieldInfo, *names: str) -> Any:
    for item in field.metadata:
        for name in names:
            if (value := getattr(item, name, None)) is not None:
                return value
    return None


def _listed(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def fault(model: type[BaseModel] | None, item: Any) -> str:
    """One pydantic error as a clause: ``Temperature must be 1 to 20 (got 32)``.

    ``model`` is whose fields the error's place counts from; where it leads deeper, the inner model's field is named.
    """
    place = list(item["loc"])
    field = _field(model, place)
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    title = title_of(name, field) if name else "It"
    where = f"{'.'.join(str(part) for part in place)}: " if len(place) > 1 else ""
    if item["type"] == "missing":
        return f"{where}{name} is missing"
    if item["type"] == "extra_forbidden":
        known = f"; known: {', '.join(model.model_fields)}" if model is not None and len(place) == 1 else ""
        return f"{where}'{shown(name)[1:-1]}' is not a field{known}"
    if item["type"] == "value_error":
        return f"{where}{item['msg'].removeprefix('Value error, ')}"
    if field is not None and (may := allowed(field)):
        return f"{where}{title} must be {may} (got {shown(item['input'])})"
    return f"{where}{title} cannot be used: {item['msg'][0].lower()}{item['msg'][1:]} (got {shown(item['input'])})"


def _field(model: Any, place: list[Any]) -> FieldInfo | None:
    """The field at that place; None where the way there leaves what is known."""
    found: FieldInfo | None = None
    for part in place:
        if not isinstance(part, str):
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return None
        found = model.model_fields[part]
        kinds = [found.annotation, *get_args(found.annotation)]
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return found
