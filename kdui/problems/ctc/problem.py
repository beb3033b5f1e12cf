"""Transcription: outputs [batch, frames, choices] are the logits of each frame to emit nothing or one of the task's symbols.

A row is a frame, so whatever matches rows matches frames. Rows have no true choice: which frame emits a symbol is the model's own
decision, and the loss is of all paths together that spell the transcript. Two models may well emit one symbol some frames apart.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdui.core.answer_facts import Transcript as TranscriptFacts
from kdui.core.answers import AnswerPart
from kdui.core.contracts import TaskFacts
from kdui.core.metric import WORD_ERROR_RATE, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.paired import Difference
from kdui.problems import bootstrap
from kdui.problems.ctc.edit_distance import COUNTS, character_error_rate, counts, word_error_rate
from kdui.problems.ctc.paths import BLANK, NONE, best_path, symbols_of, transcript_nats
from kdui.problems.softmax import log_softmax

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows

CHARACTER_ERROR_RATE = Metric(name="character_error_rate", title="Character error rate", unit="%", higher_is_better=False)
MOST_NATS = 1e4  # of an utterance with more symbols than frames, whose transcript no path spells


class Transcription(Problem):
    """The values of an utterance are its edits and lengths in words and characters, its nats, and its symbols: [n, 6]."""

    name: ClassVar[str] = "ctc"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "frame", "symbol"))
    graph_batch: ClassVar[int] = 16
    row_truths: ClassVar[bool] = False

    def __init__(self, answer: TranscriptFacts):
        self._answer = answer

    # --- learning ---

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """One row a frame, utterance by utterance, without true choices."""
        import torch

        from kdui.problems.dense_rows import DenseRows

        count, frames = outputs.shape[:2]
        example = torch.arange(count, device=outputs.device).repeat_interleave(frames)
        return DenseRows(outputs.flatten(0, 1), None, example)

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """−log probability of the true transcripts over all their paths, in nats a symbol; what no path spells counts nothing."""
        import torch
        from torch.nn import functional

        from kdui.problems.row_losses import widened

        count, frames = outputs.shape[:2]
        nats = functional.ctc_loss(
            functional.log_softmax(widened(outputs), dim=-1).transpose(0, 1),
            targets + 1,
            torch.full((count,), frames, dtype=torch.int64, device=outputs.device),
            (targets != NONE).sum(1),
            blank=BLANK,
            reduction="none",
            zero_infinity=True,
        )
        return nats.sum() / self.counted(outputs, targets)

    def counted(self, outputs: Any, targets: "torch.Tensor") -> int:
        """The symbols of the true transcripts."""
        return max(1, int((targets != NONE).sum()))

    def summarize(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """See the class."""
        import torch

        return torch.from_numpy(self.summarize_arrays(outputs.float().cpu().numpy(), {}, targets.cpu().numpy()))

    # --- judging ---

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same from a graph's outputs: of the transcripts that the most probable path of each utterance spells."""
        written = [self._answer.written([symbol for _, symbol in best_path(each)]) for each in outputs]
        true = [symbols_of(target) for target in targets]
        nats = np.minimum(transcript_nats(log_softmax(outputs), targets), MOST_NATS)
        lengths = np.array([len(symbols) for symbols in true])
        return np.concatenate([counts(written, list(map(self._answer.written, true))), np.stack([nats, lengths], 1)], axis=1)

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Those of all frames."""
        return outputs.reshape(-1, outputs.shape[-1])

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Nats a symbol."""
        return float(values[:, COUNTS].sum(dtype=np.float64) / max(1.0, values[:, COUNTS + 1].sum(dtype=np.float64)))

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Word and character error rate over all utterances together, in %."""
        characters = float(character_error_rate(_sums(values)))
        return [(WORD_ERROR_RATE, self.headline(values, targets)), (CHARACTER_ERROR_RATE, characters)]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Word error rate in %."""
        return float(word_error_rate(_sums(values)))

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Of the word error rate, over utterances that are drawn again."""
        return bootstrap.interval(_counts(values), word_error_rate)

    def intervals(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> dict[str, tuple[float, float]]:
        """Of both rates."""
        characters = bootstrap.interval(_counts(values), character_error_rate)
        return {WORD_ERROR_RATE.name: self.interval(values, targets), CHARACTER_ERROR_RATE.name: characters}

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """The counts of each utterance."""
        return {"counts": values[:, :COUNTS].astype(np.float32)}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """Points of word error rate, paired by utterance; plus is fewer errors."""
        own, other = ours["counts"].astype(np.float64), theirs["counts"].astype(np.float64)
        return bootstrap.difference(own, other, lambda sums: WORD_ERROR_RATE.sign * word_error_rate(sums))

    def constant(self, targets: np.ndarray, facts: TaskFacts) -> tuple[float, str]:
        """Transcribing nothing misses every word."""
        return 100.0, "an empty transcript"

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """Nothing: frames are shown under the recording that they belong to, see ``answer``."""
        return ()

    def answer(self, outputs: np.ndarray, facts: TaskFacts, raw: Any, folder: Path, target: Any = None) -> tuple[AnswerPart, ...]:
        """The transcript, and frame by frame what is emitted, under the recording's spectrogram."""
        from kdui.problems.ctc.transcript_part import transcript_part

        return (transcript_part(outputs, self._answer, raw),)

    def truth(self, target: Any, raw: Any, facts: TaskFacts) -> str:
        """The true transcript."""
        return self._answer.written(symbols_of(target))


def _counts(values: np.ndarray) -> np.ndarray:
    return values[:, :COUNTS].astype(np.float64)


def _sums(values: np.ndarray) -> np.ndarray:
    sums: np.ndarray = _counts(values).sum(0)
    return sums


def of(facts: TaskFacts) -> Transcription:
    """The problem with the task's symbols."""
    if not isinstance(facts.answer, TranscriptFacts):
        raise TypeError(f"{facts.title} names no symbols to transcribe with")
    return Transcription(facts.answer)
