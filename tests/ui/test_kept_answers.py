"""What many ask for at once is worked out once, and never given for other points."""

import threading

from kdui.ui.kept_answers import KeptAnswers


def test_many_who_ask_at_once_are_one_piece_of_work():
    kept, made, source = KeptAnswers(2), [], object()
    barrier, answers = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        answers.append(kept.answer(source, "a", lambda: made.append(1) or len(made)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 8 and len(made) == 1


def test_other_points_and_other_wishes_are_other_answers_and_few_are_kept():
    kept, first, second = KeptAnswers(2), object(), object()
    assert [kept.answer(first, key, lambda key=key: [key]) for key in "abc"] == [["a"], ["b"], ["c"]]
    assert kept.answer(first, "c", lambda: ["other"]) == ["c"]
    assert kept.answer(first, "a", lambda: ["again"]) == ["again"]  # the oldest made room
    assert kept.answer(second, "c", lambda: ["new points"]) == ["new points"]
    assert kept.answer(first, "b", lambda: ["back"]) == ["back"]
