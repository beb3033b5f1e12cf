"""Universal logit distillation: trains the student under a teacher that cuts the same texts into other tokens."""

from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from kdui.core.errors import StageFailed
from kdui.core.layout import TOKENIZER
from kdui.core.rows import OtherRows, RowBatch, RowLosses
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs
from kdui.methods.distill.universal.losses import aligned_rows, sorted_distance
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.fit import fit, keep
from kdui.training.initial_weights import load_input, start_model
from kdui.training.loop import Batch, Losses
from kdui.training.saved import SavedModel
from kdui.training.teachers import LiveTeacher


class AlignedRows:
    """A teacher's rows in the order of its student's: those that have read the same text."""

    def __init__(self, teacher: OtherRows, places: np.ndarray, choices: int):
        """``places`` [m]: the teacher's row for each of the student's, −1 for none; ``choices``: the student's."""
        self._teacher, self._places = teacher, places
        # How often a row with a partner counts, so that the mean over all rows is the mean over those.
        self._share = len(places) / max(1, int((places >= 0).sum()))
        self.count, self.choices = len(places), choices

    def part(self, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Which of these rows have a partner, [k], and its logits [k, the teacher's choices]; None where none has."""
        places = self._places[start:stop]
        mine = np.flatnonzero(places >= 0)
        if not len(mine):
            return None
        first, last = int(places[mine].min()), int(places[mine].max())
        logits = self._teacher.part(first, last + 1)
        return torch.from_numpy(mine).to(logits.device), logits[torch.from_numpy(places[mine] - first).to(logits.device)]

    def distance(
        self, logits: torch.Tensor, partners: tuple[torch.Tensor, torch.Tensor] | None, temperature: float
    ) -> torch.Tensor:
        """What student logits [rows, choices] and their partners, as ``part`` gives them, add to the mean over all rows."""
        if partners is None:
            return logits.new_zeros(())
        mine, theirs = partners
        return sorted_distance(logits[mine], theirs, temperature).sum() * (self._share / len(logits))


def universal(context: StepContext) -> dict[str, Any]:
    """Train on α · distance of sorted probabilities + (1 − α) · hard, the distance where both have read the same text."""
    problem, settings = problem_of(context.facts), context.settings
    teacher, student = load_input(context, "teacher"), start_model(context, seed=settings["seed"])
    places, rows_of = _alignment(context, student, teacher)
    live = LiveTeacher(context, teacher)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)
        rows, index = problem.rows(outputs, batch.targets), batch.index.tolist()
        starts = np.concatenate([[0], np.cumsum([rows_of[text] for text in index])])
        aligned_places = [
            np.where(places[text] >= 0, places[text] + start, -1) for text, start in zip(index, starts[:-1], strict=True)
        ]
        aligned = AlignedRows(live.rows(batch), np.concatenate(aligned_places), rows.choices)

        def of_rows(rows: RowBatch, theirs: tuple[torch.Tensor, torch.Tensor] | None) -> RowLosses:
            soft = aligned.distance(rows.logits, theirs, temperature)
            return {"soft": soft, "hard": cross_entropy(rows.logits, rows.target)}

        means = rows.mean(of_rows, aligned)
        return {"total": distillation_loss(means["soft"], means["hard"], soft_weight), **means}

    return keep(context, student, fit(context, student, losses, seed=settings["seed"]))


def _alignment(context: StepContext, student: SavedModel, teacher: SavedModel) -> tuple[list[np.ndarray], list[int]]:
    """For each training text the teacher's row of each of the student's, and how many rows the teacher has.

    Raises StageFailed where hardly any row has a partner.
    """
    texts = context.data.splits["train"].inputs[: context.settings["train_examples"] or None]
    ours, theirs = (_places(saved, texts) for saved in (student, teacher))
    places = [aligned_rows(one, other) for one, other in zip(ours, theirs, strict=True)]
    share = np.mean(np.concatenate(places) >= 0)
    context.report.log(f"Teacher and student have read the same text at {100 * share:.0f} % of the student's tokens.")
    if share < 0.01:
        raise StageFailed("The tokens of teacher and student hardly ever end at the same places. Use the method 'sequence'.")
    return places, [max(0, len(other) - 1) for other in theirs]


def _places(saved: SavedModel, texts: list[str]) -> list[list[tuple[int, int]]]:
    """First and last letter of each token of the texts, as the model reads them."""
    tokenizer = Tokenizer.from_file(str(saved.folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(saved.inputs.settings["max_length"])
    read = [text.lower() for text in texts] if saved.inputs.settings.get("lowercase") else list(texts)
    return [encoding.offsets for encoding in tokenizer.encode_batch(read)]
