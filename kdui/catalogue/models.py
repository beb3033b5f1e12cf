"""The models that kdui knows, and what a reference in a recipe means: a preset, a checkpoint or an earlier result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdui.catalogue.black_box import graph_source, table_source
from kdui.catalogue.checkpoint_family import modality_in, narrowed
from kdui.catalogue.checkpoint_files import files_digest, folder_digest, require_merged, weight_bytes
from kdui.catalogue.checkpoint_shapes import left_of, read_config, require_sane, shape_of, shape_of_folder
from kdui.catalogue.fetch import fetch, fetch_hub_model, fetched_hub_model
from kdui.catalogue.model_options import options_of, read_as
from kdui.catalogue.model_places import artifact_folder, checkpoint_folder, hub_parts
from kdui.catalogue.reach import require_reach
from kdui.catalogue.remote import remote_source
from kdui.catalogue.source_attempt import Report
from kdui.core.contracts import Family, Preset, TaskFacts
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.plain import Frozen
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef
from kdui.core.registry import Registry
from kdui.core.source import HubRepo, Resource, Source, Wheel
from kdui.settings import Settings

FAMILIES: Registry[Family] = Registry("kdui.models", "model family", "FAMILY")
_OFFERED = {"text-embeddings": "word embeddings", "tokenizer": "tokenizer"}  # what families offer besides their layers
CHECKPOINT, BLACK_BOX, REMOTE = "huggingface", "black-box", "remote"
_FORMS = {"onnx": BLACK_BOX, "csv": BLACK_BOX, "api": REMOTE}  # whose options a reference of the kind takes
FALLBACK_INIT = "minilm-l6"  # whose public weights a student of texts starts from under a teacher that shows none


def presets() -> dict[str, tuple[Family, Preset]]:
    """All presets of all families by name."""
    return {item.name: (family, item) for family in FAMILIES.values() for item in family.presets}


def preset(name: str) -> tuple[Family, Preset]:
    """A preset and its family; raises UnknownName."""
    known = presets()
    if name not in known:
        raise UnknownName("model", name, known)
    return known[name]


def own_options(name: str) -> dict[str, Any]:
    """The options that a reference to the preset may set, each with the preset's own value; raises UnknownName."""
    family, own = preset(name)
    values = family.options.model_validate(own.options).model_dump(mode="json")
    if own.from_teacher or family.own_tokenizer:
        return values
    return {key: value for key, value in values.items() if key != "vocabulary"}


def asked_options(ref: ModelRef) -> tuple[type[Frozen], dict[str, Any]] | None:
    """What may follow the question mark of a reference: the form, and each option's own value. None where nothing may."""
    if ref.kind == "preset":
        return (preset(ref.name)[0].options, own_options(ref.name)) if ref.name in presets() else None
    if ref.kind == "artifact":
        return None  # its architecture is settled
    form = FAMILIES[_FORMS.get(ref.kind, CHECKPOINT)].options
    own = form().model_dump(mode="json")
    return form, {name: own[name] for name in own if ref.kind != "csv" or name == "labels"}


