"""Out-of-domain data: the headline on examples that were not split off the task's own."""

from kdui.workbench.evidence_frame import EvidenceFrame, Measured, MeasuredRun, Row

ELSEWHERE, MAJORITY = "elsewhere.", "majority."


def rows_of(run: MeasuredRun) -> list[Row]:
    """Of each model that was measured there, a row for the test data and one a source."""
    return [row for model in run.models for row in _rows(model, run.facts.headline.name)]


def _rows(model: Measured, headline: str) -> list[Row]:
    """``majority``: what the most frequent label alone reaches in %, None where it was not counted."""
    known = model.measurements
    sources = [name.removeprefix(ELSEWHERE) for name in known if name.startswith(ELSEWHERE)]
    rows = []
    for source in ["test", *sources] if sources else []:
        item = known[ELSEWHERE + source] if source in sources else known[headline]
        alone = known.get(MAJORITY + source)
        title = item.provenance.split if source in sources else "test data"
        rows.append({**model.row(item), "unit": item.unit, "source": title, "majority": alone.value if alone else None})
    return rows


FRAME = EvidenceFrame("elsewhere", rows_of)
