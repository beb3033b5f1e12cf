"""The bench of kills: one moment of it here, a hundred by ``make faults``."""

from kdui.bench.kills import kills

SMALL = {"task": "digits", "teacher": "cnn-tiny", "stages": [{"teach": {"epochs": 3, "train_examples": 256}}]}


def test_server_and_worker_killed_at_once_at_a_random_moment_end_equal_to_the_bit(settings):
    (found,) = kills(settings, kills=1, seed=7, victims=("all",), recipe=SMALL, serving=False)
    assert found.met and found.value == 100
    assert found.lines[0].startswith("killed: 1 of all at once; seed 7; 1 artifacts")
