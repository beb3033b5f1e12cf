"""A model whose weights can be swapped: what its predictions on a fixed part of the validation data lose by it.

numpy and ONNX Runtime only, so that the serving process can measure too.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.external_data_helper import set_external_data

from kdui.core.contracts import TaskFacts
from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.padding import trimmed
from kdui.methods.compress.sensitivity.changes import Change, ChangedLayer
from kdui.methods.compress.sensitivity.weights import Weight, weights_of
from kdui.modalities import modality_of
from kdui.problems import problem_of
from kdui.problems.judging import Judging, judged
from kdui.problems.softmax import log_softmax
from kdui.runtime.sessions import CPU, Session, session_options

WEIGHTS_FILE = "weights"
SUBSET_SEED = 0


@dataclass(frozen=True)
class Effect:
    """What changed weights cost on the validation subset: headline and its drop in its unit, mean KL in nats."""

    headline: float
    drop: float
    kl: float


def subset(total: int, count: int) -> np.ndarray:
    """Places of a fixed random part of a split, sorted; all of them where there are no more.

    The legacy generator's stream never changes, so every machine and every later measurement takes the same examples.
    """
    return np.arange(total) if count >= total else np.sort(np.random.RandomState(SUBSET_SEED).permutation(total)[:count])


class Probe:
    """The unchanged weights stand in a file beside the graph; changed ones go into the graph, which stays a small file.

    A new session for every change is faster than one session that takes its weights as inputs (convolutions 1.7 ×): constant
    weights are packed once and run in the blocked layout. ``SessionOptions.add_initializer`` is not used, because that
    layout reads the file and so leaves the swapped weights of convolutions out.
    """

    def __init__(self, folder: Path, facts: TaskFacts, split: Any, examples: int, threads: int = 0):
        model = onnx.load(folder / MODEL_FILE)
        self.weights: list[Weight] = weights_of(model)
        if not self.weights:
            raise StageFailed("This graph holds no float weights that could be changed. Choose a model before it is quantized.")
        self.facts, self.threads = facts, threads
        self.problem = problem_of(facts)
        places = subset(len(split.targets), examples)
        chosen = split.take(places)
        self.targets = chosen.targets
        inputs = read_inputs(folder)
        arrays = modality_of(inputs.modality).prepare(chosen.inputs, inputs.settings, folder)
        beside = self.problem.target_arrays(chosen.targets, inputs.settings, folder)
        self._batches = _batches({**arrays, **beside}, self.problem.graph_batch)
        swapped = {weight.name for weight in self.weights}
        self.rest_bytes = sum(numpy_helper.to_array(item).nbytes for item in model.graph.initializer if item.name not in swapped)
        self._folder = tempfile.TemporaryDirectory(prefix="kdui-probe-")
        self._path = Path(self._folder.name) / MODEL_FILE
        self._graph = _written_apart(model, swapped, self._path.parent)
        base = self._judged({})
        self._base, self.headline = base.rows, self.problem.watch(base.values, self.targets)

    @property
    def count(self) -> int:
        return len(self.targets)

    def effect(self, changed: Mapping[str, np.ndarray]) -> Effect:
        """What these initializers cost in place of the model's own."""
        judged = self._judged(changed)
        headline = self.problem.watch(judged.values, self.targets)
        return Effect(
            headline,
            self.problem.watched(self.facts.headline).gain(self.headline, headline),
            mean_divergence(self._base, judged.rows),
        )

    def of_change(self, layers: Sequence[ChangedLayer], change: Change) -> Effect:
        """A change of all these layers at once."""
        if change.is_none:
            return Effect(self.headline, 0.0, 0.0)
        return self.effect({layer.weight.name: layer.changed(change) for layer in layers})

    def _judged(self, changed: Mapping[str, np.ndarray]) -> Judging:
        onnx.save(_with_weights(self._graph, changed), self._path)
        session = Session(str(self._path), session_options(self.threads), providers=[CPU])
        batches = ((index, session.run(None, batch)[0], batch) for index, batch in self._batches)
        return judged(self.problem, self.targets, batches, keep_rows=True)


def _written_apart(model: onnx.ModelProto, names: set[str], folder: Path) -> onnx.ModelProto:
    """The same graph, its initializers of these names in a file of the folder."""
    with (folder / WEIGHTS_FILE).open("wb") as stream:
        for tensor in model.graph.initializer:
            if tensor.name in names:
                data = numpy_helper.to_array(tensor).tobytes()
                tensor.ClearField("float_data")
                tensor.raw_data = b""  # the next call expects it set
                set_external_data(tensor, WEIGHTS_FILE, offset=stream.tell(), length=len(data))
                tensor.ClearField("raw_data")
                stream.write(data)
    return model


def _with_weights(graph: onnx.ModelProto, changed: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """A copy of the graph that holds these initializers itself."""
    if not changed:
        return graph
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    for tensor in model.graph.initializer:
        if tensor.name in changed:
            tensor.CopyFrom(numpy_helper.from_array(changed[tensor.name], tensor.name))
    return model


def _batches(arrays: dict[str, np.ndarray], size: int) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Places and inputs of each batch; texts of like length go together, cut to the longest of them."""
    mask = arrays.get("attention_mask")
    count = len(next(iter(arrays.values())))
    order = np.arange(count) if mask is None else np.argsort(mask.sum(1), kind="stable")
    batches = []
    for start in range(0, count, size):
        index = order[start : start + size]
        batches.append((index, trimmed({name: array[index] for name, array in arrays.items()})))
    return batches


def mean_divergence(outputs: np.ndarray, changed: np.ndarray) -> float:
    """Mean Kullback–Leibler divergence in nats of the changed model's softmax from the unchanged one's.

    Both are logits [n, ..., classes].
    """
    before, after = log_softmax(outputs), log_softmax(changed)
    probability = np.exp(before)
    with np.errstate(invalid="ignore"):  # labels of other tasks have probability zero on both sides
        terms = np.where(probability > 0, probability * (before - after), 0.0)
    return float(terms.sum(-1).mean())
