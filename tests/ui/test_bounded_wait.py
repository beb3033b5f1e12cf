"""The page waits a few seconds for what may take long, and the work continues."""

import threading
import time

import pytest

from kdui.core.errors import SourceError
from kdui.core.recipe import ModelRef
from kdui.ui.bounded_wait import MOST, BoundedWait
from kdui.ui.build import BuildCalls
from kdui.ui.build_changes import shown
from kdui.workbench.workbench import Workbench


def test_work_that_takes_long_continues_and_is_begun_once():
    waits, answered, begun = BoundedWait(0.05), threading.Event(), []

    def work() -> None:
        begun.append(1)
        assert answered.wait(30)

    assert not waits.done("a", work) and not waits.done("a", work)
    others = [waits.done(each, work) for each in range(MOST)]
    assert others == [False] * MOST and len(begun) == MOST  # one too many has not begun
    answered.set()
    patient = BoundedWait(30)
    patient._going = waits._going
    assert patient.done("a", work) and len(begun) == MOST


def test_what_went_wrong_is_raised_once_and_then_tried_again():
    waits, tries = BoundedWait(30), []

    def work() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SourceError("no way there")

    with pytest.raises(SourceError, match="no way there"):
        waits.done("a", work)
    assert waits.done("a", work) and len(tries) == 2


def test_a_hub_that_does_not_answer_is_reported_within_three_seconds_and_the_run_can_be_queued(settings, monkeypatch):
    workbench, answered = Workbench(settings), threading.Event()
    calls = BuildCalls(workbench)
    recipe = workbench.recipe("quickstart").model_copy(update={"teacher": ModelRef.parse("hub:owner/name")})
    monkeypatch.setattr(workbench, "_size", lambda task, ref: answered.wait(60) and {"parameters": 1000, "macs": 1000})
    request = {"state": shown(recipe, None).model_dump()}
    began = time.monotonic()
    first = calls.build_plan(request)  # the form comes at once, and is asked for again with patience
    assert time.monotonic() - began < 3 and first["pending"] and "Looking on the Hub" in first["html"]["build-cost"]
    began = time.monotonic()
    view = calls.build_plan({**request, "patient": True})
    assert 3 <= time.monotonic() - began < 6
    assert "The Hub has not answered yet about owner/name." in view["html"]["build-cost"]
    assert (view["problem"], view["pending"]) == (None, False)
    answered.set()
    calls.view.known.look_ups.seconds = 60
    view = calls.build_plan({**request, "patient": True})
    assert "<table" in view["html"]["build-cost"] and view["problem"] is None
    workbench.close()
