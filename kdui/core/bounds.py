"""What a field may be, and what is wrong with a value, in one language for recipes, variables and the page."""

import difflib
import re
import reprlib
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core.core_schema import ErrorType

UNPRINTABLE = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")  # control characters and halves of letters
LINES = "\n\t"
_PYDANTIC = frozenset(get_args(ErrorType))
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
    if isinstance(value, (list, tuple, dict)) and len(value) > 3:
        return f"{len(value)} entries"
    return _SHORT.repr(value) if value is not None else "nothing"


def printable_line(text: str) -> str:
    """The text itself; raises ValueError where it holds control characters or more than one line."""
    if UNPRINTABLE.search(text) or any(sign in text for sign in LINES):
        raise ValueError("it holds control characters or more than one line: write plain text on one line")
    return text


def bounded(value: Any, depth: int = 6, most: int = 1000) -> None:
    """Raise ValueError for plain data nested deeper, or with more values, longer texts or larger numbers, than any setting."""
    left = most
    waiting = [(value, depth)]
    while waiting:
        item, levels = waiting.pop()
        left -= 1
        if left < 0 or levels < 0:
            raise ValueError(f"it is nested deeper than {depth} levels or holds more than {most:,} values")
        if isinstance(item, dict):
            waiting += [(part, levels - 1) for pair in item.items() for part in pair]
        elif isinstance(item, (list, tuple)):
            waiting += [(part, levels - 1) for part in item]
        elif isinstance(item, str) and (len(item) > 10_000 or UNPRINTABLE.search(item)):
            raise ValueError("a text in it has control characters or more than 10,000 letters")
        elif isinstance(item, (int, float)) and not abs(item) < 1e18:
            raise ValueError("a number in it is infinite, no number, or has more than 18 digits")


def title_of(name: str, field: FieldInfo | None) -> str:
    """A field's title as the forms show it."""
    return (field.title if field else None) or name.replace("_", " ").capitalize()


def allowed(field: FieldInfo) -> str:
    """What a field may be, e.g. ``1 to 20``, ``a whole number above 0``, ``true or false``; empty where only its type decides."""
    kinds = [kind for kind in get_args(field.annotation) or () if kind is not type(None)]
    kind = field.annotation if get_origin(field.annotation) is Literal or not kinds else kinds[0] if len(kinds) == 1 else None
    if get_origin(kind) is Literal:
        return listed([str(item) for item in get_args(kind)])
    if kind is bool:
        return "true or false"
    if isinstance(field.json_schema_extra, dict) and isinstance(choices := field.json_schema_extra.get("choices"), list):
        return listed([str(item) for item in choices])
    low, high = (_bound(field, *names) for names in (("ge", "gt"), ("le", "lt")))
    if kind in (int, float):
        return _numbers(field, kind is int, low, high)
    lengths = [_bound(field, name) for name in ("min_length", "max_length")]
    if get_origin(field.annotation) in (tuple, list):
        return f"a list of {lengths[0] or 0} to {lengths[1]} entries" if lengths[1] is not None else "a list"
    if get_origin(field.annotation) is dict:
        return "a mapping of names to values"
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


def listed(names: list[str]) -> str:
    """``a, b or c``."""
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def fault(model: type[BaseModel] | None, item: Any) -> str:
    """One pydantic error as a clause: ``seed: Seed must be 0 to 9 (got 32)``.

    ``model`` is whose fields the error's place counts from; where it leads deeper, the inner model's field is named.
    """
    place = list(item["loc"])
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    field = _field(model, place)
    where = shown(".".join(str(part) for part in place))[1:-1]
    if item["type"] == "missing":
        return f"{where} is missing"
    if item["type"] == "extra_forbidden":
        return f"{where}: there is no such field{_known(model, place)}"
    if item["type"] in ("value_error", "assertion_error"):
        return f"{where}: {item['msg'].partition(', ')[2]}" if where else item["msg"].partition(", ")[2]
    if item["type"] not in _PYDANTIC:  # a validator's own words
        return f"{where}: {item['msg']} (got {shown(item['input'])})"
    if item["type"] != "string_pattern_mismatch" and field is not None and (may := allowed(field)):
        return f"{where}: {title_of(name, field)} must be {may} (got {shown(item['input'])})"
    title = title_of(name, field) if name else "It"
    return f"{where}: {title} cannot be used: {item['msg'][0].lower()}{item['msg'][1:]} (got {shown(item['input'])})"


def _known(model: type[BaseModel] | None, place: list[Any]) -> str:
    if model is None or len(place) != 1:
        return ""
    near = difflib.get_close_matches(str(place[0])[:100], model.model_fields, n=1, cutoff=0.5)
    return f". Did you mean '{near[0]}'?" if near else f". Known: {', '.join(model.model_fields)}"


def _field(model: Any, place: list[Any]) -> FieldInfo | None:
    """The field at that place; None where the way there leaves what is known."""
    field: FieldInfo | None = None
    for part in place:
        if not isinstance(part, str):
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return None
        field = model.model_fields[part]
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return field
