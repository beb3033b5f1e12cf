"""What ``predict`` prints of models that generate text, and of objects in images."""

from types import SimpleNamespace

import pytest

from kdui.core.answers import Box, Boxes
from kdui.core.errors import KduiError
from kdui.workbench.predicting import in_columns, predictions
from tests.ui.writers import MODEL, OTHER, TASK, WithWriters


@pytest.fixture
def bench(settings, monkeypatch):
    bench = WithWriters(settings)
    results = [
        SimpleNamespace(label=label, role=role, digest=digest)
        for label, role, digest in (("Forward", "teacher", MODEL), ("Backward", "student", OTHER))
    ]
    detail = SimpleNamespace(results=results, run=SimpleNamespace(recipe=SimpleNamespace(task=TASK), state="succeeded"))
    monkeypatch.setattr(bench, "run", lambda _: detail)
    yield bench
    bench.close()


def test_each_model_writes_after_the_prompt_and_its_speed_stands_beside(bench):
    forward, backward = predictions(bench, "r", "six")
    assert forward["text"].startswith(" zero one two") and backward["text"].startswith(" <b>five</b> four three")
    assert (forward["model"], backward["role"]) == ("Forward", "student")
    assert {row["tokens"] for row in (forward, backward)} == {60} and forward["tokens/s"] > 0
    with pytest.raises(KduiError, match="prompt is empty"):
        predictions(bench, "r", " ")


def test_objects_stand_in_one_column_with_their_places():
    """Every kind of answer has columns: one that had none ended ``predict`` with an AttributeError."""
    box = Box(label="white cell", score=0.914, left=10.2, top=3.0, right=58.7, bottom=60.4)
    part = Boxes(names=("white cell",), image="", width=64, height=64, least=0.5, boxes=(box, box))
    said = "white cell 0.91 at 10,3 to 59,60"
    assert in_columns(part) == {"objects": f"{said}; {said}"}
    assert in_columns(part.model_copy(update={"boxes": ()})) == {"objects": ""}
