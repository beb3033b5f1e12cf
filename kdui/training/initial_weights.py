"""A model at its start: fetched weights, weights from the teacher, or random ones by seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from kdui.catalogue.models import FALLBACK_INIT, resolve, weights_folder
from kdui.core.contracts import InputSettings
from kdui.core.errors import StageFailed
from kdui.core.layout import ITEMS
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef
from kdui.modalities.text.known_words import unknown_share
from kdui.models.building import build_model, describe
from kdui.models.fit import Fit
from kdui.models.layers import output_layer
from kdui.models.module_store import load_model, save_inputs, with_chat
from kdui.problems import problem_of
from kdui.training.adapters import add_adapters
from kdui.training.context import StepContext
from kdui.training.saved import SavedModel

MOST_UNKNOWN = 0.5  # of the tokens: beyond it a model reads next to nothing


def start_model(context: StepContext, seed: int) -> SavedModel:
    """Build the step's model and load its initial weights (downloaded first if need be).

    A model initialized from the teacher reads the step's ``teacher`` input, or public weights where that is a black box. A
    trimmed vocabulary keeps the tokens in the training texts. Where the step has a ``start`` input, the body is taken from
    there. With the knob ``adapter_rank`` it has adapters, which ``fit.keep`` merges.
    """
    facts = resolve(ModelRef.parse(context.step.model), context.facts, context.app_settings)
    folder = weights_folder(facts, context.app_settings, context.report.download)
    teacher = _starts_from(context) if facts.from_teacher else None
    looks = facts.options.get("vocabulary") or (facts.from_teacher and facts.family.own_tokenizer)
    texts = _training_texts(context) if looks else ()
    module = build_model(facts, context.facts, folder, teacher, seed, texts)
    if "start" in context.inputs:
        take_body(module, load_input(context, "start").module, context.facts.outputs)
    description = with_chat(describe(facts, context.facts, folder), module)
    if ITEMS in description.inputs.files:
        network: Any = module
        network.items = list(context.data.splits["train"].names)
    save_inputs(module, description.inputs, context.out)
    if facts.ref.kind in ("hub", "folder"):
        _look_over(context, facts, module, description.inputs)
    if rank := context.settings.get("adapter_rank", 0):
        add_adapters(module, rank, context.facts.outputs, seed)
    return SavedModel(module, description, description.inputs, context.out)


def _look_over(context: StepContext, facts: ModelFacts, module: nn.Module, inputs: InputSettings) -> None:
    """Log how a checkpoint's weights fitted.

    Raises StageFailed where it changed since the run was planned, or where its vocabulary does not cover the task's words.
    """
    planned = context.settings.get("model", {})
    if planned.get("source", facts.source) != facts.source:
        raise StageFailed(f"{facts.ref.name} has changed since the run was queued. Queue the recipe again.")
    if facts.ref.kind == "hub":
        commit = str(facts.source).rpartition("@")[2].partition(":")[0]
        context.report.log(f"{facts.title} is taken at commit {commit[:12]}, as it was fetched. hub:NAME@COMMIT names another.")
    fit = getattr(module, "fit", Fit())
    for remark in fit.remarks:
        context.report.log(f"{facts.title}: {remark}")
    if fit.untrained:
        context.report.log(f"{facts.title} comes without {len(fit.untrained)} weights of the classifier: these begin anew.")
    if inputs.modality == "text":
        require_known_words(context, facts.title, inputs, context.out)


def require_known_words(context: StepContext, title: str, inputs: InputSettings, folder: Path) -> None:
    """Raises StageFailed where most words of the validation texts are unknown to the tokenizer in the folder."""
    share = unknown_share(folder, **context.data.prepared("validation", inputs, folder))
    if share > MOST_UNKNOWN:
        raise StageFailed(
            f"The tokenizer of {title} lacks {100 * share:.0f} % of the tokens of the validation texts: "
            "the model would see almost only unknown tokens. Put the tokenizer beside it that belongs to it (its case, too), or "
            "choose another model."
        )


def _starts_from(context: StepContext) -> nn.Module:
    """The trained teacher; for one that shows no weights, the model whose public ones stand in for them."""
    if context.inputs["teacher"].manifest.produces == "model":
        return load_input(context, "teacher").module
    fallback = resolve(ModelRef.parse(FALLBACK_INIT), context.facts, context.app_settings)
    context.report.log(
        f"The teacher provides no weights: the student is initialized from the public weights of {fallback.title}."
    )
    return build_model(
        fallback, context.facts, weights_folder(fallback, context.app_settings, context.report.download), None, seed=0
    )


def take_body(module: nn.Module, source: nn.Module, outputs: int) -> None:
    """Copy all weights of a model of the same build but those of the head: it starts as it would have without the source."""
    head = output_layer(module, outputs)
    name = next(name for name, layer in module.named_modules() if layer is head)
    own = {key: tensor for key, tensor in module.state_dict().items() if key.startswith(f"{name}.")}
    module.load_state_dict({**source.state_dict(), **own})


def _training_texts(context: StepContext) -> Sequence[str]:
    """Those of the examples that it trains on, and what the problem adds to them."""
    split = context.data.splits["train"]
    limit = context.settings.get("train_examples")
    return problem_of(context.facts).tokenizer_texts(split.take(list(range(min(limit, len(split.targets))))) if limit else split)


def load_input(context: StepContext, name: str) -> SavedModel:
    """The trained model of one of the step's inputs, on the CPU; raises StageFailed where it is no model that can be opened."""
    if context.inputs[name].manifest.produces != "model":
        raise StageFailed(
            f"Of the {name} only predictions are available, but this step needs the model itself. "
            "Choose a method that transfers outputs, or a teacher with weights."
        )
    folder = context.inputs[name].path
    module, description, inputs = load_model(folder)
    return SavedModel(module, description, inputs, folder)
