"""What the serving process answers: predictions, test examples, disagreements, and the size of a model before it exists."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.layout import MODEL_FILE
from kdui.core.sampling import Sampling
from kdui.modalities import modality_of
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
        runs, answers = [], []
        with ExitStack() as used:
            for digest in digests:
                session, inputs, folder = used.enter_context(self._models.use(digest))
                arrays = modality_of(inputs.modality).prepare([example], inputs.settings, folder)
                outputs = session.run(None, arrays)[0]
                runs.append(_reader(session, arrays))
                answers.append(
                    {
                        "digest": digest,
                        "parts": [part.model_dump() for part in problem_of(facts).present(outputs[0], facts)],
                        "file_bytes": (folder / MODEL_FILE).stat().st_size,
                    }
                )
            samples = timed_in_turn(runs)
        return [{**answer, "samples": readings} for answer, readings in zip(answers, samples, strict=True)]

    def tokens(self, digest: str, prompt: str, sampling: dict[str, Any], reference: str = "") -> Iterator[dict[str, Any]]:
        """Text that a language model generates, token by token; ``reference``: another model whose opinion of each is told."""
        from kdui.serving.streams import GeneratedText

        with ExitStack() as used:
            model = used.enter_context(self._models.use(digest))
            other = used.enter_context(self._models.use(reference)) if reference else None
            for piece in GeneratedText(model, other).stream(prompt, Sampling.model_validate(sampling)):
                yield piece.model_dump()

    def examples(self, task: str, n: int, offset: int) -> list[dict[str, Any]]:
        """Test examples as the page shows them, from ``offset`` on, going round at the end."""
        split = self._data(task)["test"]
        return [self._shown(task, (offset + index) % len(split.targets)) for index in range(n)]

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
        labels = TASKS[task].labels
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
                "teacher": labels[right],
                "other": labels[wrong],
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

    def _outputs(self, digest: str) -> np.ndarray:
        """Test outputs [n, labels] kept by Measure."""
        from kdui.core.layout import PREDICTIONS_FILE

        return np.load(self.artifacts.open(digest).file(PREDICTIONS_FILE), allow_pickle=False).astype(np.float32)

    def _shown(self, task: str, index: int) -> dict[str, Any]:
        facts, split = TASKS[task], self._data(task)["test"]
        shown = modality_of(facts.modality).shown(split.inputs[index])
        return {"index": index, "truth": facts.labels[int(split.targets[index])] if facts.labels else "", **shown}


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
