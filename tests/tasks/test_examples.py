"""The seeded stratified split and the removal of copies."""

import numpy as np

from kdui.tasks.examples import Examples, first_of_each, stratified_split, text_key


def test_a_split_is_stratified_disjoint_and_always_the_same():
    targets = np.repeat([0, 1, 2], [100, 50, 10])
    parts = stratified_split(targets, {"test": 0.2, "validation": 0.1}, rest="train", seed=3)
    assert {name: np.bincount(targets[part]).tolist() for name, part in parts.items()} == {
        "test": [20, 10, 2],
        "validation": [10, 5, 1],
        "train": [70, 35, 7],
    }
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(160))
    again = stratified_split(targets, {"test": 0.2, "validation": 0.1}, rest="train", seed=3)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)
    # Written down, so that a change of the generator does not go unseen.
    assert parts["test"][-2:].tolist() == [152, 155]


def test_copies_differ_in_case_space_and_punctuation_only():
    assert text_key("  A fine,  FILM!") == text_key("a fine film")
    texts = ["A fine film.", "Dull.", "a fine film", "So-so", "so so!", "In the test"]
    targets = [1, 0, 1, 0, 1, 0]
    assert first_of_each(texts, targets) == [0, 1, 5]
    assert first_of_each(texts, targets, without=["in the TEST"]) == [0, 1]


def test_examples_are_taken_from_lists_and_arrays():
    targets = np.array([4, 5, 6])
    assert Examples(["a", "b", "c"], targets).take(np.array([2, 0])).inputs == ["c", "a"]
    taken = Examples(np.arange(3), targets).take(np.array([1]))
    assert (taken.inputs.tolist(), taken.targets.tolist(), len(taken)) == ([1], [5], 1)


def test_what_names_examples_depends_on_whole_float_and_several_targets():
    def named(targets):
        return Examples(["a", "b"], np.array(targets)).sha256()

    assert named([1, 2]) == named(np.array([1, 2], np.int32))
    several = {named(targets) for targets in ([1, 2], [1.0, 2.0], [1.2, 2.0], [[1], [2]], [[1, 2], [3, 4]], [[1, 2, 3, 4]])}
    assert len(several) == 6
