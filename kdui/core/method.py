"""Method: what can be done to a model."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from kdui.core.contracts import StageSpec, Transfer
from kdui.core.plain import Frozen
from kdui.core.plan import PlanBuilder


class Method(Frozen):
    """What can be done to a model: its form, and how it grows the plan of a run.

    ``plan(builder, stage_name, spec)`` adds the steps that the method needs; ``apply.py`` beside the
    spec holds one function for each operation that those steps name.
    """

    name: str
    title: str
    group: Literal["teach", "distill", "compress", "deliver"]
    transfers: Transfer | None = Field(default=None, description="of a distillation: what goes from teacher to student")
    modality: str = Field(default="", description="the only kind of task that it is for; empty: any")
    source: str = Field(default="", description="the paper that it comes from, with section or equation")
    summary: str
    version: int
    order: int = Field(description="a recipe's stages must come in this order")
    spec: type[StageSpec]
    plan: Callable[[PlanBuilder, str, Any], None]
