"""One form for all methods that train the student: a knob that several of them have is drawn once, and keeps its lens.

Twenty forms drawn one by one would hold hundreds of controls, nearly all of them the same ones again. Here another method
changes the values, words and bounds of what is drawn, and hides what it does not have. Knobs that one method alone has share
places by their kind, so that the page does not grow with the number of methods.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from kdui.core.method import Method
from kdui.ui.forms import Knob, applies, arrow_step, differences, draw_knob, drawable, knobs, lay_out


class SharedForm:
    """Its controls stand in ``controls`` by the name of their slot: the field's own where several methods have it."""

    def __init__(self, name: str, methods: Sequence[Method]):
        """``name`` goes into the controls' ids (``knob-NAME-SLOT``); the first method's knobs come first."""
        self.method = name
        self.knobs_of: dict[str, tuple[Knob, ...]] = {method.name: drawable(knobs(method.spec)) for method in methods}
        self._slots: dict[str, Knob] = {}
        self._common = Counter((knob.name, _shape(knob)) for form in self.knobs_of.values() for knob in form)
        self.places: dict[str, dict[str, str]] = {method: self._placed(form) for method, form in self.knobs_of.items()}
        self.controls: dict[str, Any] = {}

    def _placed(self, form: Sequence[Knob]) -> dict[str, str]:
        """Field -> slot for one method's knobs."""
        alone: Counter[tuple[Any, ...]] = Counter()
        places = {}
        for knob in form:
            shape = _shape(knob)
            if self._common[knob.name, shape] > 1:
                places[knob.name] = self._slot(knob, knob.name, 1)
            else:
                alone[shape] += 1
                places[knob.name] = self._slot(knob, f"own-{knob.kind}", alone[shape])
        return places

    def _slot(self, knob: Knob, base: str, turn: int) -> str:
        """The ``turn``-th slot of that name and of the knob's kind; a new one where there is none."""
        number = 1
        while True:
            name = base if number == 1 else f"{base}-{number}"
            known = self._slots.setdefault(name, replace(knob, name=name))
            turn -= _shape(known) == _shape(knob)
            if not turn:
                return name
            number += 1

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """What is drawn, one a slot."""
        return tuple(self._slots.values())

    @property
    def components(self) -> list[Any]:
        return list(self.controls.values())

    def own(self, method: str) -> dict[str, Knob]:
        """The method's knobs by their slot."""
        return {self.places[method][knob.name]: knob for knob in self.knobs_of[method]}

    def changed(self, method: str, shown: Sequence[Any]) -> dict[str, Any]:
        """The method's settings that differ from its defaults, from what the controls show in the order of ``components``."""
        by_slot = dict(zip(self.controls, shown, strict=True))
        settings = {knob.name: knob.setting(by_slot[slot]) for slot, knob in self.own(method).items()}
        return differences(self.knobs_of[method], settings)

    def updates(
        self, method: str, settings: Mapping[str, Any], modality: str | None = None, shows: Collection[str] | None = None
    ) -> list[Any]:
        """Updates of ``components`` that show these settings of the method, and hide what it does not have."""
        own, full = self.own(method), _full(self.knobs_of[method], settings)
        return [
            _update(own[slot], full[own[slot].name], visible=applies(own[slot], full, modality, shows))
            if slot in own
            else gr.update(visible=False)
            for slot in self.controls
        ]

    # --- drawing -------------------------------------------------------------------------------------------------------

    def drawer(
        self, method: str, settings: Mapping[str, Any], modality: str | None, shows: Collection[str] | None
    ) -> Callable[[Knob], Any]:
        """Draws one slot as this method has it; what it does not have is there and hidden."""
        own, full = self.own(method), _full(self.knobs_of[method], settings)

        def draw(slot: Knob) -> Any:
            knob = own.get(slot.name)
            value = slot.default if knob is None else full[knob.name]
            drawn = replace(knob or slot, name=slot.name)
            visible = knob is not None and applies(knob, full, modality, shows)
            self.controls[slot.name] = draw_knob(self.method, drawn, value, visible=visible)
            return self.controls[slot.name]

        return draw

    def draw(self, draw: Callable[[Knob], Any], chosen: gr.Textbox, lens: Callable[[Knob], None], fold: str) -> None:
        """Draw here what has not been drawn apart; ``chosen`` holds the name of the method that is shown."""
        rest = [slot for slot in self.knobs if slot.name not in self.controls]
        lay_out(rest, draw, lens=lens, fold=fold, fold_id=f"more-{self.method}")
        self._follow(chosen)

    def _follow(self, chosen: gr.Textbox) -> None:
        """Hide and show the knobs that mean something only beside another setting of the shown method."""
        leaders: set[str] = set()
        followers: set[str] = set()
        for method, form in self.knobs_of.items():
            for knob in form:
                if knob.only_when:
                    followers.add(self.places[method][knob.name])
                    leaders |= {self.places[method][name] for name in knob.only_when}
        lead, follow = sorted(leaders), sorted(followers)
        if not lead:
            return

        def toggle(method: str, *shown: Any) -> Any:
            own = self.own(method)
            settings = {own[slot].name: own[slot].setting(value) for slot, value in zip(lead, shown, strict=True) if slot in own}
            updates = [gr.update(visible=slot in own and applies(own[slot], settings, None)) for slot in follow]
            return updates if len(updates) > 1 else updates[0]

        gr.on(
            [self.controls[slot].input for slot in lead],
            toggle,
            [chosen, *(self.controls[slot] for slot in lead)],
            [self.controls[slot] for slot in follow],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def _shape(knob: Knob) -> tuple[Any, ...]:
    """What a drawn control cannot change: knobs that agree in it share one."""
    return knob.kind, knob.percent, knob.whole, knob.advanced, knob.lens


def _full(form: Sequence[Knob], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {knob.name: settings.get(knob.name, knob.default) for knob in form}


def _update(knob: Knob, value: Any, *, visible: bool) -> Any:
    words: dict[str, Any] = {"label": knob.title, "info": knob.help or None}
    if knob.kind in ("integer", "decimal"):
        words["step"] = arrow_step(knob)
    elif knob.kind == "slider":
        words |= {"minimum": knob.minimum, "maximum": knob.maximum, "step": knob.step}
    elif knob.kind == "choice":
        words["choices"] = list(knob.choices)
    return gr.update(value=knob.shown(value), visible=visible, **words)
