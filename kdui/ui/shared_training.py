"""Settings of the training that several steps have: shown once, and turned for all of them or for one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kdui.catalogue.methods import METHODS
from kdui.core.knobs.training import TrainingKnobs
from kdui.ui.forms import Knob, drawable, knobs

SHARED = "*training"  # what is open while these settings are shown; no stage has such a name


class SharedKnob(NamedTuple):
    """One setting, its values by the steps that have it."""

    knob: Knob
    values: dict[str, Any]

    @property
    def common(self) -> Any:
        """The value of all steps, None where they differ."""
        first = next(iter(self.values.values()))
        return first if all(value == first for value in self.values.values()) else None


def is_training(method: str, knob: Knob) -> bool:
    """Whether a knob of a method is one of those that every training has."""
    return issubclass(METHODS[method].spec, TrainingKnobs) and knob.name in TrainingKnobs.model_fields


def training_stages(stages: Sequence[Mapping[str, Any]], name: str, title: str) -> Iterator[tuple[int, Knob]]:
    """Place and knob of each stage that has this setting under this title."""
    for place, stage in enumerate(stages):
        for knob in drawable(knobs(METHODS[stage["method"]].spec)):
            if (knob.name, knob.title) == (name, title) and is_training(stage["method"], knob):
                yield place, knob


def shared_knobs(stages: Sequence[Mapping[str, Any]]) -> list[SharedKnob]:
    """All settings of the recipe's trainings, by name and title: the passes of a recovery are not those of a training."""
    by_title: dict[tuple[str, str], SharedKnob] = {}
    for stage in stages:
        for knob in drawable(knobs(METHODS[stage["method"]].spec)):
            if is_training(stage["method"], knob):
                entry = by_title.setdefault((knob.name, knob.title), SharedKnob(knob, {}))
                entry.values[stage["name"]] = stage["settings"].get(knob.name, knob.default)
    return sorted(by_title.values(), key=lambda shared: shared.knob.advanced)
