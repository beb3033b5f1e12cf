"""Baselines that every result of a problem holds: a model that beats nothing but its own control has shown little."""

from kdui.catalogue.problems import PROBLEMS
from kdui.core.method import Method
from kdui.core.plan import PlanBuilder


def add_baselines(builder: PlanBuilder, teach: Method) -> None:
    """A step for each baseline of the task's problem, made by ``teach`` and measured as the recipe's own models are.

    One that is the recipe's teacher stands there already.
    """
    for name in PROBLEMS[builder.task.problem].baselines:
        facts = builder.resolved(name)
        step = builder.add(
            f"baseline.{name}",
            stage=teach.name,
            method=teach.name,
            operation="learn",
            produces="model",
            role="baseline",
            label=facts.title,
            model=facts,
            settings={},
        )
        builder.add_model(step)
