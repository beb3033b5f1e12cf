"""Specialists: a teacher per task, their predictions, one student for all tasks, separate ones, and combined models."""

import shutil
from typing import Any

import numpy as np
import onnx
import torch

from kdui.core.errors import StageFailed
from kdui.core.layout import INPUTS_FILE, MODEL_FILE, read_inputs
from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.apply import shown
from kdui.methods.distill.distill.losses import distillation_loss, smoothing_of_equal_entropy, soft_knobs, target_entropy
from kdui.methods.distill.distill.target_entropy import values_over
from kdui.methods.distill.specialists.graphs import difference, joined_graph
from kdui.methods.distill.specialists.losses import normalized, weighted_hard_loss, weighted_smoothed_loss, weighted_soft_loss
from kdui.methods.distill.specialists.parts import only_part, parts_of_labels, places_of
from kdui.methods.teach.teach.apply import teach
from kdui.problems import problem_of
from kdui.problems.softmax import softmax
from kdui.runtime.graph_metadata import export_metadata, write_metadata
from kdui.runtime.graph_notes import without_notes
from kdui.runtime.sessions import run_graph
from kdui.store.artifacts import sha256_file, write_json
from kdui.training.context import StepContext
from kdui.training.fit import LENS_FILE, resident
from kdui.training.initial_weights import load_input
from kdui.training.loop import Batch, Losses
from kdui.training.predicting import predict
from kdui.training.saved import SavedModel
from kdui.training.student import train_student
from kdui.training.teacher_outputs import TeacherOutputs, write_outputs

LENS_EXAMPLES = 6  # of each task
PARITY_EXAMPLES, TOLERANCE = 8, 1e-3


def teach_part(context: StepContext) -> dict[str, Any]:
    """Train the teacher on the examples of its part alone."""
    return teach(only_part(context, context.settings["part"]))


def part_outputs(context: StepContext) -> dict[str, Any]:
    """Ask each specialist about the training examples of its own part; the rows stand in the order of the whole split."""
    limit = context.settings["train_examples"]
    count = len(context.data.targets("train")[:limit] if limit else context.data.targets("train"))
    outputs = np.zeros((1, count, context.facts.outputs), dtype=np.float32)
    lens: dict[str, Any] = {"labels": list(context.facts.labels), "examples": []}
    for number, part in enumerate(context.facts.parts):
        own, teacher = only_part(context, part), load_input(context, part)
        teacher.module.to(context.device)

        def check(done: float, before: int = number) -> None:
            context.report.progress((before + done) / len(context.facts.parts))

        data = resident(own, "train", teacher.inputs, teacher.folder)
        outputs[0, places_of(context, part, "train", limit)] = predict(teacher.module, data, check=check)
        lens["examples"] += _examples(own, teacher)
    write_outputs(context.out, outputs)
    write_json(context.out / LENS_FILE, lens)
    return {"shape": list(outputs.shape), "dtype": "float16"}


def _examples(own: StepContext, teacher: SavedModel) -> list[dict[str, Any]]:
    """Validation examples that the specialist gets right, by the probability of the runner-up; other tasks get none."""
    targets = own.data.targets("validation")
    outputs = predict(teacher.module, resident(own, "validation", teacher.inputs, teacher.folder))
    outputs = problem_of(own.facts).mask_to_task(outputs, targets)
    shares = softmax(outputs)
    right = np.flatnonzero(outputs.argmax(-1) == targets)
    chosen = right[np.argsort(-np.sort(shares[right], -1)[:, -2], kind="stable")][:LENS_EXAMPLES]
    return [
        {
            **shown(own, own.data.splits["validation"].inputs[index]),
            "truth": own.facts.answer.truth(targets[index]),
            "logits": [round(float(value), 4) for value in outputs[index]],
        }
        for index in chosen
    ]


