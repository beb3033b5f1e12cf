"""Settings under their old names: read in recipes, values and stored steps, refused beside the new name, kept in digests."""

import pytest
from pydantic import ValidationError

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import TaskFacts
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.core.renamed import RENAMED, current_names, digested_names


def recipe(**settings) -> Recipe:
    return Recipe.model_validate({"task": "digits", "teacher": "cnn-medium", "stages": ["teach", {"prune": settings}]})


def test_an_old_name_is_read_and_written_as_the_new_one():
    old, new = recipe(course="cubic", epochs=2), recipe(prune_schedule="cubic", epochs=2)
    assert old == new and old.plain()["stages"][1] == {"prune": {"prune_schedule": "cubic", "epochs": 2}}
    assert new.with_values({"prune.course": "one-shot"}) == recipe(prune_schedule="one-shot", epochs=2)


def test_a_digest_keeps_the_old_name():
    # Recorded before the setting was renamed.
    assert recipe(course="cubic", epochs=2).digest == "7a10b9f925362a52e5f5908781e7e81c8fae8f01314dd4125d3d0a212fd0e96d"
    assert digested_names(dict.fromkeys(RENAMED.values(), 1)) == dict.fromkeys(RENAMED, 1)


def test_both_names_at_once_are_refused():
    with pytest.raises(ValidationError, match=r"'course' is the old name of 'prune_schedule'. Keep one of them"):
        recipe(course="cubic", prune_schedule="cubic")


def test_a_step_that_was_stored_under_old_names_is_read_with_the_new_ones():
    stored = {"name": "distill", "stage": "distill", "method": "distill", "operation": "train", "produces": "model"}
    settings = {"temperature_course": "linear", "soft_weight_course": "constant", "temperature": 4}
    step = Step.model_validate({**stored, "settings": settings, "digest": "0" * 64})
    assert step.settings == {"temperature_schedule": "linear", "soft_weight_schedule": "constant", "temperature": 4}
    assert current_names({"temperature": 4}) == {"temperature": 4}


def test_a_task_that_a_stored_model_describes_with_old_names_is_read():
    facts = TASKS["sentiment"]
    stored = facts.model_dump(mode="json")
    stored["elsewhere"] = stored.pop("out_of_domain")
    assert stored["elsewhere"] and TaskFacts.model_validate(stored) == facts
