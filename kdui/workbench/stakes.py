"""What a model costs in units that stakeholders think in: money, energy, seconds of a download, machines.

All of it is estimated from measured latency and size and from what a person puts in; every value comes with its formula.
"""

import math
from typing import NamedTuple

from pydantic import Field

from kdui.core.plain import Frozen

SECONDS_AN_HOUR = 3600
JOULES_A_KWH = 3.6e6
MILLION = 1_000_000


class Inputs(Frozen):
    """What nobody can measure here; each is shown beside what was computed with it."""

    answers: float = Field(default=10e6, gt=0, le=1e15, allow_inf_nan=False, description="answers per month")
    price: float = Field(default=0.04, ge=0, le=1e6, allow_inf_nan=False, description="price of one core for an hour")
    currency: str = Field(default="€", max_length=8)
    power: float | None = Field(default=None, gt=0, le=1e5, allow_inf_nan=False, description="W that a busy core draws")
    grid: float | None = Field(default=None, ge=0, le=1e4, allow_inf_nan=False, description="g CO₂ per kWh of electricity")
    mbit: float = Field(default=20.0, gt=0, le=1e6, allow_inf_nan=False, description="Mbit/s of a 4G connection")
    peak: float = Field(default=1000.0, gt=0, le=1e9, allow_inf_nan=False, description="answers per second at the peak")
    cores: float = Field(default=4.0, gt=0, le=1e5, allow_inf_nan=False, description="cores of one machine")
    load: float = Field(default=70.0, gt=0, le=100, allow_inf_nan=False, description="% of a machine that the peak may fill")
    share: float = Field(default=50.0, gt=0, le=100, allow_inf_nan=False, description="% of a device that the model may take")
    flash: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False, description="kB of flash of an own device")


class Costs(NamedTuple):
    """Of one model, measured: seconds of one core for one answer, bytes that travel, of the unpacked file, and of the process at
    its peak; None where not measured."""

    seconds: float | None
    download: float | None
    file: float | None = None
    memory: float | None = None


class Stake(NamedTuple):
    """One quantity for both models, in ``unit``; None where a measurement or an input is missing, which ``formula`` names."""

    quantity: str
    unit: str
    teacher: float | None
    model: float | None
    formula: str

    @property
    def saved(self) -> float | None:
        return None if self.teacher is None or self.model is None else self.teacher - self.model


def stakes(teacher: Costs, model: Costs, given: Inputs) -> list[Stake]:
    """The five quantities; what needs an input that was not given says so in its formula."""
    month = _both(teacher.seconds, model.seconds, given.answers * given.price / SECONDS_AN_HOUR)
    energy = _both(teacher.seconds, model.seconds, MILLION * given.power / JOULES_A_KWH if given.power else None)
    carbon = _both(*energy, given.grid)
    wait = _both(teacher.download, model.download, 8 / (given.mbit * 1e6))
    machines = (_machines(teacher.seconds, given), _machines(model.seconds, given))
    watts = f"at {given.power:g} W a busy core" if given.power else "give the power of a busy core in W"
    grams = f"× {given.grid:g} g/kWh" if given.grid is not None else "× g CO₂ per kWh: give that of your electricity"
    return [
        Stake(
            "Cost per month",
            given.currency,
            *month,
            f"{given.answers:,.0f} answers × latency ÷ 3,600 × {given.price:g} {given.currency} an hour and core",
        ),
        Stake("Energy per million answers", "kWh", *energy, f"1,000,000 × latency × power, {watts}"),
        Stake("CO₂ per million answers", "g", *carbon, f"energy per million answers {grams}"),
        Stake("Download on 4G", "s", *wait, f"download × 8 ÷ {given.mbit:g} Mbit/s"),
        Stake(
            "Machines at the peak",
            "",
            *machines,
            f"{given.peak:g} answers/s × latency ÷ ({given.cores:g} cores × {given.load:g} % load), rounded up",
        ),
    ]


def _both(teacher: float | None, model: float | None, factor: float | None) -> tuple[float | None, float | None]:
    """Both models' values times a factor; None where either is not known."""
    if factor is None:
        return None, None
    return None if teacher is None else teacher * factor, None if model is None else model * factor


def _machines(seconds: float | None, given: Inputs) -> float | None:
    """Whole machines; the small term undoes binary noise, so that exactly one full machine is one."""
    if seconds is None:
        return None
    return float(math.ceil(given.peak * seconds / (given.cores * given.load / 100) - 1e-9))
