"""The guide of CTC training as a pure function (Kurata and Audhkhasi 2019, arXiv:1904.08311, section 3)."""

import torch

from kdui.problems.ctc.paths import BLANK
from kdui.problems.row_losses import widened


def guide_loss(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> torch.Tensor:
    """1 − the student's mean probability of what the teacher emits, over the frames [m, choices] where the teacher's most
    probable choice is a symbol; 0 where it emits none.

    The paper sums −p over these frames (equation 4): this is the same but for a constant and the number of frames, so that it
    does not grow with the length of recordings.
    """
    peaks = teacher_logits.argmax(-1)
    emits = (peaks != BLANK).to(teacher_logits.dtype)
    own = torch.log_softmax(widened(student_logits), dim=-1).gather(-1, peaks.unsqueeze(-1)).squeeze(-1).exp()
    return ((1 - own) * emits).sum() / emits.sum().clamp(min=1)
