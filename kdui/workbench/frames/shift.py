"""Distribution shift: how right a model is on test examples that are less and less like the training data."""

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row

FIFTHS = 5


def rows_of(run: MeasuredRun) -> list[Row]:
    """Right answers in %, with their 95 % interval, on each fifth of the test examples when sorted by a trait.

    The first fifth is the one most like the training data: what a model loses towards the last one is how badly it does
    outside of what it was trained on. ``first`` and ``last`` are the trait's bounds in the fifth.
    """
    import numpy as np

    from kdui.core.statistics.intervals import wilson
    from kdui.problems import problem_of

    rows: list[Row] = []
    mask = problem_of(run.facts).mask_to_task
    for model, outputs in run.predictions:
        own = run.targets[: len(outputs)]
        right = mask(outputs, own).argmax(-1) == own
        for trait, values in run.traits.items():
            order = np.argsort(values[: len(outputs)], kind="stable")
            for number, fifth in enumerate(np.array_split(order, FIFTHS), start=1):
                if not len(fifth):
                    continue
                low, high = wilson(float(right[fifth].mean()), len(fifth))
                bounds = {"first": float(values[fifth[0]]), "last": float(values[fifth[-1]])}
                figures = {"value": 100 * float(right[fifth].mean()), "low": 100 * low, "high": 100 * high, "n": len(fifth)}
                rows.append({**model.facts, "trait": trait, "fifth": number, **figures, **bounds})
    return rows


FRAME = EvidenceFrame("shift", rows_of)
