"""A form drawn from a method's pydantic spec, and read back as the settings that differ from its defaults.

Nothing here knows a method: a new one gets its form from its fields' title, description, bounds and ``json_schema_extra``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from kdui.core.contracts import StageSpec
from kdui.core.errors import RecipeError
from kdui.core.method import Method
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
    modality: str | None = None
    shows: str | None = None
    usual: Mapping[str, str] = field(default_factory=dict)
    only_when: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    inherited: bool = False

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
            value = round(float(shown) / 100, 8) if self.percent else round(float(shown), 12)
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
    return tuple(_knob(name, info, name not in spec.__annotations__) for name, info in spec.model_fields.items())


def has_lens(method: Method) -> bool:
    """Whether knobs of a way to compress have pictures beside them."""
    return method.group == "compress" and any(knob.lens for knob in knobs(method.spec))


def _knob(name: str, info: FieldInfo, inherited: bool = False) -> Knob:
    extra: dict[str, Any] = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    annotation = _plain_type(info.annotation)
    low, high = _bound(info, "ge", "gt"), _bound(info, "le", "lt")
    percent = bool(extra.get("percent"))
    scale = 100 if percent else 1
    step = extra.get("step")
    bounded = low is not None and high is not None and step is not None
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
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
        modality=extra.get("modality"),
        shows=extra.get("shows"),
        usual=extra.get("usual", {}),
        only_when=extra.get("only_when", {}),
        inherited=inherited,
    )


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


def differences(form: Iterable[Knob], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Only what differs from the defaults, so that a recipe says what a person decided and nothing else."""
    return {knob.name: settings[knob.name] for knob in form if knob.name in settings and settings[knob.name] != knob.default}


def applies(knob: Knob, settings: Mapping[str, Any], modality: str | None, shows: Collection[str] | None = None) -> bool:
    """Whether a knob means anything beside these settings, for a task of this modality and a model with such inner values.

    One that the model cannot take stays in sight where a recipe has turned it, so that it can be turned back.
    """
    if knob.modality is not None and modality is not None and knob.modality != modality:
        return False
    if knob.shows is not None and shows is not None and knob.shows not in shows:
        return bool(settings.get(knob.name, knob.default) != knob.default)
    return all(settings.get(name) in allowed for name, allowed in knob.only_when.items())


def drawable(form: Iterable[Knob]) -> tuple[Knob, ...]:
    """Without the knobs that never mean anything: those that wait for none of the values of another."""
    return tuple(knob for knob in form if all(knob.only_when.values()))


# --- controls ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """The drawn controls of one stage, by field name."""

    method: str
    knobs: tuple[Knob, ...]
    controls: dict[str, Any]

    @property
    def components(self) -> list[Any]:
        return list(self.controls.values())

    def settings(self, shown: Sequence[Any]) -> dict[str, Any]:
        """All settings from what the controls show, in the order of ``components``."""
        by_name = {knob.name: knob for knob in self.knobs}
        return {name: by_name[name].setting(value) for name, value in zip(self.controls, shown, strict=True)}

    def changed(self, shown: Sequence[Any]) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        return differences(self.knobs, self.settings(shown))

    def updates(
        self, settings: Mapping[str, Any], modality: str | None = None, shows: Collection[str] | None = None
    ) -> list[Any]:
        """Updates of ``components`` that show these settings, and hide what does not apply."""
        full = {knob.name: settings.get(knob.name, knob.default) for knob in self.knobs}
        return [
            gr.update(value=knob.shown(full[knob.name]), visible=applies(knob, full, modality, shows), **hint(knob, modality))
            for knob in self.knobs
            if knob.name in self.controls
        ]


