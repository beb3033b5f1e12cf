"""Explore's question about layers: which one is most sensitive to pruning, quantization or factorization."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.charts.sensitivity import KINDS, Quantity, sensitivity_figure, sensitivity_frame
from kdui.core.errors import UnknownName
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.ui.chart_frame import chart_parts
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.panel import options

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

NOTHING = (
    'In <a href="?tab=build">Build</a>, below the columns, choose a model under <b>What if</b> and measure its layers; '
    "or add a <b>Sensitivity</b> step to a recipe."
)


class LayerWish(Frozen):
    """What the browser wants to see; an empty model is the newest one that was measured."""

    task: str
    model: str = ""
    method: str = ""
    quantity: Quantity = "drop"


class LayerCalls:
    """What the browser can ask about the sensitivity of layers."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def explore_layers(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The heat map with the models and methods to choose from."""
        wish = LayerWish.model_validate(payload)
        task, models, model, sensitivity = self._found(wish)
        if sensitivity is None:
            return {"layers": {"title": "Layer sensitivity: not measured", "note": NOTHING}, "models": "", "model": ""}
        methods = list(sensitivity["methods"])
        method = wish.method if wish.method in methods else methods[0]
        metric = Metric.model_validate(sensitivity["metric"])
        error = sensitivity["error"]
        figure = sensitivity_figure(
            sensitivity_frame(sensitivity),
            method=method,
            quantity=wish.quantity,
            about=f"{task.title} · {model['title']}",
            n=sensitivity["n"],
            unit=metric.difference_unit,
            error=f"sum of per-layer losses: mean error {metric.format_loss(error['drop'])} on {error['count']} joint changes",
        )
        title = figure.layout.title
        return {
            "models": options([(each["digest"], f"{each['title']} · {each['role']}") for each in models], model["digest"]),
            "model": model["digest"],
            "methods": options([(name, KINDS[name].title) for name in methods], method),
            "method": method,
            "layers": {
                "figure": figure.to_json(),
                "title": title.text,
                "subtitle": title.subtitle.text,
                "height": figure.layout.height,
            },
        }

    def explore_layers_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Every layer, method and strength of a model, nothing rounded."""
        task, _, _, sensitivity = self._found(LayerWish.model_validate(payload))
        text = spreadsheet_csv(sensitivity_frame(sensitivity)) if sensitivity else ""
        return {"name": f"kdui-{task.name}-layers.csv", "csv": text}

    def _found(self, wish: LayerWish) -> tuple[Any, list[dict[str, Any]], dict[str, Any], dict[str, Any] | None]:
        """Task, models with a known sensitivity, the chosen one and what is known of it."""
        tasks = {task.name: task for task in self.workbench.tasks()}
        if wish.task not in tasks:
            raise UnknownName("task", wish.task, tasks)
        models = self.workbench.what_if.measured(wish.task)
        model = next((each for each in models if each["digest"] == wish.model), models[0] if models else {})
        sensitivity = self.workbench.what_if.sensitivity(wish.task, model["digest"]) if model else None
        return tasks[wish.task], models, model, sensitivity


def layers_markup() -> str:
    """The frame that assets/modules/layers.js fills."""
    quantities = options([("drop", "Headline drop"), ("kl", "KL divergence from the original model")])
    fields = "".join(
        f'<label class="field" hidden><span>{title}</span><select id="layers-{name}">{given}</select></label>'
        for name, title, given in (("model", "Model", ""), ("method", "Change", ""), ("quantity", "Show", quantities))
    )
    return f"""
  <section class="card layers" id="layers" aria-labelledby="layers-label">
    <div class="bought-head"><h2 class="label" id="layers-label">Layer by layer</h2><div class="filters">{fields}</div></div>
    <div id="layers-message"></div>
    {chart_parts("layers")}
  </section>"""
