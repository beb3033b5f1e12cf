"""One recipe at three scales: a demonstration within a minute, as it stands, and with all the data and more passes.

What becomes of a setting stands in its field (``json_schema_extra["scales"]``); here no setting is known by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kdui.catalogue.methods import METHODS
from kdui.ui.forms import Knob, drawable, knobs

SCALES = {
    "demo": ("Demo", "Few examples and passes: to see that it works, not how good it gets."),
    "standard": ("Standard", "As the recipe was made."),
    "full": ("Full", "All training examples, twice the passes."),
}


def scaled(stages: Sequence[Mapping[str, Any]], standard: Sequence[Mapping[str, Any]], scale: str) -> list[dict[str, Any]]:
    """The stages at that scale; ``standard``: those of the recipe that they began as. Other settings stay as they are."""
    return [_scaled_stage(stage, standard, scale) for stage in stages]


def scale_of(stages: Sequence[Mapping[str, Any]], standard: Sequence[Mapping[str, Any]]) -> str:
    """The scale that the stages stand at; empty where somebody chose their own."""
    return next((scale for scale in ("standard", *SCALES) if scaled(stages, standard, scale) == list(stages)), "")


def _scaled_stage(stage: Mapping[str, Any], standard: Sequence[Mapping[str, Any]], scale: str) -> dict[str, Any]:
    usual: Mapping[str, Any] = next((each["settings"] for each in standard if each["name"] == stage["name"]), {})
    settings = dict(stage["settings"])
    for knob in drawable(knobs(METHODS[stage["method"]].spec)):
        if not knob.scales:
            continue
        value = _scaled(knob, usual.get(knob.name, knob.default), scale)
        if value == knob.default:
            settings.pop(knob.name, None)
        else:
            settings[knob.name] = value
    return {**stage, "settings": settings}


def _scaled(knob: Knob, standard: Any, scale: str) -> Any:
    rule: Mapping[str, Any] = knob.scales.get(scale, {})
    if "is" in rule:
        return rule["is"]
    if "at_most" in rule:
        return rule["at_most"] if standard == knob.scales.get("all", None) else min(standard, rule["at_most"])
    return min(int(standard * rule.get("times", 1)), int(knob.maximum or standard * rule.get("times", 1)))
