"""Calibration: how often predictions of each confidence are right."""

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and bin of confidence, with the model's expected calibration error in %."""
    from kdui.problems import problem_of
    from kdui.problems.classification.calibration import expected_calibration_error, reliability

    mask = problem_of(run.facts).mask_to_task
    rows: list[Row] = []
    for model, outputs in run.predictions:
        own = run.targets[: len(outputs)]
        answers = mask(outputs, own)
        error = 100 * expected_calibration_error(answers, own)
        rows += [{**model.facts, "ece": error, "n": len(own), **each.model_dump()} for each in reliability(answers, own)]
    return rows


FRAME = EvidenceFrame("bins", rows_of)
