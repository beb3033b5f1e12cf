"""How fast one device is: timings of small operators, measured there and kept in a file that can be carried elsewhere.

``python app.py profile`` writes it (``runtime/device_timing``); ``core/latency_prediction`` predicts a graph's latency from it.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from kdui.core.errors import RecipeError
from kdui.core.plain import Frozen, digest

MOST_LETTERS = 2_000_000
MOST_POINTS = 2000
MAKE_ONE = "Write one with 'python app.py profile --out FILE'."

Precision = Literal["fp32", "fp16", "int8", "int4"]
Kind = Literal["conv", "depthwise", "product", "recurrent", "element", "function", "reduce", "move", "convert"]


class Point(Frozen):
    """One timed operator. ``shape``: its work along each dimension, whose product is the work (see ``work_of``)."""

    kind: Kind
    precision: Precision
    shape: tuple[int, ...] = Field(min_length=1, max_length=3)
    us: float = Field(gt=0, le=1e9, allow_inf_nan=False, description="time of one such operator in a graph, µs")


class Check(Frozen):
    """How far predictions were from latencies that were really measured, each graph left out of its own prediction."""

    graphs: int = Field(ge=0, description="different graphs")
    factor: float = Field(gt=0, allow_inf_nan=False, description="by which sums of operators are multiplied")
    node_us: float = Field(ge=0, allow_inf_nan=False, description="that is added for each node, µs")
    median_error: float = Field(ge=0, allow_inf_nan=False, description="share of the measured latency")
    most_error: float = Field(ge=0, allow_inf_nan=False, description="90th percentile of that share")


class DeviceProfile(Frozen):
    """A device as it was measured; everything in µs at batch 1."""

    kdui_profile: Literal[1] = 1
    title: str = Field(min_length=1, max_length=120, description="processor or GPU")
    device: str = Field(pattern=r"^(cpu|cuda:\d+)$")
    threads: int = Field(ge=1, le=1024, description="that the timings used, as Measure does")
    cores: int = Field(ge=1, le=100_000)
    flags: tuple[str, ...] = ()
    caches_kb: dict[str, int] = Field(default={}, description="level and kind -> size, e.g. L2 -> 2048")
    copy_gb_s: float = Field(gt=0, allow_inf_nan=False, description="read and written by a large copy, 10^9 bytes/s")
    run_us: float = Field(gt=0, allow_inf_nan=False, description="of a graph that does nothing")
    node_us: float = Field(ge=0, allow_inf_nan=False, description="of the smallest operator within a graph")
    points: tuple[Point, ...] = Field(min_length=1, max_length=MOST_POINTS)
    check: Check | None = Field(default=None, description="against the graphs of the store where it was measured")
    versions: dict[str, str] = {}
    machine: str = Field(default="", max_length=64, description="names the machine as measurements do (see machine.fingerprint)")
    created: datetime

    @property
    def name(self) -> str:
        """Under which a home keeps it: readable, and different for other timings."""
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in self.title.lower())
        words = "-".join(word for word in plain.split("-") if word)[:60].strip("-")
        return f"{words or 'device'}-{digest(self.model_dump(mode='json', exclude={'check'}))[:8]}"

    @property
    def words(self) -> str:
        """AMD EPYC, 1 thread."""
        return f"{self.title}, {self.threads} thread{'s' if self.threads > 1 else ''}" if self.device == "cpu" else self.title


def read_profile(path: Path) -> DeviceProfile:
    """A profile from a file. Raises RecipeError in words for what is none."""
    try:
        with path.open(encoding="utf-8") as file:
            return parse_profile(file.read(MOST_LETTERS + 1), path.name)
    except OSError as error:
        raise RecipeError(f"The device profile {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path.name} is no device profile. {MAKE_ONE}") from None


def parse_profile(text: str, name: str) -> DeviceProfile:
    """A profile from a file's text; ``name``: what an error calls it."""
    if len(text) > MOST_LETTERS:
        raise RecipeError(f"{name} is too large for a device profile. {MAKE_ONE}")
    try:
        return DeviceProfile.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"{name} is no device profile ({where}: {first['msg']}). {MAKE_ONE}") from None
    except (ValueError, RecursionError):
        raise RecipeError(f"{name} is no device profile. {MAKE_ONE}") from None
