"""A change of the code leaves the digest of every step of every built-in recipe and study as it was."""

import json

from tests.catalogue.recorded_digests import RECORDED, planned


def steps_of(text: str) -> dict[str, str]:
    return dict(step.split("=") for step in text.split(" "))


def test_no_step_of_a_built_in_recipe_or_study_gets_another_digest(empty_settings):
    recorded, now = json.loads(RECORDED.read_text(encoding="utf-8")), planned(empty_settings)
    assert now.keys() == recorded.keys()
    for title, was in recorded.items():
        assert steps_of(now[title]["steps"]) == steps_of(was["steps"]), title
        assert now[title]["all"] == was["all"], f"{title}: a step under another seed"


def test_what_was_recorded_covers_all_of_them():
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert len(recorded) > 100
    assert sum(len(steps_of(entry["steps"])) for entry in recorded.values()) > 1000
