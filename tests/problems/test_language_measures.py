"""Agreement with the teacher, the choice among continuations and repetition, each against what is worked out by hand."""

import math

import numpy as np
import pytest

from kdui.problems.language_model import agreement, choices, repetition

# Two texts of four places over three tokens; the last place of the second is padding.
IDS = np.array([[0, 1, 2, 1], [0, 2, 1, 0]])
MASK = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
INPUTS = {"input_ids": IDS, "attention_mask": MASK}


def logits(*rows):
    """Log-probabilities of these rows at every place of both texts, [2, 4, 3]."""
    return np.log(np.array([[rows[place % len(rows)] for place in range(4)] for _ in range(2)], dtype=np.float32))


def test_divergence_and_agreement_by_hand():
    teacher, student = logits((0.5, 0.25, 0.25)), logits((0.25, 0.5, 0.25), (0.5, 0.25, 0.25))
    sums = agreement.agreement_sums(student, teacher, INPUTS)
    each = 0.5 * math.log(0.5 / 0.25) + 0.25 * math.log(0.25 / 0.5)  # at even places; none at odd ones
    assert sums == pytest.approx(np.array([[2 * each, 1, 3], [each, 1, 2]]), rel=1e-6)
    by_name = {figure.metric.name: figure for figure in agreement.figures(sums)}
    assert by_name["teacher_divergence"].value == pytest.approx(3 * each / 5)
    assert by_name["teacher_agreement"].value == pytest.approx(100 * 2 / 5)
    assert not by_name["teacher_divergence"].metric.higher_is_better and by_name["teacher_agreement"].n == 2
    assert all(figure.low <= figure.value <= figure.high for figure in by_name.values())


@pytest.mark.parametrize("most", [1, 6, 1 << 20])
def test_neither_chunks_nor_padding_nor_a_constant_change_it(monkeypatch, most):
    random = np.random.default_rng(0)
    ours, theirs = random.normal(size=(2, 2, 4, 3)).astype(np.float32)
    whole = agreement.agreement_sums(ours, theirs, INPUTS)
    monkeypatch.setattr(agreement, "CHUNK_VALUES", most)
    wider = {"attention_mask": np.pad(MASK, ((0, 0), (0, 2)))}
    more = [np.pad(part, ((0, 0), (0, 2), (0, 0)), constant_values=9) for part in (ours + 3, theirs)]
    assert agreement.agreement_sums(*more, wider) == pytest.approx(whole, rel=1e-5)
    assert agreement.agreement_sums(ours, ours, INPUTS)[:, 0] == pytest.approx(0, abs=1e-12)


def passages(count, words=choices.READ + choices.CONTINUED):
    return [" ".join(f"{text}:{place}" for place in range(words)) for text in range(count)]


def test_a_question_has_its_own_continuation_once_and_three_of_other_passages():
    texts = [*passages(9), "too short"]
    result = choices.questions(texts, 6)
    assert result == choices.questions(texts, 6) and len(result) == 6 and len({each.beginning for each in result}) == 6
    for question in result:
        own = question.beginning.split()[0].split(":")[0]
        owners = [answer.split()[0].split(":")[0] for answer in question.answers]
        assert owners[question.right] == own and len(set(owners)) == choices.ANSWERS
        assert question.beginning + question.answers[question.right] == texts[int(own)]
    assert len({question.right for question in choices.questions(passages(60), 60)}) == choices.ANSWERS  # at no fixed place
    assert choices.questions(passages(3), 6) == []


def test_continuations_are_compared_by_likelihood_per_byte():
    rows = np.log(np.array([(0.5, 0.25, 0.25), (0.1, 0.1, 0.8), (0.2, 0.7, 0.1), (1 / 3, 1 / 3, 1 / 3)]))
    nats = choices.continuation_nats(rows, IDS[0], MASK[0], 2)
    assert nats == pytest.approx(-math.log(0.8) - math.log(0.7))
    padded = choices.continuation_nats(rows, IDS[1], MASK[1], 1)  # tokens 2 and 1; what follows is padding
    assert padded == pytest.approx(-math.log(0.25) - math.log(0.1))
    assert choices.chosen([3.0, 4.0], [" ab", " abcdef"]) == 1  # 0.75 and 0.57 nats a byte
    figures_found = choices.figure([True, False, True, True])
    assert (
        figures_found.value == 75
        and figures_found.low < 75 < figures_found.high <= 100
        and "chance is 25 %" in figures_found.note
    )


def test_repetition_counts_runs_of_four_words_that_were_there_before():
    assert repetition.repeated("a b c d a b c d") == pytest.approx(1 / 5)
    assert repetition.repeated("a a a a a a") == pytest.approx(2 / 3)
    assert repetition.repeated(",,,,,") == pytest.approx(1 / 2)  # a model that has learned little writes marks alone
    assert repetition.repeated("a b c d e") == 0 and repetition.repeated("a b c") is None
    figures_found = repetition.figure(["a b c d a b c d", "a b c d e"], ["a b c d"])
    assert (
        figures_found.value == pytest.approx(10)
        and figures_found.low == 0
        and figures_found.n == 2
        and "0.0 % where" in figures_found.note
    )
    assert repetition.figure(["a"], []) is None


def test_prompts_are_spread_over_the_split():
    result = repetition.prompts(passages(20), 3)
    assert [prompt.split(":")[0] for prompt, _ in result] == ["0", "10", "19"]
    assert all(len(prompt.split()) == repetition.PROMPTED for prompt, _ in result)
    assert repetition.prompts(["short"], 3) == []