def draw_form(
    method: str,
    spec: type[StageSpec],
    settings: Mapping[str, Any],
    *,
    modality: str | None = None,
    shows: Collection[str] | None = None,
    lens: Callable[[Knob], None] | None = None,
    elsewhere: Collection[str] = (),
    fold: str = "More settings",
) -> Form:
    """Draw a spec's controls here, laid out by ``lay_out``.

    ``lens`` draws the picture beside a knob; fields in ``elsewhere`` are drawn by the caller with ``draw_knob``.
    """
    form = drawable(knob for knob in knobs(spec) if knob.name not in elsewhere)
    full = {knob.name: settings.get(knob.name, knob.default) for knob in form}

    def draw(knob: Knob) -> Any:
        return draw_knob(method, knob, full[knob.name], visible=applies(knob, full, modality, shows), modality=modality)

    drawn = lay_out(form, draw, lens=lens, fold=fold, fold_id=f"more-{method}")
    result = Form(method, form, {knob.name: drawn[knob.name] for knob in form})
    _follow(result)
    return result


def lay_out(
    form: Sequence[Knob], draw: Callable[[Knob], Any], *, lens: Callable[[Knob], None] | None, fold: str, fold_id: str
) -> dict[str, Any]:
    """Draw knobs where a form has them: each with a lens in a row, then the plain ones, then the advanced ones under ``fold``.

    Of the advanced ones those that a form shares with others, such as those of every training, come last.
    """
    drawn: dict[str, Any] = {}
    for knob in form:
        if lens is not None and knob.lens and not knob.advanced:
            with gr.Row(elem_classes="knob"):
                drawn[knob.name] = draw(knob)
                lens(knob)
    plain = [knob for knob in form if knob.name not in drawn and not knob.advanced]
    if plain:
        with gr.Row(elem_classes="knobs"):
            drawn.update({knob.name: draw(knob) for knob in plain})
    advanced = sorted((knob for knob in form if knob.advanced), key=lambda knob: knob.inherited)
    if advanced:
        with gr.Accordion(fold, open=False, elem_id=fold_id, elem_classes="more"), gr.Row(elem_classes="knobs"):
            drawn.update({knob.name: draw(knob) for knob in advanced})
    return drawn


def draw_knob(
    method: str, knob: Knob, value: Any, *, visible: bool = True, modality: str | None = None
) -> gr.components.Component:
    """One control with its label, help and bounds; its elem_id is ``knob-METHOD-FIELD``."""
    common: dict[str, Any] = {
        "value": knob.shown(value),
        "label": knob.title,
        "info": knob.help or None,
        "visible": visible,
        "elem_id": f"knob-{method}-{knob.name}",
        "elem_classes": ["percent"] if knob.percent else None,
        "interactive": True,
        "min_width": 0,
    }
    if knob.kind == "switch":
        return gr.Checkbox(**common)
    if knob.kind == "choice":
        return gr.Dropdown(choices=list(knob.choices), filterable=False, **common)
    if knob.kind == "slider":
        bounds: dict[str, Any] = {"minimum": knob.minimum, "maximum": knob.maximum}
        return gr.Slider(step=knob.step, buttons=[], **bounds, **common)
    if knob.kind in ("integer", "decimal"):
        # Without bounds: the recipe's own check refuses in words what Gradio would answer with "Error".
        return gr.Number(step=arrow_step(knob), **common)
    return gr.Textbox(**common, **hint(knob, modality))


def hint(knob: Knob, modality: str | None) -> dict[str, Any]:
    """What an empty text means for such a task, shown in its place."""
    return {"placeholder": knob.usual.get(modality or "", "")} if knob.usual else {}


def arrow_step(knob: Knob) -> float:
    """What an arrow key changes: a learning rate by a tenth, not by one."""
    return 1 if knob.whole else abs(knob.default or 1) / 10


def _follow(form: Form) -> None:
    """Hide and show the knobs that mean something only beside another setting."""
    leaders = sorted({name for knob in form.knobs for name in knob.only_when if name in form.controls})
    by_name = {knob.name: knob for knob in form.knobs}
    for leader in leaders:
        followers = [knob for knob in form.knobs if leader in knob.only_when]

        def toggle(*shown: Any, followers: list[Knob] = followers) -> Any:
            settings = {name: by_name[name].setting(value) for name, value in zip(leaders, shown, strict=True)}
            updates = [gr.update(visible=applies(knob, settings, None)) for knob in followers]
            return updates if len(updates) > 1 else updates[0]

        form.controls[leader].input(
            toggle,
            [form.controls[name] for name in leaders],
            [form.controls[knob.name] for knob in followers],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
