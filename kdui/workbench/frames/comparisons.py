"""Each model beside the teacher and beside its control, example by example: flips and the paired difference."""

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and reference, ``against`` the teacher or the control, over the test examples that both answered."""
    from kdui.problems import problem_of
    from kdui.problems.classification.comparison import compare

    problem = problem_of(run.facts)
    teacher, first_control = (
        next((each for each in run.predictions if each[0].role == role), None) for role in ("teacher", "control")
    )
    own_controls = {each[0].step.removesuffix(".control"): each for each in run.predictions if each[0].role == "control"}
    rows: list[Row] = []
    for model, outputs in run.predictions:
        for name, other in (("teacher", teacher), ("control", own_controls.get(model.step, first_control))):
            if other is None or other[0] is model or model.role in ("teacher", name):
                continue
            n = min(len(outputs), len(other[1]))
            own = run.targets[:n]
            ours, theirs = (problem.mask_to_task(each[:n], own).argmax(-1) for each in (outputs, other[1]))
            rows.append({**model.facts, "against": name, **compare(ours, theirs, own, problem.parts_of(own)).row()})
    return rows


FRAME = EvidenceFrame("comparisons", rows_of)
