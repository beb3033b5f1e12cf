"""What a language model is asked, and how its guesses are scored, against what can be worked out by hand."""

import math

import pytest
import torch

from kdui.methods.teach.pretrain import losses
from kdui.methods.teach.pretrain.losses import HiddenWordsProblem, hidden_words, next_words, text_sums, word_losses
from kdui.training.labels import HIDDEN

MASK, VOCABULARY = 3, 1000
ORDINARY = torch.arange(4, VOCABULARY)


def texts(rows: int = 400, length: int = 50) -> torch.Tensor:
    return torch.randint(4, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(0))


def hide(ids: torch.Tensor, seed: int = 0, share: float = 0.15) -> tuple[torch.Tensor, torch.Tensor]:
    hideable = torch.ones_like(ids, dtype=torch.bool)
    hideable[:, 0] = False
    return hidden_words(ids, hideable, share, MASK, ORDINARY, torch.Generator().manual_seed(seed))


def test_fifteen_percent_are_asked_of_which_eighty_are_masked_ten_swapped_ten_left():
    ids = texts()
    changed, words = hide(ids)
    request = words != HIDDEN
    assert not request[:, 0].any()
    assert request.float().mean() == pytest.approx(0.15 * 49 / 50, abs=0.01)
    assert torch.equal(words[request], ids[request])
    assert torch.equal(changed[~request], ids[~request])
    masked, left = changed[request] == MASK, changed[request] == ids[request]
    assert masked.float().mean() == pytest.approx(0.8, abs=0.03)
    assert left.float().mean() == pytest.approx(0.1, abs=0.03)
    swapped = changed[request][~masked & ~left]
    assert len(swapped) / int(request.sum()) == pytest.approx(0.1, abs=0.03)
    assert swapped.min() >= 4  # never a special token


def test_what_is_hidden_is_decided_by_the_generator_alone():
    ids = texts()
    assert all(torch.equal(one, other) for one, other in zip(hide(ids, 1), hide(ids, 1), strict=True))
    assert not torch.equal(hide(ids, 1)[1], hide(ids, 2)[1])


def test_next_words_by_hand():
    ids = torch.tensor([[5, 6, 7], [8, 9, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    assert next_words(ids, mask).tolist() == [[6, 7, HIDDEN], [9, HIDDEN, HIDDEN]]


def test_word_losses_by_hand_and_in_parts(monkeypatch):
    # Three words with embeddings (0), (ln 2), (ln 4); a state of 1 gives them the odds 1 : 2 : 4.
    table = torch.tensor([[0.0], [math.log(2)], [math.log(4)]], dtype=torch.float64)
    states = torch.ones(3, 1, dtype=torch.float64)
    expected = [math.log(7), math.log(7 / 2), math.log(7 / 4)]
    assert word_losses(states, torch.arange(3), table, None).tolist() == pytest.approx(expected, rel=1e-6)
    monkeypatch.setattr(losses, "ROWS", 2)
    assert word_losses(states, torch.arange(3), table, None).tolist() == pytest.approx(expected, rel=1e-6)
    assert len(word_losses(states[:0], torch.arange(0), table, None)) == 0


def test_without_a_word_to_guess_the_loss_is_zero_and_so_is_its_gradient():
    states = torch.randn(0, 3, dtype=torch.float64, requires_grad=True)
    table = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    sums = text_sums(word_losses(states, torch.arange(0), table, None), torch.zeros(2, 4, dtype=torch.bool))
    loss = HiddenWordsProblem().loss(sums, torch.zeros(2))
    loss.backward()
    assert loss.item() == 0 and table.grad is not None and table.grad.abs().max() == 0


def test_a_bias_moves_the_odds_by_hand_ignores_shifts_and_has_right_gradients():
    # States of 0 leave the odds to the bias: 1 : 2 : 4.
    table, words = torch.zeros(3, 2, dtype=torch.float64), torch.arange(3)
    bias = torch.tensor([0.0, math.log(2), math.log(4)], dtype=torch.float64).requires_grad_()
    states = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = [math.log(7), math.log(7 / 2), math.log(7 / 4)]
    assert word_losses(states, words, table, bias).tolist() == pytest.approx(expected, rel=1e-9)
    assert word_losses(states, words, table, bias + 3.0).tolist() == pytest.approx(expected, rel=1e-9)
    drawn = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(lambda ours, odds: word_losses(ours, words, drawn, odds), (states, bias))


def test_text_sums_and_their_mean_by_hand():
    known = torch.tensor([[True, False, True], [False, False, False], [False, True, False]])
    sums = text_sums(torch.tensor([1.0, 2.0, 4.5]), known)
    assert sums.tolist() == [[3.0, 2.0], [0.0, 0.0], [4.5, 1.0]]
    assert HiddenWordsProblem().loss(sums, torch.zeros(3)).item() == pytest.approx(2.5)
    assert HiddenWordsProblem().loss(torch.zeros(2, 2), torch.zeros(2)).item() == 0  # nothing was asked


def test_losses_have_right_gradients_and_vanish_for_a_sure_model():
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    table = torch.randn(6, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    words = torch.tensor([0, 5, 2, 2])
    known = torch.tensor([[True, True, False], [True, False, True]])

    def asked(ours, theirs):
        return text_sums(word_losses(ours, words, theirs, None), known)

    assert torch.autograd.gradcheck(asked, (states, table))
    sure = torch.eye(6, dtype=torch.float64)
    assert word_losses(60 * sure[words], words, sure, None).max() < 1e-12
