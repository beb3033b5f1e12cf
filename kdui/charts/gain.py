"""What the teacher bought: the student minus the same student without KD, paired by run, over seeds."""

import pandas as pd
from pydantic import Field

from kdui.charts.interval import are_apart
from kdui.charts.numbers import signed
from kdui.core.plain import Frozen
from kdui.core.statistics.intervals import mean_interval


class Gain(Frozen):
    """Mean difference in the headline's unit; positive is better than without a teacher."""

    value: float
    half_width: float | None = Field(default=None, description="of the 95 % t-interval over seeds; None for one seed")
    seeds: int = Field(ge=1)
    apart: bool = Field(default=True, description="whether the intervals of the two models do not overlap")

    @property
    def is_shown(self) -> bool:
        """True where the interval of the difference leaves zero out and those of the two models do not overlap."""
        return self.half_width is not None and abs(self.value) > self.half_width and self.apart


def teacher_gain(points: pd.DataFrame, runs: tuple[str, ...], higher_is_better: bool = True) -> Gain | None:
    """The paired gain over these runs (repeats of one recipe); None where no run has both student and control of one stage."""
    chosen = points[points["run"].isin(runs) & points["role"].isin(("student", "control")) & points["headline"].notna()]
    pairs: dict[tuple[str, str], dict[str, tuple[float, str]]] = {}
    columns = ["run", "step", "role", "headline", "digest"]
    for run, step, role, value, artifact in chosen[columns].itertuples(index=False, name=None):
        pairs.setdefault((run, step.removesuffix(".control")), {}).setdefault(role, (value, artifact))
    # A cached pair that several recipes share is one observation, not several.
    found = {
        (pair["student"][1], pair["control"][1]): (pair["student"][0], pair["control"][0])
        for _, pair in sorted(pairs.items())
        if len(pair) == 2
    }
    if not found:
        return None
    students, controls = zip(*found.values(), strict=True)
    sign = 1 if higher_is_better else -1
    mean, width = mean_interval([sign * (ours - theirs) for ours, theirs in found.values()])
    return Gain(value=mean, half_width=width, seeds=len(found), apart=are_apart(students, controls))


def gain_sentence(gain: Gain | None, unit: str = "points") -> str:
    """The gain in words that claim no more than the repeats show."""
    if gain is None:
        return "No control was run here, so what the teacher bought is not known."
    if gain.half_width is None:
        return f"{signed(gain.value)} {unit} over the same student without KD, but one seed is not enough to tell."
    places = 2 if gain.is_shown and round(abs(gain.value), 1) <= round(gain.half_width, 1) else 1
    reading = f"{signed(gain.value, places)} ± {gain.half_width:.{places}f} {unit}"
    if gain.is_shown:
        return f"{reading} over the same student without KD ({gain.seeds} seeds)."
    why = ", and the intervals of the two models overlap" if abs(gain.value) > gain.half_width else ""
    return f"no difference shown: {reading} over {gain.seeds} seeds{why}."
