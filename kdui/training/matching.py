"""Inner values of student and teacher side by side: which layers meet, what the student holds now, what the teacher held.

A step's ``features`` setting says what is wanted: ``kind`` (stages, attention or penultimate), ``layers`` (auto, last or pairs
such as ``0:1, 2:5``) and ``reduce`` (none, or energy: the mean of squares over channels).
"""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kdui.core.artifact import Artifact
from kdui.core.errors import StageFailed
from kdui.models.points import Point, attention_layers, match_layers, penultimate, stages
from kdui.models.size import example_inputs
from kdui.models.taps import Taps
from kdui.store.artifacts import sha256_file, write_json
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.learning import resident
from kdui.training.loop import Batch
from kdui.training.saved import SavedModel
from kdui.training.starting import load_input, start_model
from kdui.training.teacher_features import CachedFeatures, FeatureWriter
from kdui.training.teachers import LiveTeacher

PROJECTIONS = ("query", "key", "value")
FACTS = "points.json"


@dataclass(frozen=True)
class Match:
    """One pair of layers on one batch. ``mask`` [batch, length] marks real tokens where values come by token."""

    student: torch.Tensor
    teacher: torch.Tensor
    mask: torch.Tensor | None


def energy(maps: torch.Tensor) -> torch.Tensor:
    """Where a map is active: mean of squares over the channels, [batch, height, width] of [batch, channels, height, width]."""
    return maps.square().mean(dim=1)


def matched_points(features: dict[str, Any], student: SavedModel, teacher: SavedModel, outputs: int) -> list[tuple[Point, Point]]:
    """The pairs of points (student, teacher) that the setting means for these two models; raises StageFailed in words.

    Of an attention layer there are three pairs in a row: query, key and value.
    """
    if features["kind"] == "penultimate":
        return [(penultimate(student.module, outputs), penultimate(teacher.module, outputs))]
    if features["kind"] == "attention":
        ours, theirs = attention_layers(student.module), attention_layers(teacher.module)
        chosen = match_layers(features["layers"], len(ours), len(theirs))
        return [(Point(f"{ours[i]}.{name}"), Point(f"{theirs[j]}.{name}")) for i, j in chosen for name in PROJECTIONS]
    mine = stages(student.module, example_inputs(student.description.task, 1, student.inputs))
    others = stages(teacher.module, example_inputs(teacher.description.task, 1, teacher.inputs))
    return [(mine[i], others[j]) for i, j in match_layers(features["layers"], len(mine), len(others))]


def keep_teacher_features(context: StepContext) -> dict[str, Any]:
    """Ask the teacher about every training example in every view and keep its inner values at the wanted points."""
    teacher = load_input(context, "teacher")
    student = start_model(context, seed=0)
    features = {name: context.settings[name] for name in ("kind", "layers", "reduce")}
    by_token = needs_tokens(context, features, student, teacher)
    points = list(dict.fromkeys(theirs for _, theirs in matched_points(features, student, teacher, context.facts.outputs)))
    data = resident(context, "train", teacher.inputs, teacher.folder, context.settings["train_examples"])
    views = context.settings["views"]
    passes: list[int | None] = list(range(views)) if views else [None]
    ones = torch.ones(len(data), dtype=torch.int64)
    counts = np.tile((data.lengths if by_token and data.lengths is not None else ones).numpy(), len(passes))
    writers = [FeatureWriter(context.out, str(number), counts, by_token) for number in range(len(points))]
    module = teacher.module.to(context.device).eval()
    done = 0
    with Taps(module, points) as taps, torch.no_grad(), autocast(context.device):
        for number, view in enumerate(passes):
            for index in data.in_order(64):
                module(**data.inputs(index, view))
                for writer, point in zip(writers, points, strict=True):
                    value = taps[point]
                    writer.write(index.numpy() + number * len(data), energy(value) if features["reduce"] == "energy" else value)
                done += len(index)
                context.report.progress(done / (len(data) * len(passes)))
    shapes = [writer.close() for writer in writers]
    facts = {
        "points": [[point.layer, point.side] for point in points],
        "shapes": shapes,
        "count": len(data),
        "by_token": by_token,
    }
    write_json(context.out / FACTS, facts)
    return {"points": len(points), "bytes": sum(path.stat().st_size for path in context.out.glob("*.npy")), "dtype": "float16"}


