"""What ``predict`` prints of models that generate text."""

from types import SimpleNamespace

import pytest

from kdui.cli.terminal import predictions
from kdui.core.errors import KduiError
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
