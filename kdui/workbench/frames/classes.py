"""Precision and recall of each label beside the teacher's: whom compression harms."""

from typing import TYPE_CHECKING

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row

if TYPE_CHECKING:
    import numpy as np


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and label, over the test examples that the teacher answered as well."""
    from kdui.problems import problem_of
    from kdui.problems.classification.comparison import ClassScore, class_scores

    mask = problem_of(run.facts).mask_to_task

    def scores(outputs: "np.ndarray", n: int) -> list[ClassScore]:
        return class_scores(mask(outputs[:n], run.targets[:n]).argmax(-1), run.targets[:n], run.facts.labels)

    teacher = next((each for each in run.predictions if each[0].role == "teacher"), None)
    rows: list[Row] = []
    for model, outputs in run.predictions:
        if teacher is None or model.role == "teacher":
            continue
        n = min(len(outputs), len(teacher[1]))
        rows += [
            {
                **model.facts,
                "of": ours.label,
                "count": ours.count,
                "precision": ours.precision,
                "recall": ours.recall,
                "precision_change": ours.precision - theirs.precision,
                "recall_change": ours.recall - theirs.recall,
            }
            for ours, theirs in zip(scores(outputs, n), scores(teacher[1], n), strict=True)
        ]
    return rows


FRAME = EvidenceFrame("classes", rows_of)
