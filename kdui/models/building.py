"""From a reference that was looked up to a module with its initial weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.catalogue.models import FAMILIES
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.plain import Frozen
from kdui.core.plan import ModelFacts
from kdui.models.description import ModelDescription
from kdui.models.fit import require_finite
from kdui.models.module_store import load_model, read_description, skeleton
from kdui.models.size import count_macs, count_parameters, example_inputs
from kdui.models.surgery import apply_surgery
from kdui.models.vocabulary import Vocabulary, trimmed_vocabulary


class ModelSize(Frozen):
    """Facts of a model before it is built."""

    parameters: int
    macs: int


def build_model(
    facts: ModelFacts,
    task: TaskFacts,
    weights_folder: Path | None,
    teacher: nn.Module | None,
    seed: int,
    texts: Sequence[str] = (),
) -> nn.Module:
    """The module with its initial weights on the CPU; the same seed gives the same weights, the global generator is left alone.

    ``weights_folder`` is what ``catalogue.models.weights_folder`` gives; ``teacher`` the trained teacher where the model
    starts from it (``facts.from_teacher``), else it is not looked at; ``texts`` decide which words it keeps of the teacher's
    where its vocabulary is trimmed, and which heads and units of a language model, and train the tokenizer of a family that has
    its own.
    """
    if facts.ref.kind == "artifact":
        return _from_artifact(task, weights_folder)
    builder: Any = FAMILIES.module(facts.family.name, "build")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = builder.build(facts.options, task, weights_folder)
    if facts.from_teacher:
        if teacher is None:
            raise StageFailed(f"{facts.title} starts from its teacher's weights. Name a teacher and a 'teach' stage before it.")
        vocabulary = _vocabulary(facts, task, teacher, texts)
        if facts.options.get("fresh"):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed + 1)
                builder.start_by_chance(module, teacher, vocabulary)
        else:
            calibration = {"texts": texts} if facts.family.own_tokenizer else {}  # what is kept goes by activation
            builder.start_from_teacher(module, teacher, vocabulary, **calibration)
    elif facts.family.own_tokenizer and texts and not module.tokenizer_json:
        builder.start_from_texts(module, texts)
    return module


def _vocabulary(facts: ModelFacts, task: TaskFacts, teacher: Any, texts: Sequence[str]) -> Vocabulary:
    size = facts.options.get("vocabulary", 0)
    if not size:
        return Vocabulary(teacher.tokenizer_json)
    read = describe(facts, task, None).inputs.settings
    return trimmed_vocabulary(
        teacher.tokenizer_json,
        [text.lower() for text in texts] if read["lowercase"] else texts,
        size,
        read["max_length"],
    )


def describe(facts: ModelFacts, task: TaskFacts, weights_folder: Path | None) -> ModelDescription:
    """The description that ``save_model`` writes beside the module's weights."""
    if facts.ref.kind == "artifact":
        return read_description(_present(weights_folder)).model_copy(update={"model": str(facts.ref), "source": facts.source})
    inputs = FAMILIES.module(facts.family.name, "build").inputs(facts.options, task, weights_folder)
    return ModelDescription(
        model=str(facts.ref),
        family=facts.family.name,
        version=facts.family.version,
        options=facts.options,
        task=task,
        source=facts.source,
        inputs=inputs,
    )


def size_of(facts: ModelFacts, task: TaskFacts, weights_folder: Path | None = None) -> ModelSize:
    """Parameters and MACs on one example of full length, without weights being read.

    ``weights_folder`` is needed only for a Hugging Face checkpoint (its config.json) and for an artifact (its model.json).
    """
    builder: Any = FAMILIES.module(facts.family.name, "build")
    description = describe(facts, task, weights_folder)
    if hasattr(builder, "read_architecture") and facts.ref.kind != "artifact":
        architecture = builder.read_architecture(facts.options, task, _present(weights_folder))
        description = description.model_copy(update={"architecture": architecture})
    module = skeleton(description, "meta")
    apply_surgery(module, description.surgery)
    return ModelSize(parameters=count_parameters(module), macs=count_macs(module, example_inputs(task, 1, description.inputs)))


def _from_artifact(task: TaskFacts, folder: Path | None) -> nn.Module:
    module, description, _ = load_model(_present(folder))
    require_finite(module, description.model)
    if description.task.answer != task.answer:
        raise RecipeError(
            f"{description.model} was trained on {description.task.title}, whose labels are not those "
            f"of {task.title}. Choose a run of the same task."
        )
    return module


def _present(folder: Path | None) -> Path:
    if folder is None:
        raise StageFailed("The model's files were not downloaded before it was built. Fetch them first.")
    return folder