def distil_parts(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard within each example's own task; with a ``part`` in the settings, on that task alone."""
    settings, problem = context.settings, problem_of(context.facts)
    teacher, part = TeacherOutputs(context.inputs["outputs"], context.device), settings.get("part")
    places = torch.from_numpy(places_of(context, part, "train", settings["train_examples"])) if part else None
    weigh = TaskWeights(context)

    def losses(outputs: torch.Tensor, batch: Batch) -> Losses:
        index = batch.index if places is None else places[batch.index.cpu()]
        temperature, soft_weight = soft_knobs(settings, batch.progress)

        def of_rows(rows: RowBatch, theirs: torch.Tensor) -> RowLosses:
            weights = weigh(rows.target)
            soft = weighted_soft_loss(rows.logits, theirs, weights, temperature)
            return {"soft": soft, "hard": weighted_hard_loss(rows.logits, rows.target, weights)}

        theirs = problem.rows(teacher(index, batch.view), batch.targets)
        terms = problem.rows(outputs, batch.targets).mean(of_rows, theirs)
        return {"total": distillation_loss(terms["soft"], terms["hard"], soft_weight), **terms}

    return train_student(only_part(context, part) if part else context, lambda student: losses)


def train_control(context: StepContext) -> dict[str, Any]:
    """Train the same student on hard labels alone, with the same weights of the tasks."""
    problem, weigh = problem_of(context.facts), TaskWeights(context)

    def of_rows(rows: RowBatch) -> RowLosses:
        return {"total": weighted_hard_loss(rows.logits, rows.target, weigh(rows.target))}

    return train_student(context, lambda student: lambda outputs, batch: problem.rows(outputs, batch.targets).mean(of_rows))


def train_smoothed(context: StepContext) -> dict[str, Any]:
    """Train the same student on labels smoothed, within each task, to the entropy of its specialist's targets."""
    problem, weigh = problem_of(context.facts), TaskWeights(context)
    by_part = _smoothing(context)
    words = ", ".join(f"{part} {share:.4f}" for part, share in zip(context.facts.parts, by_part, strict=True))
    context.report.log(f"Labels are smoothed by {words}: as soft as the specialists' targets on average.")
    part_of_label = torch.from_numpy(parts_of_labels(context.facts)).to(context.device)
    shares = torch.tensor(by_part, device=context.device)

    def of_rows(rows: RowBatch) -> RowLosses:
        part = part_of_label[rows.target]
        own = part[:, None] == part_of_label[None, :]
        return {"total": weighted_smoothed_loss(rows.logits, rows.target, weigh(rows.target), own, shares[part])}

    summary = train_student(context, lambda student: lambda outputs, batch: problem.rows(outputs, batch.targets).mean(of_rows))
    return {**summary, "smoothing": by_part}


def _smoothing(context: StepContext) -> list[float]:
    """ε of each task whose smoothed labels have the mean entropy of α · soft + (1 − α) · hard over its training examples."""
    settings, problem = context.settings, problem_of(context.facts)
    part_of_label = parts_of_labels(context.facts)
    teacher = TeacherOutputs(context.inputs["outputs"], context.device)
    smoothings = []
    for number, part in enumerate(context.facts.parts):
        places = places_of(context, part, "train", settings["train_examples"])
        targets = torch.from_numpy(context.data.targets("train")[places]).to(context.device)
        logits = problem.rows(teacher(torch.from_numpy(places), 0), targets).part(0, len(targets))
        entropies = [target_entropy(logits, targets, *values) for values in values_over(settings)]
        smoothings.append(smoothing_of_equal_entropy(sum(entropies) / len(entropies), int((part_of_label == number).sum())))
    return smoothings


class TaskWeights:
    """The weight of each example [batch] by its label; alone, a task weighs 1."""

    def __init__(self, context: StepContext):
        weights = normalized(context.settings["weights"])
        by_label = np.array(weights, dtype=np.float32)[parts_of_labels(context.facts)]
        self._by_label = torch.from_numpy(np.ones_like(by_label) if "part" in context.settings else by_label).to(context.device)

    def __call__(self, targets: torch.Tensor) -> torch.Tensor:
        return self._by_label[targets]


def together(context: StepContext) -> dict[str, Any]:
    """One graph of the parts' models; raises StageFailed where they read different tokens or the graph's outputs differ."""
    parts, part_of_label = context.facts.parts, parts_of_labels(context.facts)
    models = [context.inputs[part] for part in parts]
    inputs = read_inputs(models[0].path)
    if len({tuple(sha256_file(model.file(name)) for name in (INPUTS_FILE, *inputs.files)) for model in models}) > 1:
        raise StageFailed("These models cut a text into different tokens, so they cannot be put together. Use one vocabulary.")
    labels = [range(*np.flatnonzero(part_of_label == number)[[0, -1]] + [0, 1]) for number in range(len(parts))]
    onnx.save(without_notes(joined_graph([model.file(MODEL_FILE) for model in models], labels)), context.out / MODEL_FILE)
    for name in (INPUTS_FILE, *inputs.files):
        shutil.copyfile(models[0].file(name), context.out / name)
    arrays = context.data.prepared("validation", inputs, models[0].path)
    sample = {name: array[:PARITY_EXAMPLES] for name, array in arrays.items()}
    apart = [run_graph(model.file(MODEL_FILE), sample) for model in models]
    parity = difference(run_graph(context.out / MODEL_FILE, sample), apart, labels)
    if not parity <= TOLERANCE:
        raise StageFailed(f"The combined model differs from its parts by {parity:.2g} of the largest output. Report this.")
    write_metadata(
        context.out / MODEL_FILE,
        export_metadata(context.facts, context.step.digest, (context.out / INPUTS_FILE).read_text(encoding="utf-8")),
    )
    summaries = [model.manifest.summary for model in models]
    return {**{name: sum(each[name] for each in summaries) for name in ("parameters", "nonzero", "macs")}, "parity": parity}
