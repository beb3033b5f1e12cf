"""A model at its start: fetched weights, weights from the teacher, or random ones by seed."""

from kdui.catalogue.fetch import fetch
from kdui.catalogue.models import weights_resource
from kdui.core.plan import ModelFacts
from kdui.engine.context import StepContext
from kdui.engine.learning import load_input
from kdui.models.building import start
from kdui.models.module_store import SavedModel


def start_model(context: StepContext, facts: ModelFacts, seed: int) -> SavedModel:
    """Fetch what the model starts from, then build it; a model that starts from the teacher reads the step's ``teacher`` input."""
    resource = weights_resource(facts)
    folder = fetch(resource, context.app, context.report.download) if resource else None
    teacher = load_input(context, "teacher") if facts.from_teacher else None
    return start(facts, context.facts, folder, teacher, seed)
