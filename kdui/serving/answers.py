"""What the serving process answers: predictions, test examples, disagreements, and the size of a model before it exists."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.answers import Ranked
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError, StoreError
from kdui.core.layout import MODEL_FILE
from kdui.core.sampling import Sampling
from kdui.modalities import modality_of, parts_of
from kdui.problems import problem_of
from kdui.problems.softmax import softmax
from kdui.runtime.timing import take_turns, warm_up
from kdui.serving.once_per_key import OncePerKey
from kdui.serving.open_models import OpenModels
from kdui.serving.requests import in_turn, undisturbed
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from kdui.serving.what_if_probes import Changing

TIMED_RUNS, TURN_SECONDS = 30, 0.15  # readings of each model in an answer; of a slow one as many as fit into its turns
WARM_RUNS, WARM_SECONDS = 20, 0.05
MOST_PAIRS = 12  # confusions that are shown


class Answers:
    """A method for each kind of request; a generator for one that streams. Keeps open models, and each task's data once read."""

    def __init__(self, settings: Settings):
        self.settings = settings
        TASKS.look_in(settings)
        self.artifacts = ArtifactStore(settings)
        self._models = OpenModels(self.artifacts, settings.serving_memory_mb)
        self._data = OncePerKey(self._load)
        self._traits = OncePerKey(self._find_traits)

    def warm_up(self) -> str:
        """Import what the first answer needs, so that a person does not wait for it."""
        import kdui.runtime.sessions

        return kdui.runtime.sessions.__name__

    @undisturbed
    def ask(self, task: str, digests: list[str], raw: Any) -> list[dict[str, Any]]:
        """Each model's answer to one raw example, and its latency measured now, the models taking turns."""
        facts = TASKS[task]
        example = np.array(raw, np.uint8) if facts.modality == "image" else raw
        problem, runs, answers = problem_of(facts), [], []
        target = self._target(task, example) if problem.shows_truth else None
        with ExitStack() as used:
            for digest in digests:
                session, inputs, folder = used.enter_context(self._models.use(digest))
                arrays = modality_of(inputs.modality).prepare([example], inputs.settings, folder)
                outputs = session.run(None, arrays)[0]
                runs.append(_reader(session, arrays))
                answers.append(
                    {
                        "digest": digest,
                        "parts": [part.model_dump() for part in problem.answer(outputs[0], facts, example, folder, target)],
                        "file_bytes": (folder / MODEL_FILE).stat().st_size,
                    }
                )
            samples = timed_in_turn(runs)
        return [{**answer, "samples": readings} for answer, readings in zip(answers, samples, strict=True)]

    @in_turn
    def explain(self, task: str, digests: list[str], raw: Any) -> dict[str, Any]:
        """Of each model what its prediction hangs on; see ``serving.explaining``. And the parts that were left out."""
        from kdui.serving.explaining import explain, reader

        facts = TASKS[task]
        example = np.array(raw, np.uint8) if facts.modality == "image" else raw
        own = parts_of(facts.modality)
        names = own.parts(example)
        told = []
        for digest in digests:
            with self._models.use(digest) as (session, inputs, folder):
                prepare = partial(_prepared, modality_of(inputs.modality), inputs.settings, folder)
                leave_out = reader(session, prepare, partial(_ranked, facts), own.without, example)
                told.append({"digest": digest, **explain(len(names), leave_out)._asdict()})
        return {"parts": names, "models": told}

    @in_turn
    def alignment(self, digest: str, source: str, written: str) -> dict[str, Any]:
        """Which words of an input an encoder-decoder looks at for each that it wrote; see ``serving.alignment``."""
        from kdui.serving.alignment import alignment  # brings onnx

        with self._models.use(digest) as model:
            return alignment(model, source, written)

    @undisturbed
    def race(self, task: str, digests: list[str], start: int, most: int, seconds: float) -> list[dict[str, Any]]:
        """How many test inputs each model predicts one by one within so many seconds of its own, from ``start`` of each on."""
        split = self._data(task)["test"]
        laps = []
        with ExitStack() as used:
            models = [used.enter_context(self._models.use(digest)) for digest in digests]
            for digest, (session, inputs, folder) in zip(digests, models, strict=True):
                prepare = partial(_prepared, modality_of(inputs.modality), inputs.settings, folder)
                done, spent = 0, 0.0
                while spent < seconds and done < most:
                    arrays = prepare([split.inputs[(start + done) % len(split.targets)]])
                    started = time.perf_counter()
                    session.run(None, arrays)
                    spent, done = spent + time.perf_counter() - started, done + 1
                laps.append({"digest": digest, "done": done, "seconds": spent})
        return laps

    def tokens(
        self, digest: str, prompt: str, sampling: dict[str, Any], reference: str = "", chat: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Text that a language model generates, token by token; ``reference``: another model whose opinion of each is told;
        ``chat``: by the model's chat template."""
        from kdui.serving.streams import GeneratedText

        with ExitStack() as used:
            model = used.enter_context(self._models.use(digest))
            other = used.enter_context(self._models.use(reference)) if reference else None
            for piece in GeneratedText(model, other, chat).stream(prompt, Sampling.model_validate(sampling)):
                yield piece.model_dump()

    def examples(self, task: str, n: int, offset: int) -> list[dict[str, Any]]:
        """Test examples as the page shows them, from ``offset`` on, going round at the end."""
        split = self._data(task)["test"]
        return [self._shown(task, (offset + index) % len(split.targets)) for index in range(n)]

    @in_turn
    def names(self, task: str) -> list[str]:
        """What the task's targets number, where the data decide it: the items of a catalogue, the most popular first."""
        return list(self._data(task)["train"].names)

    def targets(self, task: str) -> list[int]:
        """The true labels of the test split, in its order."""
        return [int(target) for target in self._data(task)["test"].targets]

    @in_turn
    def traits(self, task: str) -> dict[str, list[float]]:
        """What the test split can be sorted by, one number an example: how unlike the training data it is, and more."""
        return self._traits(task)

    def test_data(self, task: str) -> dict[str, Any]:
        """Names a task's test split: its version, how many examples, and the sha256 of all of them."""
        split = self._data(task)["test"]
        return {"version": TASKS[task].version, "n": len(split), "sha256": split.sha256()}

    @in_turn
    def disagreements(self, task: str, teacher: str, other: str, n: int) -> dict[str, Any]:
        """Test examples that the teacher gets right and the other model wrong; both named by their measure artifact's digest.

        Grouped by what was taken for what, the most frequent confusion first; of each its first ``n`` examples, sorted by the
        teacher's confidence, most confident first.
        """
        truth = TASKS[task].answer.truth
        kept = [self._outputs(digest) for digest in (teacher, other)]
        total = min(len(outputs) for outputs in kept)
        targets = self._data(task)["test"].targets[:total]
        mask = problem_of(TASKS[task]).mask_to_task
        ours, theirs = (softmax(mask(outputs[:total], targets)) for outputs in kept)
        parted = np.flatnonzero((ours.argmax(-1) == targets) & (theirs.argmax(-1) != targets))
        parted = parted[np.argsort(-ours[parted].max(-1), kind="stable")]
        pairs: dict[tuple[int, int], list[int]] = {}
        for index in parted.tolist():
            pairs.setdefault((int(ours[index].argmax()), int(theirs[index].argmax())), []).append(index)
        found = [
            {
                "teacher": truth(right),
                "other": truth(wrong),
                "count": len(places),
                "rows": [
                    {**self._shown(task, at), "teacher_p": float(ours[at].max()), "other_p": float(theirs[at].max())}
                    for at in places[:n]
                ],
            }
            for (right, wrong), places in sorted(pairs.items(), key=lambda item: -len(item[1]))[:MOST_PAIRS]
        ]
        return {"count": len(parted), "total": total, "pairs": found, "more": max(0, len(pairs) - MOST_PAIRS)}

    @in_turn
    def graph_layers(self, digest: str) -> list[dict[str, Any]]:
        """The nodes of a model's file; see ``runtime.graph_layers``."""
        from kdui.runtime.graph_layers import graph_layers  # brings onnx

        artifact = self.artifacts.open(digest)
        if MODEL_FILE not in artifact.manifest.files:
            raise StoreError(f"Artifact {digest[:12]} is no ONNX model. Choose a model of a finished run.")
        return graph_layers(artifact.file(MODEL_FILE))

    @in_turn
    def size(self, task: str, ref: str) -> dict[str, int]:
        """Parameters and MACs of a model on this task, without training it. The first call imports torch."""
        from kdui.catalogue.models import resolve, weights_folder
        from kdui.core.recipe import ModelRef
        from kdui.models.building import size_of

        facts = resolve(ModelRef.parse(ref), TASKS[task], self.settings)
        folder = weights_folder(facts, self.settings) if facts.ref.kind != "preset" else None
        return size_of(facts, TASKS[task], folder).model_dump()

    @in_turn
    def measure_change(self, task: str, model: str, examples: int, change: dict[str, Any]) -> dict[str, Any]:
        """What one change of all layers costs a model on the validation subset."""
        return self._changing.measure(task, model, examples, change)

    @in_turn
    def scan(self, task: str, model: str, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Continue measuring a model's sensitivity for this many seconds."""
        return self._changing.scan(task, model, settings, seconds)

    # ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _changing(self) -> "Changing":
        from kdui.serving.what_if_probes import Changing  # brings onnx, which nothing else here needs

        return Changing(self.artifacts, self._data)

    def _load(self, task: str) -> Any:
        return load_task(task, self.settings)[1]

    def _find_traits(self, task: str) -> dict[str, list[float]]:
        data = self._data(task)
        found = modality_of(TASKS[task].modality).traits(data["train"].inputs, data["test"].inputs)
        return {name: [round(float(value), 5) for value in values] for name, values in found.items()}

    def _target(self, task: str, example: Any) -> Any:
        """The target of this very test example; None where it is another input."""
        split = self._data(task)["test"]
        places = (place for place, raw in enumerate(split.inputs) if np.array_equal(raw, example))
        place = next(places, None)
        return None if place is None else split.targets[place]

    def _outputs(self, digest: str) -> np.ndarray:
        """Test outputs [n, labels] kept by Measure."""
        from kdui.core.layout import PREDICTIONS_FILE

        return np.load(self.artifacts.open(digest).file(PREDICTIONS_FILE), allow_pickle=False).astype(np.float32)

    def _shown(self, task: str, index: int) -> dict[str, Any]:
        facts, split = TASKS[task], self._data(task)["test"]
        shown = modality_of(facts.modality).shown(split.inputs[index])
        truth = problem_of(facts).truth(split.targets[index], split.inputs[index], facts)
        names = self._data(task)["train"].names
        then = {"then": [names[target] for target in split.targets[index] if target >= 0]} if names else {}
        return {"index": index, "truth": truth, **shown, **then}


def _ranked(facts: TaskFacts, outputs: np.ndarray) -> Ranked:
    """One row of outputs as ranked labels; raises KduiError for answers of another kind."""
    part = next(iter(problem_of(facts).present(outputs, facts)), None)
    if not isinstance(part, Ranked):
        raise KduiError("Only predictions of labels can be explained this way.")
    return part


def _prepared(modality: Any, settings: Any, folder: Any, examples: list[Any]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = modality.prepare(examples, settings, folder)
    return arrays


def _reader(session: Any, arrays: dict[str, np.ndarray]) -> Callable[[], float]:
    """A function that answers once and gives the ms that it took."""

    def read() -> float:
        started = time.perf_counter()
        session.run(None, arrays)
        return 1e3 * (time.perf_counter() - started)

    return read


def timed_in_turn(reads: Sequence[Callable[[], float]]) -> list[list[float]]:
    """Readings in ms of models that are warm and take turns as Measure does, so that the order of asking decides nothing."""
    for read in reads:
        warm_up(read, longest=WARM_RUNS, seconds=WARM_SECONDS)
    return take_turns(reads, TIMED_RUNS, turn_seconds=TURN_SECONDS)
