"""Inner values of student and teacher side by side: which layers meet, what the student holds now, what the teacher held.

A step's ``features`` setting chooses them: ``kind`` (stages, penultimate, attention: query and key of self-attention,
relations: also its value; several joined by ``+``), ``layers`` (auto, last or pairs such as ``0:1, 2:5``) and ``reduce`` (none,
or energy: the mean of squares over channels).
"""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.layout import TOKENIZER
from kdui.models.layer_refs import Point, Taps, attention_layers, match_layers, penultimate, stages
from kdui.models.size import example_inputs
from kdui.problems import problem_of
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.fit import resident
from kdui.training.initial_weights import load_input, start_model
from kdui.training.loop import Batch
from kdui.training.saved import SavedModel
from kdui.training.teacher_features import CachedFeatures, FeatureWriter
from kdui.training.teachers import LiveTeacher

PROJECTIONS = {"attention": ("query", "key"), "relations": ("query", "key", "value")}
FACTS = "points.json"


@dataclass(frozen=True)
class Pair:
    """Where a student's value meets its teacher's, and what it is: stage, features, query, key or value.

    ``heads`` are those of student and teacher where it is a part of self-attention.
    """

    what: str
    student: Point
    teacher: Point
    heads: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Match:
    """The values of one pair on one batch. ``mask`` [batch, length] marks real tokens where values come by token."""

    student: torch.Tensor
    teacher: torch.Tensor
    mask: torch.Tensor | None
    pair: Pair


def energy(maps: torch.Tensor) -> torch.Tensor:
    """Where a map is active: mean of squares over the channels, [batch, height, width] of [batch, channels, height, width]."""
    return maps.square().mean(dim=1)


def matched_pairs(features: dict[str, Any], student: SavedModel, teacher: SavedModel, outputs: int) -> list[Pair]:
    """The pairs that the setting means for these two models, kind by kind; raises StageFailed in words.

    Of a kind with several values (query, key, ...) those of one layer follow each other.
    """
    pairs: list[Pair] = []
    for kind in features["kind"].split("+"):
        if kind == "penultimate":
            pairs.append(Pair("features", penultimate(student.module, outputs), penultimate(teacher.module, outputs)))
        elif kind == "stages":
            mine = stages(student.module, example_inputs(student.description.task, 1, student.inputs))
            others = stages(teacher.module, example_inputs(teacher.description.task, 1, teacher.inputs))
            chosen = match_layers(features["layers"], len(mine), len(others))
            pairs += [Pair("stage", mine[i], others[j]) for i, j in chosen]
        else:
            pairs += _attention_pairs(kind, features["layers"], student.module, teacher.module)
    return pairs


def _attention_pairs(kind: str, layers: str, student: nn.Module, teacher: nn.Module) -> list[Pair]:
    mine, others = attention_layers(student), attention_layers(teacher)
    return [
        Pair(
            name,
            Point(f"{mine[i]}.{name}"),
            Point(f"{others[j]}.{name}"),
            (_heads(student.get_submodule(mine[i])), _heads(teacher.get_submodule(others[j]))),
        )
        for i, j in match_layers(layers, len(mine), len(others))
        for name in PROJECTIONS[kind]
    ]


def _heads(attention: Any) -> int:
    return int(attention.num_attention_heads)


def keep_teacher_features(context: StepContext) -> dict[str, Any]:
    """Run the teacher on every training example in every view and keep its intermediate features at the wanted points."""
    teacher = load_input(context, "teacher")
    student = start_model(context, seed=0)
    features = {name: context.settings[name] for name in ("kind", "layers", "reduce")}
    by_token = needs_tokens(context, features, student, teacher)
    points = list(dict.fromkeys(pair.teacher for pair in matched_pairs(features, student, teacher, context.facts.outputs)))
    data = resident(context, "train", teacher.inputs, teacher.folder, context.settings["train_examples"])
    views = context.settings["views"]
    passes: list[int | None] = list(range(views)) if views else [None]
    ones = torch.ones(len(data), dtype=torch.int64)
    counts = np.tile((data.lengths if by_token and data.lengths is not None else ones).numpy(), len(passes))
    writers = [FeatureWriter(context.out, str(number), counts, by_token) for number in range(len(points))]
    module, problem = teacher.module.to(context.device).eval(), problem_of(context.facts)
    done = 0
    with Taps(module, points) as taps, torch.no_grad(), autocast(context.device):
        for number, view in enumerate(passes):
            for index in data.in_order(64):
                problem.compute(module, data.inputs(index, view))
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
    if TOKENIZER not in teacher.inputs.files or features["kind"] == "penultimate":
        return False
    if reads_alike(context, student, teacher):
        return True
    if student.inputs.settings != teacher.inputs.settings:
        ours, theirs = (saved.inputs.settings["max_length"] for saved in (student, teacher))
        raise StageFailed(
            f"The student reads up to {ours} tokens, its teacher up to {theirs}, so what they hold for a token cannot "
            "be matched. Choose a student that reads what its teacher reads, or a method that transfers outputs or relations."
        )
    raise StageFailed(
        "Teacher and student cut a text into different tokens, so what they hold for a token cannot be matched. "
        "Choose a student with the teacher's own vocabulary, or a method that transfers outputs or relations."
    )


