"""Slices of the test data (each label, each fifth by length and by novelty): on how many examples a model does worse there."""

from typing import TYPE_CHECKING

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row
from kdui.workbench.frames.shift import FIFTHS

if TYPE_CHECKING:
    import numpy as np


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and slice, over the ``n`` test examples of it that the teacher answered as well: ``worse`` of them the
    model alone has wrong, ``better`` it alone has right. ``by``: label, length or novelty."""
    from kdui.problems import problem_of

    mask = problem_of(run.facts).mask_to_task
    right = {
        model.step: (model, mask(outputs, run.targets[: len(outputs)]).argmax(-1) == run.targets[: len(outputs)])
        for model, outputs in run.predictions
    }
    teacher = next((own for model, own in right.values() if model.role == "teacher"), None)
    rows: list[Row] = []
    for model, own in right.values():
        if teacher is None or model.role == "teacher":
            continue
        n = min(len(own), len(teacher))
        for by, name, members in _slices(run, n):
            worse, better = teacher[members] & ~own[members], own[members] & ~teacher[members]
            counts = {"n": len(members), "worse": int(worse.sum()), "better": int(better.sum())}
            rows.append({**model.facts, "by": by, "of": name, **counts})
    return rows


def _slices(run: MeasuredRun, n: int) -> "list[tuple[str, str, np.ndarray]]":
    """What a slice is made by, its name, and its members among the first ``n`` test examples; empty slices are left out."""
    import numpy as np

    labels = run.facts.answer.choices
    found = [("label", label, np.flatnonzero(run.targets[:n] == place)) for place, label in enumerate(labels)]
    for trait, values in run.traits.items():
        fifths = np.array_split(np.argsort(values[:n], kind="stable"), FIFTHS)
        found += [(trait, str(number), fifth) for number, fifth in enumerate(fifths, start=1)]
    return [each for each in found if len(each[2])]


FRAME = EvidenceFrame("slices", rows_of)
