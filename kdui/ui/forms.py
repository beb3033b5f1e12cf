"""A method's pydantic spec as knobs: what a person can turn, within which bounds, and what of it a recipe keeps.

Nothing here knows a method: a new one gets its form from its fields' title, description, bounds and ``json_schema_extra``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from kdui.core.errors import RecipeError
from kdui.core.plain import Frozen

Kind = Literal["switch", "choice", "slider", "integer", "decimal", "text"]


@dataclass(frozen=True)
class Knob:
    """One field of a spec as a person turns it. Bounds and step are those of the control (percent knobs run 0 to 100)."""

    name: str
    title: str
    help: str
    kind: Kind
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] = ()
    percent: bool = False
    whole: bool = False
    advanced: bool = False
    lens: str | None = None
    turns: str | None = None
    modality: tuple[str, ...] = ()
    shows: str | None = None
    needs: str | None = None
    usual: Mapping[str, str] = field(default_factory=dict)
    only_when: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    scales: Mapping[str, Any] = field(default_factory=dict)

    def shown(self, value: Any) -> Any:
        """A setting as the control shows it: 0.6 as 60."""
        return round(value * 100, 6) if self.percent and value is not None else value

    def setting(self, shown: Any) -> Any:
        """What the control shows as a setting; an emptied number means the default."""
        if shown is None or shown == "":
            return self.default
        if self.kind == "switch":
            return bool(shown)
        if self.kind in ("slider", "integer", "decimal"):
            try:
                number = float(shown)
            except (TypeError, ValueError):
                return shown  # the recipe's own check refuses it in words
            value = round(number / 100, 8) if self.percent else round(number, 12)
            return int(value) if self.whole and value.is_integer() else value
        return shown

    def parse(self, text: str) -> Any:
        """A typed value of a sweep as a setting; ``60`` and ``0.6`` both mean 60 % for a percent knob. Raises RecipeError."""
        text = text.strip()
        if self.kind == "choice":
            return text
        if self.kind == "switch":
            if text.lower() not in ("on", "off", "true", "false"):
                raise RecipeError(f"{self.title}: write on or off instead of '{text}'.")
            return text.lower() in ("on", "true")
        if self.kind == "text":
            return text
        try:
            value = float(text.removesuffix("%"))
        except ValueError:
            raise RecipeError(f"{self.title}: '{text}' is not a number. Separate the values by commas.") from None
        if self.percent and (value > 1 or text.endswith("%")):
            value /= 100
        return int(value) if self.whole and value.is_integer() else value


def knobs(spec: type[Frozen]) -> tuple[Knob, ...]:
    """The knobs of a method's spec or of a model family's options, in the order of its fields."""
    return _knobs(spec)


@cache
def _knobs(spec: type[Frozen]) -> tuple[Knob, ...]:
    return tuple(_knob(name, info) for name, info in spec.model_fields.items())


def _knob(name: str, info: FieldInfo) -> Knob:
    extra: dict[str, Any] = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    annotation = _plain_type(info.annotation)
    low, high = _bound(info, "ge", "gt"), _bound(info, "le", "lt")
    percent = bool(extra.get("percent"))
    scale = 100 if percent else 1
    step = extra.get("step")
    bounded = low is not None and high is not None and step is not None
    choices = get_args(annotation) if get_origin(annotation) is Literal else tuple(extra.get("choices", ()))  # of a registry
    return Knob(
        name=name,
        title=info.title or name.replace("_", " ").capitalize(),
        help=info.description or "",
        kind=_kind(annotation, bool(choices), bounded),
        default=info.get_default(call_default_factory=True),
        minimum=None if low is None else low * scale,
        maximum=None if high is None else high * scale,
        step=None if step is None else round(step * scale, 9),
        choices=choices,
        percent=percent,
        whole=annotation is int,
        advanced=bool(extra.get("advanced")),
        lens=extra.get("lens"),
        turns=extra.get("turns"),
        modality=_words(extra.get("modality", ())),
        shows=extra.get("shows"),
        needs=extra.get("needs"),
        usual=extra.get("usual", {}),
        only_when=extra.get("only_when", {}),
        scales=extra.get("scales", {}),
    )


def _words(named: str | Sequence[str]) -> tuple[str, ...]:
    return (named,) if isinstance(named, str) else tuple(named)


def _plain_type(annotation: Any) -> Any:
    """``int`` of ``int | None``."""
    if get_origin(annotation) in (Union, UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        return inner[0] if len(inner) == 1 else str
    return annotation


def _kind(annotation: Any, has_choices: bool, bounded: bool) -> Kind:
    if annotation is bool:
        return "switch"
    if has_choices:
        return "choice"
    if annotation in (int, float):
        return "slider" if bounded else ("integer" if annotation is int else "decimal")
    return "text"


def _bound(info: FieldInfo, *names: str) -> float | None:
    for constraint in info.metadata:
        for name in names:
            if (value := getattr(constraint, name, None)) is not None:
                return value
    return None


def applies(
    knob: Knob,
    settings: Mapping[str, Any],
    modality: str | None,
    shows: Collection[str] | None = None,
    gives: Collection[str] | None = None,
) -> bool:
    """Whether a knob means anything beside these settings: for a task of this modality whose problem ``gives`` this, and a
    model with such inner values.

    One that task or model cannot take stays in sight where a recipe has turned it, so that it can be turned back.
    """
    if knob.modality and modality is not None and modality not in knob.modality:
        return False
    for wanted, there in ((knob.shows, shows), (knob.needs, gives)):
        if wanted is not None and there is not None and wanted not in there:
            return bool(settings.get(knob.name, knob.default) != knob.default)
    return all(settings.get(name) in allowed for name, allowed in knob.only_when.items())


def drawable(form: Iterable[Knob]) -> tuple[Knob, ...]:
    """Without the knobs that never mean anything: those that wait for none of the values of another."""
    return tuple(knob for knob in form if all(knob.only_when.values()))


def arrow_step(knob: Knob) -> float:
    """What an arrow key changes: a learning rate by a tenth, not by one."""
    return 1 if knob.whole else abs(knob.default or 1) / 10
