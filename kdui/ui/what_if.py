"""What-if below Build's columns: sliders that move a predicted trade-off in the browser, and a button that measures the point."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kdui.core.plain import Frozen
from kdui.core.plan import Planned
from kdui.ui.panel import create_panel

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

FLOAT_BITS = 32


class Wish(Frozen):
    """A change of the whole model that a person wants measured."""

    task: str
    model: str
    sparsity: float = Field(default=0.0, ge=0, lt=1)
    rank: float = Field(default=1.0, gt=0, le=1)
    bits: int = Field(default=FLOAT_BITS, ge=2, le=FLOAT_BITS)


class WhatIfCalls:
    """What the browser can ask: a model's sensitivity, more of its measurement, and one point."""

    def __init__(self, workbench: "Workbench"):
        self.what_if = workbench.what_if

    def whatif_open(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The model's sensitivity; nothing where it was not measured yet."""
        return {"found": self.what_if.sensitivity(str(payload["task"]), str(payload["model"]))}

    def whatif_compute(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Continue measuring the model's sensitivity; with the result once it is done."""
        task, model = str(payload["task"]), str(payload["model"])
        progress: dict[str, Any] = self.what_if.compute(task, model)
        sensitivity = self.what_if.sensitivity(task, model) if progress["done"] == progress["total"] else None
        return {**progress, "found": sensitivity}

    def whatif_prepare(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Have the model opened, because its first point will be wanted soon."""
        self.what_if.prepare(str(payload["task"]), str(payload["model"]))
        return {}

    def whatif_measure(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One change of all layers, measured on the validation examples of the model's sensitivity."""
        wish = Wish.model_validate(payload)
        change = {"sparsity": wish.sparsity, "rank": wish.rank, "bits": wish.bits}
        measured: dict[str, Any] = self.what_if.measure(wish.task, wish.model, change)
        return measured


def create_what_if(workbench: "Workbench") -> None:
    """Draw it here; ``assets/modules/build.js`` tells it which models there are."""
    calls = WhatIfCalls(workbench)
    offered = [calls.whatif_open, calls.whatif_compute, calls.whatif_prepare, calls.whatif_measure]
    create_panel("whatif", markup(), offered)


def choices(workbench: "Workbench", planned: Planned) -> dict[str, Any]:
    """The task and its models that can be changed, for the panel."""
    return {"task": planned.recipe.task, "models": workbench.what_if.models(planned)}


def markup() -> str:
    """The frame that assets/modules/whatif.js fills."""
    return f"""
<section class="card whatif" aria-labelledby="whatif-label">
  <div class="bought-head"><h2 class="label" id="whatif-label">What if it were compressed after training?</h2>
    <label class="field" hidden><span>Model</span><select id="whatif-model"></select></label></div>
  <div id="whatif-message"></div>
  <div class="empty" id="whatif-empty"></div>
  <div class="whatif-shown" id="whatif-shown" hidden>
    <div class="budget">
      {_slider("sparsity", "Weights removed", 0, 90, 5, 0)}
      {_slider("rank", "Rank kept", 10, 100, 5, 100)}
      {_slider("bits", "Bits of a weight", 2, 9, 1, 9)}
      <p class="lead" id="whatif-says" role="status"></p>
      <div class="buttons"><button type="button" class="act primary" id="whatif-measure">Measure this point</button></div>
      <p class="lead" id="whatif-measured" role="status"></p>
    </div>
    <div>
      <h3 class="title" id="whatif-title">&nbsp;</h3>
      <p class="lead" id="whatif-subtitle"></p>
      <div class="plot" id="whatif-chart" role="img" aria-labelledby="whatif-title whatif-subtitle"></div>
    </div>
  </div>
</section>"""


def _slider(name: str, title: str, low: int, high: int, step: int, value: int) -> str:
    return (
        f'<label class="slide"><span>{title}<output id="whatif-out-{name}"></output></span>'
        f'<input type="range" id="whatif-{name}" data-turn min="{low}" max="{high}" step="{step}" value="{value}"></label>'
    )
