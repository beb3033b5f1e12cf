"""On-policy distillation: trains the student on its own text under its teacher's distributions, and on true text beside it."""

from typing import Any

import torch
from tokenizers import Tokenizer

from kdui.core.errors import StageFailed
from kdui.core.layout import TOKENIZER
from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs, soft_target_loss
from kdui.methods.distill.distill.spec import SKEW
from kdui.problems import problem_of
from kdui.problems.language_model.learn import WrittenTokens
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.device_dataset import ResidentData
from kdui.training.fit import fit, keep
from kdui.training.initial_weights import load_input, start_model
from kdui.training.loop import Batch, Losses
from kdui.training.matching import reads_alike
from kdui.training.saved import SavedModel
from kdui.training.teachers import FrozenRows
from kdui.training.writing import end_tokens, seeded, write


class StudentWrites:
    """Views of a batch: in a share of them the student has continued the texts. Which ones, and what, the seed decides."""

    def __init__(self, context: StepContext, student: SavedModel):
        self._module, self._settings = student.module, context.settings
        self._ends = end_tokens(Tokenizer.from_file(str(student.folder / TOKENIZER)))
        self.prompt: int | None = None  # of the last batch; None where it holds true text

    def __call__(self, data: ResidentData, index: torch.Tensor, view: int) -> dict[str, torch.Tensor]:
        """The inputs of a batch; ``view`` is the epoch."""
        inputs, generator = data.inputs(index), seeded(self._settings["seed"], view, *index.tolist())
        self.prompt = None
        if float(torch.rand((), generator=generator)) >= self._settings["student_share"]:
            return inputs
        new = write(self._module, inputs, self._settings, self._ends, generator)
        self.prompt = new.prompt
        return {"input_ids": new.input_ids, "attention_mask": new.attention_mask}


def correct(context: StepContext) -> dict[str, Any]:
    """Train on true text by α · soft + (1 − α) · hard, and on the student's own text by soft alone, over what it wrote.

    As in the paper no gradient goes through the sampling (section 3).
    """
    settings, problem = context.settings, problem_of(context.facts)
    teacher, student = load_input(context, "teacher"), start_model(context, seed=context.settings["seed"])
    if not reads_alike(context, student, teacher):
        raise StageFailed(
            "Teacher and student cut a text into different tokens, so the teacher cannot correct the student's. Choose a student "
            "that takes its teacher's tokenizer, or the method 'sequence'."
        )
    module, writes = teacher.module.to(context.device).eval(), StudentWrites(context, student)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)
        with torch.no_grad(), autocast(context.device):
            theirs = FrozenRows(problem.rows(problem.compute(module, batch.inputs), batch.targets), context.device)

        def divergence(rows: RowBatch, teacher_rows: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
            skew = settings.get("skew", SKEW)
            return soft_target_loss(rows.logits, teacher_rows, temperature, settings["divergence"], weight, skew)

        def of_true_text(rows: RowBatch, teacher_rows: torch.Tensor) -> RowLosses:
            return {"soft": divergence(rows, teacher_rows), "hard": cross_entropy(rows.logits, rows.target)}

        rows = problem.rows(outputs, batch.targets)
        if writes.prompt is None:
            terms = rows.mean(of_true_text, theirs)
            return {"total": distillation_loss(terms["soft"], terms["hard"], soft_weight), "soft": terms["soft"]}
        written = WrittenTokens(batch.inputs["attention_mask"], writes.prompt, rows.choices)

        def of_own_text(rows: RowBatch, teacher_rows: torch.Tensor, share: torch.Tensor) -> RowLosses:
            return {"soft": divergence(rows, teacher_rows, share) * share.mean()}

        terms = rows.mean(of_own_text, theirs, written)
        return {"total": terms["soft"], "soft": terms["soft"]}

    return keep(context, student, fit(context, student, losses, seed=settings["seed"], augmentation=writes))