def resolve(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    """What builds the model and what decides its initial weights. Nothing is fetched.

    Raises RecipeError in words when the reference leads nowhere, has options that its family does not know, or does not
    suit the task.
    """
    if ref.kind in ("folder", "onnx", "csv"):
        require_reach(ref.name, settings)
    facts = _LOOK_UP[ref.kind](ref, task, settings)
    if facts.family.modality != task.modality:
        raise RecipeError(
            f"'{ref}' takes {facts.family.modality}, but {task.title} is made of {task.modality} examples. "
            f"Choose another model{_such_as(task)}."
        )
    if task.problem not in facts.family.problems:
        raise RecipeError(
            f"'{ref}' is a model for {' or '.join(facts.family.problems)}, but {task.title} is a task of {task.problem}. "
            f"Choose another model{_such_as(task)}."
        )
    return facts


def started(student: ModelFacts, teacher: ModelFacts | None) -> ModelFacts:
    """The student beside its teacher: under a black box, which has no weights, it starts from those of ``FALLBACK_INIT``.

    Raises RecipeError where it cannot start as it wants to, or the teacher not on its own.
    """
    compatible(student, teacher)
    if student.from_teacher is None or teacher is None or not teacher.ref.is_black_box:
        return student
    resource = preset(FALLBACK_INIT)[1].resource
    return student.model_copy(update={"fallback_init": _source_name(resource.sources[0]) if resource else FALLBACK_INIT})


def on_its_own(teacher: ModelFacts) -> None:
    """Raises RecipeError where the model needs a teacher itself."""
    if teacher.from_teacher:
        raise RecipeError(f"{teacher.title} is initialized from a teacher, so it cannot be the teacher. Use it as the student.")


def compatible(student: ModelFacts, teacher: ModelFacts | None) -> None:
    """Raises RecipeError where the student cannot start from this teacher as it wants to, or the teacher not on its own."""
    if student.ref.is_black_box:
        raise RecipeError(f"'{student.ref}' is a black box and cannot be trained. Use it as the teacher, not as the student.")
    if teacher is not None:
        on_its_own(teacher)
    wanted = student.from_teacher
    if wanted is None:
        return
    offering = sorted(family.title for family in FAMILIES.values() if wanted == family.name or wanted in family.offers)
    if teacher is None:
        raise RecipeError(f"{student.title} is initialized from its teacher's weights. Name a teacher of: {', '.join(offering)}.")
    if teacher.ref.is_black_box and "language-model" not in student.family.problems:
        return
    if wanted != teacher.family.name and wanted not in teacher.family.offers:
        what = _OFFERED.get(wanted) or f"{FAMILIES[wanted].title} layers"
        raise RecipeError(
            f"{student.title} is initialized from its teacher's {what}, but {teacher.title} has none. Choose another "
            f"student, or a teacher of: {', '.join(offering)}."
        )


def weights_resource(facts: ModelFacts) -> Resource | None:
    """The pretrained weights of a preset, None where it has none or the reference is no preset."""
    return preset(facts.ref.name)[1].resource if facts.ref.kind == "preset" else None


def weights_folder(facts: ModelFacts, settings: Settings, report: Report | None = None) -> Path | None:
    """The folder with the model's initial weights, brought here if need be; None where it starts from new ones.

    Raises SourceError when no source works.
    """
    match facts.ref.kind:
        case "hub":
            repo, revision = hub_parts(facts.ref)
            return fetch_hub_model(repo, revision, settings, report)
        case "folder":
            return checkpoint_folder(facts.ref)
        case "artifact":
            return artifact_folder(facts.ref, settings)
    resource = weights_resource(facts)
    return fetch(resource, settings, report) if resource else None


def _of_preset(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    family, item = preset(ref.name)
    if item.tasks and task.name not in item.tasks and task.modality == family.modality:
        raise RecipeError(
            f"{item.title} is made for {', '.join(item.tasks)}, not for {task.title}. Choose another model{_such_as(task)}."
        )
    if ref.options.get("vocabulary") and item.from_teacher is None and not family.own_tokenizer:
        raise RecipeError(
            f"'{ref}': a vocabulary can be trimmed only in a student that starts from its teacher's words. "
            "Leave 'vocabulary' out, or choose such a student, e.g. minilm-l3 or bilstm-64."
        )
    title = f"{item.title} ({', '.join(f'{key} {value}' for key, value in ref.options.items())})" if ref.options else item.title
    return ModelFacts(
        ref=ref,
        title=title,
        family=family,
        options=options_of(ref, family, item.options),
        source=_source_name(item.resource.sources[0]) if item.resource else None,
        from_teacher=item.from_teacher,
    )


def _of_hub(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    repo, revision = hub_parts(ref)
    source, folder = f"hub:{repo}@{revision}", None  # until it was fetched; a worker fetches before it plans
    if fetched := fetched_hub_model(repo, revision, settings):
        folder, receipt = fetched
        require_merged(receipt.files, repo)
        files = files_digest({name: record.sha256 for name, record in receipt.files.items()})
        source = f"hub:{repo}@{receipt.commit or revision}:{files}"
    return ModelFacts(
        ref=ref,
        title=repo,
        family=narrowed(FAMILIES[CHECKPOINT], task.modality, {}, task.problem),
        options=read_as(ref, FAMILIES[CHECKPOINT], task),
        source=source,
        shape=shape_of_folder(folder),
    )


def _of_folder(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    folder = checkpoint_folder(ref)
    config = read_config(folder)
    require_sane(config, weight_bytes(folder), folder.name)
    return ModelFacts(
        ref=ref,
        title=folder.name,
        family=narrowed(FAMILIES[CHECKPOINT], modality_in(config) or task.modality, config, task.problem),
        options=read_as(ref, FAMILIES[CHECKPOINT], task),
        source=f"folder:{folder_digest(folder, settings)}",
        shape=shape_of(config),
    )


def _of_artifact(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    folder = artifact_folder(ref, settings)
    try:
        saved = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        family, learned = FAMILIES[saved["family"]], TaskFacts.model_validate(saved["task"])
    except FileNotFoundError:
        raise RecipeError(
            f"Artifact {ref.name[:12]}… is not a trained model with weights. "
            "Choose the result of a teach, distill or prune stage."
        ) from None
    if family.name == CHECKPOINT:
        family = narrowed(family, learned.modality, saved["architecture"].get("config", {}), learned.problem)
    if family.modality == task.modality and learned.answer != task.answer:
        raise RecipeError(
            f"Artifact {ref.name[:12]}… was trained on {learned.title}, whose labels are not those of "
            f"{task.title}. Choose a result of the same task."
        )
    options_of(ref, family.model_copy(update={"options": Frozen}), {})  # its architecture is settled: it takes none
    shape = shape_of(saved["architecture"].get("config", {}))
    if changed := saved.get("surgery"):  # what was cut out of it stands neither in its options nor in its config
        whole = saved["options"].get(family.depth) or shape.get("layers")
        family = family.model_copy(update={"head_width": 0, "depth": ""})
        layers = left_of(changed, whole)
        shape = {"layers": layers} if layers else {}
    return ModelFacts(
        ref=ref,
        title=f"{saved['model']} from an earlier run",
        family=family,
        options=saved["options"],
        source=f"artifact:{ref.name}",
        shape=shape,
    )


def _of_black_box(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    options = _black_box_options(ref, task)
    source = graph_source(ref, task, settings) if ref.kind == "onnx" else table_source(ref, task, options["labels"], settings)
    family = FAMILIES[BLACK_BOX].model_copy(
        update={"modality": task.modality, "quantization": "dynamic" if task.modality == "text" else "static"}
    )
    return ModelFacts(ref=ref, title=Path(ref.name).name, family=family, options=options, source=source)


def _of_remote(ref: ModelRef, task: TaskFacts, settings: Settings) -> ModelFacts:
    family = FAMILIES[REMOTE]
    options = options_of(ref, family, {})
    source = remote_source(ref, task.outputs, settings)
    return ModelFacts(ref=ref, title=f"{options['model']} at {ref.name}", family=family, options=options, source=source)


def _black_box_options(ref: ModelRef, task: TaskFacts) -> dict[str, Any]:
    options = read_as(ref, FAMILIES[BLACK_BOX], task)
    if too_many := [name for name in ("mean", "std") if len(options[name]) not in (0, 1, task.input.get("channels"))]:
        raise RecipeError(f"'{ref}': {too_many[0]} needs one number, or one for each colour of {task.title}.")
    return options


_LOOK_UP: dict[str, Callable[[ModelRef, TaskFacts, Settings], ModelFacts]] = {
    "preset": _of_preset,
    "hub": _of_hub,
    "folder": _of_folder,
    "artifact": _of_artifact,
    "onnx": _of_black_box,
    "csv": _of_black_box,
    "api": _of_remote,
}


def _source_name(source: Source) -> str:
    match source:
        case Wheel():
            return f"wheel:{source.sha256}"
        case HubRepo():
            return f"hub:{source.repo}@{source.revision}"
    return f"{source.kind}:{source.model_dump_json()}"


def _such_as(task: TaskFacts) -> str:
    """A few names that fit, for a message."""
    names = [
        item.name
        for family, item in presets().values()
        if family.modality == task.modality
        and task.problem in family.problems
        and not item.from_teacher
        and (not item.tasks or task.name in item.tasks)
    ]
    return f", e.g. {', '.join(names[:3])}" if names else ""