def needs_tokens(context: StepContext, features: dict[str, Any], student: SavedModel, teacher: SavedModel) -> bool:
    """Whether values come by token; raises StageFailed where the two models cut a text into different tokens."""
    if context.facts.modality != "text" or features["kind"] == "penultimate":
        return False
    one, other = (saved.folder / name for saved in (student, teacher) for name in saved.inputs.files)
    if sha256_file(one) != sha256_file(other):
        raise StageFailed(
            "Teacher and student cut a text into different tokens, so what they hold for a token cannot be matched. "
            "Choose a student with the teacher's own vocabulary, or a method that transfers outputs or relations."
        )
    return True


class MatchedFeatures:
    """Gives the matched inner values of a batch after the student's forward pass; a context manager."""

    def __init__(self, context: StepContext, student: SavedModel):
        self.features: dict[str, Any] = context.settings["features"]
        teacher = load_input(context, "teacher")
        self.by_token = needs_tokens(context, self.features, student, teacher)
        self.pairs = matched_points(self.features, student, teacher, context.facts.outputs)
        self.teacher = teacher
        self._open = ExitStack()
        self._taps = self._open.enter_context(Taps(student.module, [ours for ours, _ in self.pairs]))
        self._sources = self._cached(context.inputs["features"], context.device) if "features" in context.inputs else {}
        self._live = None if self._sources else LiveTeacher(context, teacher, tuple(theirs for _, theirs in self.pairs))
        self.student, self._context = student, context

    def __enter__(self) -> "MatchedFeatures":
        return self

    def __exit__(self, *problem: Any) -> None:
        self._open.__exit__(*problem)

    def _cached(self, artifact: Artifact, device: torch.device) -> dict[Point, CachedFeatures]:
        facts = json.loads(artifact.file(FACTS).read_text(encoding="utf-8"))
        found = {
            Point(layer, side): CachedFeatures(artifact, str(number), facts["count"], facts["by_token"], device)
            for number, (layer, side) in enumerate(facts["points"])
        }
        if missing := [theirs.layer for _, theirs in self.pairs if theirs not in found]:
            raise StageFailed(
                f"The teacher's cached values lack layer {missing[0]}: they belong to another teacher. Run it again."
            )
        return found

    def __call__(self, batch: Batch) -> list[Match]:
        """The pairs in order: what the student held in its last pass, with gradient, and what the teacher held, fp32."""
        mask = batch.inputs["attention_mask"] if self.by_token else None
        length = mask.shape[1] if mask is not None else None
        live = self._live.values(batch) if self._live else None
        found = []
        for number, (ours, theirs) in enumerate(self.pairs):
            if live is not None:
                value = energy(live[number]) if self.features["reduce"] == "energy" else live[number]
            else:
                value = self._sources[theirs](batch.index, batch.view, length)
            found.append(Match(self._taps[ours].float(), value, mask))
        return found

    def shapes(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Shapes of each pair for one example of full length (student, teacher before any reduction), batch axis left out."""
        return [(_shape_at(self.student, ours), _shape_at(self.teacher, theirs)) for ours, theirs in self.pairs]


def _shape_at(saved: SavedModel, point: Point) -> tuple[int, ...]:
    device = next(saved.module.parameters()).device
    example = {name: tensor.to(device) for name, tensor in example_inputs(saved.description.task, 1, saved.inputs).items()}
    was_training = saved.module.training
    with Taps(saved.module.eval(), [point]) as taps, torch.no_grad():
        saved.module(**example)
        shape = tuple(taps[point].shape[1:])
    saved.module.train(was_training)
    return shape