def reads_alike(context: StepContext, student: SavedModel, teacher: SavedModel) -> bool:
    """Whether both models get the same arrays for the training texts: the same tokens."""
    limit = context.settings["train_examples"]
    ours, theirs = (context.data.prepared("train", saved.inputs, saved.folder, limit) for saved in (student, teacher))
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


class MatchedFeatures:
    """Gives the matched intermediate features of a batch after the student's forward pass; a context manager."""

    def __init__(self, context: StepContext, student: SavedModel):
        self.features: dict[str, Any] = context.settings["features"]
        teacher = load_input(context, "teacher")
        self.by_token = needs_tokens(context, self.features, student, teacher)
        self.pairs = matched_pairs(self.features, student, teacher, context.facts.outputs)
        self.teacher = teacher
        self._open = ExitStack()
        self._taps = self._open.enter_context(Taps(student.module, [pair.student for pair in self.pairs]))
        self._sources = self._cached(context) if "features" in context.inputs else {}
        self._live = None if self._sources else LiveTeacher(context, teacher, tuple(pair.teacher for pair in self.pairs))
        self.student = student

    def __enter__(self) -> "MatchedFeatures":
        return self

    def __exit__(self, *problem: Any) -> None:
        self._open.__exit__(*problem)

    def _cached(self, context: StepContext) -> dict[Point, CachedFeatures]:
        artifact = context.inputs["features"]
        if artifact.manifest.inputs["teacher"] != context.inputs["teacher"].digest:
            raise StageFailed("The cached features belong to another teacher. Run the recipe again, so that its own are kept.")
        facts = json.loads(artifact.file(FACTS).read_text(encoding="utf-8"))
        cached = {
            Point(layer, side): CachedFeatures(artifact, str(number), facts["count"], facts["by_token"], context.device)
            for number, (layer, side) in enumerate(facts["points"])
        }
        if missing := [pair.teacher.layer for pair in self.pairs if pair.teacher not in cached]:
            raise StageFailed(
                f"The teacher's cached values lack layer {missing[0]}: they were kept for other layers. Run the recipe again."
            )
        return cached

    def __call__(self, batch: Batch) -> list[Match]:
        """The pairs in order: what the student held in its last pass, with gradient, and what the teacher held, fp32."""
        mask = batch.inputs["attention_mask"] if self.by_token else None
        length = mask.shape[1] if mask is not None else None
        live = self._live.values(batch) if self._live else None
        matches = []
        for number, pair in enumerate(self.pairs):
            if live is not None:
                value = energy(live[number]) if self.features["reduce"] == "energy" else live[number]
            else:
                value = self._sources[pair.teacher](batch.index, batch.view, length)
            matches.append(Match(self._taps[pair.student].float(), value, mask, pair))
        return matches

    def shapes(self, what: str = "") -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Shapes of each pair (of those that are ``what``) for one example of full length: student, teacher before any reduction.

        Raises StageFailed where the two are of different kinds, e.g. maps and tokens, or cut an image into different patches.
        """
        shapes = []
        for pair in self.pairs:
            if what in ("", pair.what):
                ours, theirs = _shape_at(self.student, pair.student), _shape_at(self.teacher, pair.teacher)
                if len(ours) != len(theirs) or (len(ours) == 2 and ours[0] != theirs[0]):
                    raise StageFailed(
                        f"{pair.student.layer} of the student holds {ours}, {pair.teacher.layer} of its teacher {theirs}: these "
                        "cannot be matched. Choose other layers, another pair of models, or a method that transfers outputs."
                    )
                shapes.append((ours, theirs))
        return shapes


def _shape_at(saved: SavedModel, point: Point) -> tuple[int, ...]:
    device = next(saved.module.parameters()).device
    example = {name: tensor.to(device) for name, tensor in example_inputs(saved.description.task, 1, saved.inputs).items()}
    was_training = saved.module.training
    with Taps(saved.module.eval(), [point]) as taps, torch.no_grad():
        saved.module(**example)
        shape = tuple(taps[point].shape[1:])
    saved.module.train(was_training)
    return shape
