"""The models of one run in one chart: each role's colour and symbol, and a dash for each further model of the same role."""

from typing import Any, NamedTuple

import pandas as pd

from kdui.charts import style

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
NAME_WIDTH = 26  # characters beside a bar
LEGEND_WIDTH = 34  # characters that a phone shows
LEGEND_LINE = 22  # px


class Model(NamedTuple):
    """One model's rows of a frame, and how it is drawn."""

    step: str
    role: str
    label: str
    dash: str
    rows: pd.DataFrame

    @property
    def colour(self) -> str:
        """Of its role."""
        return style.COLOURS[self.role]

    @property
    def symbol(self) -> str:
        """Of its role."""
        return style.SYMBOLS[self.role]


def models_of(frame: pd.DataFrame) -> list[Model]:
    """The models of a frame with the columns ``step``, ``role`` and ``label``, in the order in which they were measured."""
    models: list[Model] = []
    for step, rows in frame.groupby("step", sort=False):
        role = str(rows["role"].iloc[0])
        alike = sum(model.role == role for model in models)
        models.append(Model(str(step), role, str(rows["label"].iloc[0]), DASHES[alike % len(DASHES)], rows))
    return models


def subject(models: list[Model]) -> Model:
    """The model that a title mentions: the last compressed one, else the student, else the last that is no teacher."""
    for role in ("compressed", "student"):
        of_role = [model for model in models if model.role == role]
        if of_role:
            return of_role[-1]
    others = [model for model in models if model.role not in ("teacher", "assistant")]
    return (others or models)[-1]


def teacher_of(models: list[Model]) -> Model | None:
    """The run's own teacher: the first one measured."""
    return next((model for model in models if model.role == "teacher"), None)


def error_bars(model: Model, rows: pd.DataFrame) -> dict[str, Any]:
    """The intervals ``low`` to ``high`` of the rows around their ``value``, in the model's colour."""
    return {
        "type": "data",
        "thickness": 1.2,
        "width": 4,
        "color": model.colour,
        "symmetric": False,
        "array": (rows["high"] - rows["value"]).tolist(),
        "arrayminus": (rows["value"] - rows["low"]).tolist(),
    }


def height_with(names: int) -> int:
    """Height in px of a chart with this many legend names: more names add height, because long ones form a column."""
    return 360 + LEGEND_LINE * max(0, names - 2)


def height_of_bars(models: list[Model]) -> int:
    """Of a chart with one bar a model, px: a phone breaks long names into four lines."""
    each = 66 if max(len(model.label) for model in models) > NAME_WIDTH else 46
    return max(240, 150 + each * len(models))


def line(model: Model, **settings: Any) -> dict[str, Any]:
    """What every line of a model has: its name, colour, dash and symbol."""
    return {
        "name": style.two_lines(model.label, LEGEND_WIDTH),
        "mode": "lines+markers",
        "line": {"color": model.colour, "width": 2, "dash": model.dash},
        "marker": {"color": model.colour, "size": 8, "symbol": model.symbol},
        **settings,
    }
