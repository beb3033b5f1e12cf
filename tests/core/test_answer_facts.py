"""What an answer is, and how models of earlier stores described it."""

import pytest

from kdui.catalogue.tasks import TASKS
from kdui.core.answer_facts import Labels, NextToken, OfProblem
from kdui.core.contracts import TaskFacts


def test_labels_know_their_width_words_and_chance():
    digits = TASKS["digits"].answer
    assert (digits.width, digits.counted, digits.chance, digits.truth(7)) == (10, "10 classes", 10.0, "7")
    parts = TASKS["reuters-and-sentiment"]
    assert (parts.answer.chance, parts.parts, parts.outputs) == (0.0, ("reuters-r8", "sentiment"), 10)
    books = TASKS["books"]
    assert (books.answer, books.labels, books.outputs, books.answer.truth(3)) == (NextToken(), (), 0, "")


@pytest.mark.parametrize("task", ["digits", "reuters-and-sentiment", "books"])
def test_what_an_earlier_store_wrote_is_read_as_the_same_task(task):
    facts = TASKS[task]
    written = facts.model_dump(mode="json")
    assert TaskFacts.model_validate(written) == facts
    del written["answer"]
    written |= {"labels": list(facts.labels), "parts": list(facts.parts), "objective": written.pop("problem")}
    assert TaskFacts.model_validate(written) == facts


def test_a_task_of_another_kind_need_not_say_more():
    facts = TASKS["digits"].model_dump(exclude={"answer"})
    assert TaskFacts.model_validate(facts).answer == OfProblem()
    assert isinstance(TaskFacts.model_validate({**facts, "answer": {"kind": "labels", "names": ["a"]}}).answer, Labels)
